"""The bare floor: what one message costs when nothing but its unavoidable work is done.

The same cryptographic operations, durable commits, JetStream publishes and acknowledgements as the product
performs, with raw sockets, raw `sqlite3`, `json` and `cryptography`: no HTTP, no framework, no checks, no
conversation, no safeguards. One process for each State, one thread in each.

Counted in the product (service/exchange, service/routing, protocol; test_floor.py counts them again on every
run of the tests), for content with narrative and identity parts:

    per message                     at the sender                     at the recipient             sum
    Ed25519 sign                    content, submission evidence,     consignment evidence         4
                                    manifest
    Ed25519 verify                  consignment evidence              manifest, content            3
    HPKE seal (each with AES-GCM)   header, statement, narrative,                                  4
                                    identity
    HPKE open (each with AES-GCM)                                     the same                     4
    AES-GCM at rest, sealed         narrative, identity               narrative, identity          4
    AES-GCM at rest, opened         narrative, identity                                            2
    HMAC-SHA-256                    2 (marks the request)                                          2
    JetStream publish, with ack     1                                                              1
    JetStream consumer ack                                            1                            1

    per envelope of up to 32 receipts
    Ed25519 sign / verify           verify its manifest               sign its manifest
    HPKE seal / open                open header and statement         seal header and statement
    JetStream publish / ack         ack                               publish, with ack

    durable commits, each shared by whatever has queued
    accepted (202) · numbered · receipts taken · receipts counted       4 at the sender
    taken in · counted · receipts numbered                              3 at the recipient

Not counted, because it is once a connection or a minute and not once a message: access tokens (remembered),
the running digests, the directory.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from itertools import batched
from multiprocessing.context import ForkProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Protocol

from tests.benchmarks.bare_wire import (
    Rest,
    SealKey,
    SignKey,
    decode,
    digest,
    dumps,
    encode,
    issue,
    open_part,
    read,
    seal_part,
)
from tests.benchmarks.measurement import Measurement, cpu_seconds
from tests.benchmarks.rawnats import RawNats, Server
from tests.benchmarks.sample_request import TYPE, parts

__all__ = ["Mix", "ProductMix", "open_database", "run"]

RECEIPTS_PER_ENVELOPE = 32  # as service/routing/outbox.py
PULL = 128  # as Settings.inbox_batch

_FORK = multiprocessing.get_context("fork")


class Mix(Protocol):
    """The operations of one kind of message. Made before the fork, so that both processes have the keys."""

    acknowledge_each: bool
    """As the product; else the last of a batch acknowledges all, as the prototype."""

    def open_sender(self, directory: Path) -> None: ...

    def open_recipient(self, directory: Path) -> None: ...

    def accept(self, count: int) -> tuple[float, list[str], list[tuple[bytes, bytes]]]:
        """Take `count` messages: when that was on disk, their ids, and (Msg-Id, bytes) to publish."""
        ...

    def take_in(self, envelopes: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """What goes back, after it is on disk."""
        ...

    def settle(self, replies: Sequence[bytes]) -> list[str]:
        """Ids of the messages whose receipt is now verified and on disk."""
        ...


def open_database(path: Path, *tables: str) -> sqlite3.Connection:
    """With the promises of service/store/engine.py: write-ahead log, every commit waits for the disk."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        database.execute(f"PRAGMA {pragma}").close()
    for table in tables:
        database.execute(f"CREATE TABLE {table}")
    return database


