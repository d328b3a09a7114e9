"""Attachments and their chunks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant, RowNumber

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("row", RowNumber(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("case_reference", sa.String(), nullable=False),
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("upload", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("peer", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_attachment")),
        sa.UniqueConstraint("case_reference", "upload", name=op.f("uq_attachment_case_reference_upload")),
        sa.UniqueConstraint("name", name=op.f("uq_attachment_name")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index("ix_attachment_message", ["message_id", "sender_node"], unique=False)
        batch_op.create_index(
            "ix_attachment_to_do",
            ["row"],
            unique=False,
            sqlite_where=sa.text("state IN ('cited', 'whole')"),
            postgresql_where=sa.text("state IN ('cited', 'whole')"),
        )
        batch_op.create_index(
            "ix_attachment_unsent",
            ["changed_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('uploading', 'uploaded')"),
            postgresql_where=sa.text("state IN ('uploading', 'uploaded')"),
        )

    op.create_table(
        "attachment_chunk",
        sa.Column("attachment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("attachment", "number", name=op.f("pk_attachment_chunk")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attachment", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("chunk", sa.Integer(), nullable=True))
        batch_op.create_index(
            "ix_outbox_blobs",
            ["recipient_node"],
            unique=False,
            sqlite_where=sa.text("kind = 'blob' AND state <> 'done'"),
            postgresql_where=sa.text("kind = 'blob' AND state <> 'done'"),
        )
