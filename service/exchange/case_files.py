"""A case as this node keeps it, turned into what the protocol's rules ask about."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Connection, Row

from protocol import safeguards
from protocol.agreed import SUSPENSION
from protocol.case_file import CaseFile, Document, ProtectionStatus, Role
from protocol.content import Content
from protocol.deadlines import CorridorProfile
from protocol.directory import AuthorityEntry, Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId, state_of
from protocol.safeguards.sending import WITHHELD
from protocol.statements import StatementType, read
from service.access.actor import Actor
from service.errors import NotFound
from service.exchange import consents
from service.store import cases, mailbox
from service.store.cases import KnownCase

__all__ = [
    "answering_entry",
    "case_file",
    "cited_profile",
    "file_for",
    "may_leave_anyway",
    "own_case",
    "protection_in_effect",
    "require_party_state",
    "whole_file",
]


def case_file(row: Row[Any], documents: tuple[Document, ...] = ()) -> CaseFile:
    return CaseFile(
        reference=CaseReference(row.reference),
        role=Role(row.role),
        protection=protection_in_effect(row),
        destination=state_of(Address(row.opened_by)),
        documents=documents,
    )


def file_for(connection: Connection, row: Row[Any], message_type: str, directory: Directory) -> CaseFile:
    """The case as the safeguards of such a message ask about it: with its documents only where one of them
    reads documents, so that an ordinary message costs no reading."""
    if safeguards.needs_documents(message_type, protection_in_effect(row)):
        return whole_file(connection, row, directory)
    return case_file(row)


def whole_file(connection: Connection, row: Row[Any], directory: Directory | None) -> CaseFile:
    """With every message that was said or taken here.

    While nothing may leave, what is still without a number here has not been said to anybody, and is left
    out: a suspension must not rest on it. Suspensions are counted all the same, because of that one that may
    leave. The statements are our own store's, checked when they came. `directory`: by it a consent on paper
    counts, or not any more.
    """
    held = protection_in_effect(row) is not ProtectionStatus.NOT_SOUGHT
    documents = tuple(
        _document(message)
        for message in mailbox.messages_of_case(connection, CaseReference(row.reference))
        if message.status != "refused"
        and not (held and message.status == "accepted" and message.type != SUSPENSION)
    )
    found = case_file(row, documents)
    confirmed = consents.confirmed(connection, CaseReference(row.reference), directory)
    return dataclasses.replace(found, confirmed=confirmed) if confirmed else found


def may_leave_anyway(connection: Connection, reference: CaseReference) -> tuple[MessageId, ...]:
    """Suspensions without a cause that wait to be numbered: safeguard 11 let them through."""
    return tuple(
        MessageId(message.id)
        for message in mailbox.messages_of_case(connection, reference)
        if message.type == SUSPENSION
        and message.status == "accepted"
        and _document(message).coded.get("suspension_reason") == WITHHELD
    )


def _document(row: Row[Any]) -> Document:
    claims = read(row.statement, typ=StatementType.CONTENT).claims
    coded, via = claims.get("coded"), claims.get("via")
    return Document(
        id=MessageId(row.id),
        digest=row.statement_digest,
        type=row.type,
        sender=Address(row.sender),
        recipient=Address(row.recipient),
        thread=ThreadId(row.thread),
        in_reply_to=row.in_reply_to and MessageId(row.in_reply_to),
        issued_at=row.issued_at,
        coded=coded if isinstance(coded, dict) else {},
        via=None if via is None else Address(via),
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


def cited_profile(directory: Directory, content: Content) -> CorridorProfile | None:
    """What the two States agreed, when the statement cites it: both nodes count by that and nothing else.

    Refuses `directory.unknown_profile`, `directory.profile_signatures`, and `directory.profile_not_in_force`
    for one of other States, not yet begun, or ended as far as is known here.
    """
    if content.corridor_profile is None:
        return None
    entry = directory.profile_by_digest(content.corridor_profile)
    between = {state_of(content.sender), state_of(content.recipient)}
    if set(entry.facts.terms.states) != between or not directory.archive.profile_in_force(
        entry, content.issued_at
    ):
        raise NotAcceptable(
            "directory.profile_not_in_force",
            "expected a profile in force between the two States when the message was signed",
        )
    return entry.facts.terms.agreed(entry.facts.profile_digest)
