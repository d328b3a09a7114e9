"""`risk-assessment.dispute`: the State of origin says which points of the assessment it holds to be wrong.

A dispute opens the question again. It never lowers a risk by itself: the State where the child is answers it
with a new final assessment, revised or maintained with reasons.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from protocol.messages.form import AnyNumber, Coded, CodedPart, Form, Several, StatementDigest
from protocol.messages.lists import EachOnce, each_once

__all__ = ["FORM", "DisputedPoint", "RiskAssessmentDispute"]


class DisputedPoint(CodedPart):
    risk: Annotated[str, Coded("risk-category")]
    dispute_ground: Annotated[str, Coded("dispute-ground")]
    evidence_documents: Annotated[AnyNumber[StatementDigest], EachOnce] = ()


def _each_point_once(points: tuple[DisputedPoint, ...]) -> tuple[DisputedPoint, ...]:
    each_once((point.risk, point.dispute_ground) for point in points)
    return points


class RiskAssessmentDispute(CodedPart):
    final_assessment: StatementDigest
    disputed_points: Annotated[Several[DisputedPoint], AfterValidator(_each_point_once)]


FORM = Form(
    type="risk-assessment.dispute",
    procedure="risk-assessment",
    opens_thread=False,
    said_by="origin",
    model=RiskAssessmentDispute,
    narrative_fields=("reasoning",),
    required_narrative=("reasoning",),
)
