"""A wire tap: a TCP proxy in front of the hub that keeps every byte, and takes NATS's frames apart.

with WireTap(upstream) as tap:        upstream() -> port, asked at each new connection
    tap.port                          what nodes are told to connect to
    tap.everything()                  everything, both ways
    tap.frames()                      the same as frames, whole ones only
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

__all__ = ["Frame", "WireTap", "frames_of"]

_CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One line of NATS and what belongs to it. `operation`: PUB, HMSG, SUB …; `line`: as it was written."""

    operation: str
    line: bytes
    headers: bytes = b""
    payload: bytes = b""

    @property
    def subject(self) -> str:
        words = self.line.split()
        carries = self.operation in ("PUB", "HPUB", "MSG", "HMSG")
        return words[1].decode() if carries and len(words) > 1 else ""

    @property
    def data(self) -> bytes:
        return b"\r\n".join((self.line, self.headers, self.payload))

    @property
    def is_directory(self) -> bool:
        """A signed directory document on its way, or word that one changed: public, and full of addresses."""
        if self.subject.startswith(("$KV.DIR.", "fp.dir.")):
            return True
        return b"\r\nNats-Stream: KV_DIR\r\n" in self.headers

    @property
    def asks_for_directory(self) -> bool:
        return self.subject == "$JS.API.DIRECT.GET.KV_DIR"


def frames_of(data: bytes) -> Iterator[Frame]:
    """The frames in one direction of one connection. An unfinished last one is left out."""
    at = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        line = data[at:end]
        words = line.split()
        operation = words[0].decode("ascii", "replace").upper() if words else ""
        at = end + 2
        if operation in ("PUB", "MSG"):
            size, headers_size = int(words[-1]), 0
        elif operation in ("HPUB", "HMSG"):
            size, headers_size = int(words[-1]), int(words[-2])
        else:
            yield Frame(operation=operation, line=line)
            continue
        if at + size > len(data):
            return
        body = data[at : at + size]
        yield Frame(operation=operation, line=line, headers=body[:headers_size], payload=body[headers_size:])
        at += size + 2


class WireTap:
    """Passes bytes on and keeps them. Upstream is asked anew for each connection, so a hub may restart."""

    def __init__(self, upstream: Callable[[], int]) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._directions: list[bytearray] = []
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="wire-tap", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            ends = [self._listener, *self._sockets]
        for end in ends:
            _closed(end)

    def everything(self) -> bytes:
        with self._lock:
            return b"\n".join(bytes(one) for one in self._directions)

    def size(self) -> int:
        with self._lock:
            return sum(map(len, self._directions))

    def frames(self) -> Iterator[Frame]:
        with self._lock:
            directions = [bytes(one) for one in self._directions]
        for direction in directions:
            yield from frames_of(direction)

    def _accept(self) -> None:
        while True:
            try:
                node, _ = self._listener.accept()
            except OSError:
                return
            try:
                hub = socket.create_connection(("127.0.0.1", self._upstream()))
            except (OSError, ValueError, KeyError):
                _closed(node)  # the hub is not there: so it looks to the node, too
                continue
            for end in (node, hub):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets |= {node, hub}
            for source, sink in ((node, hub), (hub, node)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        kept = bytearray()
        with self._lock:
            self._directions.append(kept)
        try:
            while chunk := source.recv(_CHUNK):
                with self._lock:
                    kept += chunk
                sink.sendall(chunk)
        except OSError:
            pass  # one end is gone; so is the other, below
        for end in (source, sink):
            _closed(end)
        with self._lock:
            self._sockets -= {source, sink}


def _closed(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it was not connected any more
        end.shutdown(socket.SHUT_RDWR)
    end.close()
