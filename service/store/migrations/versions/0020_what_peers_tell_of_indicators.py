"""What peers tell of indicators, and finding a year's conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0020"
down_revision: str | None = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "indicators_told",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "peer", "year", name=op.f("pk_indicators_told")),
    )
    with op.batch_alter_table("thread", schema=None) as batch_op:
        batch_op.create_index("ix_thread_opened_at", ["opened_at", "id"], unique=False)
