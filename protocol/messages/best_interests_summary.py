"""`best-interests.summary`: which solutions were weighed for this child, which is held to be best, and why.

The State where the child is decides; the State of origin reads why. That at least two solutions were weighed,
and that migration control was no reason for any of them, is asked by safeguard 8 (A/79/213 paragraph 13). The
decision may still change: `appeal` says how far.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AnyNumber,
    Coded,
    CodedPart,
    Form,
    IsoDate,
    MessageReference,
    Several,
    StatementDigest,
)
from protocol.messages.lists import EachOnce, each_once

__all__ = ["FORM", "AssessedOption", "BestInterestsSummary"]

_EXCLUDED: Final = ("not-in-best-interests", "not-available")


class AssessedOption(CodedPart):
    """`decision_reasons`: what weighed, for this option or against it."""

    option: Annotated[str, Coded("solution-type")]
    option_assessment: Annotated[str, Coded("option-assessment")]
    decision_reasons: Annotated[Several[Annotated[str, Coded("best-interests-factor")]], EachOnce]


def _each_option_once(options: tuple[AssessedOption, ...]) -> tuple[AssessedOption, ...]:
    each_once(one.option for one in options)
    return options


class BestInterestsSummary(CodedPart):
    """`appeal_until`: the last day on which an appeal can be lodged. `considered`: the documents of the case
    that the decision took into account."""

    options: Annotated[Several[AssessedOption], AfterValidator(_each_option_once)]
    best_solution: Annotated[str, Coded("solution-type")]
    decided_on: IsoDate
    decision_maker: Annotated[str, Coded("decision-maker")]
    appeal: Annotated[str, Coded("appeal-status")]
    appeal_until: IsoDate | None = None
    considered: Annotated[AnyNumber[StatementDigest], EachOnce] = ()
    replaces: MessageReference | None = None

    @model_validator(mode="after")
    def _the_best_solution_is_one_of_those_weighed(self) -> Self:
        assessed = {one.option: one.option_assessment for one in self.options}
        if assessed.get(self.best_solution, "not-available") in _EXCLUDED:
            raise PydanticCustomError("best_solution", "a solution that was weighed and not excluded")
        return self

    @model_validator(mode="after")
    def _until_a_day_only_while_it_is_open(self) -> Self:
        if self.appeal_until is None:
            return self
        if self.appeal != "open-to-appeal":
            raise PydanticCustomError("appeal_until", "a last day only while the decision can be appealed")
        if self.appeal_until < self.decided_on:
            raise PydanticCustomError("appeal_until", "a day after the decision")
        return self


FORM = Form(
    type="best-interests.summary",
    procedure="case",
    opens_thread=False,
    said_by="destination",
    model=BestInterestsSummary,
    narrative_fields=("reasons",),
    required_narrative=("reasons",),
)
