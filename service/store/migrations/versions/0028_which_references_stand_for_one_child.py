"""Which references stand for one child."""

from __future__ import annotations

import base64
import json

import sqlalchemy as sa
from alembic import op

from service.store.columns import Instant

revision = "0028"
down_revision: str | None = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_alias",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("same_as", sa.String(), nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("reference", "same_as", name=op.f("pk_case_alias")),
    )
    with op.batch_alter_table("case_alias", schema=None) as batch_op:
        batch_op.create_index("ix_case_alias_same_as", ["same_as"], unique=False)

    # What was said before: the coded part is the statement's second piece.
    said = op.get_bind().execute(
        sa.text(
            "SELECT case_reference, statement, recorded_at FROM message"
            " WHERE type = 'case.alias' AND status != 'refused'"
        )
    )
    for case, statement, recorded_at in said.all():
        claims = statement.split(".")[1]
        coded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["coded"]
        if coded.get("same_as") is not None:
            op.get_bind().execute(
                sa.text("INSERT OR IGNORE INTO case_alias VALUES (:case, :same_as, :at)"),
                {"case": case, "same_as": coded["same_as"], "at": recorded_at},
            )
