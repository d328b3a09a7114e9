"""What waits to leave under a mandate: it leaves while that is in force, and not a moment longer.

A message that was accepted under a mandate which has ended since is refused here with the mandate's code, as
if the other node had said so; likewise one that was numbered as readable to the intermediary and is not any
more. One for a State that runs a node of its own by now goes to that node instead. And what an intermediary
holds of a State whose mandate has ended is blocked: kept for the State's own node, and read by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select, update
from sqlmodel import Session

from protocol import conversations
from protocol.agreed import SUSPENSION
from protocol.content import read_content
from protocol.directory import Directory
from protocol.directory.entries import state_of_member
from protocol.directory.mandates import carried_by, intermediary_of_node
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, StateCode, ThreadId, state_of
from protocol.safeguards.sending import WITHHELD
from service.access import journal
from service.access.actor import Actor
from service.access.roles import Role, Scope
from service.exchange import case_files
from service.exchange.letters import first_epoch, was_sealed_past
from service.exchange.message_row import stored_statement
from service.exchange.receipts import take_back
from service.node import Node
from service.store import attachments, cases, mailbox, outgoing, retention
from service.store.tables import CASE_PARTY, CASE_RETENTION, OUTBOX

__all__ = ["MANDATE_ENDED", "Verdict", "apply_blocks", "apply_verdicts", "cases_to_block", "verdicts"]

MANDATE_ENDED: Final = "mandate-ended"
"""Why a case is blocked at an intermediary: nobody whose State takes part in it lets it act any more."""
_BY_ITSELF: Final = Actor(
    person="node",
    role=Role.ADMINISTRATOR,
    authorities=frozenset(),
    scopes=frozenset({Scope.RETENTION_WRITE}),
    expires_at=datetime.max.replace(tzinfo=UTC),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """On one outbox row: refused with `code`, or on its way to another node."""

    row: Row[Any]
    code: str | None = None
    peer: NodeCode | None = None


def verdicts(
    node: Node, session: Session, rows: Sequence[Row[Any]], directory: Directory, now: datetime
) -> tuple[Verdict, ...]:
    """Of the rows with content that an intermediary's node sends or receives; of all others nothing."""
    found = []
    for row in rows:
        if row.kind != "content" or not _involved(node, row):
            continue
        verdict = _verdict(session, row, directory, now)
        if verdict is not None:
            found.append(verdict)
    return tuple(found)


def apply_verdicts(node: Node, session: Session, found: Sequence[Verdict], now: datetime) -> None:
    connection = session.connection()
    ended = [one for one in found if one.code is not None]
    for one in ended:
        message = MessageId(one.row.message_id)
        known = mailbox.find_message(connection, node.code, message)
        if known is None or known.status not in ("held", "accepted", "sent"):
            continue
        mailbox.set_message(connection, node.code, message, status="refused", refusal_code=one.code)
        take_back(node, session, ThreadId(known.thread), message, now)
        node.log.info("outbox.ended", code=one.code, id=message)
    _set(session, [one.row.row for one in ended], state="failed", done_at=now)
    for one in found:
        if one.peer is None:
            continue
        # Under its old number it was for another node. What was said, and its id, stay as they are.
        _set(
            session,
            [one.row.row],
            recipient_node=one.peer,
            # Without a number again, it is held like anything else of its case that has none (safeguard 11).
            state="held" if _is_held(connection, one.row) else "queued",
            epoch=None,
            sequence=None,
            envelope_id=None,
            attempts=0,
            next_attempt_at=now,
        )
        attachments.readdress(connection, node.code, MessageId(one.row.message_id), one.peer)
        node.log.info("outbox.readdressed", id=one.row.message_id, node=one.peer)
    for peer in retention.peers_left_with_a_gap([one.row for one in found]):
        outgoing.begin_epoch(connection, node.code, peer, first_epoch(now), now)


def cases_to_block(
    node: Node, session: Session, directory: Directory, now: datetime
) -> Mapping[CaseReference, bool]:
    """At an intermediary's node: True for a case that no State of those without a node lets it read any more,
    False for one that was blocked for that and is covered again. Nothing at a State's node.

    A case of several such States stays readable while one of them has a mandate in force; whose people may
    read which message of it, follows from the mandates at each request.
    """
    if node.state != "int":
        return {}
    connection = session.connection()
    here = intermediary_of_node(directory, node.code)
    acting = {entry.state for one in here for entry in directory.mandates(at=now, intermediary=one)}
    members = {state_of_member(member) for member in directory.archive.admissions}
    ended = {state for state in members if _was_given(directory, state, here)} - acting
    readable, blocked = (_cases_with(connection, ended, blocked=one) for one in (False, True))
    # Of a case in which two States without a node take part, the other may go on.
    to_block = readable - _cases_with(connection, acting, blocked=False) if readable else readable
    found = dict.fromkeys(sorted(to_block), True)
    if by_us := _blocked_by_mandate(connection):
        still = blocked - _cases_with(connection, acting, blocked=True)
        found |= dict.fromkeys(sorted(by_us - still), False)
    return found


