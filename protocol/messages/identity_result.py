"""`identity.result`: what the State asked has established about nationality, how, and with which limits.

A State also issues a document to the child who had the right of permanent residence there (Trafficking
Protocol, article 8(4)): hence an outcome between national and not. `inconclusive` is a full answer. It leaves
the child what the child was: a child whose nationality is believed.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, CodedPart, Form, IsoDate, Several
from protocol.messages.lists import EachOnce, Limitations, alone
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "IdentityResult"]

_PROMISED: Final = ("issued", "will-be-issued")


class IdentityResult(CodedPart):
    identity_outcome: Annotated[str, Coded("identity-outcome")]
    verification_methods: Annotated[
        Several[Annotated[str, Coded("verification-method")]], EachOnce, alone("none")
    ]
    concluded_on: IsoDate
    travel_document: Annotated[str, Coded("travel-document-status")]
    limitations: Limitations

    @model_validator(mode="after")
    def _verified_by_something(self) -> Self:
        if self.identity_outcome != "inconclusive" and self.verification_methods == ("none",):
            raise PydanticCustomError("verification_methods", "what was established was checked somehow")
        return self

    @model_validator(mode="after")
    def _a_document_for_whom_was_verified(self) -> Self:
        if self.identity_outcome == "not-national" and self.travel_document in _PROMISED:
            raise PydanticCustomError("travel_document", "no document for a child who is no national")
        return self


FORM = Form(
    type="identity.result",
    procedure="identity",
    opens_thread=False,
    model=IdentityResult,
    narrative_fields=("findings",),
    identity_model=PersonsAndPlaces,
)
