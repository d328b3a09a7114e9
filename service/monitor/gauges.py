"""What operators watch, measured from rows, connections and disks: queues, silence, hub, directory, peers."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection as Rows
from sqlalchemy import func, literal_column, select
from sqlmodel import Session

from protocol.errors import Refused
from protocol.identifiers import Address, state_of
from service.exchange import indicators
from service.exchange.deadlines import not_to_be_pressed
from service.monitor import delivery, peers
from service.monitor.backups import last_backup
from service.monitor.delivery import Figures
from service.monitor.watch import LOOKED_EVERY, look
from service.node import Node
from service.store import adapters, comparisons
from service.store.engine import database_file
from service.store.tables import DEADLINE, OUTBOX, QUARANTINE, THREAD

__all__ = ["MEASURED_EVERY", "Gauges"]

MEASURED_EVERY = 5.0
"""Seconds. Below the usual scrape interval, and cheap: counts over small partial indexes."""

# One look a state, in the words of its partial index: what is done is never walked over.
_WAITING: dict[str, Any] = {
    state: select(
        literal_column(f"'{state}'").label("state"),
        func.count().label("rows"),
        func.min(OUTBOX.c.queued_at).label("oldest"),
    ).where(OUTBOX.c.state == literal_column(f"'{state}'"))
    for state in ("queued", "released", "held")
}


class Connection(Protocol):
    """What is asked of the link to the hub. `generation` counts connections."""

    generation: int

    @property
    def connected(self) -> bool: ...


class Gauges:
    """Some every few seconds (`measure`); what takes longer to find, each half minute (`watch`)."""

    def __init__(self, node: Node, link: Connection) -> None:
        self._node = node
        self._link = link
        self._generation = link.generation
        self._compared = False

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if loop.time() >= due:
                due = loop.time() + LOOKED_EVERY
                await self.watch()
            await self.measure()
            await asyncio.sleep(MEASURED_EVERY)

    async def measure(self) -> None:
        now = self._node.clock.now()
        self._connections(now)
        await self._node.store.read(lambda session: self._rows(session, now))
        self._node.metrics.measured(now, writes_waiting=self._node.store.waiting)

    async def watch(self) -> None:
        """What stands still, how peers are, how fast envelopes pass, disks."""
        node = self._node
        now = node.clock.now()
        await node.store.read(lambda session: self._watched(session, now))
        await asyncio.to_thread(self._disks, now)

    def _watched(self, session: Session, now: datetime) -> None:
        node, connection = self._node, session.connection()
        node.metrics.stuck(look(session, node, now).counts)
        node.metrics.adapters_unwell(adapters.unwell(connection, now))
        if not self._compared:
            # From then on it is set whenever the two nodes tell each other: once a day.
            for peer, count in indicators.standing_differences(node, connection).items():
                node.metrics.indicators_differ(peer, count)
            self._compared = True
        heard: dict[str, float] = {
            peer: (now - at).total_seconds()
            for peer in peers.known(connection, node.code)
            if (at := peers.last_heard(connection, node.code, peer)) is not None
        }
        oldest: dict[str, float] = {
            peer: (now - one.oldest).total_seconds() for peer, one in peers.waiting(connection).items()
        }
        node.metrics.peers(oldest_seconds=oldest, heard_seconds=heard)
        try:
            directory = node.directory.known()
        except Refused:
            return
        figures = delivery.figures(connection, directory, node.code, now)
        shortest = min(delivery.WINDOWS)
        node.metrics.delivery(_shown(one) for one in figures if one.days == shortest)

    def _disks(self, now: datetime) -> None:
        node = self._node
        for where, path in (("data", node.settings.data_dir), ("ledger", node.settings.ledger_dir)):
            usage = shutil.disk_usage(path)
            node.metrics.disk(where, free=usage.free, size=usage.total)
        last = last_backup(node.settings.ledger_dir)
        node.metrics.backup_age(None if last is None else (now - last).total_seconds())
        file = database_file(node.settings.database)
        if file is not None:
            parts = (file, Path(f"{file}-wal"))
            node.metrics.database(sum(part.stat().st_size for part in parts if part.exists()))

    def _connections(self, now: datetime) -> None:
        metrics, generation = self._node.metrics, self._link.generation
        metrics.hub(
            connected=self._link.connected, regained=self._generation > 0 and generation > self._generation
        )
        self._generation = generation
        try:
            directory = self._node.directory.known()
        except Refused:
            return
        snapshot = directory.snapshot
        metrics.directory(
            sequence=snapshot.sequence, expires_seconds=(directory.ends_at - now).total_seconds()
        )
        metrics.directory_half_life((snapshot.half_life - now).total_seconds())
        metrics.expect_publishing(sorted({entry.code for entry in directory.nodes()} - {self._node.code}))

    def _rows(self, session: Session, now: datetime) -> None:
        connection, metrics = session.connection(), self._node.metrics
        owed = connection.execute(
            select(
                THREAD.c.procedure,
                func.count().filter(THREAD.c.due_at <= now).label("late"),
                func.min(THREAD.c.due_at).label("oldest"),
            )
            .where(THREAD.c.due_at.is_not(None))
            .group_by(THREAD.c.procedure)
        ).all()
        metrics.overdue(
            {row.procedure: row.late for row in owed},
            oldest_seconds=max(((now - row.oldest).total_seconds() for row in owed), default=0.0),
        )
        metrics.answers_overdue(**_overdue(connection, self._node.state, now))
        metrics.duties_overdue(_duties_overdue(connection, now))
        counted = [connection.execute(_WAITING[state]).one() for state in _WAITING]
        waiting = [row for row in counted if row.rows]
        may_leave = [row for row in waiting if row.state in ("queued", "released")]
        metrics.outbox(
            {row.state: row.rows for row in waiting},
            oldest_seconds=max(((now - row.oldest).total_seconds() for row in may_leave), default=0.0),
        )
        metrics.directory_splits(comparisons.splits(connection))
        metrics.quarantined(connection.execute(select(func.count()).select_from(QUARANTINE)).scalar_one())


def _overdue(connection: Rows, state: str, now: datetime) -> dict[str, float]:
    """Seconds, by who owes it."""
    oldest = {"us": 0.0, "them": 0.0}
    rows = connection.execute(
        select(DEADLINE.c.owed_by, func.min(DEADLINE.c.due_at).label("due"))
        .where(DEADLINE.c.due_at <= now, DEADLINE.c.kind == "answer")
        .group_by(DEADLINE.c.owed_by)
    )
    for row in rows:
        owed_by = "us" if state_of(Address(row.owed_by)) == state else "them"
        oldest[owed_by] = max(oldest[owed_by], (now - row.due).total_seconds())
    return oldest


def _duties_overdue(connection: Rows, now: datetime) -> dict[str, float]:
    """Seconds, by duty; without the notification of a child for whom protection is sought or possible."""
    rows = connection.execute(
        select(DEADLINE.c.obligation, func.min(DEADLINE.c.due_at).label("due"))
        .where(DEADLINE.c.due_at <= now, DEADLINE.c.kind == "duty", ~not_to_be_pressed())
        .group_by(DEADLINE.c.obligation)
    )
    return {row.obligation: (now - row.due).total_seconds() for row in rows}


def _shown(one: Figures) -> tuple[str, str, float | None, int, float]:
    return one.node, one.leg, one.share, one.count + one.late, one.bound.total_seconds()
