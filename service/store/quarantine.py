"""Bytes that nobody vouches for, kept for an operator to look at. Bounded: noise must not fill the disk."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from protocol.statements import digest
from service.store.tables import QUARANTINE

__all__ = ["keep"]


def keep(
    connection: Connection,
    data: bytes,
    *,
    sealed: bool,
    code: str,
    source: str,
    now: datetime,
    most: int,
) -> None:
    """The same bytes twice are one row. `most`: the newest rows that stay; what an operator needs is that it
    happens, and from when.

    Unless `sealed`, only digest and size are kept: what is no envelope may be a plain text that somebody took
    for one, and what people write about a child lies in this database under its case's key or not at all.
    """
    name = digest(data)
    known = connection.execute(select(QUARANTINE.c.code).where(QUARANTINE.c.digest == name)).first()
    if known is not None:
        return
    connection.execute(
        insert(QUARANTINE),
        {
            "digest": name,
            "code": code,
            "received_at": now,
            "size": len(data),
            "source": source,
            "data": data if sealed else b"",
        },
    )
    count = connection.execute(select(func.count()).select_from(QUARANTINE)).scalar_one()
    if count > most:
        oldest = select(QUARANTINE.c.digest).order_by(QUARANTINE.c.received_at).limit(count - most)
        connection.execute(delete(QUARANTINE).where(QUARANTINE.c.digest.in_(oldest)))
