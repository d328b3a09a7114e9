"""A case is opened once under the id that its opener chose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision: str | None = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.add_column(sa.Column("opening_id", sa.String(), nullable=True))
        batch_op.create_index("ix_case_file_opening", ["opened_by", "opening_id"], unique=True)
