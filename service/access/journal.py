"""Who did what, to what, and why: one row each, in the same transaction as the act, chained to the one before
it (`protocol.journal`).

It never holds content or personal data: opaque names, ids, case references and codes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlmodel import Session

from protocol.identifiers import CaseReference
from protocol.journal import ORIGIN, Checkpoint, Entry, chained
from service.access.actor import Actor
from service.store.tables import ACCESS_JOURNAL, MESSAGE

__all__ = ["MOST_ROWS", "checkpoint", "entries", "entry_of", "note"]

MOST_ROWS = 1_000
"""Rows in one page of an export."""


def note(
    session: Session, actor: Actor, action: str, subject: str, *, at: datetime, reason: str | None = None
) -> None:
    """`subject`: a message id or a case reference. `reason`: a code, never free text.

    One writer at a time: the row before is read in the same transaction, and a second one for the same place
    is refused by the table.
    """
    position, previous = checkpoint(session)
    entry = chained(
        position=position + 1,
        at=at,
        actor=actor.person,
        role=actor.role,
        via=actor.via,
        action=action,
        subject=subject,
        reason=reason,
        previous=previous,
    )
    session.connection().execute(
        insert(ACCESS_JOURNAL),
        {
            "position": entry.position,
            "at": at,
            "actor": entry.actor,
            "role": entry.role,
            "via": entry.via,
            "action": action,
            "subject": subject,
            "reason": reason,
            "previous": previous,
            "digest": entry.digest,
        },
    )


def checkpoint(session: Session) -> Checkpoint:
    """Where the journal ends: position and digest. (0, `ORIGIN`) while it is empty."""
    last = (
        session.connection()
        .execute(
            select(ACCESS_JOURNAL.c.position, ACCESS_JOURNAL.c.digest)
            .order_by(ACCESS_JOURNAL.c.position.desc())
            .limit(1)
        )
        .first()
    )
    return (0, ORIGIN) if last is None else (last.position, last.digest or ORIGIN)


def entries(
    session: Session, *, after: int = 0, limit: int = MOST_ROWS, case: CaseReference | None = None
) -> list[Entry]:
    """The entries behind position `after`, at most `limit`. Of `case` alone: what names it or one of its
    messages."""
    chosen = (
        select(ACCESS_JOURNAL)
        .where(ACCESS_JOURNAL.c.position > after)
        .order_by(ACCESS_JOURNAL.c.position)
        .limit(limit)
    )
    if case is not None:
        of_case = select(MESSAGE.c.id).where(MESSAGE.c.case_reference == case)
        chosen = chosen.where((ACCESS_JOURNAL.c.subject == case) | ACCESS_JOURNAL.c.subject.in_(of_case))
    return [entry_of(row) for row in session.connection().execute(chosen)]


def entry_of(row: Row[Any]) -> Entry:
    """As it was written, whether or not it is still true: verification says that."""
    at: datetime = row.at
    return Entry(
        position=row.position,
        at=at.isoformat().replace("+00:00", "Z"),
        actor=row.actor,
        role=row.role,
        via=row.via,
        action=row.action,
        subject=row.subject,
        reason=row.reason,
        previous=row.previous or "",
        digest=row.digest or "",
    )
