"""`age.outcome`: what an age procedure ended with.

The presumption of age: whoever may be a child is a child, in every rule, until this form says `adult`
(Directive 2011/36/EU article 13(2), safeguard 6). An outcome that is undetermined leaves the presumption in
force. That somebody is an adult never closes a case by itself (safeguard 15), and support goes on or is
handed on. No field tells for which procedure the age was wanted.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, CodedPart, Form, IsoDate

__all__ = ["FORM", "AgeOutcome"]


class AgeOutcome(CodedPart):
    """`age_band`: every band is below 18, so an adult has none."""

    age_outcome: Annotated[str, Coded("age-outcome")]
    age_band: Annotated[str, Coded("age-band")] | None = None
    age_basis: Annotated[str, Coded("age-basis")]
    decided_on: IsoDate
    appeal: Annotated[str, Coded("appeal-status")]

    @model_validator(mode="after")
    def _a_band_of_the_outcome(self) -> Self:
        if (self.age_outcome == "adult") != (self.age_band is None):
            raise PydanticCustomError("age_band", "a band exactly when the outcome is no adult")
        if self.age_outcome == "undetermined" and self.age_band != "unknown-child":
            raise PydanticCustomError("age_band", "an age that is undetermined has no known band")
        return self

    @model_validator(mode="after")
    def _a_doubt_counts_for_the_child(self) -> Self:
        if self.age_outcome == "adult" and self.age_basis == "unknown":
            raise PydanticCustomError("age_basis", "nobody is an adult on a basis that nobody knows")
        return self


FORM = Form(
    type="age.outcome",
    procedure="case",
    opens_thread=False,
    said_by="destination",
    model=AgeOutcome,
)
