"""People, places and offices, as they are named in identity parts.

A name is kept as it was written, with its transliteration and the scheme of that beside it: a name that was
only transliterated cannot be found again in the register that it came from.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

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
)

__all__ = ["Channel", "Document", "Person", "PersonName", "PersonsAndPlaces", "Place", "RoleContact"]

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


class PersonsAndPlaces(IdentityPart):
    """Who the references of the coded part stand for."""

    persons: Annotated[AnyNumber[Person], Field(max_length=32)] = ()
    addresses: Annotated[AnyNumber[Place], Field(max_length=32)] = ()


class RoleContact(IdentityPart):
    """How a guardian is reached: the office first, the person only where the office is one person."""

    office: Line
    channels: Several[Channel]
    languages: AnyNumber[LanguageTag] = ()
    authority: AuthorityAddress | None = None
    guardian: Person | None = None
