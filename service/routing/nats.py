"""A node's link to the hub: publishes, takes deliveries, reads and writes the directory, and comes back by
itself.

What nats-py 2.16 does otherwise, and why this module does not lean on it:

- A publish that timed out while disconnected would be sent after the reconnect. The outbound buffer is off,
  so a publish without a connection fails at once; each envelope carries a Msg-Id all the same.
- `publish_async` never resolves after a stream error or a restart, and an exception inside `request` leaks
  its waiting entry. Answers are awaited here, on one subscription, and forgotten in any case.
- `fetch` waits out its timeout on a part-filled batch, is blind over a restart, and leaves its request
  behind when cancelled. See service/routing/pull.py.
- An authorisation error closes the client for good. The link then makes a new one.
- With a full socket buffer towards a dead peer a reconnect can hang for minutes. The kernel is told to give
  up after four seconds (TCP_USER_TIMEOUT).
- `close` may raise. Nothing follows from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from protocol.identifiers import NodeCode
from service.errors import TooLarge, Unavailable
from service.routing.pull import Delivery, Pull
from service.routing.subjects import (
    CHANGED,
    DIRECTORY_STREAM,
    directory_filter,
    directory_subject,
    envelope_subject,
    read_directory_subject,
)
from service.wake import Signal

__all__ = ["Delivery", "Document", "HubLink", "HubUnavailable", "Pull"]

type Document = tuple[NodeCode, str, str]
"""Writer, path, token. The writer is what the hub says; who may speak for the path is read from
signatures."""

_GIVE_UP_MILLISECONDS = 4_000
_READ_WITHIN = 10.0
"""Seconds for one answer of the directory."""

_QUOTA = frozenset({10047, 10077})
"""JetStream: store exhausted; maximum messages (per subject) or bytes exceeded."""
_TOO_LARGE = 10054


class HubUnavailable(Unavailable):
    """The hub did not take it, now. What was sent may or may not have arrived: send it again with the same
    id.

    hub.unreachable   no connection, or it went away meanwhile
    hub.no_answer     connected, but no acknowledgement in time
    hub.no_inbox      no such member at the hub, or its stream is not (yet) there
    hub.full          the recipient's inbox holds as much from us as it may
    hub.refused       anything else that JetStream says no to
    """


class HubLink:
    """One member's connection. `code` and `seed` must belong together, or the hub ties every subject to
    another.

    `ca_file` (PEM) names the authority that signed the hub's certificate, when it is not a public one.
    `answer_within` (seconds) bounds each wait for the hub's acknowledgement. `log` receives hub.connected,
    hub.disconnected and hub.error with the kind of error, never a subject.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        code: NodeCode,
        seed: str,
        log: Any = None,  # a structlog logger, whose types differ by configuration
        ca_file: Path | None = None,
        answer_within: float = 5.0,
        batch: int = 128,
    ) -> None:
        self.code = code
        self.directory_changed = Signal()
        """Fires for each directory document put by anybody, and at each new connection. A hint only."""
        self._servers = [url] if isinstance(url, str) else list(url)
        self._seed = seed
        self._log = log
        # None leaves tls:// to the machine's own authorities.
        self._tls = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
        self._answer_within = answer_within
        self._batch = batch
        self._client: Client | None = None
        self._inbox = ""
        self._answers: dict[str, Callable[[Msg], None]] = {}
        self._waiting: set[asyncio.Future[Msg]] = set()
        self._next_answer = 0
        self._pulls: set[Pull] = set()
        self._up = asyncio.Event()
        self._gone = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._last_error = ""
        self.generation = 0
        """Counts connections. What was delivered on one is not acknowledged on another."""

    # Life

    async def start(self) -> None:
        """Begin to connect, and stay so. Returns at once, with the hub there or not."""
        if self._supervisor is None:
            self._supervisor = asyncio.create_task(self._supervise(), name="hub-link")

    async def stop(self) -> None:
        """Leave. Iterators over deliveries end; waits for acknowledgements fail."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
        self._lost()
        for pull in tuple(self._pulls):
            pull.end()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def connected(self) -> bool:
        return self._up.is_set() and self._client is not None and self._client.is_connected

    async def wait_connected(self, timeout: float) -> bool:
        """True once connected; False after `timeout` seconds without."""
        try:
            await asyncio.wait_for(self._up.wait(), timeout)
        except TimeoutError:
            return False
        return True

    # What a node does with it

    async def publish_envelope(self, to: NodeCode, data: bytes, msg_id: str) -> None:
        """Returns when the hub has stored it. `msg_id` is the manifest digest, which nobody can guess: ids
        are shared by all senders to an inbox, and a guessed one would let a State have another's envelope
        swallowed.

        Many calls at once share the connection. HubUnavailable; TooLarge `hub.too_large`.
        """
        headers = {"Nats-Msg-Id": msg_id}
        _acknowledged(await self.request(envelope_subject(to, self.code), data, headers=headers))

    async def deliveries(self) -> AsyncIterator[list[Delivery]]:
        """What arrives for this node, as many at once as have come, until `stop`. Nothing is lost or
        reordered by leaving the iterator; what was not acknowledged is delivered again."""
        pull = Pull(self, inbox=self.code, batch=self._batch)
        self._pulls.add(pull)
        try:
            if self.connected and self._client is not None:
                await pull.attach(self._client)
            while some := await pull.take():
                yield some
        finally:
            self._pulls.discard(pull)
            await pull.detach()

    async def put_directory(self, path: str, token: str) -> None:
        """Put one signed document under this member's own name. HubUnavailable; TooLarge `hub.too_large`."""
        # No Msg-Id: within the duplicate window it would swallow a return to an earlier text.
        _acknowledged(await self.request(directory_subject(self.code, path), token.encode()))

    async def read_directory(self, writer: NodeCode) -> tuple[Document, ...]:
        """The latest of every document that one writer put, at most 1,024. HubUnavailable."""
        return await self.read_documents((directory_filter(writer),))

    async def read_documents(self, subjects: Sequence[str]) -> tuple[Document, ...]:
        """The latest document of each subject or filter, at most 1,024 subjects in all. HubUnavailable."""
        documents: list[Document] = []
        bounds: dict[str, int] = {}
        while True:
            ask = json.dumps({"multi_last": list(subjects), **bounds}).encode()
            messages, end = await self._collect(f"$JS.API.DIRECT.GET.{DIRECTORY_STREAM}", ask)
            for headers, data in messages:
                place = read_directory_subject(headers.get("Nats-Subject", ""))
                if place is not None and data:
                    documents.append((*place, data.decode(errors="replace")))
            match end.get("Status"):
                case "204" if int(end.get("Nats-Num-Pending", "0")) > 0:
                    # The hub sends so much at a time.
                    up_to = int(end["Nats-UpTo-Sequence"]) if "Nats-UpTo-Sequence" in end else 0
                    bounds = {"seq": int(end["Nats-Last-Sequence"]) + 1} | (
                        {"up_to_seq": up_to} if up_to else {}
                    )
                case "204" | "404":
                    return tuple(documents)
                case "503":
                    raise HubUnavailable("hub.no_inbox", "the hub has no directory (yet)")
                case other:
                    raise HubUnavailable("hub.refused", f"the directory answered {other}")

    async def request(self, subject: str, data: bytes, *, headers: dict[str, str] | None = None) -> Msg:
        """Publish and wait for the one answer. HubUnavailable `hub.unreachable`, `hub.no_answer`;
        TooLarge."""
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        def give(message: Msg) -> None:
            if not answer.done():
                answer.set_result(message)

        self._waiting.add(answer)
        try:
            async with self._answering(give) as reply:
                await self.send(subject, data, reply=reply, headers=headers)
                return await asyncio.wait_for(answer, self._answer_within)
        except TimeoutError as reason:
            raise HubUnavailable("hub.no_answer", f"nothing within {self._answer_within:g} s") from reason
        finally:
            self._waiting.discard(answer)

    async def send(
        self, subject: str, data: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Publish without waiting; never blocks. HubUnavailable `hub.unreachable`; TooLarge
        `hub.too_large`."""
        client = self._client
        if client is None or not self.connected:
            raise HubUnavailable("hub.unreachable", "no connection to the hub")
        try:
            await client.publish(subject, data, reply=reply, headers=headers)
        except MaxPayloadError as reason:
            raise TooLarge(
                "hub.too_large", f"{len(data)} bytes; the hub takes {client.max_payload}"
            ) from reason
        except (NatsError, OSError) as reason:
            raise HubUnavailable("hub.unreachable", type(reason).__name__) from reason

    # How it stays up

    async def _supervise(self) -> None:
        while True:
            self._gone.clear()
            client = Client()
            try:
                await client.connect(
                    self._servers,
                    name=self.code,
                    tls=self._tls,
                    nkeys_seed_str=self._seed,
                    pending_size=-1,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.25,  # type: ignore[arg-type]  # seconds; annotated int, used as float
                    connect_timeout=2,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    closed_cb=self._on_closed,
                )
                await self._attach(client)
                await self._gone.wait()
            except (NatsError, OSError) as reason:
                await self._on_error(reason)
            finally:
                self._lost()
                self._client = None
                with contextlib.suppress(Exception):
                    await client.close()
            # The hub sent us away (an authorisation error, a member removed): ask again, not at once.
            await asyncio.sleep(1)

    async def _attach(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        await client.subscribe(
            f"{self._inbox}.*", cb=self._on_answer, pending_msgs_limit=0, pending_bytes_limit=0
        )
        await client.subscribe(f"{CHANGED}.>", cb=self._on_changed)
        await self._connected(client)
        for pull in tuple(self._pulls):
            await pull.attach(client)

    async def _connected(self, client: Client) -> None:
        self.generation += 1
        self._last_error = ""
        _give_up_soon(client)
        self._up.set()
        self.directory_changed.notify()
        if self._log is not None:
            self._log.info("hub.connected")

    def _lost(self) -> None:
        was_up = self._up.is_set()
        self._up.clear()
        for answer in tuple(self._waiting):
            if not answer.done():
                answer.set_exception(HubUnavailable("hub.unreachable", "the connection went away meanwhile"))
        if was_up and self._log is not None:
            self._log.warning("hub.disconnected")

    async def _on_disconnected(self) -> None:
        self._lost()

    async def _on_reconnected(self) -> None:
        if self._client is not None:
            await self._connected(self._client)
            for pull in tuple(self._pulls):
                await pull.attach(self._client)

    async def _on_closed(self) -> None:
        self._gone.set()

    async def _on_error(self, error: Exception) -> None:
        kind = type(error).__name__
        # One line for an outage, not one for each of its attempts.
        if kind != self._last_error and self._log is not None:
            self._log.warning("hub.error", error=kind)
        self._last_error = kind

    async def _on_answer(self, message: Msg) -> None:
        give = self._answers.get(message.subject.rpartition(".")[2])
        if give is not None:
            give(message)

    async def _on_changed(self, _: Msg) -> None:
        self.directory_changed.notify()

    @contextlib.asynccontextmanager
    async def _answering(self, give: Callable[[Msg], None]) -> AsyncIterator[str]:
        self._next_answer += 1
        token = f"{self._next_answer:x}"
        self._answers[token] = give
        try:
            yield f"{self._inbox}.{token}"
        finally:
            del self._answers[token]

    async def _collect(
        self, subject: str, data: bytes
    ) -> tuple[list[tuple[Mapping[str, str], bytes]], Mapping[str, str]]:
        """Every message of a streamed answer, and the headers of the one that ends it."""
        messages: list[tuple[Mapping[str, str], bytes]] = []
        end: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        def give(message: Msg) -> None:
            headers = message.headers or {}
            if "Status" not in headers:
                messages.append((headers, message.data))
            elif not end.done():
                end.set_result(message)

        self._waiting.add(end)
        try:
            async with self._answering(give) as reply:
                await self.send(subject, data, reply=reply)
                last = await asyncio.wait_for(end, _READ_WITHIN)
        except TimeoutError as reason:
            raise HubUnavailable("hub.no_answer", f"no whole directory within {_READ_WITHIN:g} s") from reason
        finally:
            self._waiting.discard(end)
        return messages, last.headers or {}


def _acknowledged(answer: Msg) -> None:
    """Return for a publish acknowledgement of JetStream, a duplicate's included; raise for anything else."""
    if answer.headers and answer.headers.get("Status") == "503":
        raise HubUnavailable("hub.no_inbox", "nobody at the hub takes this subject from us")
    try:
        said = json.loads(answer.data)
        error = said.get("error")
        if error is None and "stream" in said:
            return
        code = int((error or {}).get("err_code", 0))
    except (ValueError, TypeError, AttributeError) as reason:
        raise HubUnavailable("hub.refused", "not an acknowledgement") from reason
    if code == _TOO_LARGE:
        raise TooLarge("hub.too_large", "larger than the hub's stream takes")
    if code in _QUOTA:
        raise HubUnavailable("hub.full", "the inbox at the hub is full: send again later")
    raise HubUnavailable("hub.refused", f"JetStream error {code}")


def _give_up_soon(client: Client) -> None:
    # nats-py offers no way to its socket but this one; test_hub_link.py checks that the option arrives.
    writer = getattr(getattr(client, "_transport", None), "_io_writer", None)
    sock = writer.get_extra_info("socket") if writer is not None else None
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GIVE_UP_MILLISECONDS)