class ProductMix:
    """One message as the product performs it."""

    acknowledge_each = True

    def __init__(self) -> None:
        self.authority, self.it, self.ro = SignKey("it-authority"), SignKey("it-node"), SignKey("ro-node")
        self.content = {code: SealKey(f"{code}-content") for code in ("it", "ro")}
        self.identity = {code: SealKey(f"{code}-identity") for code in ("it", "ro")}
        self.rest = Rest(os.urandom(32))
        self.case = "IT-2026-0000-0000-00"
        self.entry = digest(b"an authority's entry")
        self.snapshot = digest(b"a snapshot")
        coded, narrative, identity = parts()
        # The request arrives as bytes.
        self.request = dumps({"coded": coded, "narrative": narrative, "identity": identity})
        self.sequence = 0
        self.at_sender: sqlite3.Connection
        self.at_recipient: sqlite3.Connection

    def open_sender(self, directory: Path) -> None:
        self.at_sender = open_database(
            directory / "it.db",
            "message (id TEXT PRIMARY KEY, statement TEXT, narrative BLOB, identity BLOB, mark, state)",
            "outbox (id TEXT PRIMARY KEY, sequence INTEGER, manifest TEXT, state TEXT)",
            *_BOTH,
        )

    def open_recipient(self, directory: Path) -> None:
        self.at_recipient = open_database(
            directory / "ro.db",
            "message (id TEXT PRIMARY KEY, statement TEXT, narrative BLOB, identity BLOB)",
            "outbox (evidence TEXT PRIMARY KEY, sequence INTEGER, state TEXT)",
            *_BOTH,
        )

    def accept(self, count: int) -> tuple[float, list[str], list[tuple[bytes, bytes]]]:
        now = int(time.time())
        accepted = [self._sign(str(uuid.uuid4()), now) for _ in range(count)]
        database = self.at_sender
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, 'accepted')", [one["message"] for one in accepted]
        )
        database.executemany("INSERT INTO evidence VALUES (?, ?, ?)", [one["evidence"] for one in accepted])
        database.executemany(
            "INSERT INTO outbox VALUES (?, NULL, NULL, 'queued')", [(one["id"],) for one in accepted]
        )
        database.execute("COMMIT")
        at = time.perf_counter()
        out, numbered = [], []
        for one in accepted:
            self.sequence += 1
            id_, token, narrative, identity, _ = one["message"]
            manifest, data = self._envelope(
                "it",
                id_,
                [token],
                now,
                narrative=self.rest.open(narrative, id_.encode()),
                identity=self.rest.open(identity, id_.encode()),
            )
            out.append((digest(manifest).encode(), data))
            numbered.append((self.sequence, manifest.decode(), id_))
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            "UPDATE outbox SET sequence=?, manifest=?, state='released' WHERE id=?", numbered
        )
        database.execute("INSERT OR REPLACE INTO channel VALUES ('out', ?)", (self.sequence,))
        database.execute("COMMIT")
        return at, [one["id"] for one in accepted], out

    def _sign(self, id_: str, now: int) -> dict[str, Any]:
        """Content, parts at rest, and the submission evidence that the 202 carries."""
        request: dict[str, Any] = json.loads(self.request)
        narrative = dumps({"salt": encode(os.urandom(16)).decode(), "blocks": request["narrative"]})
        identity = dumps({"salt": encode(os.urandom(16)).decode(), "identity": request["identity"]})
        token = issue(
            self.authority,
            "fp-content+jws",
            {
                "iss": "it.servizio-minori",
                "aud": "ro.anpdca",
                "jti": id_,
                "case": self.case,
                "thread": id_,
                "type": TYPE,
                "form": 1,
                "iat": now,
                "vocabulary": "2026.11",
                "recipient_entry": self.entry,
                "urgency": "ordinary",
                "safety_declaration": "no-danger-to-life-or-liberty",
                "coded": request["coded"],
                "parts": {"narrative": digest(narrative), "identity": digest(identity)},
            },
        )
        evidence = self._evidence(self.it, "submission-accepted", id_, token, now)
        bound_to = id_.encode()
        return {
            "id": id_,
            "message": (
                id_,
                token,
                self.rest.seal(narrative, bound_to),
                self.rest.seal(identity, bound_to),
                self.rest.mark(self.request),
            ),
            "evidence": (digest(evidence), id_, evidence),
        }

    def _evidence(
        self, key: SignKey, kind: str, id_: str, token: bytes, now: int, manifest: bytes | None = None
    ) -> bytes:
        about = {"sender": "it", "id": id_, "statement": digest(token)}
        if manifest is not None:
            about["manifest"] = digest(manifest)
        return issue(
            key,
            "fp-evidence+jws",
            {
                "iss": key.kid[:2],
                "iat": now,
                "kind": kind,
                "message": about,
                "directory": self.snapshot,
                "vocabulary": "2026.11",
            },
        )

    def _envelope(
        self,
        sender: str,
        id_: str,
        tokens: Sequence[bytes],
        now: int,
        *,
        narrative: bytes | None = None,
        identity: bytes | None = None,
    ) -> tuple[bytes, bytes]:
        """(manifest, the envelope's bytes)."""
        to = "ro" if sender == "it" else "it"
        key = self.content[to]
        header = dumps(
            {
                "version": "1.0",
                "from": sender,
                "to": to,
                "id": id_,
                "sent_at": now,
                "epoch": "001790000000",
                "sequence": self.sequence,
                "suite": "HPKE-9-KE",
                "key": key.kid,
            }
        )
        bound = hashlib.sha256(header).digest()
        ends = {"iss": "it.servizio-minori", "aud": "ro.anpdca"} if narrative else {}
        kind = "content" if narrative else "evidence"
        inner = dumps({"kind": kind, "jti": id_, **ends, "statements": [digest(token) for token in tokens]})
        sealed = {
            "header": seal_part(inner, key, bound),
            "statement": seal_part(b"\n".join(tokens), key, bound),
        }
        if narrative is not None and identity is not None:
            sealed["narrative"] = seal_part(narrative, key, bound)
            sealed["identity"] = seal_part(identity, self.identity[to], bound)
        manifest = issue(
            self.it if sender == "it" else self.ro,
            "fp-manifest+jws",
            {
                "header": encode(header).decode(),
                "parts": {name: {"sha256": digest(part), "size": len(part)} for name, part in sealed.items()},
            },
        )
        text = {name: part.decode() for name, part in sealed.items()}
        return manifest, dumps({"manifest": manifest.decode(), "parts": text})

    def _open(self, data: bytes, key: SignKey, me: str) -> tuple[str, bytes, dict[str, bytes]]:
        """(id, manifest, parts opened), once the manifest's signature and the parts' digests hold."""
        envelope = json.loads(data)
        manifest = envelope["manifest"].encode()
        claims = read(key, manifest)
        header = decode(claims["header"])
        bound = hashlib.sha256(header).digest()
        for name, part in envelope["parts"].items():
            if digest(part.encode()) != claims["parts"][name]["sha256"]:
                raise ValueError(name)
        opened = {
            name: open_part(part, self.identity[me] if name == "identity" else self.content[me], bound)
            for name, part in envelope["parts"].items()
        }
        return json.loads(header)["id"], manifest, opened

    def take_in(self, envelopes: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        now = int(time.time())
        messages, receipts, known = [], [], []
        for data in envelopes:
            id_, manifest, opened = self._open(data, self.it, "ro")
            token = opened["statement"]
            claims = read(self.authority, token)
            if claims["parts"] != {name: digest(opened[name]) for name in ("narrative", "identity")}:
                raise ValueError("parts")
            json.loads(opened["header"]), json.loads(opened["narrative"]), json.loads(opened["identity"])
            evidence = self._evidence(self.ro, "content-consigned", id_, token, now, manifest)
            bound_to = id_.encode()
            messages.append(
                (
                    id_,
                    token,
                    self.rest.seal(opened["narrative"], bound_to),
                    self.rest.seal(opened["identity"], bound_to),
                )
            )
            receipts.append((digest(evidence), id_, evidence))
            known.append((id_, manifest))
        database = self.at_recipient
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", messages)
        database.executemany("INSERT INTO evidence VALUES (?, ?, ?)", receipts)
        database.executemany("INSERT INTO outbox VALUES (?, NULL, 'queued')", [(row[0],) for row in receipts])
        database.executemany("INSERT INTO inbox VALUES (?, ?)", known)
        database.execute("COMMIT")
        _count(database, len(known))
        out, numbered = [], []
        for some in batched(receipts, RECEIPTS_PER_ENVELOPE):
            self.sequence += 1
            manifest, data = self._envelope("ro", str(uuid.uuid4()), [row[2] for row in some], now)
            out.append((digest(manifest).encode(), data))
            numbered += [(self.sequence, row[0]) for row in some]
        database.execute("BEGIN IMMEDIATE")
        database.executemany("UPDATE outbox SET sequence=?, state='released' WHERE evidence=?", numbered)
        database.execute("INSERT OR REPLACE INTO channel VALUES ('out', ?)", (self.sequence,))
        database.execute("COMMIT")
        return out

    def settle(self, replies: Sequence[bytes]) -> list[str]:
        receipts, known = [], []
        for data in replies:
            id_, manifest, opened = self._open(data, self.ro, "it")
            if json.loads(opened["header"])["kind"] != "evidence":
                raise ValueError("kind")
            known.append((id_, manifest))
            for token in opened["statement"].split(b"\n"):
                about = read(self.ro, token)["message"]["id"]
                receipts.append((digest(token), about, token))
        ids = [row[1] for row in receipts]
        database = self.at_sender
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO evidence VALUES (?, ?, ?)", receipts)
        settled = database.executemany("UPDATE outbox SET state='done' WHERE id=?", [(id_,) for id_ in ids])
        if settled.rowcount != len(ids):
            raise ValueError("a receipt for a message that was not sent")
        database.executemany("UPDATE message SET state='consigned' WHERE id=?", [(id_,) for id_ in ids])
        database.executemany("INSERT INTO inbox VALUES (?, ?)", known)
        database.execute("COMMIT")
        _count(database, len(known))
        return ids


def _count(database: sqlite3.Connection, arrived: int) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.execute(
        "INSERT INTO channel VALUES ('in', ?) ON CONFLICT DO UPDATE SET last = last + ?",
        (arrived, arrived),
    )
    database.execute("COMMIT")


_BOTH = (
    "evidence (digest TEXT PRIMARY KEY, id TEXT, token TEXT)",
    "inbox (id TEXT PRIMARY KEY, manifest TEXT)",
    "channel (name TEXT PRIMARY KEY, last INTEGER)",
)


def run(
    mix: Mix, *, clients: int, group: int, seconds: float, warm: float, directory: Path, hub: Server
) -> Measurement:
    """`clients` messages under way all the time, taken at most `group` together, counted for `seconds`."""
    directory.mkdir(parents=True)
    stop, ready = _FORK.Event(), _FORK.Event()
    results: Any = _FORK.SimpleQueue()
    name = directory.name
    processes = [
        _FORK.Process(target=_recipient, args=(mix, name, directory, hub, ready, stop), daemon=True),
        _FORK.Process(
            target=_sender,
            args=(mix, name, directory, hub, clients, group, seconds, warm, results),
            daemon=True,
        ),
    ]
    try:
        processes[0].start()
        if not ready.wait(10):
            raise RuntimeError("the floor's recipient did not start")
        processes[1].start()
        time.sleep(warm)
        before = _cpu(processes, hub)
        time.sleep(seconds)
        after = _cpu(processes, hub)
        processes[1].join(10)
        if processes[1].exitcode != 0 or results.empty():
            raise RuntimeError("the floor's sender failed; its traceback is above")
        latencies, counted = results.get()
    finally:
        stop.set()
        for process in processes:
            if process.pid is not None:
                process.join(2)
                if process.is_alive():
                    process.kill()
                    process.join()
    return Measurement(
        clients=clients,
        seconds=counted,
        latencies=tuple(latencies),
        cpu={name: after[name] - before[name] for name in after},
    )


def _cpu(processes: Sequence[ForkProcess], hub: Server) -> dict[str, float]:
    recipient, sender = (process.pid for process in processes)
    assert recipient is not None
    assert sender is not None
    return {"sender": cpu_seconds(sender), "recipient": cpu_seconds(recipient), "hub": cpu_seconds(hub.pid)}


def _recipient(mix: Mix, name: str, directory: Path, hub: Server, ready: Event, stop: Event) -> None:
    link = RawNats(hub.port, f"ro-{name}")
    link.provision(f"M-{name}", f"m.{name}", acknowledge_each=mix.acknowledge_each)
    link.provision(f"R-{name}", f"r.{name}", acknowledge_each=mix.acknowledge_each)
    mix.open_recipient(directory)
    link.pull(f"M-{name}", PULL)
    ready.set()
    subject = b"r." + name.encode()
    while not stop.is_set():
        arrived = link.poll(0.2)
        if arrived:
            replies = mix.take_in([one.data for one in arrived])
            link.acknowledge([one.reply for one in (arrived if mix.acknowledge_each else arrived[-1:])])
            link.publish_all(subject, replies, with_ids=mix.acknowledge_each)
    link.close()


def _sender(
    mix: Mix,
    name: str,
    directory: Path,
    hub: Server,
    clients: int,
    group: int,
    seconds: float,
    warm: float,
    results: Any,
) -> None:
    link = RawNats(hub.port, f"it-{name}")
    mix.open_sender(directory)
    link.pull(f"R-{name}", PULL)
    subject = b"m." + name.encode()
    clock: Callable[[], float] = time.perf_counter
    begin = clock() + warm
    end = begin + seconds
    born: dict[str, float] = {}
    latencies = []
    while (now := clock()) < end:
        count = min(group, clients - len(born))
        if count:
            at, ids, out = mix.accept(count)
            link.publish_all(subject, out, with_ids=mix.acknowledge_each)
            born.update(dict.fromkeys(ids, at))
        arrived = link.poll(0 if len(born) < clients else min(0.2, end - now))
        if arrived:
            settled = mix.settle([one.data for one in arrived])
            now = clock()
            waited = [now - born.pop(id_) for id_ in settled]
            if now >= begin:
                latencies += waited
            link.acknowledge([one.reply for one in (arrived if mix.acknowledge_each else arrived[-1:])])
    results.put((latencies, clock() - begin))
    link.close()
