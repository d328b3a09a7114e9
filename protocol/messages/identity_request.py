"""`identity.request`: is this child your national, and who is it?

The Trafficking Protocol has States verify it without undue or unreasonable delay, and issue a travel document
on request (article 8(3) and (4)). It cannot be asked without saying who the child may be, so the identity
part is required and names the child: every other form comes first where it is enough.

Traps. It goes from authority to authority. A consulate is turned to only where that endangers neither child
nor family (A/RES/64/142 paragraph 150). A nationality is no reason to return: who the child is says nothing
about where the child is safe.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import AnyNumber, Coded, CodedPart, Form, Several, YesNoUnknown
from protocol.messages.lists import EachOnce
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "ChildNamed", "IdentityRequest"]


class IdentityRequest(CodedPart):
    """`documents_seen`: the kinds of document that the asking authority has seen; their numbers stand in the
    identity part."""

    identity_questions: Annotated[Several[Annotated[str, Coded("identity-question")]], EachOnce]
    legal_bases: Several[Annotated[str, Coded("legal-basis")]]
    travel_document_needed: YesNoUnknown
    documents_seen: Annotated[AnyNumber[Annotated[str, Coded("document-kind")]], EachOnce] = ()
    child_informed: YesNoUnknown


class ChildNamed(PersonsAndPlaces):
    """An identity part that says who the child may be."""

    @model_validator(mode="after")
    def _the_child_is_among_the_persons(self) -> Self:
        if all(person.reference != "child" for person in self.persons):
            raise PydanticCustomError("persons", "the child is named among the persons")
        return self


FORM = Form(
    type="identity.request",
    procedure="identity",
    opens_thread=True,
    model=IdentityRequest,
    narrative_fields=("reasons",),
    identity_model=ChildNamed,
    identity_required=True,
)
