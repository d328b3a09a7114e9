"""What the intermediary's desk must not forget: what was handed over how, which links are open, which replies
wait for somebody to look at them.

A file of its own (SQLite, 0600) beside the adapter's memory: the worker and the officers' commands are
several processes of one account, and all of them use it. It holds no content. Links and replies are in the
spool, which is all that the page has (`spool`). The desk's key opens replies, and links are made from it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.kit.settings import SettingsError
from adapters.relay.spool import Link, Spool, Waiting, bound
from protocol import base64url
from protocol.errors import Refused
from protocol.sealing import SealingPrivateKey, SealingSuite, open_sealed

__all__ = ["DeskBook", "Handed"]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS handed (message TEXT PRIMARY KEY, recipient TEXT NOT NULL, way TEXT NOT NULL,
    at TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, code TEXT) WITHOUT ROWID;
"""
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


class DeskBook:
    """Several processes may hold one."""

    def __init__(self, directory: Path, *, key: Path | None = None, spool: Path | None = None) -> None:
        """`key` and `spool`: where the desk's private key is, and where the page's part is, when that is not
        beside the rest. SettingsError for a spool that does not go with the key, and as `Spool`."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._key = key or directory / "desk.key"
        beside = spool or directory / "spool"
        if not self._key.exists() and (beside / "desk.pub").exists():
            raise SettingsError(f"{self._key}: the desk's key is gone; bring it back from the backup")
        self.spool = Spool.of_the_desk(beside, self._public())
        path = directory / "desk.db"
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=10)
        try:
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute("PRAGMA secure_delete=ON")
            self._database.executescript(_TABLES)
        except sqlite3.Error:
            self.close()
            raise

    def close(self) -> None:
        self.spool.close()
        self._database.close()

    # -- what was handed over

    def sent(self, message: str, recipient: str, way: str, now: datetime, *, link: str | None = None) -> int:
        """It left, and nobody has confirmed that it arrived. Returns which attempt this is, from 1.
        `link`: the token that left with it; other links of the message end."""
        self._database.execute(
            "INSERT INTO handed VALUES (?, ?, ?, ?, 1, 'sent', NULL) ON CONFLICT (message) DO UPDATE SET"
            " way = excluded.way, at = excluded.at, attempt = attempt + 1, state = 'sent', code = NULL"
            " WHERE state != 'confirmed'",
            (message, recipient, way, now.isoformat()),
        )
        if link is not None:
            self.spool.end_other_links(message, link)
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
        """For the hand-over that is being made: 256 bits, and until when. Links that were given out before
        end when it has left (`sent`).

        Made again for the same hand-over it is the same link: an e-mail whose answer was lost perhaps lies
        with the office, and the next attempt must not take its link away.
        """
        handed = self.handed(message)
        attempt = 1 if handed is None else handed.attempt + 1
        said = "\x1f".join(("relay-link", message, str(attempt), reply))
        token = base64url.encode(hmac.digest(self._secret(), said.encode(), hashlib.sha256)).decode()
        until = (now + lasting).replace(microsecond=0)
        link = Link(message=message, reply=reply, language=language, narrative=narrative, expires_at=until)
        self.spool.put_link(token, link, now)
        return token, until

    # -- replies that wait to be looked at

    def waiting(self) -> tuple[Waiting, ...]:
        return self.spool.waiting()

    def reply(self, id_: str) -> tuple[str, datetime, dict[str, Any]] | None:
        """Which message it answers, when it came, and what it says: for the officer, with the desk's key."""
        found = self.spool.sealed_reply(id_)
        if found is None:
            return None
        came, sealed = found
        key = SealingPrivateKey.from_secret(self._kept()["kid"], _SUITE, self._secret())
        try:
            opened = open_sealed(sealed, key=key, header_digest=bound(id_))
        except Refused:
            return None
        return came.message, came.at, json.loads(opened)

    def reviewed(self, id_: str) -> None:
        """Somebody has looked at it. What it said is gone from here."""
        self.spool.reviewed(id_)

    # -- the desk's key

    def _kept(self) -> dict[str, str]:
        kept: dict[str, str] = json.loads(self._key.read_text("ascii"))
        return kept

    def _secret(self) -> bytes:
        return base64url.decode(self._kept()["secret"].encode())

    def _public(self) -> Mapping[str, str]:
        """The public half of the key, which is made here once. The private one belongs where the officers
        and the worker are, and not where the page runs."""
        if not self._key.exists():
            key = SealingPrivateKey.generate(suite=_SUITE)
            _write(
                self._key,
                json.dumps({"kid": key.kid, "secret": base64url.encode(key.to_secret()).decode()}),
            )
        return SealingPrivateKey.from_secret(self._kept()["kid"], _SUITE, self._secret()).public.jwk()


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


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
