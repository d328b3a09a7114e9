"""`durable-solution.suspension`: what was agreed may not be carried out until both States have signed anew.

It has neither free text nor an identity part, so that nothing can be let slip: `withheld` covers several
causes, among them one that the other State must never learn (safeguard 11), and then no document is named
either. An authority that withholds one time and explains the next would say by its silence what it hides:
the code is there for any cause.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, CodedPart, Form, StatementDigest

__all__ = ["FORM", "SolutionSuspension"]


class SolutionSuspension(CodedPart):
    """`caused_by`: the document that the suspension follows from, where both States have it."""

    suspension_reason: Annotated[str, Coded("suspension-reason")]
    caused_by: StatementDigest | None = None

    @model_validator(mode="after")
    def _withheld_names_nothing(self) -> Self:
        if self.suspension_reason == "withheld" and self.caused_by is not None:
            raise PydanticCustomError("caused_by", "a reason that is withheld names no document")
        return self


FORM = Form(
    type="durable-solution.suspension",
    procedure="durable-solution",
    opens_thread=False,
    model=SolutionSuspension,
)
