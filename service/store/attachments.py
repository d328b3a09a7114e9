"""Attachments and their chunks as rows. One chunk at a time: nothing here reads a whole attachment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, literal_column, select, update

from protocol.identifiers import CaseReference, MessageId, NodeCode
from service.store.tables import ATTACHMENT, ATTACHMENT_CHUNK, MESSAGE, OUTBOX

__all__ = [
    "add",
    "add_chunk",
    "answered",
    "blobs_on_their_way",
    "bound_to",
    "by_row",
    "change",
    "chunk",
    "drop_chunks",
    "find",
    "find_upload",
    "forget_unsent",
    "has_chunk",
    "has_something_to_do",
    "of_message",
    "peer_has",
    "readdress",
    "to_feed",
    "unsent",
    "whole",
]

type AnyRow = Row[tuple[Any, ...]]

# Written out, not bound: a partial index is found only for the words that it was made with.
_TO_DO: Any = literal_column("state IN ('cited', 'whole')")
_UNSENT: Any = literal_column("state IN ('uploading', 'uploaded')")
_ON_THEIR_WAY: Any = literal_column("kind = 'blob' AND state <> 'done'")


def bound_to(name: str, number: int, count: int) -> str:
    """What a chunk is bound to at rest: no other attachment, place or end."""
    return f"{name}/{number}/{'last' if number == count else 'more'}"


def add(connection: Connection, **values: Any) -> int:
    """The number of the new row."""
    key = connection.execute(insert(ATTACHMENT), values).inserted_primary_key
    assert key is not None
    return int(key[0])


def change(connection: Connection, row: int, **values: Any) -> None:
    connection.execute(update(ATTACHMENT).where(ATTACHMENT.c.row == row).values(**values))


def by_row(connection: Connection, row: int) -> AnyRow | None:
    return connection.execute(select(ATTACHMENT).where(ATTACHMENT.c.row == row)).one_or_none()


def find(connection: Connection, sender: NodeCode, message: MessageId, digest: str) -> AnyRow | None:
    return connection.execute(
        select(ATTACHMENT).where(
            ATTACHMENT.c.message_id == message,
            ATTACHMENT.c.sender_node == sender,
            ATTACHMENT.c.digest == digest,
        )
    ).one_or_none()


def of_message(connection: Connection, sender: NodeCode, message: MessageId) -> Sequence[AnyRow]:
    return connection.execute(
        select(ATTACHMENT)
        .where(ATTACHMENT.c.message_id == message, ATTACHMENT.c.sender_node == sender)
        .order_by(ATTACHMENT.c.row)
    ).all()


def find_upload(
    connection: Connection, case: CaseReference, *, upload: str | None = None, digest: str | None = None
) -> AnyRow | None:
    """One of ours, by the client's id or by its digest."""
    wanted = ATTACHMENT.c.upload == upload if upload is not None else ATTACHMENT.c.digest == digest
    return connection.execute(
        select(ATTACHMENT).where(ATTACHMENT.c.case_reference == case, ATTACHMENT.c.direction == "out", wanted)
    ).one_or_none()


def unsent(connection: Connection, case: CaseReference) -> int:
    """Uploads of the case that no message cites."""
    return connection.execute(
        select(func.count()).select_from(ATTACHMENT).where(_UNSENT, ATTACHMENT.c.case_reference == case)
    ).scalar_one()


def forget_unsent(connection: Connection, before: datetime, most: int) -> None:
    """Of what was uploaded earlier and never sent, the oldest `most`."""
    rows = (
        connection.execute(
            select(ATTACHMENT.c.row)
            .where(_UNSENT, ATTACHMENT.c.changed_at < before)
            .order_by(ATTACHMENT.c.changed_at)
            .limit(most)
        )
        .scalars()
        .all()
    )
    for row in rows:
        drop_chunks(connection, row)
        connection.execute(delete(ATTACHMENT).where(ATTACHMENT.c.row == row))


def add_chunk(connection: Connection, row: int, number: int, sealed: bytes) -> None:
    connection.execute(insert(ATTACHMENT_CHUNK), {"attachment": row, "number": number, "sealed": sealed})


