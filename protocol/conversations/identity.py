"""Identity: an authority asks another who the child is and of which State a national.

Either State may ask. The rows, and the decisions in them, are those of `request_and_result`. A result does
not age: who somebody is does not change with time, and a travel document bears its own date.
"""

from __future__ import annotations

from enum import StrEnum

from protocol.conversations.request_and_result import request_and_result

__all__ = ["IDENTITY", "IdentityState"]


class IdentityState(StrEnum):
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    AWAITING_INFO = "awaiting-info"
    ANSWERED = "answered"
    COMPLETE = "complete"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


IDENTITY = request_and_result(
    "identity",
    IdentityState,
    request="identity.request",
    result="identity.result",
    obligation="result",
    answered=IdentityState.ANSWERED,
)
