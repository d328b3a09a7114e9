"""Messages and evidence as rows: recorded once, found by id, never changed but in their status."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from protocol.conversations import Thread, thread_from_json
from protocol.identifiers import CaseReference, MessageId, NodeCode, ThreadId
from service.store.tables import EVIDENCE, INBOX, MESSAGE, THREAD

__all__ = [
    "add_evidence",
    "add_inbox",
    "add_message",
    "delete_thread",
    "evidence_of",
    "evidence_token",
    "find_inbox",
    "find_message",
    "first_evidence",
    "has_evidence",
    "last_evidence",
    "load_thread",
    "messages_of_thread",
    "save_thread",
    "set_message",
    "thread_of_message",
]

type AnyRow = Row[tuple[Any, ...]]

# Statements of the busy paths are built once: building one costs as much as running it.
_FIND_MESSAGE = select(MESSAGE).where(
    MESSAGE.c.sender_node == bindparam("sender"), MESSAGE.c.id == bindparam("message")
)
_FIND_INBOX = select(INBOX).where(
    INBOX.c.sender_node == bindparam("sender"), INBOX.c.id == bindparam("message")
)
_FIND_THREAD = select(THREAD.c.snapshot).where(THREAD.c.id == bindparam("thread"))
_LAST_EVIDENCE = (
    select(EVIDENCE.c.digest)
    .where(EVIDENCE.c.sender_node == bindparam("sender"), EVIDENCE.c.id == bindparam("message"))
    .order_by(EVIDENCE.c.position.desc())
    .limit(1)
)
_ADD_MESSAGE = insert(MESSAGE)
_ADD_EVIDENCE = insert(EVIDENCE)
_ADD_INBOX = insert(INBOX)
_ADD_THREAD = insert(THREAD)
_CHANGE_THREAD = update(THREAD).where(THREAD.c.id == bindparam("thread"))


def find_message(connection: Connection, sender: NodeCode, message: MessageId) -> AnyRow | None:
    return connection.execute(_FIND_MESSAGE, {"sender": sender, "message": message}).one_or_none()


def add_message(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_ADD_MESSAGE, values)


def set_message(connection: Connection, sender: NodeCode, message: MessageId, **values: Any) -> None:
    connection.execute(
        update(MESSAGE).where(MESSAGE.c.sender_node == sender, MESSAGE.c.id == message).values(**values)
    )


def messages_of_thread(connection: Connection, thread: ThreadId) -> Sequence[AnyRow]:
    """In the order in which this node recorded them."""
    return connection.execute(
        select(MESSAGE).where(MESSAGE.c.thread == thread).order_by(MESSAGE.c.cursor)
    ).all()


def load_thread(connection: Connection, thread: ThreadId) -> Thread | None:
    snapshot = connection.execute(_FIND_THREAD, {"thread": thread}).scalar_one_or_none()
    return None if snapshot is None else thread_from_json(json.loads(snapshot))


def thread_of_message(connection: Connection, message: MessageId, case: CaseReference) -> ThreadId | None:
    """The conversation of a message of this case, whichever side sent it."""
    thread = connection.execute(
        select(MESSAGE.c.thread).where(MESSAGE.c.id == message, MESSAGE.c.case_reference == case)
    ).scalar()
    return None if thread is None else ThreadId(thread)


def save_thread(connection: Connection, thread: Thread, *, now: datetime, new: bool) -> None:
    values = {
        "state": thread.state,
        "answerer": thread.answerer,
        "due_at": thread.due.at if thread.due else None,
        "due_basis": thread.due.basis if thread.due else None,
        "snapshot": json.dumps(thread.to_json(), separators=(",", ":")),
        "updated_at": now,
    }
    if new:
        connection.execute(
            _ADD_THREAD,
            {
                **values,
                "id": thread.id,
                "procedure": thread.procedure,
                "case_reference": thread.case,
                "asker": thread.asker,
                "opened_at": thread.opened_at,
            },
        )
    else:
        connection.execute(_CHANGE_THREAD.values(**values), {"thread": thread.id})


def delete_thread(connection: Connection, thread: ThreadId) -> None:
    """A conversation whose opening message the other node refused was never opened."""
    connection.execute(delete(THREAD).where(THREAD.c.id == thread))


def find_inbox(connection: Connection, sender: NodeCode, message: MessageId) -> AnyRow | None:
    return connection.execute(_FIND_INBOX, {"sender": sender, "message": message}).one_or_none()


def add_inbox(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_ADD_INBOX, values)


def last_evidence(connection: Connection, sender: NodeCode, message: MessageId) -> str | None:
    """Digest of the newest evidence that we hold about the message: what the next one links to."""
    digest: str | None = connection.execute(
        _LAST_EVIDENCE, {"sender": sender, "message": message}
    ).scalar_one_or_none()
    return digest


def first_evidence(connection: Connection, sender: NodeCode, message: MessageId) -> str:
    """The token of the oldest evidence about the message: for our own messages, that of their submission."""
    token: str = connection.execute(
        select(EVIDENCE.c.token)
        .where(EVIDENCE.c.sender_node == sender, EVIDENCE.c.id == message)
        .order_by(EVIDENCE.c.position)
        .limit(1)
    ).scalar_one()
    return token


def evidence_of(connection: Connection, sender: NodeCode, message: MessageId) -> Sequence[AnyRow]:
    return connection.execute(
        select(EVIDENCE)
        .where(EVIDENCE.c.sender_node == sender, EVIDENCE.c.id == message)
        .order_by(EVIDENCE.c.position)
    ).all()


def evidence_token(connection: Connection, digest: str | None) -> str | None:
    token: str | None = connection.execute(
        select(EVIDENCE.c.token).where(EVIDENCE.c.digest == digest)
    ).scalar_one_or_none()
    return token


def has_evidence(connection: Connection, digest: str) -> bool:
    return (
        connection.execute(select(EVIDENCE.c.position).where(EVIDENCE.c.digest == digest)).first() is not None
    )


def add_evidence(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_ADD_EVIDENCE, values)
