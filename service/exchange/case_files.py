"""A case as this node keeps it, turned into what the protocol's rules ask about."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from protocol.directory import AuthorityEntry, Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, state_of
from protocol.safeguards import CaseFile, ProtectionStatus, Role
from service.access.actor import Actor
from service.errors import NotFound
from service.store import cases
from service.store.cases import KnownCase

__all__ = ["answering_entry", "case_file", "own_case", "protection_in_effect", "require_party_state"]


def case_file(row: Row[Any]) -> CaseFile:
    return CaseFile(
        reference=CaseReference(row.reference), role=Role(row.role), protection=protection_in_effect(row)
    )


def protection_in_effect(row: Row[Any]) -> ProtectionStatus:
    """The settled status, or a stricter one that a first person has proposed: when in doubt, nothing
    leaves."""
    settled = ProtectionStatus(row.protection)
    if settled is ProtectionStatus.NOT_SOUGHT and row.protection_proposed:
        return ProtectionStatus(row.protection_proposed)
    return settled


def own_case(connection: Connection, actor: Actor, reference: CaseReference) -> KnownCase:
    """The case, for an actor that acts for one of its parties.

    NotFound `request.not_found` alike for a case that does not exist and one that is not the actor's:
    whether a reference is in use tells something about a child.
    """
    case = cases.load_case(connection, reference)
    if case is None or actor.authorities.isdisjoint(case.parties):
        raise NotFound("request.not_found", "no such case among those of your authorities")
    return case


def require_party_state(case: KnownCase, peer: Address) -> None:
    """Refuses `case.unknown` unless the peer's State takes part in the case already.

    The same answer as for a case that does not exist: a stranger learns nothing by asking.
    """
    if state_of(peer) not in {state_of(party) for party in case.parties}:
        raise NotAcceptable("case.unknown", "no such case between these States")


def answering_entry(directory: Directory, digest: str | None) -> AuthorityEntry | None:
    """The calendar that the statement is counted on. A node's entry under that digest is no calendar."""
    entry = None if digest is None else directory.entry_by_digest(digest)
    return entry if isinstance(entry, AuthorityEntry) else None
