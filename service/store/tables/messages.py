"""Messages, the conversations that they make, and the evidence of what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint
from sqlmodel import Field

from service.store.columns import Instant, RowNumber
from service.store.tables.base import Direction, Row, core_table, partial_index

__all__ = [
    "EVIDENCE",
    "MESSAGE",
    "THREAD",
    "EvidenceRow",
    "MessageRow",
    "ThreadRow",
]

type MessageStatus = Literal[
    "held",  # ours: may not leave yet (protection status) -> accepted
    "accepted",  # ours: answered 202, in the outbox -> sent
    "sent",  # ours: published -> consigned, refused
    "consigned",  # theirs took it / we took it -> retrieved
    "retrieved",  # the agency has it (end)
    "refused",  # a signed refusal, ours or theirs (end)
    "waiting",  # theirs: came before its predecessor -> consigned, refused
]


class MessageRow(Row, table=True):
    """One message, ours or theirs. `statement` is the token as signed; it is verified, never written anew."""

    __tablename__ = "message"
    __table_args__ = (
        # The id first: people and the API ask by id alone.
        UniqueConstraint("id", "sender_node"),
        Index("ix_message_case_reference", "case_reference", "cursor"),
        Index("ix_message_thread", "thread", "cursor"),
        Index("ix_message_recipient", "recipient", "cursor"),
        Index("ix_message_sender", "sender", "cursor"),
        partial_index("ix_message_waiting", "in_reply_to", where="status = 'waiting'"),
        partial_index("ix_message_held", "case_reference", "cursor", where="status = 'held'"),
        partial_index("ix_message_consigned", "recorded_at", where="status = 'consigned'"),
        # A list page hands out its last cursor. AUTOINCREMENT: a number is never used twice, even after a
        # delete. On PostgreSQL numbers are drawn before they commit; with several writers a reader must stop
        # at the lowest number still in flight.
        {"sqlite_autoincrement": True},
    )

    cursor: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    sender_node: str
    id: str
    direction: Direction = Field(sa_type=String)
    case_reference: str
    thread: str
    in_reply_to: str | None = None
    type: str
    sender: str
    recipient: str
    statement: str = Field(sa_type=Text)
    statement_digest: str
    issued_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    urgency: str
    narrative_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    identity_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    due_basis: str | None = None
    status: MessageStatus = Field(sa_type=String)
    refusal_code: str | None = None
    collected_at: datetime | None = Field(default=None, sa_type=Instant)
    vocabulary: str
    request_mark: str | None = None
    """`Vault.mark` of what was submitted: the same id with the same content is the same request."""


class ThreadRow(Row, table=True):
    """A conversation. `snapshot` is the whole `Thread` value as JSON; the columns beside it are for finding
    it."""

    __tablename__ = "thread"
    __table_args__ = (
        Index("ix_thread_case_reference", "case_reference"),
        Index("ix_thread_opened_at", "opened_at", "id"),
        Index("ix_thread_standing", "procedure", "state", "updated_at"),
        partial_index("ix_thread_due_at", "due_at", where="due_at IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    procedure: str
    case_reference: str
    state: str
    asker: str
    answerer: str
    opened_at: datetime = Field(sa_type=Instant)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    due_basis: str | None = None
    snapshot: str = Field(sa_type=Text)
    updated_at: datetime = Field(sa_type=Instant)
    overdue_noted_at: datetime | None = Field(default=None, sa_type=Instant)


class EvidenceRow(Row, table=True):
    """Signed evidence, ours and theirs, in the order in which we came to hold it."""

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index("ix_evidence_message", "id", "sender_node", "position"),
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    digest: str
    sender_node: str
    id: str
    kind: str
    issuer: str
    issued_at: datetime = Field(sa_type=Instant)
    token: str = Field(sa_type=Text)
    previous: str | None = None
    code: str | None = None
    ours: bool


MESSAGE = core_table(MessageRow)
THREAD = core_table(ThreadRow)
EVIDENCE = core_table(EvidenceRow)
