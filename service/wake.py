"""Who is waiting is told at once, inside one process.

A signal is a hint, never the truth: rows are. Whoever waits on one also wakes by timeout and looks at the
rows, which is what makes several processes on one database work.
"""

from __future__ import annotations

import asyncio

__all__ = ["Signal", "Wake"]


class Signal:
    """Counts occurrences, so that one which falls between looking and waiting is not lost.

        seen = signal.count
        ... look at the rows ...
        await signal.wait(seen, timeout=30)

    Any number may wait. Notify from the event loop's own thread only.
    """

    __slots__ = ("_count", "_waiting")

    def __init__(self) -> None:
        self._count = 0
        self._waiting: asyncio.Future[None] | None = None

    @property
    def count(self) -> int:
        """How often this has happened."""
        return self._count

    def notify(self) -> None:
        self._count += 1
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def wait(self, seen: int, *, timeout: float | None = None) -> bool:
        """Wait until it has happened more than `seen` times. False when `timeout` seconds passed instead."""
        if self._count > seen:
            return True
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        # Many share one future; `asyncio.wait` leaves it alone when one of them is cancelled or times out.
        done, _ = await asyncio.wait((self._waiting,), timeout=timeout)
        return bool(done)


class Wake:
    """The signals of one node."""

    __slots__ = (
        "attachments_due",
        "chunks_came",
        "directory_differs",
        "erased",
        "mail_arrived",
        "notices",
        "outbox_ready",
    )

    def __init__(self) -> None:
        self.outbox_ready = Signal()
        self.mail_arrived = Signal()
        self.notices = Signal()
        """Somebody is to be told something (`service.notices`)."""
        self.attachments_due = Signal()
        """There may be chunks to send, or a whole attachment to verify."""
        self.erased = Signal()
        """A case key was destroyed, or is about to be: files and memory have still to forget it."""
        self.directory_differs = Signal()
        """A peer sees another directory: it is to be told at once what we see."""
        self.chunks_came = Signal()
        """A peer sent chunks, and sends no more until it hears that we have them."""
