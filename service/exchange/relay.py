"""Handing messages over to authorities that have no node, and saying what became of it.

    taken in     a row waits                                     (`await_hand_over`)
    handed over  or not: signed by this node, told to the sender, on both timelines (`record_relay`)

The clock runs on whatever is recorded here: only what the authority answers moves a conversation.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import conversations
from protocol.directory import Directory
from protocol.directory.mandates import carried_by, is_intermediary_node
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, state_of
from service.access import journal
from service.access.actor import Actor
from service.errors import Conflict, NotFound
from service.exchange import proof
from service.exchange.covered import speaks_as
from service.exchange.views import PendingRelay, PendingRelays, RelayOutcome, RelayView
from service.node import Node
from service.store import mailbox, relay

__all__ = [
    "await_hand_over",
    "pending_relays",
    "record_relay",
    "relay_envelope",
    "require_mandate_for",
]

SHOWN_AT_MOST: Final = 200
_EXPORTED: Final = "envelope-exported"
_KINDS: Final = {"handed-over": "relayed-to-non-node", "failed": "relay-failed"}


def await_hand_over(
    node: Node,
    session: Session,
    *,
    directory: Directory,
    sender: NodeCode,
    message: MessageId,
    recipient: Address,
    case: CaseReference | None,
    envelope: bytes | None,
    now: datetime,
) -> None:
    """Nothing, unless this node is an intermediary's for the recipient."""
    if is_intermediary_node(directory, node.code, recipient):
        relay.add(
            session.connection(),
            sender=sender,
            message=message,
            recipient=recipient,
            case=case,
            envelope=envelope,
            now=now,
        )


def require_mandate_for(node: Node, session: Session, actor: Actor, row: Row[Any], at: datetime) -> None:
    """Refuses as `carried_by`: what waits here is handed over under a mandate in force at `at`, given to the
    actor's own intermediary, or not at all."""
    directory = node.directory.current()
    own = speaks_as(node, directory, actor)
    message = mailbox.find_message(session.connection(), NodeCode(row.sender_node), MessageId(row.id))
    if message is None:  # sealed past this node: whatever mandate there is
        carried_by(
            directory,
            Address(row.recipient),
            procedure=None,
            towards=directory.state_of_node(NodeCode(row.sender_node)),
            at=at,
            blind=True,
            by=own,
        )
        return
    thread = mailbox.load_thread(session.connection(), ThreadId(message.thread))
    carrier = carried_by(
        directory,
        Address(row.recipient),
        procedure=conversations.procedure_of(message.type, thread),
        towards=state_of(Address(message.sender)),
        at=at,
        by=own,
    )
    if carrier.node != node.code:
        raise NotAcceptable(
            "intermediary.own_node", f"{row.recipient} has a node of its own, and is reached there"
        )


async def pending_relays(node: Node, actor: Actor) -> PendingRelays:
    """What the actor's authorities are to be handed, oldest first; nothing that no mandate of their own
    intermediary covers now."""
    now = node.clock.now()

    def work(session: Session) -> PendingRelays:
        found: list[PendingRelay] = []
        for row in _waiting(session, actor):
            try:
                require_mandate_for(node, session, actor, row, now)
            except NotAcceptable:
                continue
            if len(found) == SHOWN_AT_MOST:
                return PendingRelays(at=now, messages=tuple(found), more=True)
            found.append(_pending(row))
        return PendingRelays(at=now, messages=tuple(found), more=False)

    return await node.store.read(work)


