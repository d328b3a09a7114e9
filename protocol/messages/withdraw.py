"""`withdraw`: the authority no longer asks for what it asked. Nothing that was received becomes unsaid."""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form

__all__ = ["FORM", "Withdraw"]


class Withdraw(CodedPart):
    withdraw_reason: Annotated[str, Coded("withdraw-reason")]


FORM = Form(type="withdraw", procedure=None, opens_thread=False, model=Withdraw)
