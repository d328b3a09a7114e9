"""`nudge`: an answer is overdue; a first reminder. It asks again and changes no deadline."""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, IsoDate

__all__ = ["FORM", "Nudge"]


class Nudge(CodedPart):
    was_due_on: IsoDate
    due_basis: Annotated[str, Coded("due-basis")]


FORM = Form(type="nudge", procedure=None, opens_thread=False, model=Nudge)
