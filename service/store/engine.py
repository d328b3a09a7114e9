"""Connections to the node's database, and the guarantees that each is opened with.

SQLite: write-ahead log, `synchronous=FULL` (a commit survives the loss of power), `secure_delete` (what is
deleted is overwritten: a deleted key must not stay in a free page), foreign keys, five seconds of patience
with another process. Bound values never appear in an error or a log.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from service.errors import Misconfigured

__all__ = ["database_file", "open_engine"]

_BUSY_MILLISECONDS = 5_000
_PRAGMAS = (
    f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}",  # first: the next ones may have to wait
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",  # a sort's spill file would be outside the promises made above
    "PRAGMA cache_size=-16384",  # KiB
)


def open_engine(url: str, *, read_only: bool = False, connections: int = 1) -> Engine:
    """An engine for `url` (`sqlite:////path/node.db` or `postgresql+psycopg://…`).

    A SQLite file is created 0600 in a directory created 0700; one that others can read is refused.
    `read_only` connections refuse to write, in the database itself. Misconfigured `store.url`,
    `store.permissions`.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Misconfigured(
            "store.url", "expected sqlite:////path/to/file or postgresql+psycopg://…"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        _prepare_file(parsed)
        engine = create_engine(
            parsed, hide_parameters=True, pool_size=connections, max_overflow=0, query_cache_size=1000
        )
        _govern_sqlite(engine, read_only=read_only)
        return engine
    return create_engine(
        parsed,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        execution_options={"postgresql_readonly": True} if read_only else {},
    )


def database_file(url: str | URL) -> Path | None:
    """The SQLite file of `url`; None for a server."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise Misconfigured("store.url", "a node's SQLite database is a plain file; give its path")
    return Path(parsed.database)


def _prepare_file(url: URL) -> None:
    path = database_file(url)
    assert path is not None
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made before SQLite makes it: its log and shared memory inherit these permissions, and there is no moment
    # in which another user of the machine could open the file.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Misconfigured("store.permissions", "the database file is open to other users; chmod it to 600")


def _govern_sqlite(engine: Engine, *, read_only: bool) -> None:
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"  # a reader that became a writer could fail half-way

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # else the driver begins late, by itself, and breaks savepoints
        for pragma in (*_PRAGMAS, *(("PRAGMA query_only=ON",) if read_only else ())):
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
