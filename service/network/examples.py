"""The example States of a local network: which authorities they have, what these may do, when they work.

Offices exist as kinds of offices; every contact is made up (RFC 2606 names), and the calendars are examples
for computing deadlines with. A real State publishes its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from protocol.directory import AuthorityFacts, Contact, KeyRecord, OpeningHours, Role
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.vocabularies import RELEASE

__all__ = ["EVERY_PROCEDURE", "ExampleAuthority", "ExampleState", "authority_facts", "example_state"]

EVERY_PROCEDURE = ("case", "identity", "social-inquiry", "risk-assessment", "durable-solution")
WITHOUT_SOCIAL_INQUIRY = ("case",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleAuthority:
    address: Address
    role: Role
    names: Mapping[str, str] = field(hash=False)
    jurisdiction: tuple[str, ...]
    competences: tuple[str, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleState:
    code: StateCode
    timezone: str
    holidays: tuple[date, ...]
    authorities: tuple[ExampleAuthority, ...]
    weekend: tuple[int, ...] = (6, 7)


_ITALY = ExampleState(
    code=StateCode("it"),
    timezone="Europe/Rome",
    holidays=tuple(
        date(year, month, day)
        for year, easter_monday in ((2026, (4, 6)), (2027, (3, 29)), (2028, (4, 17)))
        for month, day in sorted(
            (
                (1, 1),
                (1, 6),
                easter_monday,
                (4, 25),
                (5, 1),
                (6, 2),
                (8, 15),
                (10, 4),
                (11, 1),
                (12, 8),
                (12, 25),
                (12, 26),
            )
        )
    ),
    authorities=(
        ExampleAuthority(
            address=Address("it.servizio-minori"),
            role=Role.FOCAL_POINT,
            names=MappingProxyType(
                {"it": "Servizio per i minori (esempio)", "en": "Service for minors (example)"}
            ),
            jurisdiction=("IT",),
            competences=EVERY_PROCEDURE,
            languages=("it", "en", "fr"),
        ),
        ExampleAuthority(
            address=Address("it.tribunale-minori"),
            role=Role.LOCAL,
            names=MappingProxyType(
                {"it": "Tribunale per i minori (esempio)", "en": "Juvenile court (example)"}
            ),
            jurisdiction=("IT-62",),
            competences=WITHOUT_SOCIAL_INQUIRY,
            languages=("it",),
        ),
    ),
)

_ROMANIA = ExampleState(
    code=StateCode("ro"),
    timezone="Europe/Bucharest",
    holidays=tuple(
        date(year, month, day)
        for year, moving in (
            (2026, ((4, 10), (4, 12), (4, 13), (5, 31))),
            (2027, ((4, 30), (5, 2), (5, 3), (6, 20), (6, 21))),
            (2028, ((4, 14), (4, 16), (4, 17), (6, 4), (6, 5))),
        )
        for month, day in sorted(
            (
                *((1, 1), (1, 2), (1, 6), (1, 7), (1, 24), (5, 1), (6, 1)),
                *((8, 15), (11, 30), (12, 1), (12, 25), (12, 26)),
                *moving,
            )
        )
    ),
    authorities=(
        ExampleAuthority(
            address=Address("ro.anpdca"),
            role=Role.FOCAL_POINT,
            names=MappingProxyType(
                {
                    "ro": "Autoritatea națională pentru protecția copilului (exemplu)",
                    "en": "National child-protection authority (example)",
                }
            ),
            jurisdiction=("RO",),
            competences=EVERY_PROCEDURE,
            languages=("ro", "en", "fr"),
        ),
        ExampleAuthority(
            address=Address("ro.dgaspc-iasi"),
            role=Role.LOCAL,
            names=MappingProxyType(
                {
                    "ro": "Direcția de asistență socială și protecția copilului Iași (exemplu)",
                    "en": "Child-protection directorate of Iași county (example)",
                }
            ),
            jurisdiction=("RO-IS",),
            competences=EVERY_PROCEDURE,
            languages=("ro", "en"),
        ),
    ),
)

_KNOWN = {state.code: state for state in (_ITALY, _ROMANIA)}


def example_state(member: str) -> ExampleState:
    """The example of a State (`ro`) or of an international body (`int-iom`).

    Where none is written down, a State has a focal point and a local office, a body one office.
    """
    if member.startswith("int-"):
        return _body(member.removeprefix("int-"))
    code = StateCode(member)
    known = _KNOWN.get(code)
    if known is not None:
        return known
    return ExampleState(
        code=code,
        timezone="UTC",
        holidays=(),
        authorities=(
            ExampleAuthority(
                address=Address(f"{code}.focal-point"),
                role=Role.FOCAL_POINT,
                names=MappingProxyType({"en": f"Focal point of {code.upper()} (example)"}),
                jurisdiction=(code.upper(),),
                competences=EVERY_PROCEDURE,
                languages=("en", "fr"),
            ),
            ExampleAuthority(
                address=Address(f"{code}.local-office"),
                role=Role.LOCAL,
                names=MappingProxyType({"en": f"Local office in {code.upper()} (example)"}),
                jurisdiction=(code.upper(),),
                competences=WITHOUT_SOCIAL_INQUIRY,
                languages=("en",),
            ),
        ),
    )


def _body(name: str) -> ExampleState:
    return ExampleState(
        code=StateCode("int"),
        timezone="UTC",
        holidays=(),
        authorities=(
            ExampleAuthority(
                address=Address(f"int.{name}"),
                role=Role.INTERNATIONAL,
                names=MappingProxyType({"en": f"{name.upper()} (example)"}),
                jurisdiction=("INT",),
                competences=EVERY_PROCEDURE,
                languages=("en", "fr", "es", "ar"),
            ),
        ),
    )


def authority_facts(
    member: str,
    node: NodeCode,
    state: ExampleState,
    authority: ExampleAuthority,
    signing_keys: tuple[KeyRecord, ...],
) -> AuthorityFacts:
    """What the example says of an authority that `node` serves."""
    domain = f"{member}.example"
    working = tuple(day for day in range(1, 8) if day not in state.weekend)
    return AuthorityFacts(
        address=authority.address,
        state=state.code,
        role=authority.role,
        names=authority.names,
        jurisdiction=authority.jurisdiction,
        competences=authority.competences,
        languages=authority.languages,
        working_hours=(OpeningHours(days=working, opens="08:30", closes="16:30"),),
        timezone=state.timezone,
        weekend=state.weekend,
        holidays=state.holidays,
        contacts=(
            Contact(office="Front desk", email=f"desk@{domain}"),
            Contact(office="Deputy desk", email=f"deputy@{domain}"),
        ),
        escalation=Contact(office="Coordination unit", email=f"coordination@{domain}"),
        node=node,
        signing_keys=signing_keys,
        vocabulary_releases=(RELEASE,),
    )
