"""What the reply page and the desk have in common, in a directory of its own: links, replies, the public key.

The page runs under an account of its own and is the one part that strangers reach. It has this directory and
nothing else: not what left when, not the memory, not the desk's key. Whoever takes it over can spoil links
and replies that nobody has looked at, and reads none that came before: they are sealed as they come in.

    the directory is made by the worker, 0700, for one account;
    or beforehand by whoever sets it up, 2770, for the worker's account and the page's group.

Its mode is set by whoever makes it, and never again. The files in it follow it. A link is kept as its
SHA-256: whoever reads the file has no link.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from adapters.kit.settings import SettingsError
from protocol.sealing import SealingPublicKey, seal

__all__ = ["Link", "Spool", "Waiting", "bound"]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS link (mark BLOB PRIMARY KEY, message TEXT NOT NULL, reply TEXT NOT NULL,
    language TEXT NOT NULL, narrative INTEGER NOT NULL, made_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    used_at TEXT, closed_at TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reply (id TEXT PRIMARY KEY, message TEXT NOT NULL, at TEXT NOT NULL,
    sealed BLOB, state TEXT NOT NULL) WITHOUT ROWID;
"""
_DATABASE, _PUBLIC = "spool.db", "desk.pub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`closed`: nobody can pass an answer on any more, and none is taken."""

    message: str
    reply: str
    language: str
    narrative: bool
    expires_at: datetime
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A reply that nobody has looked at."""

    id: str
    message: str
    at: datetime


class Spool:
    """Several processes, and two accounts, may hold one."""

    def __init__(self, directory: Path) -> None:
        """One that is there, as the page has it: it makes nothing and changes no mode. SettingsError where
        the desk has not made it yet, or keeps it from this account."""
        self._public = directory / _PUBLIC
        database = directory / _DATABASE
        if not (_is_there(database) and _is_there(self._public)):
            raise SettingsError(f"{directory}: no spool that this account may use; start the desk first")
        try:
            self._database = _opened(database)
        except sqlite3.Error:
            raise SettingsError(f"{directory}: expected a spool that this account may write") from None

    @classmethod
    def of_the_desk(cls, directory: Path, public: Mapping[str, str]) -> Spool:
        """Made where it is not there yet. `public`: the desk's key, as a JWK. SettingsError for a directory
        that more may enter than one group, or whose new files would not be of that group, and for one
        with another key in it: replies would be sealed to somebody else."""
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700, parents=True)
            directory.chmod(0o700)
        mode = directory.stat().st_mode
        if mode & 0o007:
            raise SettingsError(f"{directory}: others may enter it; expected mode 2770 or 0700")
        shared = bool(mode & 0o020)
        if shared and not mode & stat.S_ISGID:
            raise SettingsError(f"{directory}: expected mode 2770, so that its files are of its group")
        _make(directory / _DATABASE, b"", 0o660 if shared else 0o600)
        _make(directory / _PUBLIC, json.dumps(dict(public)).encode(), 0o640 if shared else 0o600)
        if json.loads((directory / _PUBLIC).read_bytes()) != dict(public):
            raise SettingsError(f"{directory / _PUBLIC}: it is not of the desk's key")
        with contextlib.closing(_opened(directory / _DATABASE)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(_TABLES)
        return cls(directory)

    def close(self) -> None:
        self._database.close()

    # -- one-time links

    def put_link(self, token: str, link: Link, now: datetime) -> None:
        """A link under a token. Put again it lasts as long as it was said last, and is open again, unless it
        was used."""
        row = (
            _mark(token),
            link.message,
            link.reply,
            link.language,
            link.narrative,
            now.isoformat(),
            link.expires_at.isoformat(),
        )
        self._database.execute(
            "INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL) ON CONFLICT (mark) DO UPDATE SET"
            " language = excluded.language, narrative = excluded.narrative,"
            " expires_at = excluded.expires_at, closed_at = NULL",
            row,
        )

    def end_other_links(self, message: str, token: str) -> None:
        """Those of the same message that were given out before `token`, which has left by now."""
        self._database.execute(
            "DELETE FROM link WHERE message = ? AND used_at IS NULL AND mark != ?", (message, _mark(token))
        )

    def link(self, token: str, now: datetime) -> Link | None:
        """None for one that never was, was used, or has expired: the three look alike."""
        row = self._database.execute(
            "SELECT message, reply, language, narrative, expires_at, closed_at FROM link"
            " WHERE mark = ? AND used_at IS NULL",
            (_mark(token),),
        ).fetchone()
        if row is None or datetime.fromisoformat(row[4]) <= now:
            return None
        return Link(
            message=row[0],
            reply=row[1],
            language=row[2],
            narrative=bool(row[3]),
            expires_at=datetime.fromisoformat(row[4]),
            closed=row[5] is not None,
        )

    def linked(self, now: datetime) -> frozenset[str]:
        """Messages that somebody may still answer on the page."""
        rows = self._database.execute(
            "SELECT message, expires_at FROM link WHERE used_at IS NULL AND closed_at IS NULL"
        )
        return frozenset(message for message, until in rows if datetime.fromisoformat(until) > now)

    def close_links(self, message: str, now: datetime) -> None:
        """No answer to it is taken from now on, and the page says so to whoever has a link."""
        self._database.execute(
            "UPDATE link SET closed_at = ? WHERE message = ? AND used_at IS NULL AND closed_at IS NULL",
            (now.isoformat(), message),
        )

    # -- replies

    def take_reply(self, token: str, values: Mapping[str, str], now: datetime) -> bool:
        """Keep the reply, and use the link up: both or neither. False when it is no good any more."""
        with self._together():  # before the look: the page may run twice, and the desk may close it
            link = self.link(token, now)
            if link is None or link.closed:
                return False
            id_ = secrets.token_hex(8)
            said = {"values": dict(values), "reply": link.reply, "language": link.language}
            sealed = seal(json.dumps(said).encode(), to=self._key(), header_digest=bound(id_))
            used = (now.isoformat(), _mark(token))
            self._database.execute("UPDATE link SET used_at = ? WHERE mark = ?", used)
            row = (id_, link.message, now.isoformat(), sealed)
            self._database.execute("INSERT INTO reply VALUES (?, ?, ?, ?, 'waiting')", row)
        return True

    def waiting(self) -> tuple[Waiting, ...]:
        rows = self._database.execute("SELECT id, message, at FROM reply WHERE state = 'waiting' ORDER BY at")
        return tuple(
            Waiting(id=id_, message=message, at=datetime.fromisoformat(at)) for id_, message, at in rows
        )

    def sealed_reply(self, id_: str) -> tuple[Waiting, bytes] | None:
        row = self._database.execute(
            "SELECT message, at, sealed FROM reply WHERE id = ? AND sealed IS NOT NULL", (id_,)
        ).fetchone()
        if row is None:
            return None
        return Waiting(id=id_, message=row[0], at=datetime.fromisoformat(row[1])), row[2]

    def reviewed(self, id_: str) -> None:
        """Somebody has looked at it. What it said is gone from here."""
        self._database.execute("UPDATE reply SET state = 'reviewed', sealed = NULL WHERE id = ?", (id_,))

    def _key(self) -> SealingPublicKey:
        return SealingPublicKey.from_jwk(json.loads(self._public.read_text("ascii")))

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def bound(id_: str) -> bytes:
    """What a reply is sealed with, so that it is no other one."""
    return hashlib.sha256(f"relay-reply {id_}".encode()).digest()


def _mark(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a directory that this account may not enter
        return False


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        # The other account may have put anything into the file: its views and triggers are not to be run.
        database.execute("PRAGMA trusted_schema=OFF")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA secure_delete=ON")
        database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _make(path: Path, content: bytes, mode: int) -> None:
    """Nothing, where it is there."""
    if path.exists():
        return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask
        file.write(content)
    try:
        os.link(beside, path)  # whoever comes second finds the first one's
    except FileExistsError:
        pass
    finally:
        beside.unlink()
