"""The node's tables. Rows are mapped by hand at the store's border; these classes go no further.

Personal data is in the columns `sealed` and `…_sealed` of `message`, `attachment`, `attachment_chunk` and
`approval` alone, and only sealed under the case's own key (`vault.py`). Everything else is codes, digests,
addresses of offices, times, and statements as they were signed.

For the busy paths use the Core tables (`MESSAGE`, `OUTBOX`, …) with `session.connection()`: a Core insert
costs about a third of an ORM one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, cast

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, String, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from service.store.columns import Instant, RowNumber

__all__ = [
    "ACCESS_JOURNAL",
    "APPROVAL",
    "ATTACHMENT",
    "ATTACHMENT_CHUNK",
    "CASE_FILE",
    "CASE_KEY",
    "CASE_PARTY",
    "CASE_RETENTION",
    "CHANNEL",
    "CHANNEL_SEEN",
    "CHECKPOINT",
    "CLIENT",
    "CLIENT_ASSERTION",
    "DIRECTORY_COMPARISON",
    "DIRECTORY_DOCUMENT",
    "DIRECTORY_HISTORY",
    "DIRECTORY_SNAPSHOT",
    "EVIDENCE",
    "INBOX",
    "INVITATION",
    "MESSAGE",
    "METADATA",
    "OUTBOX",
    "PERSON",
    "QUARANTINE",
    "SENT_MANIFEST",
    "SIGN_IN_ATTEMPT",
    "SIGN_IN_SESSION",
    "STATISTICS_COUNT",
    "STATISTICS_RELEASE",
    "THREAD",
    "AccessJournal",
    "ApprovalRow",
    "AttachmentChunk",
    "AttachmentRow",
    "CaseFileRow",
    "CaseKey",
    "CaseParty",
    "CaseRetention",
    "ChannelRow",
    "ChannelSeen",
    "CheckpointRow",
    "ClientAssertion",
    "ClientRow",
    "DirectoryComparison",
    "DirectoryDocument",
    "DirectoryHistory",
    "DirectorySnapshot",
    "EvidenceRow",
    "InboxRow",
    "InvitationRow",
    "MessageRow",
    "NodeState",
    "OutboxRow",
    "PersonRow",
    "Quarantine",
    "SentManifest",
    "SignInAttempt",
    "SignInSession",
    "StatisticsCount",
    "StatisticsRelease",
    "ThreadRow",
]

METADATA = MetaData(
    # Constraints need names that both databases agree on, or a later migration cannot alter them.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

type Direction = Literal["in", "out"]
type MessageStatus = Literal[
    "held",  # ours: may not leave yet (protection status) -> accepted
    "accepted",  # ours: answered 202, in the outbox -> sent
    "sent",  # ours: published -> consigned, refused
    "consigned",  # theirs took it / we took it -> retrieved
    "retrieved",  # the agency has it (end)
    "refused",  # a signed refusal, ours or theirs (end)
    "waiting",  # theirs: came before its predecessor -> consigned, refused
]
type OutboxState = Literal[
    "held",  # may not leave yet, has no number -> queued
    "queued",  # may leave, has no number yet -> released
    "released",  # numbered, published and published again -> done
    "done",  # answered by evidence, or needs no answer (end)
    "failed",  # past its lifetime: raised to an operator (end)
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
type InboxOutcome = Literal["consigned", "refused", "evidence", "waiting"]


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index over the few rows that still matter; both databases keep such."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class _Row(SQLModel):
    metadata: ClassVar[MetaData] = METADATA


class CaseFileRow(_Row, table=True):
    """A case as this node knows it. `role` is this State's: where the child is, or where the child is
    from."""

    __tablename__ = "case_file"

    reference: str = Field(primary_key=True)
    role: Literal["destination", "origin"] = Field(sa_type=String)
    opened_at: datetime = Field(sa_type=Instant)
    opened_by: str
    protection: Literal["unknown", "not-sought", "possible", "sought"] = Field(sa_type=String)
    protection_proposed: str | None = None
    """A change that waits for a second person."""
    protection_proposed_by: str | None = None
    protection_changed_at: datetime | None = Field(default=None, sa_type=Instant)


class CaseParty(_Row, table=True):
    """An authority that takes part in the case, and may therefore know that it exists."""

    __tablename__ = "case_party"
    __table_args__ = (Index("ix_case_party_address", "address"),)

    reference: str = Field(primary_key=True, foreign_key="case_file.reference")
    address: str = Field(primary_key=True)


class MessageRow(_Row, table=True):
    """One message, ours or theirs. `statement` is the token as signed; it is verified, never written anew."""

    __tablename__ = "message"
    __table_args__ = (
        # The id first: people and the API ask by id alone.
        UniqueConstraint("id", "sender_node"),
        Index("ix_message_case_reference", "case_reference", "cursor"),
        Index("ix_message_thread", "thread", "cursor"),
        Index("ix_message_recipient", "recipient", "cursor"),
        Index("ix_message_sender", "sender", "cursor"),
        _partial("ix_message_waiting", "in_reply_to", where="status = 'waiting'"),
        _partial("ix_message_held", "case_reference", "cursor", where="status = 'held'"),
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


class ThreadRow(_Row, table=True):
    """A conversation. `snapshot` is the whole `Thread` value as JSON; the columns beside it are for finding
    it."""

    __tablename__ = "thread"
    __table_args__ = (
        Index("ix_thread_case_reference", "case_reference"),
        _partial("ix_thread_due_at", "due_at", where="due_at IS NOT NULL"),
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


class EvidenceRow(_Row, table=True):
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


class OutboxRow(_Row, table=True):
    """What must reach another node. The row, not the broker, is the guarantee: it stays until it is answered.

    `epoch`, `sequence` and `envelope_id` are empty until the row is released: what is withheld leaves no gap.
    The envelope's bytes are not kept: each attempt seals afresh (to the key that is current then) under the
    same number, id and statement, which is what sameness means on this wire.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        _partial("ix_outbox_queued", "row", where="state = 'queued'"),
        _partial("ix_outbox_unanswered", "next_attempt_at", "row", where="state = 'released'"),
        _partial("ix_outbox_held", "message_id", where="state = 'held'"),
        Index("ix_outbox_message", "message_id", "sender_node"),
        Index("ix_outbox_channel", "recipient_node", "epoch", "sequence"),
        _partial("ix_outbox_blobs", "recipient_node", where="kind = 'blob' AND state <> 'done'"),
        {"sqlite_autoincrement": True},
    )

    row: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    recipient_node: str
    kind: Literal["content", "evidence", "reconciliation", "blob"] = Field(sa_type=String)
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


