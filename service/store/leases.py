"""A piece of work that one of several workers does at a time: whoever holds its lease.

A lease saves work, and is never the guarantee that something happens once. A worker that slept past its lease
may wake and go on beside the next one; what must not happen twice has a unique row of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from service.store.tables import LEASE

__all__ = ["hold", "release"]


def hold(session: Session, name: str, holder: str, *, until: datetime, now: datetime) -> bool:
    """Take the lease `name`, or keep it: True when it is `holder`'s until `until`.

    False while somebody else's runs. One compare-and-set in the caller's transaction: of two that ask at
    once, one gets it. Ask again well before `until` to keep it.
    """
    if until <= now:
        raise ValueError("a lease ends after it begins")
    connection = session.connection()
    insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
    taken = connection.execute(
        insert(LEASE)
        .values(name=name, holder=holder, until=until)
        .on_conflict_do_nothing(index_elements=[LEASE.c.name])
    )
    if taken.rowcount == 1:
        return True
    kept = connection.execute(
        update(LEASE)
        .where(LEASE.c.name == name, or_(LEASE.c.holder == holder, LEASE.c.until <= now))
        .values(holder=holder, until=until)
    )
    return kept.rowcount == 1


def release(session: Session, name: str, holder: str) -> None:
    """Give it back before its end, so that another need not wait. Nothing where it is not `holder`'s."""
    session.connection().execute(delete(LEASE).where(LEASE.c.name == name, LEASE.c.holder == holder))
