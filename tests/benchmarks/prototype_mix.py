"""The prototype's own mix of operations, on the floor's machinery: a check that the floor is no strawman.

One signature, one seal and one commit to send; open, verify, sign, commit and answer; verify and commit.
Where the floor's loop, client and store are as lean as the prototype's, this runs about as fast as the
prototype itself does beside it (README.md has what was measured).
"""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hpke

from tests.benchmarks.bare_wire import SealKey, SignKey, decode, dumps, encode
from tests.benchmarks.floor import open_database

__all__ = ["PrototypeMix"]

_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class PrototypeMix:
    acknowledge_each = False

    def __init__(self) -> None:
        self.it, self.ro, self.sealing = SignKey("it"), SignKey("ro"), SealKey("ro")
        self.template = _about_two_kilobytes()
        self.at_sender: sqlite3.Connection
        self.at_recipient: sqlite3.Connection
        self._sent = 0

    def open_sender(self, directory: Path) -> None:
        self.at_sender = open_database(
            directory / "it.db",
            "outbox (id TEXT PRIMARY KEY, digest TEXT NOT NULL, sealed BLOB NOT NULL, receipt BLOB)",
        )

    def open_recipient(self, directory: Path) -> None:
        self.at_recipient = open_database(
            directory / "ro.db", "inbox (id TEXT PRIMARY KEY, sealed BLOB NOT NULL, receipt BLOB NOT NULL)"
        )

    def accept(self, count: int) -> tuple[float, list[str], list[tuple[bytes, bytes]]]:
        rows = []
        # As in the prototype, born before anything is done for it.
        at = time.perf_counter()
        for _ in range(count):
            self._sent += 1
            body = self.template.replace(b"0" * 32, b"%032x" % self._sent, 1)
            id_ = json.loads(body)["id"]
            token = _jws(self.it, body)
            sealed = _SUITE.encrypt(token, self.sealing.public, info=b"v1")
            rows.append((id_, hashlib.sha256(token).hexdigest(), sealed))
        database = self.at_sender
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO outbox VALUES (?, ?, ?, NULL)", rows)
        database.execute("COMMIT")
        return at, [row[0] for row in rows], [(b"", row[2]) for row in rows]

    def take_in(self, envelopes: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        rows = []
        for sealed in envelopes:
            token = _SUITE.decrypt(sealed, self.sealing.private, info=b"v1")
            id_ = json.loads(_read(self.it, token))["id"]
            receipt: dict[str, Any] = {
                "id": id_,
                "sha256": hashlib.sha256(token).hexdigest(),
                "at": time.time(),
                "outcome": "accepted",
            }
            rows.append((id_, sealed, _jws(self.ro, dumps(receipt))))
        database = self.at_recipient
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT OR IGNORE INTO inbox VALUES (?, ?, ?)", rows)
        database.execute("COMMIT")
        return [(b"", row[2]) for row in rows]

    def settle(self, replies: Sequence[bytes]) -> list[str]:
        rows = []
        for token in replies:
            receipt = json.loads(_read(self.ro, token))
            rows.append((token, receipt["id"], receipt["sha256"]))
        database = self.at_sender
        database.execute("BEGIN IMMEDIATE")
        done = database.executemany("UPDATE outbox SET receipt=? WHERE id=? AND digest=?", rows)
        if done.rowcount != len(rows):
            raise ValueError("a receipt for a message that was not sent")
        database.execute("COMMIT")
        return [row[1] for row in rows]


def _jws(key: SignKey, payload: bytes) -> bytes:
    signed = key.header("message") + b"." + encode(payload)
    return signed + b"." + encode(key.sign(signed))


def _read(key: SignKey, token: bytes) -> bytes:
    signed, _, signature = token.rpartition(b".")
    key.verify(decode(signature), signed)
    return decode(signed.partition(b".")[2])


def _about_two_kilobytes() -> bytes:
    words = random.Random(1)
    answers = [{"code": f"Q{n:02d}", "value": f"{words.getrandbits(256):064x}"} for n in range(16)]
    text = "The child arrived with an older sibling and asks for contact with the family. " * 5
    return dumps({"id": "0" * 32, "type": "request", "answers": answers, "text": text})
