"""What comparing the directory with each peer's came to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0010"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "directory_comparison",
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("compared_at", Instant(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("their_sequence", sa.BigInteger(), nullable=False),
        sa.Column("their_digest", sa.String(), nullable=False),
        sa.Column("their_buckets", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("differing", sa.Text(), nullable=True),
        sa.Column("owed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("peer", name=op.f("pk_directory_comparison")),
    )
