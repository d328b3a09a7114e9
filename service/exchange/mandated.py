"""What waits to leave under a mandate: it leaves while that is in force, and not a moment longer.

A message that was accepted under a mandate which has ended since is refused here with the mandate's code, as
if the other node had said so. One for a State that runs a node of its own by now goes to that node instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, update
from sqlmodel import Session

from protocol import conversations
from protocol.directory import Directory
from protocol.directory.mandates import carried_by
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, MessageId, NodeCode, ThreadId, state_of
from service.exchange.letters import first_epoch
from service.exchange.receipts import take_back
from service.node import Node
from service.store import attachments, mailbox, outgoing, retention
from service.store.tables import OUTBOX

__all__ = ["Verdict", "apply_verdicts", "verdicts"]


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
            state="queued",
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
    return None if reached.node == row.recipient_node else Verdict(row=row, peer=reached.node)


def _set(session: Session, rows: Sequence[int], **values: Any) -> None:
    session.connection().execute(update(OUTBOX).where(OUTBOX.c.row.in_(rows)).values(**values))
