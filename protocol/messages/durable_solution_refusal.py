"""`durable-solution.refusal`: this State does not agree, and says why. It ends this conversation.

What a State wants of its borders is not among the reasons (safeguard 8). `withheld` is shared by several
causes, so that it reveals none of them.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, CodedPart, Form, Several

__all__ = ["FORM", "SolutionRefusal"]


class SolutionRefusal(CodedPart):
    refusal_reasons: Several[Annotated[str, Coded("solution-refusal-reason")]]

    @model_validator(mode="after")
    def _each_reason_once(self) -> Self:
        if len(self.refusal_reasons) != len(set(self.refusal_reasons)):
            raise PydanticCustomError("refusal_reasons", "each reason once")
        return self


FORM = Form(
    type="durable-solution.refusal",
    procedure="durable-solution",
    opens_thread=False,
    model=SolutionRefusal,
    narrative_fields=("reasons",),
)
