"""Acts that wait for a second person, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from service.store.tables import APPROVAL

__all__ = ["add", "by_id", "change", "lapse", "newest", "of_subject"]

type AnyRow = Row[tuple[Any, ...]]


def add(connection: Connection, **values: Any) -> None:
    connection.execute(insert(APPROVAL), values)


def by_id(connection: Connection, approval: str) -> AnyRow | None:
    return connection.execute(select(APPROVAL).where(APPROVAL.c.id == approval)).one_or_none()


def of_subject(connection: Connection, subject: str, kinds: Sequence[str]) -> Sequence[AnyRow]:
    """The newest first."""
    return connection.execute(
        select(APPROVAL)
        .where(APPROVAL.c.subject == subject, APPROVAL.c.kind.in_(kinds))
        .order_by(APPROVAL.c.proposed_at.desc(), APPROVAL.c.id)
    ).all()


def newest(
    connection: Connection, kinds: Sequence[str], authorities: Sequence[str], most: int
) -> Sequence[AnyRow]:
    """Of these kinds, proposed or to be decided by these authorities, or by the node itself. What still waits
    comes first, then the newest."""
    ours = or_(
        APPROVAL.c.proposing.in_(authorities),
        APPROVAL.c.deciding.in_(authorities),
        and_(APPROVAL.c.proposing.is_(None), APPROVAL.c.deciding.is_(None)),
    )
    return connection.execute(
        select(APPROVAL)
        .where(APPROVAL.c.kind.in_(kinds), ours)
        .order_by((APPROVAL.c.state == "proposed").desc(), APPROVAL.c.proposed_at.desc(), APPROVAL.c.id)
        .limit(most)
    ).all()


def change(connection: Connection, approval: str, *, was: str, **values: Any) -> bool:
    """False when it is not in the state `was` any more."""
    done = connection.execute(
        update(APPROVAL).where(APPROVAL.c.id == approval, APPROVAL.c.state == was).values(**values)
    )
    return done.rowcount == 1


def lapse(connection: Connection, now: datetime) -> Sequence[tuple[str, str]]:
    """Nobody decided in time: id and kind of each. What these would have done is dropped."""
    late = (APPROVAL.c.state == "proposed", APPROVAL.c.expires_at <= now)
    rows = connection.execute(select(APPROVAL.c.id, APPROVAL.c.kind).where(*late))
    found = [(row.id, row.kind) for row in rows]
    if found:
        connection.execute(
            update(APPROVAL).where(*late).values(state="lapsed", payload=None, payload_sealed=None)
        )
    return found
