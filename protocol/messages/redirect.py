"""`redirect`: another authority is competent, and the request goes on to it. The asker is told where."""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import AuthorityAddress, Coded, CodedPart, Form

__all__ = ["FORM", "Redirect"]


class Redirect(CodedPart):
    redirect_reason: Annotated[str, Coded("redirect-reason")]
    redirected_to: AuthorityAddress


FORM = Form(type="redirect", procedure=None, opens_thread=False, model=Redirect)
