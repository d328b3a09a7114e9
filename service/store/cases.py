"""Case files and who takes part in them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from protocol.identifiers import Address, CaseReference, StateCode
from service.store.tables import CASE_FILE, CASE_PARTY

__all__ = [
    "add_case",
    "add_parties",
    "change_protection",
    "find_case",
    "parties",
    "party_states",
    "propose_protection",
]


def find_case(connection: Connection, reference: CaseReference) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(CASE_FILE).where(CASE_FILE.c.reference == reference)).one_or_none()


def add_case(
    connection: Connection,
    reference: CaseReference,
    *,
    role: str,
    opened_by: Address,
    opened_at: datetime,
    protection: str,
) -> None:
    connection.execute(
        insert(CASE_FILE),
        {
            "reference": reference,
            "role": role,
            "opened_at": opened_at,
            "opened_by": opened_by,
            "protection": protection,
        },
    )
    add_parties(connection, reference, [opened_by])


def parties(connection: Connection, reference: CaseReference) -> frozenset[Address]:
    rows = connection.execute(select(CASE_PARTY.c.address).where(CASE_PARTY.c.reference == reference))
    return frozenset(Address(row.address) for row in rows)


def party_states(addresses: Iterable[Address]) -> frozenset[StateCode]:
    return frozenset(StateCode(address.partition(".")[0]) for address in addresses)


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
