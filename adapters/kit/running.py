"""The loop of an adapter: from the node to the system, from the system to the node, and how it is.

    node ── messages, oldest first ──▶ deliver ──▶ settled | set aside | waits | tried again
    system ── changed records ───────▶ take ─────▶ settled | set aside | waits | tried again

What the loop promises is what `Memory` writes down: a position moves only past what is settled, set aside or
waits, so that a kill at any moment repeats the item at hand and skips none. A repetition is harmless on the
node's side, because the same record is the same message id; on the system's side it is `deliver` that has
to make it so, by the message's id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from abc import ABC
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from adapters.kit.errors import Away, NotNow, Unfit
from adapters.kit.health import Health, State
from adapters.kit.memory import Memory, SetAside, Waiting, Way
from adapters.kit.pace import AT_ONCE, Backoff, Pace, between_passes
from adapters.kit.settings import Settings
from service.client import LONG_POLL, Client, Message, NodeUnreachable, Problem

__all__ = ["Adapter", "Batch", "Desk", "retry_set_aside", "run"]

log = logging.getLogger("focalpoint.adapter")

_PAGE: Final = 50
_NOT_OUR_FAULT: Final = frozenset({401, 403, 408, 425, 429})
"""The node refuses the adapter or is busy: nothing is wrong with the item."""
_FOR_GOOD: Final = frozenset({"mandate.not_covered"})
"""What was signed outside every mandate stays so; all else under `mandate.…` a State may open again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What changed in the system, oldest first. A name says which record and what for, such as
    `notification:42`: a record that is corrected is the same name, and no child is notified twice. What is
    settled is not looked at again, so name only what is to be done. `position` is where to look from next."""

    names: tuple[str, ...] = ()
    position: str | None = None
    more: bool = False


@dataclass(slots=True, kw_only=True)
class Desk:
    """What an adapter works with. `pace`: wait for it before each call of the system. `now` is aware, UTC."""

    settings: Settings
    node: Client
    memory: Memory
    pace: Pace
    now: Callable[[], datetime]


class Adapter(ABC):  # noqa: B024 (each way may be left out)
    """One system. Leave out the way that it has not."""

    version: str = "0"
    delivers: bool = False
    """Whether messages go to the system."""
    takes: bool = False
    """Whether records come from the system."""

    async def deliver(self, message: Message, desk: Desk) -> str:
        """Hand a message to the system, and say in a word what became of it, such as `created`, or `skipped`
        for one that does not concern it. Called again for the same message after a kill: look it up by its id
        first. Raises Away, NotNow, Unfit, and lets pass what `desk.node` raises."""
        raise NotImplementedError

    async def changed(self, after: str | None, desk: Desk) -> Batch:
        """What changed in the system since `after`. Raises Away."""
        raise NotImplementedError

    async def take(self, name: str, desk: Desk) -> str:
        """Send the node what a record says, and say in a word what became of it. The message's id comes from
        `desk.memory.message_id(name)`. Raises Away, NotNow, Unfit, and lets pass what `desk.node` raises."""
        raise NotImplementedError


async def run(
    adapter: Adapter,
    desk: Desk,
    *,
    stop: asyncio.Event,
    nudged: asyncio.Event | None = None,
    again: asyncio.Event | None = None,
) -> None:
    """Until `stop`. `nudged`: set it when the system says that something is new; it is looked at before its
    time. `again`: set it to have tried once more what was set aside, and what waits, all of it now."""
    running = _Running(adapter, desk, stop, nudged or asyncio.Event(), again or asyncio.Event())
    async with asyncio.TaskGroup() as group:
        if adapter.delivers:
            group.create_task(running.to_system())
        if adapter.takes:
            group.create_task(running.to_node())
        group.create_task(running.reporting())
        group.create_task(running.retrying())
        group.create_task(running.returning())


async def retry_set_aside(
    adapter: Adapter, desk: Desk, *, one_at_a_time: Mapping[Way, asyncio.Lock] | None = None
) -> tuple[int, int]:
    """Try once more what was set aside, and what waits before its time. Returns how many went through, and
    how many did not."""
    through = 0
    items: tuple[SetAside | Waiting, ...] = (*desk.memory.aside(), *desk.memory.waiting())
    locks = one_at_a_time or {"to-system": asyncio.Lock(), "to-node": asyncio.Lock()}
    for item in items:
        try:
            through += await _tried_again(adapter, desk, item, locks)
        except (Away, Problem, NodeUnreachable) as reason:
            log.warning("adapter.not_now", extra={"way": item.way, "code": _code_of(reason)})
    return through, len(items) - through


async def _tried_again(
    adapter: Adapter, desk: Desk, item: SetAside | Waiting, locks: Mapping[Way, asyncio.Lock]
) -> bool:
    """Whether it went through now; if not, why not is written down anew. What says nothing of the item
    passes: Away, NodeUnreachable, and a Problem of the node or with this adapter."""
    memory = desk.memory
    try:
        async with locks[item.way]:
            if item.way == "to-system":
                outcome = await adapter.deliver(await _message(desk, item.name), desk)
            else:
                outcome = await adapter.take(item.name, desk)
    except Problem as problem:
        if not _is_of_the_item(problem):
            raise
        reason: NotNow | Unfit = _reason_of(problem)
    except (NotNow, Unfit) as raised:
        reason = raised
    else:
        memory.settle(item.way, item.name, outcome, desk.now())
        return True
    keep = memory.wait if isinstance(reason, NotNow) else memory.set_aside
    keep(item.way, item.name, reason.code, desk.now())
    return False


async def _message(desk: Desk, id_: str) -> Message:
    """One that the node has listed. Where it is not found, nobody lets its authority be acted for now: a
    message that was recorded is never unrecorded."""
    try:
        return await desk.node.message(id_)
    except Problem as problem:
        if problem.code == "request.not_found":
            raise NotNow(f"node.{problem.code}") from None
        raise


def _is_of_the_item(problem: Problem) -> bool:
    return problem.status < 500 and problem.status not in _NOT_OUR_FAULT


def _reason_of(problem: Problem) -> NotNow | Unfit:
    """Why the node does not take, or show, this one item."""
    closed = problem.code.startswith("mandate.") and problem.code not in _FOR_GOOD
    return (NotNow if closed else Unfit)(f"node.{_word(problem.code)}")


class _Running:
    def __init__(
        self,
        adapter: Adapter,
        desk: Desk,
        stop: asyncio.Event,
        nudged: asyncio.Event,
        again: asyncio.Event,
    ) -> None:
        self._adapter, self._desk = adapter, desk
        self._stop, self._nudged, self._again = stop, nudged, again
        # What is set aside is tried again beside the loop, and no adapter has to be ready for two at once.
        self._one: dict[Way, asyncio.Lock] = {"to-system": asyncio.Lock(), "to-node": asyncio.Lock()}
        self._wrong: dict[Way, tuple[State, str] | None] = {"to-system": None, "to-node": None}
        self._since = desk.now()
        self._shown: tuple[State, str | None] = (State.WELL, None)
        self._changed = asyncio.Event()

    async def to_system(self) -> None:
        """Messages of the node, in order."""
        memory, node = self._desk.memory, self._desk.node
        backoff = Backoff()
        while not self._stop.is_set():
            after = memory.position("messages")
            wait = int(min(LONG_POLL, self._desk.settings.poll_seconds))
            page = await self._asked(
                "to-system",
                backoff,
                partial(
                    self._unless_stopped,
                    partial(node.messages, direction="in", after=after, limit=_PAGE, wait=wait),
                ),
            )
            if page is None:
                continue
            for message in page["messages"]:
                if not await self._through("to-system", message["id"], backoff, self._deliver(message)):
                    return
            memory.reached("messages", page["cursor"])

    async def to_node(self) -> None:
        """Records of the system, in order."""
        memory = self._desk.memory
        backoff = Backoff()
        while not self._stop.is_set():
            self._nudged.clear()
            after = memory.position("records")
            batch = await self._asked("to-node", backoff, partial(self._adapter.changed, after, self._desk))
            if batch is None:
                continue
            for name in batch.names:
                if not await self._through("to-node", name, backoff, self._take(name)):
                    return
            if batch.position is not None:
                memory.reached("records", batch.position)
            if not batch.more:
                await self._rest(self._desk.settings.poll_seconds, self._nudged)

    async def reporting(self) -> None:
        """Tell the node how it is: at once when that changed, and every so often, for silence says
        nothing."""
        while not self._stop.is_set():
            self._changed.clear()
            await self._report(self._health())
            await self._rest(self._desk.settings.report_seconds, self._changed)
        await self._report(self._health(State.STOPPED))

    async def retrying(self) -> None:
        """What was set aside, whenever somebody asks for it."""
        while not self._stop.is_set():
            await self._rest(None, self._again)
            if self._again.is_set() and not self._stop.is_set():
                self._again.clear()
                through, left = await retry_set_aside(self._adapter, self._desk, one_at_a_time=self._one)
                log.info(
                    "adapter.tried_again", extra={"count": through + left, "outcome": f"{through}-through"}
                )
                self._show()

    async def returning(self) -> None:
        """What waits, when its time has come: some of it in each pass, so that nothing is asked about often
        and nothing is forgotten."""
        backoff = Backoff()
        while not self._stop.is_set():
            now = self._desk.now()
            rest = between_passes()
            for item in self._desk.memory.waiting(limit=AT_ONCE, due=now):
                if self._stop.is_set():
                    return
                try:
                    came_back = await _tried_again(self._adapter, self._desk, item, self._one)
                except (Away, Problem, NodeUnreachable) as reason:
                    # The loop itself says which side is away.
                    log.warning("adapter.not_now", extra={"way": item.way, "code": _code_of(reason)})
                    rest = max(rest, backoff.failure(now, retry_after=_asked_by(reason)) - now)
                    break
                backoff.success()
                if came_back:
                    log.info("adapter.came_back", extra={"way": item.way, "code": item.code})
                self._show()
            await self._rest(rest.total_seconds())

    def _deliver(self, message: Message) -> Callable[[], Awaitable[str]]:
        async def delivered() -> str:
            async with self._one["to-system"]:
                return await self._adapter.deliver(await _message(self._desk, message["id"]), self._desk)

        return delivered

    def _take(self, name: str) -> Callable[[], Awaitable[str]]:
        async def taken() -> str:
            async with self._one["to-node"]:
                return await self._adapter.take(name, self._desk)

        return taken

    async def _unless_stopped[T](self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """The answer; None when it is told to stop while it waits, which may be for half a minute."""
        asked = asyncio.create_task(ask())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({asked, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return await asked if asked.done() else None
        finally:
            stopped.cancel()
            asked.cancel()

    async def _through(
        self, way: Way, name: str, backoff: Backoff, work: Callable[[], Awaitable[str]]
    ) -> bool:
        """Settle one item, set it aside or let it wait, however long that takes. False when it was told to
        stop before."""
        memory = self._desk.memory
        while not self._stop.is_set():
            if memory.outcome(way, name) is not None or memory.waits(way, name):
                return True  # what waits is asked about when its time has come
            try:
                outcome = await self._asked(way, backoff, work)
            except Unfit as unfit:
                log.warning("adapter.set_aside", extra={"way": way, "code": unfit.code})
                memory.set_aside(way, name, unfit.code, self._desk.now())
                self._show()
                return True
            except NotNow as closed:
                log.warning("adapter.waits", extra={"way": way, "code": closed.code})
                memory.wait(way, name, closed.code, self._desk.now())
                self._show()
                return True
            if outcome is not None:
                memory.settle(way, name, outcome, self._desk.now())
                return True
        return False

    async def _asked[T](self, way: Way, backoff: Backoff, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The answer; or None, after a wait, where there was none that can be used. NotNow and Unfit
        pass."""
        retry_after: str | None = None
        try:
            answer = await ask()
        except Away as away:
            wrong, retry_after = (State.SYSTEM_AWAY, away.code), away.retry_after
        except NodeUnreachable:
            wrong = (State.NODE_AWAY, "node.unreachable")
        except Problem as problem:
            if _is_of_the_item(problem):
                backoff.success()
                self._tell(way, None)
                raise _reason_of(problem) from None
            wrong, retry_after = (State.NODE_AWAY, f"node.{_word(problem.code)}"), problem.retry_after
        else:
            backoff.success()
            self._tell(way, None)
            return answer
        self._tell(way, wrong)
        now = self._desk.now()
        log.warning("adapter.away", extra={"way": way, "state": str(wrong[0]), "code": wrong[1]})
        await self._rest((backoff.failure(now, retry_after=retry_after) - now).total_seconds())
        return None

    def _tell(self, way: Way, wrong: tuple[State, str] | None) -> None:
        self._wrong[way] = wrong
        self._show()

    def _show(self) -> None:
        health = self._health()
        if (health.state, health.code) != self._shown:
            self._shown = (health.state, health.code)
            self._since = self._desk.now()
            self._changed.set()

    def _health(self, state: State | None = None) -> Health:
        memory = self._desk.memory
        aside = memory.aside_count()
        worst, code = State.WELL, None
        for wrong in self._wrong.values():
            if wrong is not None and worst is not State.NODE_AWAY:
                worst, code = wrong
        waiting = memory.waiting_counts()
        if worst is State.WELL and aside:
            worst = State.SET_ASIDE
        elif worst is State.WELL and waiting:
            worst, code = State.WAITING, memory.waiting(limit=1)[0].code
        return Health(
            adapter=self._desk.settings.name,
            version=self._adapter.version,
            state=state or worst,
            since=self._since,
            code=code,
            set_aside=aside,
            counts={
                **{f"{way} {outcome}": number for (way, outcome), number in memory.counts().items()},
                **{f"{way} waits": number for way, number in waiting.items()},
            },
        )

    async def _report(self, health: Health) -> None:
        self._desk.memory.say(health.to_json(), self._desk.now())
        try:
            await self._desk.node.report_adapter(health.adapter, health.to_json())
        except (Problem, NodeUnreachable, Away) as reason:
            # It hears nothing, and shows that. What matters is in the memory.
            log.warning("adapter.not_told", extra={"code": _code_of(reason)})

    async def _rest(self, seconds: float | None, *early: asyncio.Event) -> None:
        """For so long, or until one of `early`, or until it is told to stop."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._stop, *early)]
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()


def steady() -> float:
    """Seconds that never go back, for `Pace`."""
    return time.monotonic()


def _code_of(reason: Exception) -> str:
    return str(getattr(reason, "code", type(reason).__name__))


def _asked_by(reason: Exception) -> str | None:
    return reason.retry_after if isinstance(reason, Away | Problem) else None


def _word(code: str) -> str:
    return code if code.replace("_", "").replace(".", "").isalnum() else "refused"
