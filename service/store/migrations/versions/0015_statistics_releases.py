"""Statistics releases, and which case each of them counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0015"
down_revision: str | None = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "statistics_release",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statistics_release")),
    )
    op.create_table(
        "statistics_count",
        sa.Column("release", sa.String(), nullable=False),
        sa.Column("case_reference", sa.String(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"], ["statistics_release.id"], name=op.f("fk_statistics_count_release")
        ),
        sa.PrimaryKeyConstraint("release", "case_reference", name=op.f("pk_statistics_count")),
    )
