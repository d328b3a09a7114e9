"""How whoever proposed something had come to be known, and what their token granted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision: str | None = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.add_column(sa.Column("proposed_via", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("proposed_scopes", sa.Text(), nullable=True))
    # What waits now was journalled as it was proposed. What a token granted then is written nowhere.
    op.execute(
        sa.text(
            "UPDATE approval SET proposed_via = ("
            " SELECT via FROM access_journal AS said WHERE said.subject = approval.subject"
            " AND said.actor = approval.proposed_by AND said.action = approval.kind || '-proposed'"
            " AND said.at = approval.proposed_at ORDER BY position DESC LIMIT 1"
            ") WHERE state = 'proposed'"
        )
    )