async def record_relay(node: Node, actor: Actor, message: MessageId, outcome: RelayOutcome) -> RelayView:
    """Sign what became of handing a message over, and send that back. The same again gets the same answer; a
    failure may be followed by another, or by the hand-over.

    NotFound `relay.not_to_hand_over`; Conflict `relay.done` when it was handed over already and now by
    another way, or not, and `relay.sealed_part_here` when a part was sealed past this node and nobody has
    taken its envelope out, so that it is nowhere but here; NotAcceptable as `require_mandate_for`, of what
    was recorded already also as of then.
    """
    now = node.clock.now()
    directory = node.directory.current()

    def work(session: Session) -> RelayView:
        connection = session.connection()
        row = _own(session, actor, message)
        same_failure = ("failed", outcome.way, outcome.reason, outcome.attempt)
        if row.state == "handed-over" or (row.state, row.way, row.code, row.attempts) == same_failure:
            try:
                require_mandate_for(node, session, actor, row, now)
            except NotAcceptable:
                # Whoever recorded it under a mandate that has ended since asks perhaps for a lost answer.
                require_mandate_for(node, session, actor, row, row.changed_at)
            if row.state == outcome.outcome and row.way == outcome.way:
                return _view(session, row)
            raise Conflict("relay.done", "it was handed over, as its evidence says")
        require_mandate_for(node, session, actor, row, now)
        done = outcome.outcome == "handed-over"
        if done and row.envelope is not None and not journal.was_done(session, _EXPORTED, message):
            raise Conflict("relay.sealed_part_here", "its envelope was never taken out of this node")
        sender = NodeCode(row.sender_node)
        known = mailbox.find_message(connection, sender, message)
        proven = proof.issue(
            node,
            session,
            kind=_KINDS[outcome.outcome],
            sender=sender,
            message=message,
            statement_digest=None if known is None else known.statement_digest,
            manifest_digest=_manifest(session, sender, message) if known is None else None,
            code=outcome.reason,
            facts={"way": outcome.way},
            directory=directory,
            now=now,
            to=sender,
        )
        relay.change(
            connection,
            row,
            state=outcome.outcome,
            attempts=row.attempts + 1,
            way=outcome.way,
            code=outcome.reason,
            changed_at=now,
            evidence_digest=proven.digest,
            # Whoever it was sealed to has it now.
            **({"envelope": None} if done else {}),
        )
        journal.note(session, actor, f"relay-{outcome.outcome}", message, at=now, reason=outcome.reason)
        return _view(session, _own(session, actor, message))

    view = await node.store.write(work)
    node.wake.outbox_ready.notify()
    return view


async def relay_envelope(node: Node, actor: Actor, message: MessageId) -> bytes:
    """The envelope as it came, for the authority to open what was sealed past this node.

    NotFound `relay.not_to_hand_over` where nothing of it was.
    """
    now = node.clock.now()

    def work(session: Session) -> bytes:
        row = _own(session, actor, message)
        if row.envelope is None:
            raise NotFound("relay.not_to_hand_over", "nothing of this message was sealed past this node")
        require_mandate_for(node, session, actor, row, now)
        journal.note(session, actor, _EXPORTED, message, at=now)
        data: bytes = row.envelope
        return data

    return await node.store.write(work)


def _waiting(session: Session, actor: Actor) -> Iterator[Row[Any]]:
    """All of it, some at a time: what another intermediary of this node is to hand over stands in front of
    nothing."""
    after: Row[Any] | None = None
    while rows := relay.pending(session.connection(), actor.authorities, SHOWN_AT_MOST, after=after):
        yield from rows
        after = rows[-1]


def _own(session: Session, actor: Actor, message: MessageId) -> Row[Any]:
    row = relay.of_message(session.connection(), message, actor.authorities)
    if row is None or row.state == "moved":
        raise NotFound("relay.not_to_hand_over", "no such message waits for your authorities")
    return row


def _manifest(session: Session, sender: NodeCode, message: MessageId) -> str | None:
    found = mailbox.find_inbox(session.connection(), sender, message)
    return None if found is None else str(found.manifest_digest)


def _pending(row: Row[Any]) -> PendingRelay:
    return PendingRelay(
        id=MessageId(row.id),
        sender_node=NodeCode(row.sender_node),
        recipient=Address(row.recipient),
        received_at=row.received_at,
        attempts=row.attempts,
        sealed=row.envelope is not None,
        readable=row.type is not None,
        way=row.way,
        reason=row.code,
        type=row.type,
        sender=None if row.sender is None else Address(row.sender),
        case=None if row.case_reference is None else CaseReference(row.case_reference),
        thread=None if row.thread is None else ThreadId(row.thread),
        due_at=row.due_at,
        urgency=row.urgency,
    )


def _view(session: Session, row: Row[Any]) -> RelayView:
    token = mailbox.evidence_token(session.connection(), row.evidence_digest)
    assert token is not None, "every outcome is signed"
    return RelayView(
        id=MessageId(row.id),
        sender_node=NodeCode(row.sender_node),
        outcome=row.state,
        way=row.way,
        reason=row.code,
        attempt=row.attempts,
        recorded_at=row.changed_at,
        evidence=token,
    )
