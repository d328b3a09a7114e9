"""`follow-up.report`: how the child is, some time after the handover, and what the child wants now.

The child's own choice has a field of its own. Some agencies count a return as a success when the child did
not move for twelve months; the paper (section 6.5.2) doubts that and asks whether the child can choose what
happens next. Hence `moved` is a fact here and no verdict. What was not found out is said as `unknown`: a
report about a child whom nobody saw is never a favourable one.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AnyNumber,
    Coded,
    CodedPart,
    Form,
    IsoDate,
    Several,
    StatementDigest,
    YesNoUnknown,
)
from protocol.messages.lists import EachOnce
from protocol.messages.person import PersonsAndPlaces
from protocol.messages.social_inquiry_report import LocalService

__all__ = ["FORM", "FollowUpReport"]


class FollowUpReport(CodedPart):
    """`visited_on`: the days on which somebody went there, also when the child was not met. `agreement`: the
    one whose monitoring this is; left out where a child is followed up without one."""

    follow_up_point: Annotated[str, Coded("follow-up-point")]
    visited_on: Annotated[Several[IsoDate], EachOnce]
    inquiry_methods: Annotated[Several[Annotated[str, Coded("inquiry-method")]], EachOnce]
    living_with: Annotated[str, Coded("care-arrangement")]
    family_relation: Annotated[str, Coded("family-relation")] | None = None
    school_or_work: Annotated[str, Coded("school-or-work")]
    safety: Annotated[str, Coded("safety-level")]
    new_risk: YesNoUnknown
    new_risks: Annotated[AnyNumber[Annotated[str, Coded("risk-category")]], EachOnce] = ()
    child_choice: Annotated[str, Coded("child-choice")]
    moved: YesNoUnknown
    services: AnyNumber[LocalService] = ()
    agreement: StatementDigest | None = None

    @model_validator(mode="after")
    def _a_new_risk_is_named(self) -> Self:
        if (self.new_risk == "yes") != bool(self.new_risks):
            raise PydanticCustomError("new_risks", "named exactly when there is a new risk")
        return self

    @model_validator(mode="after")
    def _a_child_whom_nobody_saw_is_not_known_to_be_safe(self) -> Self:
        if self.child_choice == "child-not-seen" and self.safety == "safe":
            raise PydanticCustomError("safety", "not safe where nobody saw the child")
        return self


FORM = Form(
    type="follow-up.report",
    procedure="durable-solution",
    opens_thread=False,
    said_by="origin",
    model=FollowUpReport,
    narrative_fields=("notes", "child_words"),
    identity_model=PersonsAndPlaces,
)
