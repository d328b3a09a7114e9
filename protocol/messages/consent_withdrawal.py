"""`consent.withdrawal`: somebody takes back a consent that was given.

It needs no reason and asks for none: whoever gives a consent may take it back. It is no change of the child's
views, which is a new `child-views.record`. What rests on the consent stops until people have looked at it.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, CodedPart, Form, IsoDate, PartyReference

__all__ = ["FORM", "ConsentWithdrawal"]


class ConsentWithdrawal(CodedPart):
    """`reference`: who withdraws, as the document names that party in which the consent was reported."""

    withdrawn_by: Annotated[str, Coded("consent-holder")]
    reference: PartyReference
    consent_to: Annotated[str, Coded("consent-subject")]
    withdrawn_on: IsoDate

    @model_validator(mode="after")
    def _the_child_is_the_child(self) -> Self:
        if (self.withdrawn_by == "child") != (self.reference == "child"):
            raise PydanticCustomError("reference", "the child exactly when the child withdraws")
        return self


FORM = Form(
    type="consent.withdrawal",
    procedure="case",
    opens_thread=False,
    model=ConsentWithdrawal,
)
