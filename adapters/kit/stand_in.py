"""A server on loopback that plays the other system in a test, and can play it badly.

    class Registry(StandIn):
        async def answer(self, asked: Asked) -> Answer: …

    async with Registry() as registry:
        registry.moods.extend([Mood.LOST, Mood.NONSENSE])     for the next two requests; then well again
        registry.mood = Mood.DOWN                             until it is set otherwise

A stand-in is made after the vendor's published description and says where that is. What it got is in `seen`.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import h11

__all__ = ["Answer", "Asked", "Mood", "StandIn"]

_MOST_BYTES: Final = 64 << 20


class Mood(StrEnum):
    """How the next request is met."""

    WELL = "well"
    DOWN = "down"
    """The connection is closed before anything is read."""
    LOST = "lost"
    """It is done, and the answer never comes: the worst, because nobody knows."""
    SLOW = "slow"
    """It is done, and answered after `slow` seconds."""
    FAILING = "failing"
    """503, and nothing is done."""
    BUSY = "busy"
    """429, and nothing is done. It asks to be left alone as `retry_after` says."""
    NONSENSE = "nonsense"
    """200, and what comes is a page for people."""
    HALF = "half"
    """It is done, and the answer breaks off in the middle."""
    ENDLESS = "endless"
    """200, and what comes does not end before `endless` bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. `query`: the last value of each name. `target`: path and query as they came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    target: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """`value` as JSON."""
        return cls(
            status=status,
            body=json.dumps(value).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )


class StandIn(ABC):
    def __init__(self, *, slow: float = 0.5, endless: int = 8 << 20) -> None:
        """`slow` in seconds, `endless` in bytes."""
        self.mood = Mood.WELL
        self.moods: deque[Mood] = deque()
        self.seen: list[Asked] = []
        self.retry_after = "0"
        self._slow, self._endless = slow, endless
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[Any]] = set()

    @abstractmethod
    async def answer(self, asked: Asked) -> Answer:
        """As the system would."""

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, h11.RemoteProtocolError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # gone, or told to go
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request on this connection; False when it is at its end."""
        peer = h11.Connection(h11.SERVER)
        asked = await _read(peer, reader)
        if asked is None:
            return False
        mood = self.moods.popleft() if self.moods else self.mood
        if mood is Mood.DOWN:
            return False
        self.seen.append(asked)
        if mood is Mood.FAILING:
            answer = Answer(status=503)
        elif mood is Mood.BUSY:
            answer = Answer(status=429, headers={"Retry-After": self.retry_after})
        elif mood is Mood.NONSENSE:
            answer = Answer(body=b"<html><p>Scheduled maintenance</p>", headers={"Content-Type": "text/html"})
        elif mood is Mood.ENDLESS:
            answer = Answer(body=b"[" + b" " * self._endless, headers={"Content-Type": "application/json"})
        else:
            answer = await self.answer(asked)
        if mood is Mood.LOST:
            return False
        if mood is Mood.SLOW:
            await asyncio.sleep(self._slow)
        writer.write(_written(peer, answer, half=mood is Mood.HALF))
        await writer.drain()
        return mood is not Mood.HALF and peer.our_state is not h11.MUST_CLOSE


async def _read(peer: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = peer.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65_536)
            if not data and request is None:
                return None
            peer.receive_data(data)
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MOST_BYTES:
                return None
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            target = urlsplit(request.target.decode("ascii"))
            return Asked(
                method=request.method.decode(),
                path=target.path,
                query=dict(parse_qsl(target.query, keep_blank_values=True)),
                headers={name.decode().lower(): value.decode("latin-1") for name, value in request.headers},
                body=bytes(body),
                target=request.target.decode("ascii"),
            )
        else:
            return None


def _written(peer: h11.Connection, answer: Answer, *, half: bool) -> bytes:
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    head = peer.send(h11.Response(status_code=answer.status, headers=list(headers.items())))
    assert head is not None
    if half:
        return head + answer.body[: len(answer.body) // 2]
    body = peer.send(h11.Data(data=answer.body)) if answer.body else b""
    end = peer.send(h11.EndOfMessage())
    return head + (body or b"") + (end or b"")
