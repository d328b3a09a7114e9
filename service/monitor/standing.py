"""How the node stands, in numbers: what waits, with whom, since when. For the operator's console.

Counting walks over everything that is open, so it is done for all who ask within a few seconds once
(`KEPT_FOR`); lists are read page by page and always afresh. No content, no identity, no case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Row, func, literal_column, select
from sqlmodel import Session

from protocol.errors import Refused
from protocol.identifiers import Address, NodeCode, StateCode, state_of
from service.monitor import delivery, peers
from service.monitor.backups import last_backup
from service.monitor.delivery import Figures
from service.monitor.watch import Looked, look
from service.node import Node
from service.store import comparisons
from service.store.store import Store
from service.store.tables import DEADLINE, INBOX, OUTBOX, QUARANTINE

__all__ = ["KEPT_FOR", "NEWEST", "Corridor", "PeerStanding", "Queue", "Standing", "quarantined", "standing"]

KEPT_FOR: Final = timedelta(seconds=10)

_OPEN: Final = ("queued", "released", "held")
NEWEST: Final = 20_000
"""Rows of the outbox among which those are counted that an erasure ended: no index leads to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """`name`: a state of the outbox, `waiting` for the inbox. `oldest`: since when the first one stands."""

    name: str
    rows: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corridor:
    """Answers that are owed between us and one State. `oldest_…`: the earliest due instant."""

    state: StateCode
    ours: int
    ours_overdue: int
    theirs: int
    theirs_overdue: int
    oldest_ours: datetime | None
    oldest_theirs: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStanding:
    """A peer's node. `waiting`: what we have for it; `lacking`: what it says it sent and we have not.
    `compared_at`: when the two directories were last compared; `split`: they differ."""

    node: NodeCode
    heard: datetime | None
    waiting: int
    waiting_since: datetime | None
    lacking: int
    compared_at: datetime | None
    split: bool
    figures: tuple[Figures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All of it, at one moment. `quarantine`: how many by refusal code. `backup`: when the last was made."""

    at: datetime
    queues: tuple[Queue, ...]
    corridors: tuple[Corridor, ...]
    peers: tuple[PeerStanding, ...]
    looked: Looked
    quarantine: Mapping[str, int]
    backup: datetime | None

    @property
    def overdue(self) -> tuple[int, int]:
        """How many answers are late: ours, theirs."""
        return sum(one.ours_overdue for one in self.corridors), sum(
            one.theirs_overdue for one in self.corridors
        )

    @property
    def owed(self) -> tuple[int, int]:
        """How many answers are owed: by us, by others."""
        return sum(one.ours for one in self.corridors), sum(one.theirs for one in self.corridors)


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock
    standing: Standing | None = None


_KEPT: WeakKeyDictionary[Store, _Kept] = WeakKeyDictionary()


async def standing(node: Node) -> Standing:
    """As it is, or was less than `KEPT_FOR` ago."""
    kept = _KEPT.setdefault(node.store, _Kept(asyncio.Lock()))
    async with kept.lock:
        now = node.clock.now()
        last = kept.standing
        if last is None or not timedelta(0) <= now - last.at < KEPT_FOR:
            last = kept.standing = await node.store.read(lambda session: _standing(session, node, now))
        return last


def quarantined(
    session: Session, *, limit: int, after: tuple[datetime, str] | None
) -> tuple[Row[*tuple[Any, ...]], ...]:
    """What lies in quarantine, the newest first, without its bytes: digest, code, received_at, size,
    source."""
    wanted = select(
        QUARANTINE.c.digest,
        QUARANTINE.c.code,
        QUARANTINE.c.received_at,
        QUARANTINE.c.size,
        QUARANTINE.c.source,
    ).order_by(QUARANTINE.c.received_at.desc(), QUARANTINE.c.digest)
    if after is not None:
        at, digest = after
        wanted = wanted.where(
            QUARANTINE.c.received_at <= at, (QUARANTINE.c.received_at < at) | (QUARANTINE.c.digest > digest)
        )
    return tuple(session.connection().execute(wanted.limit(limit)).all())


def _standing(session: Session, node: Node, now: datetime) -> Standing:
    connection = session.connection()
    codes = connection.execute(
        select(QUARANTINE.c.code, func.count().label("rows")).group_by(QUARANTINE.c.code)
    )
    return Standing(
        at=now,
        queues=_queues(connection),
        corridors=_corridors(connection, node.state, now),
        peers=_peers(connection, node, now),
        looked=look(session, node, now),
        quarantine={row.code: row.rows for row in codes},
        backup=last_backup(node.settings.ledger_dir),
    )


def _queues(connection: Connection) -> tuple[Queue, ...]:
    found = []
    for state in _OPEN:
        # Written out, not bound: a partial index is found only for the words that it was made with.
        row = connection.execute(
            select(func.count().label("rows"), func.min(OUTBOX.c.queued_at).label("oldest")).where(
                OUTBOX.c.state == literal_column(f"'{state}'")
            )
        ).one()
        found.append(Queue(name=state, rows=row.rows, oldest=row.oldest))
    newest = select(func.max(OUTBOX.c.row) - NEWEST).scalar_subquery()
    row = connection.execute(
        select(func.count().label("rows"), func.min(OUTBOX.c.queued_at).label("oldest")).where(
            OUTBOX.c.row > newest, OUTBOX.c.state == "failed"
        )
    ).one()
    found.append(Queue(name="failed", rows=row.rows, oldest=row.oldest))
    row = connection.execute(
        select(func.count().label("rows"), func.min(INBOX.c.received_at).label("oldest")).where(
            INBOX.c.outcome == literal_column("'waiting'")
        )
    ).one()
    found.append(Queue(name="waiting", rows=row.rows, oldest=row.oldest))
    return tuple(found)


def _corridors(connection: Connection, us: StateCode, now: datetime) -> tuple[Corridor, ...]:
    rows = connection.execute(
        select(
            DEADLINE.c.asker,
            DEADLINE.c.answerer,
            DEADLINE.c.owed_by,
            func.count().label("owed"),
            func.count().filter(DEADLINE.c.due_at <= now).label("late"),
            func.min(DEADLINE.c.due_at).label("oldest"),
        ).group_by(DEADLINE.c.asker, DEADLINE.c.answerer, DEADLINE.c.owed_by)
    )
    found: dict[StateCode, dict[str, Any]] = {}
    for row in rows:
        asker, answerer = state_of(Address(row.asker)), state_of(Address(row.answerer))
        one = found.setdefault(answerer if asker == us else asker, {})
        whose = "ours" if state_of(Address(row.owed_by)) == us else "theirs"
        one[whose] = one.get(whose, 0) + row.owed
        one[f"{whose}_overdue"] = one.get(f"{whose}_overdue", 0) + row.late
        one[f"oldest_{whose}"] = min(one.get(f"oldest_{whose}") or row.oldest, row.oldest)
    blank = {
        "ours": 0,
        "ours_overdue": 0,
        "theirs": 0,
        "theirs_overdue": 0,
        "oldest_ours": None,
        "oldest_theirs": None,
    }
    corridors = [Corridor(state=state, **(blank | one)) for state, one in found.items()]
    return tuple(sorted(corridors, key=lambda one: (-(one.ours_overdue + one.theirs_overdue), one.state)))


def _peers(connection: Connection, node: Node, now: datetime) -> tuple[PeerStanding, ...]:
    waiting = peers.waiting(connection)
    compared = {row.peer: row for row in comparisons.all_of(connection)}
    try:
        directory = node.directory.known()
        figures = delivery.figures(connection, directory, node.code, now)
        # Also who was admitted and has never been written to: silence is not the same as absence.
        listed = {entry.owner for entry in directory.nodes()} - {node.code}
    except Refused:
        figures, listed = (), set()
    found = []
    for peer in sorted({*peers.known(connection, node.code), *map(NodeCode, listed)}):
        lacking = peers.lacking(connection, node.code, peer)
        ours = waiting.get(peer)
        row = compared.get(peer)
        found.append(
            PeerStanding(
                node=peer,
                heard=peers.last_heard(connection, node.code, peer),
                waiting=ours.rows if ours else 0,
                waiting_since=ours.oldest if ours else None,
                lacking=lacking.count,
                compared_at=row.compared_at if row else None,
                split=bool(row and row.outcome == "split"),
                figures=tuple(one for one in figures if one.node == peer),
            )
        )
    return tuple(found)
