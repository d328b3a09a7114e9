"""`decline`: the authority will not do what was asked, and says why.

`withheld` is a reason shared by several causes, so that it reveals none of them.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import AuthorityAddress, Coded, CodedPart, Form

__all__ = ["FORM", "Decline"]


class Decline(CodedPart):
    decline_reason: Annotated[str, Coded("decline-reason")]
    competent_authority: AuthorityAddress | None = None


FORM = Form(
    type="decline",
    procedure=None,
    opens_thread=False,
    model=Decline,
    narrative_fields=("explanation",),
)
