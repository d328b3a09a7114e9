"""Case files and who takes part in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from protocol.identifiers import Address, CaseReference, MessageId
from service.store.prepared import Query
from service.store.tables import CASE_ALIAS, CASE_FILE, CASE_PARTY

__all__ = [
    "KnownCase",
    "add_alias",
    "add_case",
    "add_parties",
    "change_protection",
    "claims_around",
    "files_of",
    "find_opened",
    "load_case",
    "propose_protection",
    "record_guardian",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """A case's row and the authorities that take part in it."""

    row: Row[Any]
    parties: frozenset[Address]


_WITH_PARTIES = Query(
    select(CASE_FILE, CASE_PARTY.c.address)
    .join_from(CASE_FILE, CASE_PARTY, isouter=True)
    .where(CASE_FILE.c.reference == bindparam("of"))
)


def load_case(connection: Connection, reference: CaseReference) -> KnownCase | None:
    """The case with its parties, in one look."""
    rows = _WITH_PARTIES.all(connection, of=reference)
    if not rows:
        return None
    return KnownCase(
        row=rows[0], parties=frozenset(Address(row.address) for row in rows if row.address is not None)
    )


def add_alias(
    connection: Connection, reference: CaseReference, same_as: CaseReference, noted_at: datetime
) -> None:
    """Once; whoever says it again changes nothing."""
    connection.execute(
        insert(CASE_ALIAS).prefix_with("OR IGNORE"),
        {"reference": reference, "same_as": same_as, "noted_at": noted_at},
    )


def claims_around(
    connection: Connection, references: Iterable[CaseReference]
) -> frozenset[tuple[CaseReference, CaseReference]]:
    """Every claim, noted here, that one can come to from these references."""
    seen, at_the_edge = set(references), set(references)
    claims: set[tuple[CaseReference, CaseReference]] = set()
    while at_the_edge:
        rows = connection.execute(
            select(CASE_ALIAS.c.reference, CASE_ALIAS.c.same_as).where(
                or_(CASE_ALIAS.c.reference.in_(at_the_edge), CASE_ALIAS.c.same_as.in_(at_the_edge))
            )
        ).all()
        claims |= {(CaseReference(row.reference), CaseReference(row.same_as)) for row in rows}
        at_the_edge = {one for claim in claims for one in claim} - seen
        seen |= at_the_edge
    return frozenset(claims)


def files_of(connection: Connection, references: Iterable[CaseReference]) -> Sequence[Row[Any]]:
    """The rows of those of these cases that are here."""
    return connection.execute(select(CASE_FILE).where(CASE_FILE.c.reference.in_(list(references)))).all()


def find_opened(connection: Connection, opened_by: Address, opening_id: MessageId) -> KnownCase | None:
    """The case that this authority opened under that id of its own."""
    found = connection.execute(
        select(CASE_FILE.c.reference).where(
            CASE_FILE.c.opened_by == opened_by, CASE_FILE.c.opening_id == opening_id
        )
    ).scalar()
    return None if found is None else load_case(connection, CaseReference(found))


def add_case(
    connection: Connection,
    reference: CaseReference,
    *,
    role: str,
    opened_by: Address,
    opened_at: datetime,
    protection: str,
    opening_id: MessageId | None = None,
) -> None:
    connection.execute(
        insert(CASE_FILE),
        {
            "reference": reference,
            "role": role,
            "opened_at": opened_at,
            "opened_by": opened_by,
            "opening_id": opening_id,
            "protection": protection,
        },
    )
    add_parties(connection, reference, [opened_by])


def add_parties(connection: Connection, reference: CaseReference, addresses: Iterable[Address]) -> None:
    rows = [{"reference": reference, "address": address} for address in addresses]
    if rows:
        connection.execute(insert(CASE_PARTY), rows)


def propose_protection(connection: Connection, reference: CaseReference, status: str, person: str) -> None:
    """Keep what one person proposes; it changes nothing until a second person confirms."""
    connection.execute(
        update(CASE_FILE)
        .where(CASE_FILE.c.reference == reference)
        .values(protection_proposed=status, protection_proposed_by=person)
    )


def change_protection(connection: Connection, reference: CaseReference, status: str, at: datetime) -> None:
    connection.execute(
        update(CASE_FILE)
        .where(CASE_FILE.c.reference == reference)
        .values(
            protection=status,
            protection_proposed=None,
            protection_proposed_by=None,
            protection_changed_at=at,
        )
    )


def record_guardian(connection: Connection, reference: CaseReference, on: date | None) -> None:
    connection.execute(
        update(CASE_FILE)
        .where(CASE_FILE.c.reference == reference)
        .values(guardian_provided_on=None if on is None else on.isoformat())
    )
