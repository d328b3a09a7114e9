"""`risk-assessment.contribution`: what one State knows of the risks. It concludes nothing.

Whom the child has to fear is named in the identity part only, as `person-1` here: in the wrong hands a name
is a new risk. A contribution that comes after a final assessment takes away that one's currency.
"""

from __future__ import annotations

from protocol.messages.form import CodedPart, Form, IsoDate, MessageReference
from protocol.messages.lists import Limitations
from protocol.messages.person import PersonsAndPlaces
from protocol.messages.risk import AssessedRisks

__all__ = ["FORM", "RiskAssessmentContribution"]


class RiskAssessmentContribution(CodedPart):
    """`replaces`: the earlier contribution of the same State that this one overtakes."""

    concluded_on: IsoDate
    risks: AssessedRisks
    limitations: Limitations
    replaces: MessageReference | None = None


FORM = Form(
    type="risk-assessment.contribution",
    procedure="risk-assessment",
    opens_thread=False,
    model=RiskAssessmentContribution,
    narrative_fields=("reasoning",),
    identity_model=PersonsAndPlaces,
)
