"""`accept`: the authority takes the request on and says which two offices answer for it.

Naming a contact and an alternate is the field's own practice; both are offices, so an absence never stops
a case. `expected_on` is an intention and moves no deadline.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.contact import OfficeContact
from protocol.messages.form import CodedPart, Form, IsoDate

__all__ = ["FORM", "Accept"]


class Accept(CodedPart):
    case_contact: OfficeContact
    alternate_contact: OfficeContact
    expected_on: IsoDate | None = None

    @model_validator(mode="after")
    def _two_offices(self) -> Self:
        if self.case_contact == self.alternate_contact:
            raise PydanticCustomError("alternate_contact", "another office than the case contact")
        return self


FORM = Form(type="accept", procedure=None, opens_thread=False, model=Accept)
