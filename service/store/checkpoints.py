"""What nodes told each other of their channels, kept so that what a stolen key signed can be told from what a
thief made up later (`protocol.bundle.coverage`).

Kept of each pair: the last of every hour for a month, then the last of every day for 400 days, and for good
what an entry of the directory names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from protocol.identifiers import NodeCode
from protocol.statements import Statement
from service.store.tables import CHECKPOINT

__all__ = ["by_digest", "keep", "received_before"]

type AnyRow = Row[tuple[Any, ...]]

_HOURLY = timedelta(days=31)
_DAILY = timedelta(days=400)
NAMED_AT_MOST = 512
"""Checkpoints that a cut-off names, all peers together: an entry has room for them and not for many more."""
NAMED_OF_A_PEER = 24


def keep(
    connection: Connection,
    statement: Statement,
    *,
    issuer: NodeCode,
    peer: NodeCode,
    issued_at: datetime,
    named: Collection[str] = (),
) -> None:
    """Remember it as the last of its hour. `named`: digests that entries name, which are kept for good."""
    hour = issued_at.replace(minute=0, second=0, microsecond=0)
    of_hour = (CHECKPOINT.c.issuer == issuer, CHECKPOINT.c.peer == peer, CHECKPOINT.c.hour == hour)
    former = connection.execute(select(CHECKPOINT).where(*of_hour)).one_or_none()
    if former is not None and (former.issued_at > issued_at or former.digest in named):
        return
    connection.execute(delete(CHECKPOINT).where(*of_hour))
    connection.execute(
        insert(CHECKPOINT).values(
            issuer=issuer,
            peer=peer,
            hour=hour,
            digest=statement.digest,
            issued_at=issued_at,
            token=statement.token,
        )
    )
    if former is None:
        _thin_out(connection, issuer, peer, issued_at, named)


def received_before(connection: Connection, me: NodeCode, at: datetime) -> tuple[str, ...]:
    """Digests of the newest that each peer had given this node before `at`."""
    rows = connection.execute(
        select(CHECKPOINT.c.issuer, CHECKPOINT.c.digest)
        .where(CHECKPOINT.c.peer == me, CHECKPOINT.c.issued_at < at)
        .order_by(CHECKPOINT.c.issued_at.desc())
    )
    by_peer: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_peer[row.issuer].append(row.digest)
    each = max(1, min(NAMED_OF_A_PEER, NAMED_AT_MOST // max(1, len(by_peer))))
    return tuple(digest for peer in sorted(by_peer) for digest in by_peer[peer][:each])


def by_digest(connection: Connection, digests: Iterable[str]) -> Sequence[AnyRow]:
    """Those that are here, oldest first."""
    wanted = list(digests)
    return connection.execute(
        select(CHECKPOINT).where(CHECKPOINT.c.digest.in_(wanted)).order_by(CHECKPOINT.c.issued_at)
    ).all()


def _thin_out(
    connection: Connection, issuer: NodeCode, peer: NodeCode, now: datetime, named: Collection[str]
) -> None:
    old = connection.execute(
        select(CHECKPOINT.c.hour, CHECKPOINT.c.digest)
        .where(CHECKPOINT.c.issuer == issuer, CHECKPOINT.c.peer == peer, CHECKPOINT.c.hour < now - _HOURLY)
        .order_by(CHECKPOINT.c.hour)
    ).all()
    last_of_day: dict[date, datetime] = {row.hour.date(): row.hour for row in old}
    for row in old:
        kept = row.hour == last_of_day[row.hour.date()] and row.hour >= now - _DAILY
        if not kept and row.digest not in named:
            connection.execute(
                delete(CHECKPOINT).where(
                    CHECKPOINT.c.issuer == issuer, CHECKPOINT.c.peer == peer, CHECKPOINT.c.hour == row.hour
                )
            )
