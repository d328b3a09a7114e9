"""What a second administrator is shown, acts that hold before it, and whom a message's text was shown to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0017"
down_revision: str | None = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.add_column(sa.Column("payload", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("preview", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("in_force_since", Instant(), nullable=True))
    op.create_table(
        "narrative_reading",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("sender_node", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day", "person", "sender_node", "message", name=op.f("pk_narrative_reading")),
    )
