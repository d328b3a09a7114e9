"""Social inquiry: an authority asks another about the family that a child might go back to.

Either State may ask about its own candidate carer. The rows, and the decisions in them, are those of
`request_and_result`. A report is out of date with age; that something said elsewhere in the case makes it so
is a view of the case (`protocol.standing`), not a state of this conversation.
"""

from __future__ import annotations

from enum import StrEnum

from protocol.conversations.request_and_result import request_and_result

__all__ = ["SOCIAL_INQUIRY", "InquiryState"]


class InquiryState(StrEnum):
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    AWAITING_INFO = "awaiting-info"
    REPORTED = "reported"
    COMPLETE = "complete"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    LAPSED = "lapsed"


SOCIAL_INQUIRY = request_and_result(
    "social-inquiry",
    InquiryState,
    request="social-inquiry.request",
    result="social-inquiry.report",
    obligation="report",
    answered=InquiryState.REPORTED,
    stale=InquiryState.STALE,
)
