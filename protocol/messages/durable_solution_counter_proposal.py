"""`durable-solution.counter-proposal`: other terms than those on the table, or a change to what was agreed.

A whole proposal again, in reply to the version that it would take the place of. Until both States have
accepted it, what was agreed before stays agreed, and what was not agreed stays so.
"""

from __future__ import annotations

from protocol.messages.form import Form
from protocol.messages.person import PersonsAndPlaces
from protocol.messages.solution import SolutionDraft

__all__ = ["FORM"]

FORM = Form(
    type="durable-solution.counter-proposal",
    procedure="durable-solution",
    opens_thread=False,
    model=SolutionDraft,
    narrative_fields=("reintegration_plan", "reasons"),
    identity_model=PersonsAndPlaces,
)
