"""What waits to be handed over to authorities without a node, as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, tuple_, update

from protocol.identifiers import Address, CaseReference, MessageId, NodeCode
from service.store.tables import MESSAGE, RELAY

__all__ = ["add", "change", "drop_envelopes", "find", "is_sealed_past", "of_message", "pending"]

_OPEN = ("waiting", "failed")


def add(
    connection: Connection,
    *,
    sender: NodeCode,
    message: MessageId,
    recipient: Address,
    case: CaseReference | None,
    envelope: bytes | None,
    now: datetime,
) -> None:
    connection.execute(
        insert(RELAY).values(
            sender_node=sender,
            id=message,
            recipient=recipient,
            case_reference=case,
            envelope=envelope,
            state="waiting",
            attempts=0,
            received_at=now,
            changed_at=now,
        )
    )


def find(connection: Connection, sender: NodeCode, message: MessageId) -> Row[Any] | None:
    return connection.execute(
        select(RELAY).where(RELAY.c.sender_node == sender, RELAY.c.id == message)
    ).first()


def of_message(
    connection: Connection, message: MessageId, recipients: Collection[Address]
) -> Row[Any] | None:
    """By its id alone, as people and the API ask: the oldest, where two nodes chose the same."""
    return connection.execute(
        select(RELAY)
        .where(RELAY.c.id == message, RELAY.c.recipient.in_(sorted(recipients)))
        .order_by(RELAY.c.received_at, RELAY.c.sender_node)
        .limit(1)
    ).first()


def pending(
    connection: Connection, recipients: Collection[Address], most: int, *, after: Row[Any] | None = None
) -> Sequence[Row[Any]]:
    """What is not handed over yet, oldest first, with the message's row beside it where it could be read.
    `after`: the last row of the page before."""
    place = (RELAY.c.received_at, RELAY.c.id, RELAY.c.sender_node)
    further = () if after is None else (tuple_(*place) > (after.received_at, after.id, after.sender_node),)
    return connection.execute(
        select(RELAY, MESSAGE.c.type, MESSAGE.c.sender, MESSAGE.c.thread, MESSAGE.c.due_at, MESSAGE.c.urgency)
        .join_from(
            RELAY,
            MESSAGE,
            (MESSAGE.c.sender_node == RELAY.c.sender_node) & (MESSAGE.c.id == RELAY.c.id),
            isouter=True,
        )
        .where(RELAY.c.state.in_(_OPEN), RELAY.c.recipient.in_(sorted(recipients)), *further)
        .order_by(*place)
        .limit(most)
    ).all()


def change(connection: Connection, row: Row[Any], **values: Any) -> bool:
    """False when somebody else changed it since `row` was read."""
    changed = connection.execute(
        update(RELAY)
        .where(
            RELAY.c.sender_node == row.sender_node,
            RELAY.c.id == row.id,
            RELAY.c.state == row.state,
            RELAY.c.attempts == row.attempts,
        )
        .values(**values)
    )
    return changed.rowcount == 1


def is_sealed_past(connection: Connection, sender: str, message: str) -> bool:
    """A part of the message was sealed past this node."""
    row = find(connection, NodeCode(sender), MessageId(message))
    return row is not None and row.envelope is not None


def drop_envelopes(connection: Connection, case: CaseReference) -> None:
    """What was sealed past this node goes with the case's own parts."""
    connection.execute(update(RELAY).where(RELAY.c.case_reference == case).values(envelope=None))
