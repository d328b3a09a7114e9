"""What is owed, and how far its reminders have gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0018"
down_revision: str | None = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock_difference",
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("obligation", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("case_reference", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("ours_at", Instant(), nullable=False),
        sa.Column("theirs_at", Instant(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("message", "obligation", name=op.f("pk_clock_difference")),
    )
    with op.batch_alter_table("clock_difference", schema=None) as batch_op:
        batch_op.create_index("ix_clock_difference_case_reference", ["case_reference"], unique=False)

    op.create_table(
        "deadline",
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("obligation", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("case_reference", sa.String(), nullable=False),
        sa.Column("procedure", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lapses_at", Instant(), nullable=True),
        sa.Column("asker", sa.String(), nullable=False),
        sa.Column("answerer", sa.String(), nullable=False),
        sa.Column("owed_by", sa.String(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("counted_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("earlier_by", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=True),
        sa.Column("step_at", Instant(), nullable=True),
        sa.Column("look_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("thread", "message", "obligation", name=op.f("pk_deadline")),
    )
    with op.batch_alter_table("deadline", schema=None) as batch_op:
        batch_op.create_index("ix_deadline_case_reference", ["case_reference"], unique=False)
        batch_op.create_index(
            "ix_deadline_due_at", ["due_at", "thread", "message", "obligation"], unique=False
        )
        batch_op.create_index(
            "ix_deadline_look_at",
            ["look_at"],
            unique=False,
            sqlite_where=sa.text("look_at IS NOT NULL"),
            postgresql_where=sa.text("look_at IS NOT NULL"),
        )
        batch_op.create_index("ix_deadline_owed_by", ["owed_by", "due_at"], unique=False)

    op.create_table(
        "reminder",
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("obligation", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("sent", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint(
            "thread", "message", "obligation", "step", "due_at", name=op.f("pk_reminder")
        ),
    )