class AttachmentRow(_Row, table=True):
    """A document that goes with a message, ours or theirs. What it is called and how large it is stands
    sealed, here or in its message."""

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("name"),
        UniqueConstraint("case_reference", "upload"),
        Index("ix_attachment_message", "message_id", "sender_node"),
        _partial("ix_attachment_to_do", "row", where="state IN ('cited', 'whole')"),
        _partial("ix_attachment_unsent", "changed_at", where="state IN ('uploading', 'uploaded')"),
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


class AttachmentChunk(_Row, table=True):
    """One chunk, sealed under the case's identity key, bound to its attachment's name, its number, and
    whether it is the last."""

    __tablename__ = "attachment_chunk"

    attachment: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sealed: bytes = Field(sa_type=LargeBinary)


class SentManifest(_Row, table=True):
    """Every manifest under which a message of ours left, and under which one of theirs came that could not be
    opened: evidence names them."""

    __tablename__ = "sent_manifest"
    __table_args__ = (Index("ix_sent_manifest_id", "id"),)

    digest: str = Field(primary_key=True)
    id: str
    token: str = Field(sa_type=Text)


class InboxRow(_Row, table=True):
    """What became of each message that another node sent: redelivery gets the same outcome again."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_manifest_digest", "manifest_digest"),
        _partial("ix_inbox_waiting", "received_at", where="outcome = 'waiting'"),
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


class Quarantine(_Row, table=True):
    """Bytes that nobody we know vouches for, kept for an operator, never answered. The newest 1,000 only."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_received_at", "received_at"),)

    digest: str = Field(primary_key=True)
    code: str
    received_at: datetime = Field(sa_type=Instant)
    size: int
    source: Literal["hub", "file"] = Field(sa_type=String)
    data: bytes = Field(sa_type=LargeBinary)


class ChannelRow(_Row, table=True):
    """An ordered pair of nodes: how much has passed, and the running digest over it."""

    __tablename__ = "channel"

    sender_node: str = Field(primary_key=True)
    recipient_node: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    count: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    chain: str
    updated_at: datetime = Field(sa_type=Instant)


class ChannelSeen(_Row, table=True):
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


class CheckpointRow(_Row, table=True):
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


class CaseKey(_Row, table=True):
    """A case's data key, wrapped. A destroyed one keeps its row and its date, and no key."""

    __tablename__ = "case_key"

    reference: str = Field(primary_key=True)
    purpose: Literal["identity", "narrative"] = Field(primary_key=True, sa_type=String)
    wrapped: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)
    destroyed_at: datetime | None = Field(default=None, sa_type=Instant)


