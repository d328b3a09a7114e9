"""Leases, what was found to stand still, how fast envelopes pass, and indexes of what is on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant, RowNumber

revision = "0019"
down_revision: str | None = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "stuck",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("what", "subject", name=op.f("pk_stuck")),
    )
    op.create_table(
        "delivery_day",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("day", Instant(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node", "leg", "day", name=op.f("pk_delivery_day")),
    )
    op.create_table(
        "watch_position",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", RowNumber(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watch_position")),
    )
    _index("ix_attachment_on_its_way", "attachment", ["changed_at"], "state IN ('sent', 'arriving')")
    _index("ix_message_consigned", "message", ["recorded_at"], "status = 'consigned'")
    op.create_index("ix_thread_standing", "thread", ["procedure", "state", "updated_at"])


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
