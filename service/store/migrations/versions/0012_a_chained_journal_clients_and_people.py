"""Chain the access journal, and know clients and people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from protocol.journal import ORIGIN, chained
from service.store.columns import Instant

revision = "0012"
down_revision: str | None = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("authorities", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_table(
        "client_assertion",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_client_assertion")),
    )
    with op.batch_alter_table("client_assertion", schema=None) as batch_op:
        batch_op.create_index("ix_client_assertion_until", ["until"], unique=False)

    op.create_table(
        "person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("authorities", sa.String(), nullable=False),
        sa.Column("subject_digest", sa.String(), nullable=True),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("subject_digest", name=op.f("uq_person_subject_digest")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("verifier", sa.String(), nullable=False),
        sa.Column("return_to", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_attempt")),
    )
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_attempt_until", ["until"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_invitation_person")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_invitation")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index("ix_invitation_person", ["person"], unique=False)

    op.create_table(
        "sign_in_session",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("acr", sa.String(), nullable=True),
        sa.Column("amr", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_sign_in_session_person")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_session")),
    )
    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_session_person", ["person"], unique=False)

    with op.batch_alter_table("access_journal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("via", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("previous", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("digest", sa.String(), nullable=True))
    _chain_what_is_there()


def _chain_what_is_there() -> None:
    """It vouches from now on for what stood there before, and for nothing that was changed earlier."""
    connection, previous = op.get_bind(), ORIGIN
    journal = sa.table(
        "access_journal",
        *(sa.column(name) for name in ("position", "actor", "role", "action", "subject", "reason")),
        *(sa.column(name) for name in ("previous", "digest")),
        sa.column("at", Instant()),
    )
    for row in connection.execute(sa.select(journal).order_by(journal.c.position)).all():
        entry = chained(
            position=row.position,
            at=row.at,
            actor=row.actor,
            role=row.role,
            via=None,
            action=row.action,
            subject=row.subject,
            reason=row.reason,
            previous=previous,
        )
        values = {"previous": previous, "digest": entry.digest}
        connection.execute(sa.update(journal).where(journal.c.position == row.position).values(values))
        previous = entry.digest
