"""What a durable solution is made of: the coded part of a proposal and of a counter-proposal.

Both forms have this one part, because a counter-proposal is a whole proposal: what two States agree to is one
document, never a proposal and a list of changes to it. `terms` is what will be done, `rests_on` names by
digest the exact documents that it was decided on.

Traps. *Return* is not *readmission*, which States owe each other whether or not it is good for the child;
"repatriation" is used for both. *Kafala* is not adoption (A/RES/64/142 paragraph 152). Who bears the costs
says nothing about who decides. A return without `receiving_carer` can be written, so that a draft can be
discussed with what is missing in it: safeguard 3 lets it be proposed, and refuses to accept it.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AnyNumber,
    AuthorityAddress,
    Coded,
    CodedPart,
    Country,
    IsoDate,
    MessageReference,
    PartyReference,
    Several,
    StatementDigest,
    YesNoUnknown,
)
from protocol.messages.lists import EachOnce, alone, each_once

__all__ = [
    "CauseAnswered",
    "MonitoringVisit",
    "ReceivingCarer",
    "ReintegrationHelp",
    "RestsOn",
    "SolutionDraft",
    "SolutionTerms",
]

_NO_FAMILY: Final = frozenset({"agency", "reception-facility"})


class ReceivingCarer(CodedPart):
    """Who takes the child in. `agreement_shown_in`: the report that shows that this carer has agreed and is
    able, which are two questions (A/RES/64/142 paragraph 148(b))."""

    reference: PartyReference
    carer_kind: Annotated[str, Coded("carer-kind")]
    family_relation: Annotated[str, Coded("family-relation")] | None = None
    care_arrangement: Annotated[str, Coded("care-arrangement")]
    agreement_shown_in: StatementDigest

    @model_validator(mode="after")
    def _somebody_else_than_the_child(self) -> Self:
        if self.reference == "child":
            raise PydanticCustomError("reference", "somebody else than the child")
        return self

    @model_validator(mode="after")
    def _family_has_a_relation_and_an_agency_none(self) -> Self:
        related = self.family_relation not in (None, "self", "not-related")
        if self.carer_kind == "family-member" and not related:
            raise PydanticCustomError("family_relation", "a member of the family is related to the child")
        if self.carer_kind in _NO_FAMILY and self.family_relation is not None:
            raise PydanticCustomError("family_relation", "an agency or facility is no relative")
        return self


class ReintegrationHelp(CodedPart):
    """One service that the child will have, and the State that sees to it. `funded`: money is set aside."""

    service: Annotated[str, Coded("service-type")]
    responsible_state: Country
    funded: YesNoUnknown


class MonitoringVisit(CodedPart):
    """When somebody looks how the child is, and which authority does."""

    follow_up_point: Annotated[str, Coded("follow-up-point")]
    monitoring_authority: AuthorityAddress

    @model_validator(mode="after")
    def _has_a_day(self) -> Self:
        if self.follow_up_point == "unplanned":
            raise PydanticCustomError("follow_up_point", "a point in time that can be kept")
        return self


class CauseAnswered(CodedPart):
    """One thing that led to the trafficking, and what is done about it. `answered`: the authority holds that
    it will not do so again; `unknown` is not yes."""

    cause: Annotated[str, Coded("causal-factor")]
    cause_measures: Annotated[AnyNumber[Annotated[str, Coded("mitigation")]], EachOnce] = ()
    answered: YesNoUnknown


class SolutionTerms(CodedPart):
    """`same_situation`: the child would live in the household or place that the child left (safeguard 13)."""

    solution: Annotated[str, Coded("solution-type")]
    receiving_country: Country
    receiving_carer: ReceivingCarer | None = None
    custody_arrangement: Annotated[str, Coded("custody-arrangement")]
    escort: Annotated[str, Coded("escort")]
    costs_bearer: Annotated[str, Coded("costs-bearer")]
    travel_not_before: IsoDate | None = None
    travel_not_after: IsoDate | None = None
    reintegration: Several[ReintegrationHelp]
    monitoring: Several[MonitoringVisit]
    contingencies: Annotated[Several[Annotated[str, Coded("contingency")]], EachOnce, alone("none-arranged")]
    causes: AnyNumber[CauseAnswered] = ()
    same_situation: YesNoUnknown
    legal_bases: Annotated[Several[Annotated[str, Coded("legal-basis")]], EachOnce]

    @model_validator(mode="after")
    def _a_journey_that_can_be_made(self) -> Self:
        first, last = self.travel_not_before, self.travel_not_after
        if first is not None and last is not None and last < first:
            raise PydanticCustomError("travel_not_after", "not before travel_not_before")
        if self.escort == "no-travel" and (first is not None or last is not None):
            raise PydanticCustomError("escort", "days of travel belong to a journey")
        if self.escort == "no-travel" and self.solution.partition("/")[0] == "return":
            raise PydanticCustomError("escort", "a return is a journey")
        return self

    @model_validator(mode="after")
    def _each_entry_once(self) -> Self:
        each_once((one.service, one.responsible_state) for one in self.reintegration)
        each_once(one.follow_up_point for one in self.monitoring)
        each_once(one.cause for one in self.causes)
        return self


class RestsOn(CodedPart):
    """The exact documents that the terms were decided on. What is left out does not exist for the reader."""

    social_inquiries: Annotated[AnyNumber[StatementDigest], EachOnce] = ()
    risk_assessment: StatementDigest | None = None
    child_views: StatementDigest | None = None
    guardian_notice: StatementDigest | None = None
    best_interests: StatementDigest | None = None
    identity_result: StatementDigest | None = None


class SolutionDraft(CodedPart):
    """`amends`: digest of the agreement that this draft would take the place of. `lifts`: the suspensions
    that it answers; an agreement is carried on only after both sides signed a version that names them."""

    terms: SolutionTerms
    rests_on: RestsOn
    amends: StatementDigest | None = None
    lifts: Annotated[AnyNumber[MessageReference], EachOnce] = ()
