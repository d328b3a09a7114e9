"""`progress`: it takes longer; here is the reason and the new day. The conversation allows this once."""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, IsoDate

__all__ = ["FORM", "Progress"]


class Progress(CodedPart):
    progress_reason: Annotated[str, Coded("progress-reason")]
    new_due_on: IsoDate


FORM = Form(
    type="progress",
    procedure=None,
    opens_thread=False,
    model=Progress,
    narrative_fields=("explanation",),
)
