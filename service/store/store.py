"""The store as use cases see it: `await store.write(work)`, `await store.read(work)`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from service.errors import Unavailable
from service.store.engine import database_file, open_engine
from service.store.writer import Group, Writer

__all__ = ["READERS", "Store"]

_TOGETHER = 5.0
READERS = 4
"""Threads that read, each with its own connection."""


class Store:
    """A database, the thread that writes to it and the threads that read from it.

    A work is a function of a session. In `write` it is one of a group that commits together (`writer.py`);
    what it returns is the answer once it is on disk. In `read` the database itself refuses to be written to,
    and the work sees one moment. Return values, not rows: a row is bound to a session that has ended.
    """

    def __init__(
        self, url: str, *, readers: int = READERS, on_group: Callable[[Group], None] | None = None
    ) -> None:
        self.url = url
        self._write_engine = open_engine(url)
        self._read_engine = open_engine(url, read_only=True, connections=readers)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="store-reader")
        self._writer = Writer(self._write_engine, on_group=on_group)
        self._closed = False

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations and checks. Use cases take `write` and `read`."""
        return self._write_engine

    @property
    def alive(self) -> bool:
        """The writer runs. Without it nothing is accepted: `/readyz` says so."""
        return self._writer.alive

    @property
    def waiting(self) -> int:
        """Works in the writer's queue now."""
        return self._writer.waiting

    def write[T](self, work: Callable[[Session], T]) -> asyncio.Future[T]:
        """Await it: the result of `work` once it is on disk, or its exception and nothing written."""
        return self._writer.write(work)

    def submit[T](self, work: Callable[[Session], T]) -> Future[T]:
        """As `write`, for a thread that is not an event loop."""
        return self._writer.submit(work)

    async def read[T](self, work: Callable[[Session], T]) -> T:
        """Run `work` on a reading thread. What it sees includes every write that was answered before."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def read_now[T](self, work: Callable[[Session], T]) -> T:
        """As `read`, on the calling thread."""
        with Session(self._read_engine, expire_on_commit=False) as session:
            return work(session)

    async def forget_deleted(self) -> None:
        """Make what was deleted or overwritten unreadable in the files too, e.g. after `Vault.destroy`.

        SQLite: every page goes from the log into the database and the log is cut to nothing. Unavailable
        `store.checkpoint_busy` when a reader held an older page for the whole of the patience: ask again.
        PostgreSQL keeps old row versions until VACUUM: its operator's pages say what that promise needs.
        """
        await asyncio.get_running_loop().run_in_executor(self._readers, self.forget_deleted_now)

    def forget_deleted_now(self) -> None:
        """As `forget_deleted`, on the calling thread."""
        if database_file(self.url) is None:
            return
        with self._read_engine.connect() as connection:
            database = connection.connection.dbapi_connection
            assert database is not None
            cursor = database.cursor()
            try:
                # Outside a transaction, or SQLite refuses.
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, *_ = cursor.fetchone() or (1,)
            except DBAPIError as error:
                raise Unavailable(
                    "store.checkpoint_busy", "the log could not be emptied; ask again"
                ) from error
            finally:
                cursor.close()
        if busy:
            raise Unavailable("store.checkpoint_busy", "a reader held the log open; ask again")

    async def in_every_reader(self, work: Callable[[], None]) -> None:
        """Run `work` once on each reading thread."""
        loop, count = asyncio.get_running_loop(), self._readers._max_workers
        together = threading.Barrier(count)

        def once() -> None:
            # None ends before all have begun, so that no thread gets two; one that is busy is not waited for
            # long.
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(_TOGETHER)
            work()

        await asyncio.gather(*(loop.run_in_executor(self._readers, once) for _ in range(count)))

    def close(self) -> None:
        """Write what was submitted, then stop the threads and close the connections."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        self._readers.shutdown()
        self._read_engine.dispose()
        self._write_engine.dispose()
