"""What goes to other nodes and comes from them: outbox, inbox, and how much has passed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint
from sqlmodel import Field

from service.store.columns import Instant, RowNumber
from service.store.tables.base import Row, core_table, partial_index

__all__ = [
    "CHANNEL",
    "CHANNEL_SEEN",
    "CHECKPOINT",
    "INBOX",
    "OUTBOX",
    "QUARANTINE",
    "SENT_MANIFEST",
    "ChannelRow",
    "ChannelSeen",
    "CheckpointRow",
    "InboxRow",
    "OutboxRow",
    "Quarantine",
    "SentManifest",
]

type OutboxState = Literal[
    "held",  # may not leave yet, has no number -> queued
    "queued",  # may leave, has no number yet -> released
    "released",  # numbered, published and published again -> done
    "done",  # answered by evidence, or needs no answer (end)
    "failed",  # past its lifetime: raised to an operator (end)
]
type InboxOutcome = Literal["consigned", "refused", "evidence", "returned", "waiting"]


class OutboxRow(Row, table=True):
    """What must reach another node. The row, not the broker, is the guarantee: it stays until it is answered.

    `epoch`, `sequence` and `envelope_id` are empty until the row is released: what is withheld leaves no gap.
    The envelope's bytes are not kept: each attempt seals afresh (to the key that is current then) under the
    same number, id and statement, which is what sameness means on this wire.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        partial_index("ix_outbox_queued", "row", where="state = 'queued'"),
        partial_index("ix_outbox_unanswered", "next_attempt_at", "row", where="state = 'released'"),
        partial_index("ix_outbox_held", "message_id", where="state = 'held'"),
        Index("ix_outbox_message", "message_id", "sender_node"),
        Index("ix_outbox_channel", "recipient_node", "epoch", "sequence"),
        partial_index("ix_outbox_blobs", "recipient_node", where="kind = 'blob' AND state <> 'done'"),
        {"sqlite_autoincrement": True},
    )

    row: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    recipient_node: str
    kind: Literal["content", "evidence", "reconciliation", "blob", "returned"] = Field(sa_type=String)
    message_id: str
    """The message that the envelope is, is about, or goes with."""
    sender_node: str
    """The node that sent that message; together they name it."""
    evidence_digest: str | None = None
    """The evidence to carry, for a row of that kind. Rows released together share one envelope."""
    attachment: str | None = None
    """For a blob: digest of the attachment that the chunk is of."""
    chunk: int | None = None
    """For a blob: which chunk, from 1."""
    envelope_id: str | None = None
    """The id in the clear header: the message's own for content, a fresh one for a shared envelope."""
    epoch: str | None = None
    sequence: int | None = Field(default=None, sa_type=BigInteger)
    attempts: int = 0
    next_attempt_at: datetime = Field(sa_type=Instant)
    state: OutboxState = Field(sa_type=String)
    queued_at: datetime = Field(sa_type=Instant)
    done_at: datetime | None = Field(default=None, sa_type=Instant)


class SentManifest(Row, table=True):
    """Every manifest under which a message of ours left, and under which one of theirs came that could not be
    opened: evidence names them."""

    __tablename__ = "sent_manifest"
    __table_args__ = (Index("ix_sent_manifest_id", "id"),)

    digest: str = Field(primary_key=True)
    id: str
    token: str = Field(sa_type=Text)


class InboxRow(Row, table=True):
    """What became of each message that another node sent: redelivery gets the same outcome again."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_manifest_digest", "manifest_digest"),
        partial_index("ix_inbox_waiting", "received_at", where="outcome = 'waiting'"),
    )

    sender_node: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    statement_digest: str
    manifest: str = Field(sa_type=Text)
    manifest_digest: str
    epoch: str
    sequence: int = Field(sa_type=BigInteger)
    kind: str
    outcome: InboxOutcome = Field(sa_type=String)
    code: str | None = None
    evidence_digest: str | None = None
    carried: str | None = Field(default=None, sa_type=Text)
    """Digests of the evidence that the envelope carried, in order: what its number in the channel stands
    for."""
    received_at: datetime = Field(sa_type=Instant)


class Quarantine(Row, table=True):
    """Bytes that nobody we know vouches for, kept for an operator, never answered. The newest 1,000 only."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_received_at", "received_at"),)

    digest: str = Field(primary_key=True)
    code: str
    received_at: datetime = Field(sa_type=Instant)
    size: int
    source: Literal["hub", "file"] = Field(sa_type=String)
    data: bytes = Field(sa_type=LargeBinary)


class ChannelRow(Row, table=True):
    """An ordered pair of nodes: how much has passed, and the running digest over it."""

    __tablename__ = "channel"

    sender_node: str = Field(primary_key=True)
    recipient_node: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    chain: str
    updated_at: datetime = Field(sa_type=Instant)


class ChannelSeen(Row, table=True):
    """One numbered envelope of a channel."""

    __tablename__ = "channel_seen"

    sender_node: str = Field(primary_key=True)
    recipient_node: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    id: str
    statement_digest: str
    chain: str | None = None
    """The running digest with this number, for what we sent ourselves: a peer that differs is placed by
    it."""


class CheckpointRow(Row, table=True):
    """What one node told another of their channels, ours and theirs: the last of each hour, later of each
    day. It shows what was there before a key was stolen."""

    __tablename__ = "checkpoint"
    __table_args__ = (UniqueConstraint("digest"),)

    issuer: str = Field(primary_key=True)
    peer: str = Field(primary_key=True)
    hour: datetime = Field(primary_key=True, sa_type=Instant)
    digest: str
    issued_at: datetime = Field(sa_type=Instant)
    token: str = Field(sa_type=Text)


OUTBOX = core_table(OutboxRow)
SENT_MANIFEST = core_table(SentManifest)
INBOX = core_table(InboxRow)
QUARANTINE = core_table(Quarantine)
CHANNEL = core_table(ChannelRow)
CHANNEL_SEEN = core_table(ChannelSeen)
CHECKPOINT = core_table(CheckpointRow)
