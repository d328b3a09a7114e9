"""People, places and offices, as they are named in identity parts.

A name is kept as it was written, with its transliteration and the scheme of that beside it: a name that was
only transliterated cannot be found again in the register that it came from.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from protocol.attachments import MAX_ATTACHMENTS
from protocol.messages.form import (
    AnyNumber,
    AuthorityAddress,
    Coded,
    Country,
    IdentityPart,
    IsoDate,
    Kind,
    LanguageTag,
    Line,
    PartyReference,
    Several,
    StatementDigest,
)

__all__ = [
    "Attachment",
    "Channel",
    "Document",
    "Person",
    "PersonName",
    "PersonsAndPlaces",
    "Place",
    "RoleContact",
    "described_attachments",
]

_PARTIAL_DATE: Final = r"^[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?$"


class PersonName(IdentityPart):
    """One name of a person in one script. `patronymic` is neither a given nor a family name."""

    given: Line | None = None
    patronymic: Line | None = None
    family: Line | None = None
    full: Line
    script_language: LanguageTag | None = None
    transliteration: Line | None = None
    transliteration_scheme: Line | None = None


class Document(IdentityPart):
    document_kind: Annotated[str, Coded("document-kind")]
    number: Line | None = None
    issued_by: Line | None = None
    issuing_country: Country = "unknown"
    expires_on: IsoDate | None = None


class Channel(IdentityPart):
    """One way to reach somebody: what kind, and the number or address."""

    channel: Annotated[str, Coded("contact-channel")]
    value: Line


class Place(IdentityPart):
    reference: PartyReference
    address_lines: Several[Line]
    locality: Line | None = None
    region: Line | None = None
    country: Country
    channels: AnyNumber[Channel] = ()


class Person(IdentityPart):
    """`born` is a year, a month or a day, as far as it is known, in the Gregorian calendar."""

    reference: PartyReference
    names: Several[PersonName]
    sex: Annotated[str, Coded("sex")] = "unknown"
    born: Annotated[str, StringConstraints(pattern=_PARTIAL_DATE), Kind("text")] | None = None
    birthplace: Line | None = None
    nationalities: AnyNumber[Country] = ()
    family_relation: Annotated[str, Coded("family-relation")] | None = None
    documents: AnyNumber[Document] = ()
    places: AnyNumber[PartyReference] = ()
    channels: AnyNumber[Channel] = ()


class Attachment(IdentityPart):
    """A document that goes with the message. Title, size in bytes and kind stand here alone, and so does the
    salt of its digest (`protocol.attachments`)."""

    digest: StatementDigest
    salt: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}$"), Kind("digest")]
    size: Annotated[int, Field(ge=1, le=1 << 31), Kind("count")]
    media_type: Annotated[str, Coded("media-type")]
    document_kind: Annotated[str, Coded("document-kind")]
    title: Line | None = None
    concerns: AnyNumber[PartyReference] = ()


class PersonsAndPlaces(IdentityPart):
    """Who the references of the coded part stand for, and the documents about them."""

    persons: Annotated[AnyNumber[Person], Field(max_length=32)] = ()
    addresses: Annotated[AnyNumber[Place], Field(max_length=32)] = ()
    attachments: Annotated[AnyNumber[Attachment], Field(max_length=MAX_ATTACHMENTS)] = ()


def described_attachments(identity: IdentityPart | None) -> tuple[Attachment, ...]:
    """The attachments of any identity part; forms whose identity part has no place for them have none."""
    return identity.attachments if isinstance(identity, PersonsAndPlaces) else ()


class RoleContact(IdentityPart):
    """How a guardian is reached: the office first, the person only where the office is one person."""

    office: Line
    channels: Several[Channel]
    languages: AnyNumber[LanguageTag] = ()
    authority: AuthorityAddress | None = None
    guardian: Person | None = None
