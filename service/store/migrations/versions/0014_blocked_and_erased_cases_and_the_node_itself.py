"""Know which cases are blocked, held or erased, and how often a node began to run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0014"
down_revision: str | None = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_retention",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("blocked_at", Instant(), nullable=True),
        sa.Column("block_reason", sa.String(), nullable=True),
        sa.Column("held_at", Instant(), nullable=True),
        sa.Column("hold_reason", sa.String(), nullable=True),
        sa.Column("erased_at", Instant(), nullable=True),
        sa.Column("forgotten_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_case_retention")),
    )
    with op.batch_alter_table("case_retention", schema=None) as batch_op:
        batch_op.create_index(
            "ix_case_retention_to_forget",
            ["reference"],
            unique=False,
            sqlite_where=sa.text("erased_at IS NOT NULL AND forgotten_at IS NULL"),
            postgresql_where=sa.text("erased_at IS NOT NULL AND forgotten_at IS NULL"),
        )

    op.create_table(
        "node_state",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("copied_at", Instant(), nullable=True),
        sa.Column("restored_at", Instant(), nullable=True),
        sa.Column("epoch", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_node_state")),
    )
