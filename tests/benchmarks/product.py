"""The product under the same circuit of clients: a local network of two States, driven over its HTTP API.

What is measured, exactly. A client posts a message, gets its 202, and posts the next one when the
consignment evidence of the first is on disk at the sender. Latency runs from the moment at which the client
has read the 202 to the moment at which the evidence is seen in the sender's database: a second connection
asks `PRAGMA data_version` every millisecond, which changes with each commit of another, and then reads the
new rows of `evidence`. The node writes such a row only after it has verified the signature.

Clients and watcher share one process and one thread, whose processor time is reported as `client`; it takes
part of the machine that the nodes could have used.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from tests.benchmarks.measurement import Measurement, cpu_seconds
from tests.benchmarks.sample_request import PLACEHOLDER, request_body
from tests.protocol.sample_contents import sample

__all__ = ["Circuit", "network", "prepare"]

_LOOK_EVERY = 0.001
_READY_WITHIN = 60.0
_STOP_WITHIN = 15.0
_CONSIGNED_WITHIN = 60.0
"""Seconds."""

_AS_A_REAL_NODE = {
    "outbox_poll_seconds": 1,
    "outbox_resend_seconds": 30,
    "outbox_resend_most_seconds": 3600,
    # One agency asks for all of a State's, from one address.
    "rate_actor_per_second": 0,
    "rate_address_per_second": 0,
}
"""A local network repeats what is unanswered after three seconds, which under full load it then always is.
These are a node's defaults (service/settings.py), but for the limits of what one may ask."""

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def network(directory: Path) -> Iterator[Mapping[str, Any]]:
    """What `network.json` says of Italy and Romania, while they run."""
    command = [sys.executable, "-m", "service.cli.main", "network", "up", "--dir", str(directory)]
    for name, value in _AS_A_REAL_NODE.items():
        command += ["--set", f"{name}={value}"]
    described = directory / "network.json"
    with (directory.parent / "network.log").open("wb") as log:
        process = subprocess.Popen([*command, "--states", "it,ro"], cwd=_ROOT, stdout=log, stderr=log)
    try:
        until = time.monotonic() + _READY_WITHIN
        while not described.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((directory.parent / "network.log").read_text(errors="replace"))
            time.sleep(0.05)
        yield json.loads(described.read_bytes())
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()  # its children end with it: they are tethered
            process.wait()


def prepare(described: Mapping[str, Any]) -> bytes:
    """Open a case, settle its protection status with two people, notify it.

    Returns the body of a social-inquiry request in it, without an id of its own.
    """
    it, ro = (_node(described, code) for code in ("it", "ro"))
    officer, supervisor = it["clients"]["case-officer"][0], it["clients"]["supervisor"][0]
    sender, recipient = it["authorities"][0], ro["authorities"][0]
    with httpx.Client(base_url=it["api"], timeout=10) as client:

        def ask(method: str, path: str, token: str, body: Any = None) -> Any:
            answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
            if not answer.is_success:
                raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
            return answer.json()

        case = ask("POST", "/v1/cases", officer)["reference"]
        for person in (officer, supervisor):
            settled = {"status": "not-sought", "reason": "child-interviewed"}
            ask("PUT", f"/v1/cases/{case}/protection", person, settled)
        notification = sample("case.notification")
        ask(
            "POST",
            "/v1/messages",
            officer,
            {
                "id": str(uuid.uuid4()),
                "case": case,
                "type": notification.type,
                "sender": sender,
                "recipient": recipient,
                "declares_no_danger": True,
                "coded": notification.coded,
                "narrative": [
                    {"field": block.field, "language": block.language, "text": block.text}
                    for block in notification.narrative
                ],
                "identity": notification.identity,
            },
        )
    return request_body(case=case, sender=sender, recipient=recipient)


