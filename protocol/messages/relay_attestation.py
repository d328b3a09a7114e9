"""`relay.attestation`: an intermediary says what it received from a State without a node, and how sure it is.

It vouches for a piece of paper, never for a State: whatever the paper says, it makes an agreement *accepted
on paper* at most, and never *agreed*. `original_digest` is of the scan, so that paper and message can be laid
side by side later: where the scan goes along, the digest by which the statement binds that attachment
(`protocol.attachments`), and with a consent it has to (`protocol.intermediary.check_scan`). What anybody with
a link could have written is `unauthenticated`, and that is never a consent (project choice). The clock of
what is owed runs on meanwhile.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    AnyNumber,
    AuthorityAddress,
    Coded,
    CodedPart,
    Form,
    IsoDate,
    MessageReference,
    StatementDigest,
)
from protocol.messages.person import Person, PersonsAndPlaces, Place

__all__ = ["CONSENT_FORMS", "FORM", "IDENTIFIED", "RelayAttestation"]

CONSENT_FORMS: Final = frozenset({"paper", "in-person"})
"""In what form a consent has to have come: somebody wrote it and somebody took it. What came by fax, e-mail,
telephone or over a link is never one (project choice)."""
IDENTIFIED: Final = frozenset({"seen-and-identified", "known-correspondent"})
"""How sure the intermediary has to be of who gave a consent."""

_NOBODY_WAS_SEEN: Final = frozenset({"fax", "e-mail", "web-reply", "telephone"})


class RelayAttestation(CodedPart):
    """`attested_message`: the message that the intermediary typed from the original; left out where the
    original answers nothing that was asked. `agreement`: the digest of the version that the original accepts,
    and then nothing is typed from it; the attestation replies to that version."""

    on_behalf_of: AuthorityAddress
    original_form: Annotated[str, Coded("original-form")]
    original_digest: StatementDigest
    received_on: IsoDate
    attested_message: MessageReference | None = None
    authentication: Annotated[str, Coded("authentication-strength")]
    agreement: StatementDigest | None = None

    @model_validator(mode="after")
    def _no_surer_than_the_way_it_came(self) -> Self:
        if self.original_form == "web-reply" and self.authentication != "unauthenticated":
            raise PydanticCustomError("authentication", "whoever has the link can answer")
        if self.original_form in _NOBODY_WAS_SEEN and self.authentication == "seen-and-identified":
            raise PydanticCustomError("authentication", "nobody was seen")
        if self.agreement is not None and self.attested_message is not None:
            raise PydanticCustomError("agreement", "a consent on paper is no message that was typed")
        given = self.original_form in CONSENT_FORMS and self.authentication in IDENTIFIED
        if self.agreement is not None and not given:
            raise PydanticCustomError("authentication", "a consent is on paper, from somebody identified")
        return self


class ScanOfTheOriginal(PersonsAndPlaces):
    """The scan, as an attachment; nobody is named here."""

    persons: Annotated[AnyNumber[Person], Field(max_length=0)] = ()
    addresses: Annotated[AnyNumber[Place], Field(max_length=0)] = ()


FORM = Form(
    type="relay.attestation",
    procedure=None,
    opens_thread=False,
    model=RelayAttestation,
    identity_model=ScanOfTheOriginal,
)
