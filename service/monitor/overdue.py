"""The worker that notices silence. It notes each overdue conversation once, lets lapse what no second person
has decided on, and completes nothing."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlmodel import Session

from service.monitor.rounds import round_after_round
from service.node import Node
from service.store import approvals
from service.store.tables import THREAD

__all__ = ["Overdue"]


class Overdue:
    def __init__(self, node: Node) -> None:
        self._node = node

    async def run(self) -> None:
        """Until cancelled."""
        every = self._node.settings.overdue_check_seconds
        await round_after_round(self._node, self.look, failed="overdue.round_failed", every=every)

    async def look(self) -> int:
        """Note what has become overdue. Returns how many were noted for the first time."""
        node = self._node
        now = node.clock.now()

        def note(session: Session) -> list[tuple[str, str]]:
            connection = session.connection()
            late = (THREAD.c.due_at <= now, THREAD.c.overdue_noted_at.is_(None))
            found = [
                (row.id, row.procedure)
                for row in connection.execute(select(THREAD.c.id, THREAD.c.procedure).where(*late))
            ]
            if found:
                connection.execute(update(THREAD).where(*late).values(overdue_noted_at=now))
            return found

        for approval, kind in await node.store.write(
            lambda session: approvals.lapse(session.connection(), now)
        ):
            node.log.warning("approval.lapsed", id=approval, kind=kind)
        noted = await node.store.write(note)
        for thread, procedure in noted:
            node.log.warning("thread.overdue", thread=thread, procedure=procedure)
        return len(noted)