def _cases_with(
    connection: Connection, states: Collection[StateCode], *, blocked: bool
) -> frozenset[CaseReference]:
    """Cases in which one of these States takes part, and that are blocked, or are not."""
    if not states:
        return frozenset()
    is_blocked = (
        select(CASE_RETENTION.c.reference)
        .where(CASE_RETENTION.c.reference == CASE_PARTY.c.reference, CASE_RETENTION.c.blocked_at.is_not(None))
        .exists()
    )
    rows = connection.execute(
        select(CASE_PARTY.c.reference)
        .where(
            or_(*(CASE_PARTY.c.address.like(f"{state}.%") for state in sorted(states))),
            is_blocked if blocked else ~is_blocked,
        )
        .distinct()
    )
    return frozenset(CaseReference(reference) for reference in rows.scalars())


def _blocked_by_mandate(connection: Connection) -> frozenset[CaseReference]:
    rows = connection.execute(
        select(CASE_RETENTION.c.reference).where(
            CASE_RETENTION.c.blocked_at.is_not(None), CASE_RETENTION.c.block_reason == MANDATE_ENDED
        )
    )
    return frozenset(CaseReference(reference) for reference in rows.scalars())


def apply_blocks(node: Node, session: Session, found: Mapping[CaseReference, bool], now: datetime) -> None:
    """From here on nobody reads narrative, identity or documents of these cases; or may again. Journalled."""
    for reference, block in found.items():
        if block == retention.is_blocked(session.connection(), reference):
            continue  # an administrator was faster
        retention.change(
            session.connection(),
            reference,
            blocked_at=now if block else None,
            block_reason=MANDATE_ENDED if block else None,
        )
        act = "retention-blocked" if block else "retention-unblocked"
        journal.note(session, _BY_ITSELF, act, reference, at=now, reason=MANDATE_ENDED)
        node.log.info("retention.changed", state="block" if block else "unblock")


def _was_given(directory: Directory, state: StateCode, here: Sequence[Address]) -> bool:
    """The State once gave a mandate to an intermediary at this node."""
    given = (one for versions in directory.archive.mandates(state).values() for one in versions)
    return any(one.facts.intermediary in here for one in given)


def _involved(node: Node, row: Row[Any]) -> bool:
    return node.state == "int" or row.recipient_node.startswith("int-")


def _verdict(session: Session, row: Row[Any], directory: Directory, now: datetime) -> Verdict | None:
    connection = session.connection()
    message = mailbox.find_message(connection, NodeCode(row.sender_node), MessageId(row.message_id))
    if message is None:
        return None
    thread = mailbox.load_thread(connection, ThreadId(message.thread))
    procedure = conversations.procedure_of(message.type, thread)
    sender, recipient = Address(message.sender), Address(message.recipient)
    try:
        speaks = carried_by(directory, sender, procedure=procedure, towards=state_of(recipient), at=now)
        if speaks.node != row.sender_node:
            # Its State speaks for itself now, and would have to say it again.
            return Verdict(row=row, code="intermediary.own_node")
        reached = carried_by(
            directory, recipient, procedure=procedure, towards=state_of(sender), at=now, blind=True
        )
    except NotAcceptable as reason:
        # Of the directory's own reasons most pass by: the row waits, as any other for that peer.
        return Verdict(row=row, code=reason.code) if reason.code.startswith("mandate.") else None
    if reached.node != row.recipient_node:
        return Verdict(row=row, peer=reached.node)
    if row.sequence is not None and not reached.readable and not was_sealed_past(session, row):
        # It was numbered as readable, and the mandate is narrower now. Sealed past the intermediary it would
        # count as something else under the same number: said again it is.
        return Verdict(row=row, code=_reason(recipient, sender, procedure, directory, now))
    return None


def _is_held(connection: Connection, row: Row[Any]) -> bool:
    message = mailbox.find_message(connection, NodeCode(row.sender_node), MessageId(row.message_id))
    case = None if message is None else cases.load_case(connection, CaseReference(message.case_reference))
    if message is None or case is None:
        return False
    coded = read_content(stored_statement(message), None, None).coded
    # The one thing that may leave: what is agreed is suspended, for the reason that several causes share.
    leaves = message.type == SUSPENSION and coded.get("suspension_reason") == WITHHELD
    return not leaves and case_files.withheld(connection, CaseReference(case.row.reference))


def _reason(
    recipient: Address, sender: Address, procedure: str | None, directory: Directory, now: datetime
) -> str:
    try:
        carried_by(directory, recipient, procedure=procedure, towards=state_of(sender), at=now)
    except NotAcceptable as reason:
        return reason.code
    raise AssertionError("what no mandate gives is refused")


def _set(session: Session, rows: Sequence[int], **values: Any) -> None:
    session.connection().execute(update(OUTBOX).where(OUTBOX.c.row.in_(rows)).values(**values))
