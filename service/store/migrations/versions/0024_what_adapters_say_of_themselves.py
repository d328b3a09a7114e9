"""What adapters say of themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0024"
down_revision: str | None = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "adapter",
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("heard_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("client", "name", name=op.f("pk_adapter")),
    )


def downgrade() -> None:
    op.drop_table("adapter")
