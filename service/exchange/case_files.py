"""A case as this node keeps it, turned into what the protocol's rules ask about."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row

from protocol import safeguards
from protocol.agreed import SUSPENSION
from protocol.case_file import CaseFile, Document, ProtectionStatus, Role
from protocol.content import Content
from protocol.deadlines import CorridorProfile
from protocol.directory import AuthorityEntry, Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, StateCode, ThreadId, state_of
from protocol.safeguards.sending import WITHHELD
from protocol.same_child import references_of, strictest
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
    "held_elsewhere",
    "may_leave_anyway",
    "names_another",
    "own_case",
    "protection_in_effect",
    "protections",
    "require_party_state",
    "require_tellable",
    "same_child",
    "whole_file",
    "withheld",
]


def case_file(
    row: Row[Any],
    documents: tuple[Document, ...] = (),
    *,
    elsewhere: ProtectionStatus = ProtectionStatus.NOT_SOUGHT,
) -> CaseFile:
    return CaseFile(
        reference=CaseReference(row.reference),
        role=Role(row.role),
        protection=protection_in_effect(row),
        destination=state_of(Address(row.opened_by)),
        documents=documents,
        elsewhere=elsewhere,
    )


def file_for(
    connection: Connection,
    row: Row[Any],
    message_type: str,
    directory: Directory,
    between: Collection[StateCode],
) -> CaseFile:
    """The case as the safeguards of such a message ask about it: with its documents only where one of them
    reads documents, so that an ordinary message costs no reading."""
    bare = case_file(row, elsewhere=_elsewhere(connection, row))
    if safeguards.needs_documents(message_type, withheld=bare.withheld):
        return whole_file(connection, row, directory, between=between)
    return bare


def whole_file(
    connection: Connection,
    row: Row[Any],
    directory: Directory | None,
    *,
    between: Collection[StateCode] | None = None,
) -> CaseFile:
    """With every message that was said or taken here, and beside them those under other references of the
    same child, where each of the States in `between` takes part in those cases too; None: each that takes
    part in this one.

    While nothing may leave, what is still without a number here has not been said to anybody, and is left
    out: a suspension must not rest on it. Suspensions are counted all the same, because of that one that may
    leave. The statements are our own store's, checked when they came. `directory`: by it a consent on paper
    counts, or not any more.
    """
    bare = case_file(row, elsewhere=_elsewhere(connection, row))
    reference = CaseReference(row.reference)
    others = same_child(connection, reference) - {reference}
    if others:
        if between is None:
            between = _states(cases.load_case(connection, reference))
        others = frozenset(one for one in others if set(between) <= _states(cases.load_case(connection, one)))
    under = {one: _documents(connection, one, held=bare.withheld) for one in (reference, *sorted(others))}
    confirmed = [consents.confirmed(connection, one, directory) for one in under]
    return dataclasses.replace(
        bare,
        documents=under.pop(reference),
        others=tuple(document for documents in under.values() for document in documents),
        confirmed=frozenset().union(*confirmed),
    )


def _documents(connection: Connection, reference: CaseReference, *, held: bool) -> tuple[Document, ...]:
    return tuple(
        _document(message)
        for message in mailbox.messages_of_case(connection, reference)
        if message.status != "refused"
        and not (held and message.status == "accepted" and message.type != SUSPENSION)
    )


def _states(case: KnownCase | None) -> frozenset[StateCode]:
    return frozenset() if case is None else frozenset(state_of(party) for party in case.parties)


def same_child(connection: Connection, reference: CaseReference) -> frozenset[CaseReference]:
    """The references that stand for this child, as far as anybody told this node; this one too."""
    return references_of(reference, cases.claims_around(connection, [reference]))


def protections(
    connection: Connection, references: Collection[CaseReference]
) -> Mapping[CaseReference, ProtectionStatus]:
    """Of each of these cases, and of every other reference of the same children, whether anything may leave:
    the strictest status of the child's. `not-sought` where this State is nowhere the destination."""
    claims = cases.claims_around(connection, references)
    everyone = {*references, *(one for claim in claims for one in claim)}
    rows = {CaseReference(row.reference): row for row in cases.files_of(connection, everyone)}
    return {
        one: strictest(
            protection_in_effect(rows[other])
            for other in (references_of(one, claims) if claims else (one,))
            if other in rows and rows[other].role == Role.DESTINATION
        )
        for one in rows
    }


def withheld(connection: Connection, reference: CaseReference) -> bool:
    """Whether nothing of the case may leave (safeguard 11)."""
    found = protections(connection, [reference])
    return found.get(reference, ProtectionStatus.NOT_SOUGHT) is not ProtectionStatus.NOT_SOUGHT


def _elsewhere(connection: Connection, row: Row[Any]) -> ProtectionStatus:
    others = same_child(connection, CaseReference(row.reference)) - {row.reference}
    if not others:
        return ProtectionStatus.NOT_SOUGHT
    return strictest(
        protection_in_effect(other)
        for other in cases.files_of(connection, others)
        if other.role == Role.DESTINATION
    )


def held_elsewhere(connection: Connection, row: Row[Any]) -> bool:
    """Whether another reference of the same child holds this one."""
    return _elsewhere(connection, row) is not ProtectionStatus.NOT_SOUGHT


def names_another(content: Content) -> bool:
    """Whether it says that another case is the same child's."""
    return content.type == mailbox.ALIAS and content.coded.get("same_as") is not None


def require_tellable(connection: Connection, actor: Actor, content: Content) -> None:
    """Refuses `case.alias_withheld` for an alias that would tell the recipient of a case of which it may not
    be told: one that is not the actor's, or not here, or from which nothing may leave. Which of them it is,
    is not said."""
    if not names_another(content):
        return
    same_as = content.coded["same_as"]
    other = cases.load_case(connection, CaseReference(same_as))
    if (
        other is None
        or actor.authorities.isdisjoint(other.parties)
        or withheld(connection, CaseReference(same_as))
    ):
        raise NotAcceptable(
            "case.alias_withheld",
            "expected a case of your authorities of which the recipient may be told",
            field="/coded/same_as",
        )


def may_leave_anyway(connection: Connection, reference: CaseReference) -> tuple[MessageId, ...]:
    """Suspensions without a cause that nobody has answered for yet: safeguard 11 let them through."""
    return tuple(
        MessageId(message.id)
        for message in mailbox.messages_of_case(connection, reference)
        if message.type == SUSPENSION
        and message.direction == "out"
        and message.status in ("accepted", "sent")
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
