"""`risk-assessment.request`: the State where the child is opens an assessment and asks what the other knows.

The assessment is one shared file: both States contribute, the State where the child is concludes. It is made
again whenever something new is known, not once (UNICEF guidelines, as the thematic paper tells them, section
6.2.5).
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, Several, YesNoUnknown
from protocol.messages.lists import EachOnce
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "RiskAssessmentRequest"]


class RiskAssessmentRequest(CodedPart):
    """`risk_categories`: what the other State is asked about; it may name further risks.
    `reassessment_reason`: given when an assessment has been made before."""

    assessment_purposes: Annotated[Several[Annotated[str, Coded("assessment-purpose")]], EachOnce]
    risk_categories: Annotated[Several[Annotated[str, Coded("risk-category")]], EachOnce]
    reassessment_reason: Annotated[str, Coded("reassessment-reason")] | None = None
    legal_bases: Several[Annotated[str, Coded("legal-basis")]]
    child_informed: YesNoUnknown


FORM = Form(
    type="risk-assessment.request",
    procedure="risk-assessment",
    opens_thread=True,
    said_by="destination",
    model=RiskAssessmentRequest,
    narrative_fields=("reasons",),
    required_narrative=("reasons",),
    identity_model=PersonsAndPlaces,
)
