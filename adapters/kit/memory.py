"""What an adapter must not forget: how far each side was read, what was settled, what waits or was set aside.

A file of its own (SQLite, 0600), written through before anything is said to either side. It holds no record:
of what is settled it keeps a keyed digest of its name, of what still waits the name itself, because that is
what it is asked for by.

Sameness rests on `message_id`: the same record, for the same purpose, is always the same message, whatever
was forgotten in between, because the id follows from the record's name and a secret beside the file. Keep the
secret with the node's backups: without it, the same record would be a new message.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from adapters.kit.pace import again_after
from protocol.identifiers import MessageId, new_message_id

__all__ = ["Damaged", "Glance", "InUse", "Memory", "SetAside", "Waiting", "Way", "glance"]

type Way = Literal["to-node", "to-system"]

_SECRET_BYTES: Final = 32
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS position (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settled (way TEXT, mark BLOB, outcome TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (way, mark)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_aside (way TEXT, name TEXT, code TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (way, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (way TEXT, name TEXT, code TEXT NOT NULL, at TEXT NOT NULL,
    tried INTEGER NOT NULL, again TEXT NOT NULL, PRIMARY KEY (way, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counted (way TEXT, outcome TEXT, number INTEGER NOT NULL,
    PRIMARY KEY (way, outcome)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS said (one INTEGER PRIMARY KEY CHECK (one = 1), health TEXT NOT NULL,
    at TEXT NOT NULL);
"""
_CLOSED: Final = "code LIKE 'node.mandate.%' AND code != 'node.mandate.not_covered'"
_WAITS_NOW: Final = (
    "INSERT OR IGNORE INTO waiting SELECT way, name, code, at, 1, at FROM set_aside WHERE " + _CLOSED,  # noqa: S608
    "DELETE FROM set_aside WHERE " + _CLOSED,  # noqa: S608 (a constant)
)
"""What was set aside for good before such things waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """What a person has to look at. `name`: a message's id, or what the other system calls the record."""

    way: Way
    name: str
    code: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What others have closed, and may open again. `at`: since when; `again`: when it is asked about next."""

    way: Way
    name: str
    code: str
    at: datetime
    tried: int
    again: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What can be seen of a memory from outside. `health` as it was last said, at `said_at`."""

    aside: tuple[SetAside, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    health: Mapping[str, Any] | None = None
    said_at: datetime | None = None


class Damaged(Exception):
    """What a memory rests on is not whole. Says what to do."""


class InUse(sqlite3.OperationalError):
    """Another process works with this memory."""


class Memory:
    """One adapter's. Not for two processes at once: `InUse` tells the second one. `Damaged` for a secret that
    is not whole; sqlite3.DatabaseError for a file that is none."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._secret = _secret_in(directory)
        self._held = _alone_in(directory)
        path = directory / "memory.db"
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=1)
        try:
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute("PRAGMA secure_delete=ON")
            self._database.executescript(_TABLES)
            with _together(self._database):
                for statement in _WAITS_NOW:
                    self._database.execute(statement)
        except sqlite3.Error:
            self.close()
            raise

    def close(self) -> None:
        self._database.close()
        os.close(self._held)

    def message_id(self, *names: str) -> MessageId:
        """The id of the message that a record gives, `names` saying which record and what for."""
        return new_message_id(lambda count: self._mark("\x1f".join(names))[:count])

    def position(self, name: str) -> str | None:
        """How far was read, as `reached` was told it."""
        row = self._database.execute("SELECT value FROM position WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def reached(self, name: str, value: str) -> None:
        """Everything before `value` is settled, set aside, or waits."""
        self._database.execute(
            "INSERT INTO position VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def forget(self, name: str) -> None:
        """A position that is not needed any more."""
        self._database.execute("DELETE FROM position WHERE name = ?", (name,))

    def outcome(self, way: Way, name: str) -> str | None:
        """What became of it; None while it is not settled."""
        row = self._database.execute(
            "SELECT outcome FROM settled WHERE way = ? AND mark = ?", (way, self._mark(name))
        ).fetchone()
        return None if row is None else str(row[0])

    def settle(self, way: Way, name: str, outcome: str, now: datetime) -> None:
        """It went through, or needs nothing: never again. Settled twice, the first outcome stays."""
        with _together(self._database):
            done = self._database.execute(
                "INSERT INTO settled VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (way, self._mark(name), outcome, now.isoformat()),
            )
            self._let_go(way, name)
            if done.rowcount:
                self._count(way, outcome)

    def set_aside(self, way: Way, name: str, code: str, now: datetime) -> None:
        """It does not go through as it is; a person has to look at it."""
        with _together(self._database):
            self._database.execute("DELETE FROM waiting WHERE way = ? AND name = ?", (way, name))
            self._database.execute(
                "INSERT INTO set_aside VALUES (?, ?, ?, ?)"
                " ON CONFLICT (way, name) DO UPDATE SET code = excluded.code",
                (way, name, code, now.isoformat()),
            )

    def wait(self, way: Way, name: str, code: str, now: datetime) -> None:
        """It is closed for now. Told so again, it is asked about less often."""
        tried = 1 + next((one.tried for one in self.waiting(way=way, name=name)), 0)
        again = (now + again_after(tried)).isoformat()
        with _together(self._database):
            self._database.execute("DELETE FROM set_aside WHERE way = ? AND name = ?", (way, name))
            self._database.execute(
                "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (way, name) DO UPDATE"
                " SET code = excluded.code, tried = excluded.tried, again = excluded.again",
                (way, name, code, now.isoformat(), tried, again),
            )

    def waits(self, way: Way, name: str) -> bool:
        return bool(self.waiting(way=way, name=name))

    def waiting(
        self,
        *,
        limit: int = 1_000,
        due: datetime | None = None,
        way: Way | None = None,
        name: str | None = None,
    ) -> tuple[Waiting, ...]:
        """What is to be asked about first comes first; with `due` only what is by then."""
        return _waiting(self._database, limit, due=due, way=way, name=name)

    def waiting_counts(self) -> dict[Way, int]:
        rows = self._database.execute("SELECT way, COUNT(*) FROM waiting GROUP BY way")
        return dict(rows.fetchall())

    def let_go(self, way: Way, name: str) -> None:
        """It is set aside, or waits, no longer, and nothing became of it: if it comes again, it is new."""
        with _together(self._database):
            self._let_go(way, name)

    def _let_go(self, way: Way, name: str) -> None:
        self._database.execute("DELETE FROM set_aside WHERE way = ? AND name = ?", (way, name))
        self._database.execute("DELETE FROM waiting WHERE way = ? AND name = ?", (way, name))

    def aside(self, *, limit: int = 1_000) -> tuple[SetAside, ...]:
        """The oldest first."""
        return _aside(self._database, limit)

    def aside_count(self) -> int:
        return int(self._database.execute("SELECT COUNT(*) FROM set_aside").fetchone()[0])

    def counts(self) -> dict[tuple[str, str], int]:
        """How many were settled, by way and outcome."""
        rows = self._database.execute("SELECT way, outcome, number FROM counted")
        return {(way, outcome): number for way, outcome, number in rows}

    def say(self, health: Mapping[str, Any], now: datetime) -> None:
        """How the adapter is, for whoever asks on this machine."""
        self._database.execute(
            "INSERT INTO said VALUES (1, ?, ?)"
            " ON CONFLICT (one) DO UPDATE SET health = excluded.health, at = excluded.at",
            (json.dumps(health), now.isoformat()),
        )

    def _count(self, way: Way, outcome: str) -> None:
        self._database.execute(
            "INSERT INTO counted VALUES (?, ?, 1)"
            " ON CONFLICT (way, outcome) DO UPDATE SET number = number + 1",
            (way, outcome),
        )

    def _mark(self, name: str) -> bytes:
        return hmac.digest(self._secret, name.encode(), hashlib.sha256)


def glance(directory: Path, *, limit: int = 1_000) -> Glance:
    """Look at a memory, also while its adapter runs. Changes nothing."""
    path = directory / "memory.db"
    if not path.exists():
        return Glance()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as database:
        database.execute("PRAGMA query_only=ON")
        if not _has(database, "said"):
            return Glance()  # it is just being made
        said = database.execute("SELECT health, at FROM said").fetchone()
        return Glance(
            aside=_aside(database, limit),
            waiting=_waiting(database, limit) if _has(database, "waiting") else (),
            health=None if said is None else json.loads(said[0]),
            said_at=None if said is None else datetime.fromisoformat(said[1]),
        )


def _has(database: sqlite3.Connection, table: str) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def _aside(database: sqlite3.Connection, limit: int) -> tuple[SetAside, ...]:
    rows = database.execute(
        "SELECT way, name, code, at FROM set_aside ORDER BY at, way, name LIMIT ?", (limit,)
    )
    return tuple(
        SetAside(way=way, name=name, code=code, at=datetime.fromisoformat(at)) for way, name, code, at in rows
    )


def _waiting(
    database: sqlite3.Connection,
    limit: int,
    *,
    due: datetime | None = None,
    way: Way | None = None,
    name: str | None = None,
) -> tuple[Waiting, ...]:
    rows = database.execute(
        "SELECT way, name, code, at, tried, again FROM waiting"
        " WHERE (:due IS NULL OR again <= :due) AND (:way IS NULL OR way = :way)"
        " AND (:name IS NULL OR name = :name) ORDER BY again, way, name LIMIT :limit",
        {"due": None if due is None else due.isoformat(), "way": way, "name": name, "limit": limit},
    )
    return tuple(
        Waiting(
            way=way,
            name=name,
            code=code,
            at=datetime.fromisoformat(at),
            tried=tried,
            again=datetime.fromisoformat(again),
        )
        for way, name, code, at, tried, again in rows
    )


def _alone_in(directory: Path) -> int:
    """The lock's descriptor. The system lets it go when the process ends, however that happens."""
    held = os.open(directory / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise InUse("another process has this memory") from None
    return held


class _together:  # noqa: N801 (used as a word)
    """What is written inside is written as one."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def _secret_in(directory: Path) -> bytes:
    """Made once, and found again."""
    path = directory / "sameness.secret"
    if not path.exists():
        beside = directory / f".sameness.{secrets.token_hex(4)}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)  # whoever comes second finds the first one's
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise Damaged(
            f"{path} is damaged: stop the adapter and bring this file back from a backup. Without it every"
            " record would be a new message"
        )
    return secret
