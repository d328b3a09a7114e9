"""`case.reopening`: a closed case is taken up again, by either State.

The reference stays the same. Whatever was destroyed at the end of its time stays destroyed: identity has to
be given again.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form

__all__ = ["FORM", "CaseReopening"]


class CaseReopening(CodedPart):
    reopening_reason: Annotated[str, Coded("reopening-reason")]


FORM = Form(type="case.reopening", procedure="case", opens_thread=False, model=CaseReopening)
