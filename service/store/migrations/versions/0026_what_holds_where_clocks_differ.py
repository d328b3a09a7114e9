"""What holds where two nodes count a deadline differently."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0026"
down_revision: str | None = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("clock_difference", schema=None) as batch_op:
        batch_op.add_column(sa.Column("holds_at", Instant(), nullable=True))
