"""`handover.confirmation`: the child was handed over, to whom, and how the child was.

Said by the State of origin, which received the child; what the State where the child was knows of it is only
that it let the child go. Trap: *handover* is of a child, to a person or facility that the agreement names;
*delivery* is of messages, and the evidence of it is the nodes' own. A handover to the authority itself is
said as what it is: Return Directive 2008/115/EC art 10, read in part, names three recipients, and that is
none.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import AnyNumber, Coded, CodedPart, Form, IsoDate, PartyReference, StatementDigest
from protocol.messages.lists import EachOnce
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "HandoverConfirmation"]

_PERSONS: Final = frozenset({"family-member", "nominated-guardian", "foster-carer"})


class HandoverConfirmation(CodedPart):
    """`reference`: the recipient, as the agreement says it. `agreement`: digest of what was carried out."""

    handed_over_on: IsoDate
    recipient_kind: Annotated[str, Coded("handover-recipient")]
    reference: PartyReference
    child_condition: Annotated[str, Coded("child-condition")]
    agreement: StatementDigest
    documents_handed_over: Annotated[AnyNumber[Annotated[str, Coded("document-kind")]], EachOnce] = ()

    @model_validator(mode="after")
    def _somebody_else_than_the_child(self) -> Self:
        if self.reference == "child":
            raise PydanticCustomError("reference", "somebody else than the child")
        if self.recipient_kind in _PERSONS and self.reference.startswith("place-"):
            raise PydanticCustomError("reference", "a person")
        return self


FORM = Form(
    type="handover.confirmation",
    procedure="durable-solution",
    opens_thread=False,
    said_by="origin",
    model=HandoverConfirmation,
    narrative_fields=("notes",),
    identity_model=PersonsAndPlaces,
)
