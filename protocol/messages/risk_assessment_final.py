"""`risk-assessment.final`: what the State where the child is concludes about the risks of a return.

It is about risk alone. That a return is possible does not make it best for the child: that is said in
`best-interests.summary`. `considered` names every document of the case that was taken into account, so that
both States can see, without any clock, whether something has come up since (safeguard 1). Whether a risk that
is not answered forbids a return is for safeguard 2 to say, over the whole file.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AnyNumber,
    Coded,
    CodedPart,
    Country,
    Form,
    IsoDate,
    MessageReference,
    StatementDigest,
)
from protocol.messages.lists import EachOnce
from protocol.messages.risk import AssessedRisks

__all__ = ["FORM", "RiskAssessmentFinal"]


class RiskAssessmentFinal(CodedPart):
    """`assessed_country`: where the child would go. `replaces`: the earlier final assessment.

    `dispute_response` answers a dispute of the one that is replaced. A dispute that changes nothing is
    answered by a new final assessment too: the same conclusion, and the reasons why it stands.
    """

    assessed_country: Country
    outcome: Annotated[str, Coded("assessment-outcome")]
    concluded_on: IsoDate
    risks: AssessedRisks
    considered: Annotated[AnyNumber[StatementDigest], EachOnce] = ()
    origin_contribution: Annotated[str, Coded("origin-contribution")]
    dispute_response: Annotated[str, Coded("dispute-response")] | None = None
    replaces: MessageReference | None = None
    reassess_on: IsoDate | None = None

    @model_validator(mode="after")
    def _a_response_replaces_what_was_disputed(self) -> Self:
        if self.dispute_response is not None and self.replaces is None:
            raise PydanticCustomError("replaces", "a response to a dispute replaces what was disputed")
        return self

    @model_validator(mode="after")
    def _a_return_is_assessed_with_the_state_of_origin(self) -> Self:
        heard = self.origin_contribution in ("contributed", "attested-by-relay")
        if self.outcome == "return-possible" and not heard:
            raise PydanticCustomError("outcome", "no return without a contribution of the State of origin")
        return self

    @model_validator(mode="after")
    def _again_is_later(self) -> Self:
        if self.reassess_on is not None and self.reassess_on <= self.concluded_on:
            raise PydanticCustomError("reassess_on", "a day after this conclusion")
        return self


FORM = Form(
    type="risk-assessment.final",
    procedure="risk-assessment",
    opens_thread=False,
    said_by="destination",
    model=RiskAssessmentFinal,
    narrative_fields=("reasoning",),
    required_narrative=("reasoning",),
)
