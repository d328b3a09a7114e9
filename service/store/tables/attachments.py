"""Documents that messages cite, chunk by chunk."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, Index, LargeBinary, String, UniqueConstraint
from sqlmodel import Field

from service.store.columns import Instant, RowNumber
from service.store.tables.base import Direction, Row, core_table, partial_index

__all__ = [
    "ATTACHMENT",
    "ATTACHMENT_CHUNK",
    "AttachmentChunk",
    "AttachmentRow",
]

type AttachmentState = Literal[
    "uploading",  # ours: begun; not to be cited yet -> uploaded
    "uploaded",  # ours: whole, no message cites it yet -> cited
    "cited",  # ours: chunks have still to be given to the outbox -> sent
    "sent",  # ours: all were -> complete, refused
    "arriving",  # theirs: announced by a message that we have -> whole, refused
    "whole",  # theirs: every chunk is here, not verified -> complete, refused
    "complete",  # verified by the recipient's node (end)
    "refused",  # a signed refusal, ours or theirs (end)
    "erased",  # ours: the case's key was destroyed before all had left (end)
]


class AttachmentRow(Row, table=True):
    """A document that goes with a message, ours or theirs. What it is called and how large it is stands
    sealed, here or in its message."""

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("name"),
        UniqueConstraint("case_reference", "upload"),
        Index("ix_attachment_message", "message_id", "sender_node"),
        partial_index("ix_attachment_to_do", "row", where="state IN ('cited', 'whole')"),
        partial_index("ix_attachment_on_its_way", "changed_at", where="state IN ('sent', 'arriving')"),
        partial_index("ix_attachment_unsent", "changed_at", where="state IN ('uploading', 'uploaded')"),
        {"sqlite_autoincrement": True},
    )

    row: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    name: str
    """Random; what its chunks are bound to at rest. An upload that is begun again has another."""
    direction: Direction = Field(sa_type=String)
    case_reference: str
    sender_node: str
    upload: str | None = None
    """The id that the client chose, for ours."""
    message_id: str | None = None
    """The message that cites it; together with `sender_node`."""
    peer: str | None = None
    """The node that it goes to, for ours."""
    digest: str | None = None
    """Blinded (`protocol.attachments`)."""
    facts_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Salt, size and media type of ours, as JSON. Of theirs they are in the message's identity part."""
    chunks: int = 0
    passed: int = 0
    """How many chunks are stored (theirs), or were given to the outbox (ours)."""
    state: AttachmentState = Field(sa_type=String)
    code: str | None = None
    changed_at: datetime = Field(sa_type=Instant)


class AttachmentChunk(Row, table=True):
    """One chunk, sealed under the case's identity key, bound to its attachment's name, its number, and
    whether it is the last."""

    __tablename__ = "attachment_chunk"

    attachment: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sealed: bytes = Field(sa_type=LargeBinary)


ATTACHMENT = core_table(AttachmentRow)
ATTACHMENT_CHUNK = core_table(AttachmentChunk)