def has_chunk(connection: Connection, row: int, number: int) -> bool:
    return (
        connection.execute(
            select(ATTACHMENT_CHUNK.c.number).where(
                ATTACHMENT_CHUNK.c.attachment == row, ATTACHMENT_CHUNK.c.number == number
            )
        ).first()
        is not None
    )


def chunk(connection: Connection, row: int, number: int) -> bytes | None:
    """As it is at rest: sealed."""
    sealed: bytes | None = connection.execute(
        select(ATTACHMENT_CHUNK.c.sealed).where(
            ATTACHMENT_CHUNK.c.attachment == row, ATTACHMENT_CHUNK.c.number == number
        )
    ).scalar_one_or_none()
    return sealed


def drop_chunks(connection: Connection, row: int) -> None:
    connection.execute(delete(ATTACHMENT_CHUNK).where(ATTACHMENT_CHUNK.c.attachment == row))


def has_something_to_do(connection: Connection) -> bool:
    return connection.execute(select(ATTACHMENT.c.row).where(_TO_DO).limit(1)).first() is not None


def whole(connection: Connection) -> Sequence[AnyRow]:
    """Theirs: every chunk came, and none was looked at as a whole yet."""
    return connection.execute(
        select(ATTACHMENT).where(_TO_DO, ATTACHMENT.c.state == "whole").order_by(ATTACHMENT.c.row)
    ).all()


def to_feed(connection: Connection) -> Sequence[AnyRow]:
    """Ours, whose message the peer has confirmed."""
    return connection.execute(
        select(ATTACHMENT)
        .join_from(
            ATTACHMENT,
            MESSAGE,
            and_(MESSAGE.c.sender_node == ATTACHMENT.c.sender_node, MESSAGE.c.id == ATTACHMENT.c.message_id),
        )
        .where(
            literal_column("attachment.state IN ('cited', 'whole')"),
            ATTACHMENT.c.state == "cited",
            MESSAGE.c.status.in_(("consigned", "retrieved")),
        )
        .order_by(ATTACHMENT.c.row)
    ).all()


def blobs_on_their_way(connection: Connection) -> dict[NodeCode, int]:
    """Chunks in the outbox that their peer has not confirmed, by peer."""
    rows = connection.execute(
        select(OUTBOX.c.recipient_node, func.count()).where(_ON_THEIR_WAY).group_by(OUTBOX.c.recipient_node)
    )
    return {NodeCode(peer): count for peer, count in rows}


def peer_has(connection: Connection, sender: NodeCode, message: MessageId, digest: str) -> int:
    """How many chunks of one of ours the peer has confirmed."""
    return connection.execute(
        select(func.count())
        .select_from(OUTBOX)
        .where(
            OUTBOX.c.message_id == message,
            OUTBOX.c.sender_node == sender,
            OUTBOX.c.kind == "blob",
            OUTBOX.c.attachment == digest,
            OUTBOX.c.state == "done",
        )
    ).scalar_one()


def answered(
    connection: Connection, sender: NodeCode, message: MessageId, digest: str, code: str | None, at: datetime
) -> None:
    """The peer has it and verified it, or refused it with `code`. Either way no chunk of it is sent again."""
    connection.execute(
        update(ATTACHMENT)
        .where(
            ATTACHMENT.c.message_id == message,
            ATTACHMENT.c.sender_node == sender,
            ATTACHMENT.c.digest == digest,
            ATTACHMENT.c.state.in_(("cited", "sent")),
        )
        .values(state="complete" if code is None else "refused", code=code, changed_at=at)
    )
    connection.execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.message_id == message,
            OUTBOX.c.sender_node == sender,
            OUTBOX.c.kind == "blob",
            OUTBOX.c.attachment == digest,
            OUTBOX.c.state != "done",
        )
        .values(state="done", done_at=at)
    )


def readdress(connection: Connection, sender: NodeCode, message: MessageId, peer: NodeCode) -> None:
    """The message goes to another node by now, and so do the documents with it."""
    connection.execute(
        update(ATTACHMENT)
        .where(
            ATTACHMENT.c.sender_node == sender,
            ATTACHMENT.c.message_id == message,
            ATTACHMENT.c.direction == "out",
        )
        .values(peer=peer)
    )
