"""`escalate`: a reminder had no effect; the matter goes to the level above. Silence still answers nothing."""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, IsoDate

__all__ = ["FORM", "Escalate"]


class Escalate(CodedPart):
    was_due_on: IsoDate
    due_basis: Annotated[str, Coded("due-basis")]
    escalation_level: Annotated[str, Coded("escalation-level")]
    escalation_reason: Annotated[str, Coded("escalation-reason")]


FORM = Form(type="escalate", procedure=None, opens_thread=False, model=Escalate)
