"""What operators watch, measured from rows and connections every few seconds: queues, silence, hub,
directory."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import func, literal_column, select
from sqlmodel import Session

from protocol.errors import Refused
from service.node import Node
from service.store import comparisons
from service.store.tables import OUTBOX, QUARANTINE, THREAD

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
    def __init__(self, node: Node, link: Connection) -> None:
        self._node = node
        self._link = link
        self._generation = link.generation

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.measure()
            await asyncio.sleep(MEASURED_EVERY)

    async def measure(self) -> None:
        now = self._node.clock.now()
        self._connections(now)
        await self._node.store.read(lambda session: self._rows(session, now))

    def _connections(self, now: datetime) -> None:
        metrics, generation = self._node.metrics, self._link.generation
        metrics.hub(
            connected=self._link.connected, regained=self._generation > 0 and generation > self._generation
        )
        self._generation = generation
        try:
            snapshot = self._node.directory.current().snapshot
        except Refused:
            return
        metrics.directory(
            sequence=snapshot.sequence, expires_seconds=(snapshot.expires_at - now).total_seconds()
        )

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
        counted = [connection.execute(_WAITING[state]).one() for state in _WAITING]
        waiting = [row for row in counted if row.rows]
        may_leave = [row for row in waiting if row.state in ("queued", "released")]
        metrics.outbox(
            {row.state: row.rows for row in waiting},
            oldest_seconds=max(((now - row.oldest).total_seconds() for row in may_leave), default=0.0),
        )
        metrics.directory_splits(comparisons.splits(connection))
        metrics.quarantined(connection.execute(select(func.count()).select_from(QUARANTINE)).scalar_one())
