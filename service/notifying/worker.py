"""The worker that takes notices out of the node. Several may run, in one process or in several."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol.errors import FocalpointError
from protocol.identifiers import new_message_id
from service.node import Node
from service.notices import AUDIENCES, tell
from service.notifying import deliveries
from service.notifying.deliveries import After, ClaimedElsewhere
from service.notifying.mail import Mail, place_of
from service.notifying.outgoing import Channel, NotTaken, Outgoing
from service.notifying.webhook import Webhook, signing_keys

__all__ = ["Notifier", "next_daily"]

LOOK_AGAIN: Final = 5.0
"""Seconds. A signal wakes it for what this process told; what another one told is seen by looking."""
FORGET_EVERY: Final = 3_600.0
BESIDE_EACH_OTHER: Final = 8
"""Attempts of one subscription at once."""
ROUNDS_AT_ONCE: Final = 50


def next_daily(hour: int, zone: Any, now: datetime) -> datetime:
    """The next time that it is `hour` o'clock in `zone`."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), time(hour), tzinfo=zone)
    # By the wall clock, so that it is the same hour on both sides of a change to summer time.
    at = today if today > local else datetime.combine(local.date() + timedelta(days=1), time(hour), zone)
    return at.astimezone(now.tzinfo)


class Notifier:
    def __init__(self, node: Node, channels: Mapping[str, Channel] | None = None) -> None:
        self._node = node
        self._holder = str(new_message_id(node.random.bytes))
        self._channels: Mapping[str, Channel] = channels or {
            "email": Mail(node),
            "webhook": Webhook(node.settings, lambda now: signing_keys(node.keys, now)),
        }
        self._forget_at = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        told, clock = self._node.wake.notices, asyncio.get_running_loop().time
        while True:
            seen = told.count
            try:
                for _ in range(ROUNDS_AT_ONCE):
                    if not await self.look():
                        break
                if clock() >= self._forget_at:
                    self._forget_at = clock() + FORGET_EVERY
                    await self.forget()
                await self.measure()
            except FocalpointError as reason:
                self._node.log.warning("notices.round_failed", code=getattr(reason, "code", "internal"))
            await told.wait(seen, timeout=LOOK_AGAIN)

    async def look(self) -> int:
        """One round. Returns to how many subscriptions it tried to send, and how many notices it spread."""
        node, now = self._node, self._node.clock.now()
        if not await node.store.read(lambda session: deliveries.any_due(session.connection(), now)):
            return 0
        zones = self._due

        def prepared(session: Session) -> tuple[int, list[Outgoing]]:
            connection = session.connection()
            spread = deliveries.spread(connection, now, zones)
            return spread, deliveries.claim(connection, self._holder, now, node.random.bytes)

        try:
            spread, claimed = await node.store.write(prepared)
        except ClaimedElsewhere:
            return 0
        by_subscription: dict[str, list[Outgoing]] = defaultdict(list)
        for outgoing in claimed:
            by_subscription[outgoing.subscription].append(outgoing)
        await asyncio.gather(*(self._send_all(several) for several in by_subscription.values()))
        return spread + len(by_subscription)

    def _due(self, subscription: Row[Any], now: datetime) -> datetime:
        if subscription.daily_at is None:
            return now
        return next_daily(subscription.daily_at, place_of(self._node, subscription.authority)[1], now)

    async def _send_all(self, several: Sequence[Outgoing]) -> None:
        """The first alone: when it is not taken, the others wait for its next attempt."""
        first, *rest = several
        failed = not await self._send(first)
        while rest and not failed:
            now, rest = rest[:BESIDE_EACH_OTHER], rest[BESIDE_EACH_OTHER:]
            failed = not all(await asyncio.gather(*(self._send(one) for one in now)))
        if rest:
            left = rest

            def let_go(session: Session) -> None:
                for one in left:
                    deliveries.release(session.connection(), one, self._holder)

            await self._node.store.write(let_go)

    async def _send(self, outgoing: Outgoing) -> bool:
        node = self._node
        try:
            await self._channels[outgoing.channel].send(outgoing, node.clock.now())
        except NotTaken as reason:
            await self._not_taken(outgoing, reason)
            return False
        except Exception as bug:
            node.log.error("notices.attempt_failed", kind=outgoing.channel, exc_info=bug)
            await self._not_taken(outgoing, NotTaken("internal"))
            return False
        now = node.clock.now()
        await node.store.write(
            lambda session: deliveries.taken(session.connection(), outgoing, self._holder, now)
        )
        return True

    async def _not_taken(self, outgoing: Outgoing, reason: NotTaken) -> None:
        node, now = self._node, self._node.clock.now()
        node.metrics.notice_failed(outgoing.channel, reason.code)
        jitter = node.random.bytes(1)[0] / 255

        def work(session: Session) -> After:
            after = deliveries.not_taken(
                session.connection(),
                outgoing,
                self._holder,
                code=reason.code,
                for_good=reason.for_good,
                jitter=jitter,
                now=now,
            )
            if after.disabled or after.given_up:
                tell(
                    session,
                    "adapter-unwell",
                    authority=None,
                    audience="operator",
                    subject=outgoing.subscription,
                    due_at=None,
                    key=f"adapter-unwell/{outgoing.subscription}/{outgoing.batch}",
                    now=now,
                )
            return after

        after = await node.store.write(work)
        node.log.warning(
            "notices.not_taken", kind=outgoing.channel, code=reason.code, attempts=outgoing.attempts
        )
        if after.disabled or after.given_up:
            node.log.error("notices.given_up", kind=outgoing.channel, code=reason.code)
            node.wake.notices.notify()

    async def forget(self) -> int:
        """Take away what is older than the settings keep. Returns how many."""
        node = self._node
        before = node.clock.now() - timedelta(days=node.settings.notices_keep_days)
        audiences = sorted(frozenset[str]().union(*AUDIENCES.values()))
        forgotten = 0
        while gone := await node.store.write(
            lambda session: deliveries.forget(session.connection(), before, audiences=audiences)
        ):
            forgotten += gone
        return forgotten

    async def measure(self) -> None:
        now = self._node.clock.now()
        found = await self._node.store.read(lambda session: deliveries.waiting(session.connection(), now))
        self._node.metrics.notices_waiting(found.rows, oldest_seconds=found.oldest_seconds)
