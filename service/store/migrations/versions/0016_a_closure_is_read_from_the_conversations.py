"""A case's closure is what its conversations say: the column for it was never written."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision: str | None = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not as a batch: that would drop `case_file` and make it anew under the rows that refer to it.
    op.drop_column("case_file", "closed_at")
