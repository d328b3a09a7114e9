"""Taking from an inbox by credit.

nats-py's `fetch(n, timeout)` waits out its timeout on a batch that is only part filled, is blind over a
restart, and leaves its request at the hub when cancelled. Here one subscription stays open; the next
request goes out while the last is still being worked on; whatever has come is handed over at once.

    credit      asked for and not yet come. A message takes one away; a status message takes what it names.
    lost        a restart of the hub forgets requests. A new connection, or silence longer than a request
                lives, starts again from nought. Asking too often costs nothing: what comes too much waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from protocol.identifiers import NodeCode
from service.errors import NodeError
from service.routing.subjects import CONSUMER, read_envelope_subject

if TYPE_CHECKING:
    from service.routing.nats import HubLink

__all__ = ["Delivery", "Pull"]

_EXPIRES = 10.0
_SILENCE = _EXPIRES + 2
_LOOK_EVERY = 0.5
_BACK_OFF_MOST = 5.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One envelope from the hub, once or again.

    `subject_sender` is the member that the hub says sent it: good for logs and metrics, proof of nothing.
    `attempt` counts from 1. Answers go only over the connection that brought it; after another they return
    False, and the hub delivers again. (An acknowledgement names a place in a stream. If the hub lost its
    store meanwhile, another envelope lies at that place.)
    """

    data: bytes
    subject_sender: NodeCode
    attempt: int
    link: HubLink
    generation: int
    reply: str

    async def ack(self) -> bool:
        """It is ours now, for good."""
        return await self._answer(b"+ACK")

    async def ack_sync(self) -> bool:
        """The same, and the hub has confirmed it."""
        if self.generation != self.link.generation:
            return False
        try:
            await self.link.request(self.reply, b"+ACK")
        except NodeError:
            return False
        return True

    async def nak(self, delay: float = 0) -> bool:
        """Bring it again, in `delay` seconds."""
        return await self._answer(b"-NAK " + json.dumps({"delay": int(delay * 1e9)}).encode())

    async def term(self, reason: str = "") -> bool:
        """Forget it. `reason` is a code for the hub's operator, who may be anybody: nothing else belongs in
        it."""
        return await self._answer(f"+TERM {reason}".rstrip().encode())

    async def working(self) -> bool:
        """Still at it: do not deliver it again yet."""
        return await self._answer(b"+WPI")

    async def _answer(self, word: bytes) -> bool:
        if self.generation != self.link.generation:
            return False
        try:
            await self.link.send(self.reply, word)
        except NodeError:
            return False
        return True


class Pull:
    """Takes what arrives in one inbox. At most one and a half `batch` lies here unread."""

    def __init__(self, link: HubLink, *, inbox: NodeCode, batch: int = 128) -> None:
        self._link = link
        self._own = inbox
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{inbox}.{CONSUMER}"
        self._batch = batch
        self._request = json.dumps({"batch": batch, "expires": int(_EXPIRES * 1e9)}).encode()
        self._arrived: deque[Delivery] = deque()
        self._something = asyncio.Event()
        self._credit = 0
        self._heard = 0.0
        self._not_before = 0.0
        self._back_off = 0.0
        self._ended = False
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._watching: asyncio.Task[None] | None = None

    async def attach(self, client: Client) -> None:
        """Listen and ask anew, after each connection: a hub that was away does not remember what it was
        asked.

        On a fresh inbox, so that what still comes through the old one keeps the old generation.
        """
        await self._unsubscribe()
        self._inbox = client.new_inbox()
        self._subscription = await client.subscribe(
            self._inbox,
            cb=functools.partial(self._on, self._link.generation),
            pending_msgs_limit=0,
            pending_bytes_limit=0,
        )
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="pull-watch")
        self._credit = 0
        self._not_before = 0.0
        await self._ask()

    async def detach(self) -> None:
        self.end()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._unsubscribe()

    async def _unsubscribe(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            # The connection it was made on may be gone, and with it the subscription.
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    def end(self) -> None:
        """`take` returns nothing from now on. What has not been taken is delivered again by the hub."""
        self._ended = True
        self._something.set()

    async def take(self) -> list[Delivery]:
        """What has come, at most a batch; waits for the first. Empty once ended."""
        while not self._ended:
            if self._arrived:
                taken = [self._arrived.popleft() for _ in range(min(len(self._arrived), self._batch))]
                await self._ask()
                return taken
            self._something.clear()
            await self._something.wait()
        return []

    async def _ask(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._not_before or self._credit + len(self._arrived) > self._batch // 2:
            return
        self._credit += self._batch
        self._heard = now
        try:
            await self._link.send(self._subject, self._request, reply=self._inbox)
        except NodeError:
            self._credit = 0  # the next connection resumes

    async def _on(self, generation: int, message: Msg) -> None:
        headers = message.headers
        self._heard = asyncio.get_running_loop().time()
        if headers and "Status" in headers:
            self._status(headers)
        else:
            self._credit = max(0, self._credit - 1)
            self._back_off = 0.0
            await self._arrive(generation, message)
        await self._ask()

    def _status(self, headers: dict[str, str]) -> None:
        left = headers.get("Nats-Pending-Messages")
        self._credit = max(0, self._credit - int(left)) if left and left.isdecimal() else 0
        if headers["Status"] not in {"404", "408"}:
            # 503: no such consumer yet. 409: it was deleted, or the server is going. Both answer at once, so
            # asking at once again would spin.
            self._back_off = min(max(self._back_off * 2, 0.1), _BACK_OFF_MOST)
            self._not_before = self._heard + self._back_off

    async def _arrive(self, generation: int, message: Msg) -> None:
        place = read_envelope_subject(message.subject)
        delivery = Delivery(
            data=message.data,
            subject_sender=place[1] if place else NodeCode(""),
            attempt=_attempt(message.reply),
            link=self._link,
            generation=generation,
            reply=message.reply,
        )
        if place is None or place[0] != self._own:
            await delivery.term("hub.subject")
            return
        self._arrived.append(delivery)
        self._something.set()

    async def _watch(self) -> None:
        while not self._ended:
            await asyncio.sleep(_LOOK_EVERY)
            if self._credit and asyncio.get_running_loop().time() - self._heard > _SILENCE:
                self._credit = 0
            if self._link.connected:
                await self._ask()


def _attempt(reply: str) -> int:
    """The delivery count, which stands fifth from the end in both forms of an acknowledgement subject."""
    tokens = reply.split(".")
    count = tokens[-5] if len(tokens) >= 9 else ""
    return int(count) if count.isdecimal() else 1
