"""`durable-solution.refusal`: this State does not agree, and says why. It ends this conversation.

What a State wants of its borders is not among the reasons (safeguard 8). `withheld` is shared by several
causes, so that it reveals none of them.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, Several
from protocol.messages.lists import EachOnce

__all__ = ["FORM", "SolutionRefusal"]


class SolutionRefusal(CodedPart):
    refusal_reasons: Annotated[Several[Annotated[str, Coded("solution-refusal-reason")]], EachOnce]


FORM = Form(
    type="durable-solution.refusal",
    procedure="durable-solution",
    opens_thread=False,
    model=SolutionRefusal,
    narrative_fields=("reasons",),
)
