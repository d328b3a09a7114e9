"""Who did what, to what, and why: one row each, in the same transaction as the act, chained to the one before
it (`protocol.journal`).

It never holds content or personal data: opaque names, ids, case references and codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlmodel import Session

from protocol.identifiers import CaseReference
from protocol.journal import ORIGIN, Checkpoint, Entry, chained
from service.access.actor import Actor
from service.store.tables import ACCESS_JOURNAL, MESSAGE

__all__ = [
    "MOST_LOOKED_AT",
    "MOST_ROWS",
    "Found",
    "checkpoint",
    "entries",
    "entry_of",
    "has_done",
    "note",
    "search",
    "was_done",
]

MOST_ROWS = 1_000
"""Rows in one page of an export."""
MOST_LOOKED_AT = 20_000
"""Rows that one search walks over: what somebody did long ago is found in several steps, never by a walk over
the whole journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`entries`: the newest first. `further`: search on before this position; None where the period, or the
    journal, begins. `excerpt`: others may lie between them."""

    entries: tuple[Entry, ...]
    further: int | None
    excerpt: bool


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


def has_done(session: Session, person: str, action: str, subject: str) -> bool:
    """Whether this person has done that to it, ever."""
    chosen = select(ACCESS_JOURNAL.c.position).where(
        ACCESS_JOURNAL.c.subject == subject,
        ACCESS_JOURNAL.c.action == action,
        ACCESS_JOURNAL.c.actor == person,
    )
    return session.connection().execute(chosen.limit(1)).first() is not None


def was_done(session: Session, action: str, subject: str) -> bool:
    """Whether anybody has done that to it, ever."""
    chosen = select(ACCESS_JOURNAL.c.position).where(
        ACCESS_JOURNAL.c.subject == subject, ACCESS_JOURNAL.c.action == action
    )
    return session.connection().execute(chosen.limit(1)).first() is not None


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


def search(
    session: Session,
    *,
    before: int,
    limit: int,
    case: CaseReference | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Found:
    """Entries before the position `before`, at most `limit`: of a case as `entries` has it, of one actor,
    from `since` until before `until`. Positions follow time, so a period is a range of them."""
    begin = 0 if since is None else _first_since(session, since) - 1
    before = min(before, checkpoint(session)[0] + 1)
    if until is not None:
        before = min(before, _first_since(session, until))
    chosen = (
        select(ACCESS_JOURNAL)
        .where(ACCESS_JOURNAL.c.position < before, ACCESS_JOURNAL.c.position > begin)
        .order_by(ACCESS_JOURNAL.c.position.desc())
        .limit(limit + 1)
    )
    lowest = begin
    if case is not None:
        of_case = select(MESSAGE.c.id).where(MESSAGE.c.case_reference == case)
        chosen = chosen.where((ACCESS_JOURNAL.c.subject == case) | ACCESS_JOURNAL.c.subject.in_(of_case))
    elif actor is not None:
        lowest = max(begin, before - 1 - MOST_LOOKED_AT)
        chosen = chosen.where(ACCESS_JOURNAL.c.position > lowest)
    if actor is not None:
        chosen = chosen.where(ACCESS_JOURNAL.c.actor == actor)
    rows = [entry_of(row) for row in session.connection().execute(chosen)]
    shown = tuple(rows[:limit])
    if len(rows) > limit:
        further: int | None = shown[-1].position
    else:
        further = lowest + 1 if lowest > begin else None
    return Found(entries=shown, further=further, excerpt=case is not None or actor is not None)


def _first_since(session: Session, moment: datetime) -> int:
    """The position of the first entry at `moment` or later; one behind the last where there is none. Found by
    halving: the journal has no index over time, and needs none."""
    low, high = 1, checkpoint(session)[0] + 1
    while low < high:
        middle = (low + high) // 2
        row = (
            session.connection()
            .execute(
                select(ACCESS_JOURNAL.c.position, ACCESS_JOURNAL.c.at)
                .where(ACCESS_JOURNAL.c.position >= middle)
                .order_by(ACCESS_JOURNAL.c.position)
                .limit(1)
            )
            .first()
        )
        if row is None or row.at >= moment:
            high = middle
        else:
            low = row.position + 1
    return low


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
