"""`social-inquiry.report`: what was found about the family, each candidate carer, the home and its risks.

What was not found out is said as `unknown`, never left out: an empty place reads as "no risk". A candidate
carer is `carer-1` here and has a name in the identity part only. Whether a carer is willing, able and has
agreed are three questions (A/RES/64/142 paragraph 148(b)): safeguard 3 asks for the last two.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AnyNumber,
    Coded,
    CodedPart,
    Count,
    Form,
    IsoDate,
    PartyReference,
    Several,
    YesNoUnknown,
)
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "CandidateCarer", "HomeRisk", "LocalService", "QuestionResult", "SocialInquiryReport"]


class QuestionResult(CodedPart):
    """Which of the questions asked this report answers."""

    question: Annotated[str, Coded("si-question")]
    result: Annotated[str, Coded("answer-result")]


class CandidateCarer(CodedPart):
    reference: PartyReference
    family_relation: Annotated[str, Coded("family-relation")]
    care_arrangement: Annotated[str, Coded("care-arrangement")]
    willing: YesNoUnknown
    able: YesNoUnknown
    agreed: YesNoUnknown
    agreed_on: IsoDate | None = None
    lived_with_child_before: YesNoUnknown
    knows_of_exploitation: YesNoUnknown
    children_in_household: Count | None = None
    adults_in_household: Count | None = None

    @model_validator(mode="after")
    def _agreement_has_its_day(self) -> Self:
        if (self.agreed == "yes") != (self.agreed_on is not None):
            raise PydanticCustomError("agreed_on", "a day exactly when the carer has agreed")
        return self


class HomeRisk(CodedPart):
    """`concerning`: the carer or place that the risk belongs to; the whole setting when it is left out."""

    risk: Annotated[str, Coded("home-risk")]
    foreseeable: YesNoUnknown
    concerning: PartyReference | None = None
    information_source: Annotated[str, Coded("information-source")]


class LocalService(CodedPart):
    service: Annotated[str, Coded("service-type")]
    available: YesNoUnknown


class SocialInquiryReport(CodedPart):
    """`recommendation` is the reporting authority's advice; the State where the child is decides."""

    completeness: Annotated[str, Coded("inquiry-completeness")]
    concluded_on: IsoDate
    visited_on: AnyNumber[IsoDate] = ()
    inquiry_methods: Several[Annotated[str, Coded("inquiry-method")]]
    family_traced: Annotated[str, Coded("tracing-result")]
    family_wants_contact: YesNoUnknown
    candidate_carers: AnyNumber[CandidateCarer] = ()
    home_risks: Several[HomeRisk]
    trafficker_link: YesNoUnknown
    trafficker_links: AnyNumber[Annotated[str, Coded("trafficker-link")]] = ()
    services: AnyNumber[LocalService] = ()
    question_results: AnyNumber[QuestionResult] = ()
    limitations: Several[Annotated[str, Coded("report-limitation")]]
    recommendation: Annotated[str, Coded("inquiry-recommendation")]

    @model_validator(mode="after")
    def _each_carer_once(self) -> Self:
        references = [carer.reference for carer in self.candidate_carers]
        if len(references) != len(set(references)):
            raise PydanticCustomError("candidate_carers", "each candidate carer once")
        return self


FORM = Form(
    type="social-inquiry.report",
    procedure="social-inquiry",
    opens_thread=False,
    model=SocialInquiryReport,
    narrative_fields=("findings", "family_views", "recommendation_reasons", "limitations_explained"),
    identity_model=PersonsAndPlaces,
)
