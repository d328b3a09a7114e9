"""`alert.missing-child`: the child is missing, or was found again.

A child who left on purpose is missing too: the way may lead back to whoever exploited the child. Coded only,
as every alert; a description for the search goes by the ways of the police.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import AnyNumber, Coded, CodedPart, Country, Form, IsoDate
from protocol.messages.lists import EachOnce, alone

__all__ = ["FORM", "MissingChildAlert"]


class MissingChildAlert(CodedPart):
    """`found_on` stands exactly when the child was found. `last_country`: where the child was last known to
    be; where it was found, once it was."""

    missing_status: Annotated[str, Coded("missing-status")]
    missing_since: IsoDate
    found_on: IsoDate | None = None
    missing_circumstances: Annotated[str, Coded("missing-circumstances")]
    measures_taken: Annotated[
        AnyNumber[Annotated[str, Coded("protective-measure")]], EachOnce, alone("none-yet")
    ] = ()
    last_country: Country

    @model_validator(mode="after")
    def _found_on_a_day(self) -> Self:
        if (self.missing_status == "missing") != (self.found_on is None):
            raise PydanticCustomError("found_on", "a day exactly when the child was found")
        if self.found_on is not None and self.found_on < self.missing_since:
            raise PydanticCustomError("found_on", "not before the child was missing")
        return self


FORM = Form(type="alert.missing-child", procedure="case", opens_thread=False, model=MissingChildAlert)
