"""`risk-assessment.corroboration`: the State of origin agrees with the assessment of exactly these bytes.

It is not a consent to a return, and the assessment holds without it: silence corroborates nothing.
"""

from __future__ import annotations

from protocol.messages.form import CodedPart, Form, StatementDigest

__all__ = ["FORM", "RiskAssessmentCorroboration"]


class RiskAssessmentCorroboration(CodedPart):
    final_assessment: StatementDigest


FORM = Form(
    type="risk-assessment.corroboration",
    procedure="risk-assessment",
    opens_thread=False,
    said_by="origin",
    model=RiskAssessmentCorroboration,
    narrative_fields=("reasoning",),
)