class CaseRetention(_Row, table=True):
    """What keeps a case's erasable parts from being read, or from being erased. When they are due is not
    here: it follows from the closure."""

    __tablename__ = "case_retention"
    __table_args__ = (
        _partial(
            "ix_case_retention_to_forget", "reference", where="erased_at IS NOT NULL AND forgotten_at IS NULL"
        ),
    )

    reference: str = Field(primary_key=True)
    blocked_at: datetime | None = Field(default=None, sa_type=Instant)
    block_reason: str | None = None
    held_at: datetime | None = Field(default=None, sa_type=Instant)
    hold_reason: str | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Instant)
    """When a key of the case was last destroyed."""
    forgotten_at: datetime | None = Field(default=None, sa_type=Instant)
    """When its old pages were gone from the files too."""


class NodeState(_Row, table=True):
    """What the database knows of itself: one row."""

    __tablename__ = "node_state"

    row: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    starts: int = 0
    """How often a node began to run on it. The ledger has the number too: a lower one here is an old copy."""
    copied_at: datetime | None = Field(default=None, sa_type=Instant)
    """In a backup: when it was made. A node does not run on one before it has opened new epochs."""
    restored_at: datetime | None = Field(default=None, sa_type=Instant)
    epoch: str | None = None
    """Opened when it was last restored."""


class DirectoryDocument(_Row, table=True):
    """The directory as last received, one signed document a path."""

    __tablename__ = "directory_document"

    path: str = Field(primary_key=True)
    digest: str
    token: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=Instant)


class DirectoryHistory(_Row, table=True):
    """Every document that ever was current here: old statements are verified against what stood then."""

    __tablename__ = "directory_history"
    __table_args__ = (Index("ix_directory_history_path", "path"),)

    digest: str = Field(primary_key=True)
    path: str
    token: str = Field(sa_type=Text)


class DirectorySnapshot(_Row, table=True):
    """Snapshots received, by their own sequence. A lower one than the highest here is a rollback."""

    __tablename__ = "directory_snapshot"

    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    digest: str
    token: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=Instant)


class DirectoryComparison(_Row, table=True):
    """What comparing our directory with a peer's came to, the last time that it told us."""

    __tablename__ = "directory_comparison"

    peer: str = Field(primary_key=True)
    compared_at: datetime = Field(sa_type=Instant)
    outcome: str
    sequence: int = Field(sa_type=BigInteger)
    digest: str
    their_sequence: int = Field(sa_type=BigInteger)
    their_digest: str
    their_buckets: str = Field(sa_type=Text)
    """Short digests, parted by spaces (`protocol.directory.views`)."""
    since: int | None = Field(default=None, sa_type=BigInteger)
    """The lowest snapshot number of which the two hold different ones."""
    differing: str | None = Field(default=None, sa_type=Text)
    """Paths of directory documents, one a line."""
    owed: bool = False
    """The peer is to be told at once what we hold."""


