"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant, RowNumber

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_journal",
        sa.Column("position", RowNumber(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_access_journal")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("access_journal", schema=None) as batch_op:
        batch_op.create_index("ix_access_journal_subject", ["subject", "position"], unique=False)

    op.create_table(
        "case_file",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("protection", sa.String(), nullable=False),
        sa.Column("protection_proposed", sa.String(), nullable=True),
        sa.Column("protection_proposed_by", sa.String(), nullable=True),
        sa.Column("protection_changed_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_case_file")),
    )
    op.create_table(
        "case_key",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("destroyed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("reference", "purpose", name=op.f("pk_case_key")),
    )
    op.create_table(
        "channel",
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("recipient_node", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sender_node", "recipient_node", "epoch", name=op.f("pk_channel")),
    )
    op.create_table(
        "channel_seen",
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("recipient_node", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_digest", sa.String(), nullable=False),
        sa.Column("chain", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint(
            "sender_node", "recipient_node", "epoch", "sequence", name=op.f("pk_channel_seen")
        ),
    )
    op.create_table(
        "directory_document",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_directory_document")),
    )
    op.create_table(
        "directory_history",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_directory_history")),
    )
    with op.batch_alter_table("directory_history", schema=None) as batch_op:
        batch_op.create_index("ix_directory_history_path", ["path"], unique=False)

    op.create_table(
        "directory_snapshot",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_directory_snapshot")),
    )
    op.create_table(
        "evidence",
        sa.Column("position", RowNumber(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_evidence")),
        sa.UniqueConstraint("digest", name=op.f("uq_evidence_digest")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index("ix_evidence_message", ["id", "sender_node", "position"], unique=False)

    op.create_table(
        "inbox",
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_digest", sa.String(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("manifest_digest", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("evidence_digest", sa.String(), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sender_node", "id", name=op.f("pk_inbox")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index("ix_inbox_manifest_digest", ["manifest_digest"], unique=False)
        batch_op.create_index(
            "ix_inbox_waiting",
            ["received_at"],
            unique=False,
            sqlite_where=sa.text("outcome = 'waiting'"),
            postgresql_where=sa.text("outcome = 'waiting'"),
        )

    op.create_table(
        "message",
        sa.Column("cursor", RowNumber(), nullable=False),
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("case_reference", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("in_reply_to", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("statement_digest", sa.String(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("narrative_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("identity_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("due_basis", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("refusal_code", sa.String(), nullable=True),
        sa.Column("collected_at", Instant(), nullable=True),
        sa.Column("vocabulary", sa.String(), nullable=False),
        sa.Column("request_mark", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("cursor", name=op.f("pk_message")),
        sa.UniqueConstraint("id", "sender_node", name=op.f("uq_message_id_sender_node")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_case_reference", ["case_reference", "cursor"], unique=False)
        batch_op.create_index(
            "ix_message_held",
            ["case_reference", "cursor"],
            unique=False,
            sqlite_where=sa.text("status = 'held'"),
            postgresql_where=sa.text("status = 'held'"),
        )
        batch_op.create_index("ix_message_recipient", ["recipient", "cursor"], unique=False)
        batch_op.create_index("ix_message_sender", ["sender", "cursor"], unique=False)
        batch_op.create_index("ix_message_thread", ["thread", "cursor"], unique=False)
        batch_op.create_index(
            "ix_message_waiting",
            ["in_reply_to"],
            unique=False,
            sqlite_where=sa.text("status = 'waiting'"),
            postgresql_where=sa.text("status = 'waiting'"),
        )

    op.create_table(
        "outbox",
        sa.Column("row", RowNumber(), nullable=False),
        sa.Column("recipient_node", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("evidence_digest", sa.String(), nullable=True),
        sa.Column("envelope_id", sa.String(), nullable=True),
        sa.Column("epoch", sa.String(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", Instant(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("queued_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_channel", ["recipient_node", "epoch", "sequence"], unique=False)
        batch_op.create_index(
            "ix_outbox_queued",
            ["row"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_outbox_unanswered",
            ["next_attempt_at", "row"],
            unique=False,
            sqlite_where=sa.text("state = 'released'"),
            postgresql_where=sa.text("state = 'released'"),
        )
        batch_op.create_index(
            "ix_outbox_held",
            ["message_id"],
            unique=False,
            sqlite_where=sa.text("state = 'held'"),
            postgresql_where=sa.text("state = 'held'"),
        )
        batch_op.create_index("ix_outbox_message", ["message_id", "sender_node"], unique=False)

    op.create_table(
        "quarantine",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_quarantine")),
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index("ix_quarantine_received_at", ["received_at"], unique=False)

    op.create_table(
        "sent_manifest",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sent_manifest")),
    )
    with op.batch_alter_table("sent_manifest", schema=None) as batch_op:
        batch_op.create_index("ix_sent_manifest_id", ["id"], unique=False)

    op.create_table(
        "thread",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("procedure", sa.String(), nullable=False),
        sa.Column("case_reference", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asker", sa.String(), nullable=False),
        sa.Column("answerer", sa.String(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("due_basis", sa.String(), nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("overdue_noted_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread")),
    )
    with op.batch_alter_table("thread", schema=None) as batch_op:
        batch_op.create_index("ix_thread_case_reference", ["case_reference"], unique=False)
        batch_op.create_index(
            "ix_thread_due_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )

    op.create_table(
        "case_party",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["reference"], ["case_file.reference"], name=op.f("fk_case_party_reference")),
        sa.PrimaryKeyConstraint("reference", "address", name=op.f("pk_case_party")),
    )
    with op.batch_alter_table("case_party", schema=None) as batch_op:
        batch_op.create_index("ix_case_party_address", ["address"], unique=False)