def _node(described: Mapping[str, Any], code: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(node for node in described["nodes"] if node["code"] == code)
    return found


class Circuit:
    """Clients with one message each under way, all the time."""

    def __init__(self, described: Mapping[str, Any], body: bytes) -> None:
        it, ro = (_node(described, code) for code in ("it", "ro"))
        self._pids = {"sender": it["pid"], "recipient": ro["pid"], "hub": described["hub"]["pid"]}
        self._pids["client"] = os.getpid()
        place = urlsplit(it["api"])
        self._host, self._port = place.hostname, place.port
        head = (
            f"POST /v1/messages HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Authorization: Bearer {it['clients']['case-officer'][0]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._before, self._after = (head.encode() + body).split(PLACEHOLDER)
        self._database = sqlite3.connect(f"file:{it['database']}?mode=ro", uri=True, isolation_level=None)
        (self._position,) = self._database.execute(
            "SELECT coalesce(max(position), 0) FROM evidence"
        ).fetchone()
        self._version = -1
        self._answered: dict[str, tuple[float, Callable[[], None]]] = {}
        self._early: dict[str, float] = {}
        self._latencies: list[float] = []
        self._sending = False
        self._trouble: Exception | None = None

    def close(self) -> None:
        self._database.close()

    async def run(self, *, clients: int, seconds: float, warm: float) -> Measurement:
        """Counted for `seconds` after `warm`; afterwards everything under way is waited for."""
        loop = asyncio.get_running_loop()
        self._sending, self._trouble = True, None
        watching = asyncio.create_task(self._watch())
        connections: list[_Client] = []
        try:
            for _ in range(clients):
                _, connection = await loop.create_connection(lambda: _Client(self), self._host, self._port)
                connections.append(connection)
                connection.send()
            await asyncio.sleep(warm)
            self._latencies.clear()
            began, before = time.perf_counter(), self._cpu()
            await asyncio.sleep(seconds)
            latencies, after = tuple(self._latencies), self._cpu()
            counted = time.perf_counter() - began
            self._sending = False
            await self._all_consigned(connections)
        finally:
            for connection in connections:
                connection.close()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        spent = {name: after[name] - before[name] for name in after}
        return Measurement(clients=clients, seconds=counted, latencies=latencies, cpu=spent)

    async def _all_consigned(self, connections: Sequence[_Client]) -> None:
        until = time.perf_counter() + _CONSIGNED_WITHIN
        while not self._trouble and (self._answered or any(one.waiting for one in connections)):
            if time.perf_counter() > until:
                raise RuntimeError(f"{len(self._answered)} messages answered 202 are not consigned")
            await asyncio.sleep(0.05)
        if self._trouble is not None:
            raise self._trouble

    def request(self) -> tuple[str, bytes]:
        id_ = str(uuid.uuid4())
        return id_, self._before + id_.encode() + self._after

    def answered(self, id_: str, onward: Callable[[], None]) -> None:
        """The client has read this message's 202 just now."""
        now = time.perf_counter()
        if id_ in self._early:  # consigned before the 202 was read
            del self._early[id_]
            self._latencies.append(0.0)
            onward()
        else:
            self._answered[id_] = now, onward

    @property
    def sending(self) -> bool:
        return self._sending

    def fail(self, reason: Exception) -> None:
        self._trouble = self._trouble or reason
        self._sending = False

    async def _watch(self) -> None:
        try:
            while True:
                (version,) = self._database.execute("PRAGMA data_version").fetchone()
                if version != self._version:
                    self._version = version
                    self._look()
                await asyncio.sleep(_LOOK_EVERY)
        except sqlite3.Error as reason:
            self.fail(reason)

    def _look(self) -> None:
        rows = self._database.execute(
            "SELECT position, id FROM evidence WHERE position > ? AND kind = 'content-consigned'"
            " ORDER BY position",
            (self._position,),
        ).fetchall()
        now = time.perf_counter()
        for position, id_ in rows:
            self._position = position
            found = self._answered.pop(id_, None)
            if found is None:
                self._early[id_] = now
                continue
            answered, onward = found
            self._latencies.append(now - answered)
            onward()

    def _cpu(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}


class _Client(asyncio.Protocol):
    """One agency system on one kept connection: the least of HTTP/1.1 that reads what the node answers."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._read = bytearray()
        self._id = ""
        self._transport: asyncio.Transport | None = None
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def send(self) -> None:
        if not self._circuit.sending:
            return
        assert self._transport is not None
        self._id, data = self._circuit.request()
        self.waiting = True
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        read = self._read
        read += data
        end = read.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(read[:end]).lower()
        _, found, rest = head.partition(b"content-length:")
        size = int(rest.partition(b"\r")[0]) if found else 0
        if len(read) < end + 4 + size:
            return
        body = bytes(read[end + 4 : end + 4 + size])
        read.clear()
        self.waiting = False
        if not head.startswith(b"http/1.1 202"):
            self._circuit.fail(RuntimeError(f"the node answered {head[:12]!r}: {body[:500]!r}"))
            return
        self._circuit.answered(self._id, self.send)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting:
            self.waiting = False
            self._circuit.fail(RuntimeError("the node closed a connection with a request under way"))
