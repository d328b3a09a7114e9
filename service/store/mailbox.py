"""Messages and evidence as rows: recorded once, found by id, never changed but in their status."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from protocol.conversations import Thread, thread_from_json
from protocol.identifiers import CaseReference, MessageId, NodeCode, ThreadId
from protocol.statements import StatementType, read
from service.store import deadlines
from service.store.cases import add_alias
from service.store.prepared import Adding, Change, Query
from service.store.tables import EVIDENCE, INBOX, MESSAGE, OUTBOX, THREAD

__all__ = [
    "ALIAS",
    "add_evidence",
    "add_inbox",
    "add_message",
    "any_refused",
    "came_in_epochs",
    "confirmed_attestations",
    "delete_thread",
    "evidence_of",
    "evidence_token",
    "find_inbox",
    "find_message",
    "first_evidence",
    "has_evidence",
    "last_evidence",
    "load_thread",
    "mark_sent",
    "messages_of_case",
    "messages_of_thread",
    "replace_message",
    "save_thread",
    "set_message",
    "thread_of_message",
]

ALIAS: Final = "case.alias"

type AnyRow = Row[tuple[Any, ...]]

_THIS_MESSAGE = (MESSAGE.c.sender_node == bindparam("sender"), MESSAGE.c.id == bindparam("message"))

_FIND_MESSAGE = Query(select(MESSAGE).where(*_THIS_MESSAGE))
_FIND_INBOX = Query(
    select(INBOX).where(INBOX.c.sender_node == bindparam("sender"), INBOX.c.id == bindparam("message"))
)
_FIND_THREAD = Query(select(THREAD.c.snapshot).where(THREAD.c.id == bindparam("thread")))
_LAST_EVIDENCE = Query(
    select(EVIDENCE.c.digest)
    .where(EVIDENCE.c.sender_node == bindparam("sender"), EVIDENCE.c.id == bindparam("message"))
    .order_by(EVIDENCE.c.position.desc())
    .limit(1)
)
_HAS_EVIDENCE = Query(select(EVIDENCE.c.position).where(EVIDENCE.c.digest == bindparam("wanted")))
_ADD_MESSAGE = Adding(MESSAGE)
_ADD_EVIDENCE = Adding(EVIDENCE)
_ADD_INBOX = Adding(INBOX)
_ADD_THREAD = Adding(THREAD)
_SET_STATUS = Change(update(MESSAGE).where(*_THIS_MESSAGE).values(status=bindparam("new_status")))
_MARK_SENT = (
    update(MESSAGE)
    .where(
        MESSAGE.c.sender_node == bindparam("by"),
        MESSAGE.c.id == bindparam("message"),
        MESSAGE.c.status == "accepted",
    )
    .values(status="sent")
)
_THREAD_CHANGES = ("state", "answerer", "due_at", "due_basis", "snapshot", "updated_at")
_CHANGE_THREAD = Change(
    update(THREAD)
    .where(THREAD.c.id == bindparam("thread"))
    .values({name: bindparam(f"new_{name}") for name in _THREAD_CHANGES})
)


def find_message(connection: Connection, sender: NodeCode, message: MessageId) -> AnyRow | None:
    return _FIND_MESSAGE.one(connection, sender=sender, message=message)


def add_message(connection: Connection, values: Mapping[str, Any]) -> None:
    """By whichever way it came here: what an alias says of another reference is known from now on."""
    _ADD_MESSAGE.run(connection, values)
    if values["type"] == ALIAS:
        coded = read(values["statement"], typ=StatementType.CONTENT).claims.get("coded")
        if isinstance(coded, dict) and coded.get("same_as") is not None:
            case, other = CaseReference(values["case_reference"]), CaseReference(coded["same_as"])
            add_alias(connection, case, other, values["recorded_at"])


def set_message(connection: Connection, sender: NodeCode, message: MessageId, **values: Any) -> None:
    if values.keys() == {"status"}:  # nearly always
        _SET_STATUS.run(connection, sender=sender, message=message, new_status=values["status"])
        return
    connection.execute(
        update(MESSAGE).where(MESSAGE.c.sender_node == sender, MESSAGE.c.id == message).values(**values)
    )


def replace_message(connection: Connection, cursor: int, values: Mapping[str, Any]) -> None:
    """Another statement stands under the message's id, the only one that ever counted for the other node."""
    connection.execute(update(MESSAGE).where(MESSAGE.c.cursor == cursor).values(values))


def mark_sent(connection: Connection, sender: NodeCode, messages: Iterable[MessageId]) -> None:
    """Our messages that have a number now. What is answered already stays so."""
    rows = [{"by": sender, "message": message} for message in messages]
    if rows:
        connection.execute(_MARK_SENT, rows)


