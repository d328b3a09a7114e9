"""One risk as it was assessed, and what is done about it.

Severity (how grave), likelihood (how probable) and foreseeability (whether a careful person sees it coming)
are three questions. Only the last one, with what is left of the risk, decides about a return: A/RES/64/142
paragraph 148(a) and safeguard 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AnyNumber,
    Coded,
    CodedPart,
    Country,
    PartyReference,
    Several,
    StatementDigest,
    YesNoUnknown,
)
from protocol.messages.lists import EachOnce, each_once

__all__ = ["AssessedRisk", "AssessedRisks", "Mitigation"]


class Mitigation(CodedPart):
    """A measure against one risk. `in_place`: it works already; `no` means that it is only promised."""

    mitigation: Annotated[str, Coded("mitigation")]
    responsible_state: Country
    in_place: YesNoUnknown


def _each_measure_once(mitigations: tuple[Mitigation, ...]) -> tuple[Mitigation, ...]:
    each_once((one.mitigation, one.responsible_state) for one in mitigations)
    return mitigations


class AssessedRisk(CodedPart):
    """`concerning`: the person or place that the risk comes from; the whole setting when it is left out.

    `evidence_documents`: statements of this case that show it. A risk that was looked at and is not
    foreseeable is named with `foreseeable` `no`, never left out: an empty place reads as "no risk".
    """

    risk: Annotated[str, Coded("risk-category")]
    information_source: Annotated[str, Coded("information-source")]
    foreseeable: YesNoUnknown
    severity: Annotated[str, Coded("risk-severity")]
    likelihood: Annotated[str, Coded("risk-likelihood")]
    mitigations: Annotated[AnyNumber[Mitigation], AfterValidator(_each_measure_once)] = ()
    residual: Annotated[str, Coded("residual-risk")]
    concerning: PartyReference | None = None
    evidence_documents: Annotated[AnyNumber[StatementDigest], EachOnce] = ()

    @model_validator(mode="after")
    def _what_is_answered_is_answered_by_something(self) -> Self:
        if self.residual in ("mitigated", "partly-mitigated") and not self.mitigations:
            raise PydanticCustomError("residual", "a risk is answered by measures that are named")
        if self.residual == "nothing-to-mitigate" and self.foreseeable != "no":
            raise PydanticCustomError("residual", "nothing to answer only where the risk is not foreseeable")
        return self


def _each_risk_once(risks: Iterable[AssessedRisk]) -> tuple[AssessedRisk, ...]:
    assessed = tuple(risks)
    each_once((one.risk, one.concerning) for one in assessed)
    return assessed


AssessedRisks = Annotated[Several[AssessedRisk], AfterValidator(_each_risk_once)]
"""One entry for each risk and whom or what it concerns."""
