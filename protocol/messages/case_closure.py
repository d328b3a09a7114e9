"""`case.closure`: the State where the child is closes the case, and says why.

Two reasons stand in the list so that a safeguard can refuse them by name: `majority-alone` (safeguard 15:
turning 18 closes nothing; the transition of a young victim is within Directive 2011/36/EU art 14(1)) and
`no-cooperation-with-police` (safeguard 7, art 11(3)). The form takes them; what is refused here is only what
contradicts itself. From the day of closure the time runs after which the identity parts are destroyed
(project choice).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, CodedPart, Form, IsoDate, YesNoUnknown

__all__ = ["FORM", "CaseClosure"]


class CaseClosure(CodedPart):
    """`follow_up_complete`: every visit that was agreed has been reported; `yes` where none was agreed."""

    closure_reason: Annotated[str, Coded("closure-reason")]
    closed_on: IsoDate
    trafficking_status: Annotated[str, Coded("trafficking-status")]
    age_outcome: Annotated[str, Coded("age-outcome")] | None = None
    transition_support: Annotated[str, Coded("transition-support")]
    follow_up_complete: YesNoUnknown

    @model_validator(mode="after")
    def _completed_means_followed_to_the_end(self) -> Self:
        if self.closure_reason == "solution-completed" and self.follow_up_complete != "yes":
            raise PydanticCustomError("follow_up_complete", "a solution is completed by its last follow-up")
        return self

    @model_validator(mode="after")
    def _excluded_means_not_a_victim(self) -> Self:
        if self.closure_reason == "victim-status-excluded" and self.trafficking_status != "not-a-victim":
            raise PydanticCustomError("trafficking_status", "not a victim, where that is the reason")
        return self

    @model_validator(mode="after")
    def _an_adult_has_a_transition(self) -> Self:
        adult = self.closure_reason == "adult-with-transition"
        if adult and self.age_outcome not in (None, "adult"):
            raise PydanticCustomError("age_outcome", "adult, where that is the reason")
        if adult and self.transition_support not in ("arranged", "declined-by-young-person"):
            raise PydanticCustomError("transition_support", "arranged, or declined by the young person")
        return self

    @model_validator(mode="after")
    def _nobody_is_left_to_support(self) -> Self:
        if self.closure_reason == "child-died" and self.transition_support != "not-applicable":
            raise PydanticCustomError("transition_support", "does not apply")
        return self


FORM = Form(
    type="case.closure",
    procedure="case",
    opens_thread=False,
    said_by="destination",
    model=CaseClosure,
    narrative_fields=("reasons",),
)
