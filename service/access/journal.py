"""Who did what, to what, and why: one row each, in the same transaction as the act."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session

from service.access.actor import Actor
from service.store.tables import ACCESS_JOURNAL

__all__ = ["note"]


def note(
    session: Session, actor: Actor, action: str, subject: str, *, at: datetime, reason: str | None = None
) -> None:
    """`subject`: a message id or a case reference. `reason`: a code, never free text."""
    session.connection().execute(
        insert(ACCESS_JOURNAL),
        {
            "at": at,
            "actor": actor.person,
            "role": actor.role,
            "action": action,
            "subject": subject,
            "reason": reason,
        },
    )
