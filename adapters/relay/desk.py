"""What the intermediary's desk must not forget: what was handed over how, which links are open, which replies
wait for somebody to look at them.

A file of its own (SQLite, 0600) beside the adapter's memory: the worker, the web page and the officers'
commands are three processes, and all of them use it. It holds no content. A link is kept as its SHA-256:
whoever reads the file has no link. A reply is sealed to the desk's key as it comes in; the page has only the
public half, so that whoever takes the page over reads no reply that came before.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from protocol import base64url
from protocol.errors import Refused
from protocol.sealing import SealingPrivateKey, SealingPublicKey, SealingSuite, open_sealed, seal

__all__ = ["DeskBook", "Handed", "Link", "Waiting"]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS handed (message TEXT PRIMARY KEY, recipient TEXT NOT NULL, way TEXT NOT NULL,
    at TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, code TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS link (mark BLOB PRIMARY KEY, message TEXT NOT NULL, reply TEXT NOT NULL,
    language TEXT NOT NULL, narrative INTEGER NOT NULL, made_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    used_at TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reply (id TEXT PRIMARY KEY, message TEXT NOT NULL, at TEXT NOT NULL,
    sealed BLOB, state TEXT NOT NULL) WITHOUT ROWID;
"""
_TOKEN_BYTES: Final = 32
_SUITE: Final = SealingSuite.HPKE_9_KE


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """`state`: `sent` (nobody has confirmed that it arrived), `confirmed` or `failed`."""

    message: str
    recipient: str
    way: str
    at: datetime
    attempt: int
    state: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    message: str
    reply: str
    language: str
    narrative: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A reply that nobody has looked at."""

    id: str
    message: str
    at: datetime


class DeskBook:
    """Several processes may hold one."""

    def __init__(self, directory: Path, *, key: Path | None = None) -> None:
        """`key`: where the desk's private key is, when that is not beside the rest."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._key, self._key_public = key or directory / "desk.key", directory / "desk.pub"
        path = directory / "desk.db"
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("PRAGMA secure_delete=ON")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        self._database.close()

    # -- what was handed over

    def sent(self, message: str, recipient: str, way: str, now: datetime) -> int:
        """It left, and nobody has confirmed that it arrived. Returns which attempt this is, from 1."""
        self._database.execute(
            "INSERT INTO handed VALUES (?, ?, ?, ?, 1, 'sent', NULL) ON CONFLICT (message) DO UPDATE SET"
            " way = excluded.way, at = excluded.at, attempt = attempt + 1, state = 'sent', code = NULL"
            " WHERE state != 'confirmed'",
            (message, recipient, way, now.isoformat()),
        )
        found = self.handed(message)
        assert found is not None
        return found.attempt

    def settle(self, message: str, state: str, code: str | None = None) -> None:
        self._database.execute(
            "UPDATE handed SET state = ?, code = ? WHERE message = ? AND state != 'confirmed'",
            (state, code, message),
        )

    def handed(self, message: str) -> Handed | None:
        row = self._database.execute("SELECT * FROM handed WHERE message = ?", (message,)).fetchone()
        return None if row is None else _handed(row)

    def unconfirmed(self, before: datetime) -> tuple[Handed, ...]:
        """What left before that moment and was never confirmed, oldest first."""
        rows = self._database.execute("SELECT * FROM handed WHERE state = 'sent' ORDER BY at")
        return tuple(one for one in map(_handed, rows) if one.at < before)

    # -- one-time links

    def new_link(
        self, message: str, reply: str, language: str, *, narrative: bool, lasting: timedelta, now: datetime
    ) -> tuple[str, datetime]:
        """256 bits, told once. Links of the same message that were given out before end."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        until = (now + lasting).replace(microsecond=0)
        row = (_mark(token), message, reply, language, narrative, now.isoformat(), until.isoformat())
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("DELETE FROM link WHERE message = ? AND used_at IS NULL", (message,))
        self._database.execute("INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
        self._database.execute("COMMIT")
        return token, until

    def link(self, token: str, now: datetime) -> Link | None:
        """None for one that never was, was used, or has expired: the three look alike."""
        row = self._database.execute(
            "SELECT message, reply, language, narrative, expires_at FROM link"
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
        )

    def take_reply(self, token: str, values: Mapping[str, str], now: datetime) -> bool:
        """Keep the reply, and use the link up: both or neither. False when it is no good any more."""
        self._database.execute("BEGIN IMMEDIATE")  # before the look: the page may run twice
        try:
            link = self.link(token, now)
            if link is not None:
                id_ = secrets.token_hex(8)
                said = {"values": dict(values), "reply": link.reply, "language": link.language}
                sealed = seal(json.dumps(said).encode(), to=self._public(), header_digest=_bound(id_))
                used = (now.isoformat(), _mark(token))
                self._database.execute("UPDATE link SET used_at = ? WHERE mark = ?", used)
                row = (id_, link.message, now.isoformat(), sealed)
                self._database.execute("INSERT INTO reply VALUES (?, ?, ?, ?, 'waiting')", row)
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
        return link is not None

    # -- replies that wait to be looked at

    def waiting(self) -> tuple[Waiting, ...]:
        rows = self._database.execute("SELECT id, message, at FROM reply WHERE state = 'waiting' ORDER BY at")
        return tuple(
            Waiting(id=id_, message=message, at=datetime.fromisoformat(at)) for id_, message, at in rows
        )

    def reply(self, id_: str) -> tuple[str, datetime, dict[str, Any]] | None:
        """Which message it answers, when it came, and what it says: for the officer, with the desk's key."""
        row = self._database.execute(
            "SELECT message, at, sealed FROM reply WHERE id = ? AND sealed IS NOT NULL", (id_,)
        ).fetchone()
        if row is None:
            return None
        try:
            opened = open_sealed(row[2], key=self._private(), header_digest=_bound(id_))
        except Refused:
            return None
        return row[0], datetime.fromisoformat(row[1]), json.loads(opened)

    def reviewed(self, id_: str) -> None:
        """Somebody has looked at it. What it said is gone from here."""
        self._database.execute("UPDATE reply SET state = 'reviewed', sealed = NULL WHERE id = ?", (id_,))

    # -- the desk's key

    def make_key(self) -> None:
        """Once. The private half belongs where the officers are, and not where the page runs."""
        if self._key_public.exists():
            return
        key = SealingPrivateKey.generate(suite=_SUITE)
        secret = {"kid": key.kid, "secret": base64url.encode(key.to_secret()).decode()}
        _write(self._key, json.dumps(secret))
        _write(self._key_public, json.dumps(dict(key.public.jwk())))

    def _public(self) -> SealingPublicKey:
        return SealingPublicKey.from_jwk(json.loads(self._key_public.read_text("ascii")))

    def _private(self) -> SealingPrivateKey:
        kept = json.loads(self._key.read_text("ascii"))
        secret = base64url.decode(kept["secret"].encode())
        return SealingPrivateKey.from_secret(kept["kid"], _SUITE, secret)


def _handed(row: Any) -> Handed:
    message, recipient, way, at, attempt, state, code = row
    return Handed(
        message=message,
        recipient=recipient,
        way=way,
        at=datetime.fromisoformat(at),
        attempt=attempt,
        state=state,
        code=code,
    )


def _mark(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _bound(id_: str) -> bytes:
    return hashlib.sha256(f"relay-reply {id_}".encode()).digest()


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
