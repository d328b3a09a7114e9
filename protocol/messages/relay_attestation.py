"""`relay.attestation`: an intermediary says what it received from a State without a node, and how sure it is.

It vouches for a piece of paper, never for a State: whatever the paper says, it makes an agreement *accepted
on paper* at most, and never *agreed*. `original_digest` is of the scan, so that paper and message can be laid
side by side later. What anybody with a link could have written is `unauthenticated`, and that is never a
consent (project choice). The clock of what is owed runs on meanwhile.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AuthorityAddress,
    Coded,
    CodedPart,
    Form,
    IsoDate,
    MessageReference,
    StatementDigest,
)

__all__ = ["FORM", "RelayAttestation"]

_NOBODY_WAS_SEEN: Final = frozenset({"fax", "e-mail", "web-reply", "telephone"})


class RelayAttestation(CodedPart):
    """`attested_message`: the message that the intermediary typed from the original; left out where the
    original answers nothing that was asked."""

    on_behalf_of: AuthorityAddress
    original_form: Annotated[str, Coded("original-form")]
    original_digest: StatementDigest
    received_on: IsoDate
    attested_message: MessageReference | None = None
    authentication: Annotated[str, Coded("authentication-strength")]

    @model_validator(mode="after")
    def _no_surer_than_the_way_it_came(self) -> Self:
        if self.original_form == "web-reply" and self.authentication != "unauthenticated":
            raise PydanticCustomError("authentication", "whoever has the link can answer")
        if self.original_form in _NOBODY_WAS_SEEN and self.authentication == "seen-and-identified":
            raise PydanticCustomError("authentication", "nobody was seen")
        return self


FORM = Form(type="relay.attestation", procedure=None, opens_thread=False, model=RelayAttestation)