def messages_of_case(connection: Connection, case: CaseReference) -> Sequence[AnyRow]:
    """In the order in which this node recorded them."""
    return connection.execute(
        select(MESSAGE).where(MESSAGE.c.case_reference == case).order_by(MESSAGE.c.cursor)
    ).all()


def messages_of_thread(connection: Connection, thread: ThreadId) -> Sequence[AnyRow]:
    """In the order in which this node recorded them."""
    return connection.execute(
        select(MESSAGE).where(MESSAGE.c.thread == thread).order_by(MESSAGE.c.cursor)
    ).all()


def load_thread(connection: Connection, thread: ThreadId) -> Thread | None:
    row = _FIND_THREAD.one(connection, thread=thread)
    return None if row is None else thread_from_json(json.loads(row.snapshot))


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
        _ADD_THREAD.run(
            connection,
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
        _CHANGE_THREAD.run(
            connection, thread=thread.id, **{f"new_{name}": value for name, value in values.items()}
        )
    deadlines.save(connection, thread, now=now, new=new)


def delete_thread(connection: Connection, thread: ThreadId) -> None:
    """A conversation whose opening message the other node refused was never opened."""
    connection.execute(delete(THREAD).where(THREAD.c.id == thread))
    deadlines.drop(connection, thread)


def find_inbox(connection: Connection, sender: NodeCode, message: MessageId) -> AnyRow | None:
    return _FIND_INBOX.one(connection, sender=sender, message=message)


def came_in_epochs(
    connection: Connection, sender: NodeCode, *, first: str, before: str
) -> Sequence[tuple[MessageId, str, int]]:
    """Messages that the node sent in its epochs from `first` to before `before` and that were consigned here,
    in the order of their numbers: id, epoch, sequence. Left out is what stands in the outbox to be returned.
    """
    returned = select(OUTBOX.c.row).where(
        OUTBOX.c.message_id == INBOX.c.id,
        OUTBOX.c.sender_node == INBOX.c.sender_node,
        OUTBOX.c.kind == "returned",
    )
    rows = connection.execute(
        select(INBOX.c.id, INBOX.c.epoch, INBOX.c.sequence)
        .join_from(
            INBOX,
            MESSAGE,
            (MESSAGE.c.sender_node == INBOX.c.sender_node) & (MESSAGE.c.id == INBOX.c.id),
        )
        .where(
            INBOX.c.sender_node == sender,
            INBOX.c.outcome == "consigned",
            INBOX.c.epoch >= first,
            INBOX.c.epoch < before,
            MESSAGE.c.direction == "in",
            ~returned.exists(),
        )
        .order_by(INBOX.c.epoch, INBOX.c.sequence)
    )
    return [(MessageId(row.id), row.epoch, row.sequence) for row in rows]


def add_inbox(connection: Connection, values: Mapping[str, Any]) -> None:
    _ADD_INBOX.run(connection, values)


def last_evidence(connection: Connection, sender: NodeCode, message: MessageId) -> str | None:
    """Digest of the newest evidence that we hold about the message: what the next one links to."""
    row = _LAST_EVIDENCE.one(connection, sender=sender, message=message)
    return None if row is None else str(row.digest)


def first_evidence(connection: Connection, sender: NodeCode, message: MessageId) -> str:
    """The token of the submission of one of our messages, which every one of them has."""
    token: str = connection.execute(
        select(EVIDENCE.c.token)
        .where(
            EVIDENCE.c.sender_node == sender,
            EVIDENCE.c.id == message,
            EVIDENCE.c.kind == "submission-accepted",
        )
        .order_by(EVIDENCE.c.position)
        .limit(1)
    ).scalar_one()
    return token


def any_refused(connection: Connection, sender: NodeCode, digests: Collection[str]) -> bool:
    """Whether a statement of that node under one of these digests was refused here."""
    if not digests:
        return False
    found = select(INBOX.c.id).where(
        INBOX.c.sender_node == sender, INBOX.c.statement_digest.in_(digests), INBOX.c.outcome == "refused"
    )
    return connection.execute(found.limit(1)).first() is not None


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
    return _HAS_EVIDENCE.one(connection, wanted=digest) is not None


def confirmed_attestations(connection: Connection, case: CaseReference) -> frozenset[str]:
    """Digests of the attestations of this case whose consent on paper two people have confirmed."""
    rows = connection.execute(
        select(MESSAGE.c.statement_digest)
        .join_from(
            MESSAGE,
            EVIDENCE,
            (EVIDENCE.c.sender_node == MESSAGE.c.sender_node) & (EVIDENCE.c.id == MESSAGE.c.id),
        )
        .where(MESSAGE.c.case_reference == case, EVIDENCE.c.kind == "paper-consent-confirmed")
    )
    return frozenset(rows.scalars())


def add_evidence(connection: Connection, values: Mapping[str, Any]) -> None:
    _ADD_EVIDENCE.run(connection, values)
