"""`appeal.notice`: a decision about the child was appealed, or the appeal has ended.

No code says in what kind of procedure the decision was taken: in some of them that alone would reveal a claim
to protection (safeguard 11). `withheld` stands for every decision that has no code of its own.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, CodedPart, Form, IsoDate, YesNoUnknown

__all__ = ["FORM", "AppealNotice"]

_NOT_LODGED: Final = ("open-to-appeal", "none-lodged", "not-provided")


class AppealNotice(CodedPart):
    """`suspensive`: the decision has no effect while the appeal is pending."""

    appealed_decision: Annotated[str, Coded("appealed-decision")]
    appeal: Annotated[str, Coded("appeal-status")]
    lodged_on: IsoDate
    suspensive: YesNoUnknown

    @model_validator(mode="after")
    def _an_appeal_with_a_day_was_lodged(self) -> Self:
        if self.appeal in _NOT_LODGED:
            raise PydanticCustomError("appeal", "a notice is about an appeal that was lodged")
        return self


FORM = Form(
    type="appeal.notice",
    procedure="case",
    opens_thread=False,
    model=AppealNotice,
)
