"""On how many days a case was seen blocked, before anything of it is erased without a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0027"
down_revision: str | None = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case_retention", schema=None) as batch_op:
        batch_op.add_column(sa.Column("looks", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("looked_at", Instant(), nullable=True))
