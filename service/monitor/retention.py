"""The worker that does what retention rules make due, finishes what an erasure left to do, and notes how
far the database has come, so that an older one is not taken for it."""

from __future__ import annotations

import asyncio

from protocol.errors import FocalpointError
from service.exchange.erasure import forget
from service.exchange.restraints import repeat_now
from service.exchange.retention import run_retention
from service.exchange.running import note_position
from service.node import Node

__all__ = ["Retention"]

_AGAIN = 2.0
"""Seconds until the next attempt to empty the log, when a reader was in the way."""
_NOTE_EVERY = 60.0


class Retention:
    def __init__(self, node: Node) -> None:
        self._node = node

    async def run(self) -> None:
        """Until cancelled."""
        loop, signal = asyncio.get_running_loop(), self._node.wake.erased
        due = loop.time()
        while True:
            seen = signal.count
            wait = _NOTE_EVERY
            try:
                if loop.time() >= due:
                    due = loop.time() + self._node.settings.retention_check_seconds
                    await self.look()
                await forget(self._node)
                await note_position(self._node)
            except FocalpointError as reason:
                self._node.log.warning("retention.round_failed", code=getattr(reason, "code", "internal"))
                wait = _AGAIN
            await signal.wait(seen, timeout=max(0.0, min(wait, due - loop.time())))

    async def look(self) -> int:
        """Do what is due. Returns in how many cases something was done."""
        # What a peer gave back after a restore may be a case that is held.
        await repeat_now(self._node)
        done = await run_retention(self._node)
        counts = {"block": done.blocked, "propose": done.proposed, "erase": done.erased}
        for state, references in counts.items():
            if references:
                self._node.log.info("retention.done", state=state, count=len(references))
        return sum(len(references) for references in counts.values())
