"""`durable-solution.proposal`: one State puts to the other what is to become of the child, as a whole.

Either State may begin. Nothing is agreed by it, and nothing by the silence that may follow (Regulation (EU)
2019/1111 recital 83: no placement without consent). Both States have to say yes to these exact terms, each
with a signature of its own (`durable-solution.acceptance`).
"""

from __future__ import annotations

from protocol.messages.form import Form
from protocol.messages.person import PersonsAndPlaces
from protocol.messages.solution import SolutionDraft

__all__ = ["FORM"]

FORM = Form(
    type="durable-solution.proposal",
    procedure="durable-solution",
    opens_thread=True,
    model=SolutionDraft,
    narrative_fields=("reintegration_plan", "reasons"),
    identity_model=PersonsAndPlaces,
)