class AccessJournal(_Row, table=True):
    """Who did what, to what, and why: a hash chain (`protocol.journal`). `subject` is an id or a case
    reference; `reason` is a code. Written by `service.access.journal` alone."""

    __tablename__ = "access_journal"
    __table_args__ = (
        Index("ix_access_journal_subject", "subject", "position"),
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    at: datetime = Field(sa_type=Instant)
    actor: str
    role: str
    action: str
    subject: str
    reason: str | None = None
    via: str | None = None
    """How the actor came to be known: `command`, `client` or `session`."""
    previous: str | None = None
    digest: str | None = None
    """Empty only where the release before this one wrote the row: verification names it."""


class ApprovalRow(_Row, table=True):
    """An act that one person proposed and another has to decide on. What it would do is sealed, if it says
    anything about a child, and is dropped with the decision."""

    __tablename__ = "approval"
    __table_args__ = (
        Index("ix_approval_subject", "subject"),
        _partial("ix_approval_proposed", "expires_at", where="state = 'proposed'"),
    )

    id: str = Field(primary_key=True)
    kind: str
    """A row of `service.access.pairs.KINDS`."""
    subject: str
    """A message id, a key id, or what else the act is about."""
    sender_node: str | None = None
    """With a message that is here already: the node that sent it."""
    case_reference: str | None = None
    proposing: str | None = None
    """The authority on whose behalf it was proposed; None for acts of the node itself."""
    deciding: str | None = None
    """The authority whose people decide."""
    reason: str | None = None
    facts: str | None = Field(default=None, sa_type=Text)
    """Codes and names of offices and keys, as JSON: what the act needs to know and may be read by all."""
    payload_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    request_mark: str | None = None
    """`Vault.mark` of the message that waits: the same request again is the same proposal."""
    state: Literal["proposed", "approved", "returned", "lapsed"] = Field(sa_type=String)
    proposed_by: str
    proposed_role: str
    proposed_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    """Until when it may be decided; once approved, until when it may be used."""
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_reason: str | None = None


class ClientRow(_Row, table=True):
    """An agency's system, and the public keys by which it is known."""

    __tablename__ = "client"

    id: str = Field(primary_key=True)
    role: str
    authorities: str
    """Addresses with a space between, in order. So are the scopes."""
    scopes: str
    keys: str = Field(sa_type=Text)
    """A JSON Web Key Set, public halves alone."""
    registered_at: datetime = Field(sa_type=Instant)
    registered_by: str
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class ClientAssertion(_Row, table=True):
    """An assertion that was used, for as long as it could be used again."""

    __tablename__ = "client_assertion"
    __table_args__ = (Index("ix_client_assertion_until", "until"),)

    digest: str = Field(primary_key=True)
    until: datetime = Field(sa_type=Instant)


class PersonRow(_Row, table=True):
    """Somebody who may sign in: an opaque name, never their own. `subject_digest` is of what the identity
    provider calls them."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("subject_digest"),)

    id: str = Field(primary_key=True)
    role: str
    authorities: str
    subject_digest: str | None = None
    registered_at: datetime = Field(sa_type=Instant)
    registered_by: str
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class InvitationRow(_Row, table=True):
    """A one-time sign-in link, by the digest of its secret."""

    __tablename__ = "invitation"
    __table_args__ = (Index("ix_invitation_person", "person"),)

    digest: str = Field(primary_key=True)
    person: str = Field(foreign_key="person.id")
    issued_at: datetime = Field(sa_type=Instant)
    issued_by: str
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class SignInSession(_Row, table=True):
    """A browser that somebody signed in with, by the digest of its cookie."""

    __tablename__ = "sign_in_session"
    __table_args__ = (Index("ix_sign_in_session_person", "person"),)

    digest: str = Field(primary_key=True)
    person: str = Field(foreign_key="person.id")
    opened_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    how: Literal["provider", "invitation"] = Field(sa_type=String)
    acr: str | None = None
    amr: str | None = None


class SignInAttempt(_Row, table=True):
    """A way to the identity provider and not yet back, by the digest of its state."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("ix_sign_in_attempt_until", "until"),)

    digest: str = Field(primary_key=True)
    nonce: str
    verifier: str
    return_to: str
    until: datetime = Field(sa_type=Instant)


class StatisticsRelease(_Row, table=True):
    """Numbers that were released, as they were. `content`: the release as JSON, without references."""

    __tablename__ = "statistics_release"

    id: str = Field(primary_key=True)
    made_at: datetime = Field(sa_type=Instant)
    content: str = Field(sa_type=Text)


class StatisticsCount(_Row, table=True):
    """Which case a release counted, and in which blocks it told of it: what later releases are compared
    with. It never leaves the node."""

    __tablename__ = "statistics_count"

    release: str = Field(primary_key=True, foreign_key="statistics_release.id")
    case_reference: str = Field(primary_key=True)
    told: str = Field(sa_type=Text)


def _table(row: type[SQLModel]) -> Table:
    return cast(Table, cast(Any, row).__table__)


CASE_FILE = _table(CaseFileRow)
CASE_PARTY = _table(CaseParty)
MESSAGE = _table(MessageRow)
THREAD = _table(ThreadRow)
EVIDENCE = _table(EvidenceRow)
OUTBOX = _table(OutboxRow)
ATTACHMENT = _table(AttachmentRow)
ATTACHMENT_CHUNK = _table(AttachmentChunk)
INBOX = _table(InboxRow)
QUARANTINE = _table(Quarantine)
SENT_MANIFEST = _table(SentManifest)
STATISTICS_COUNT = _table(StatisticsCount)
STATISTICS_RELEASE = _table(StatisticsRelease)
CHANNEL = _table(ChannelRow)
CHANNEL_SEEN = _table(ChannelSeen)
CHECKPOINT = _table(CheckpointRow)
CASE_KEY = _table(CaseKey)
CASE_RETENTION = _table(CaseRetention)
NODE_STATE = _table(NodeState)
DIRECTORY_COMPARISON = _table(DirectoryComparison)
DIRECTORY_DOCUMENT = _table(DirectoryDocument)
DIRECTORY_HISTORY = _table(DirectoryHistory)
DIRECTORY_SNAPSHOT = _table(DirectorySnapshot)
ACCESS_JOURNAL = _table(AccessJournal)
APPROVAL = _table(ApprovalRow)
CLIENT = _table(ClientRow)
CLIENT_ASSERTION = _table(ClientAssertion)
PERSON = _table(PersonRow)
INVITATION = _table(InvitationRow)
SIGN_IN_SESSION = _table(SignInSession)
SIGN_IN_ATTEMPT = _table(SignInAttempt)
