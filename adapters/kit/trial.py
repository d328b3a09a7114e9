"""What every adapter has to keep, as tests: nothing lost, nothing doubled, a clear state, nothing told.

    class RegisterTrial(Trial): …                     how to make a record, and what each side got

    class TestRegister(Claims):
        @pytest.fixture
        async def trial(self, tmp_path): yield RegisterTrial(…)

`Claims` then asks of the adapter what is asked of all. The node of a trial is a real one, whose application
runs in the test's process; the other system is a stand-in that can be cruel (`adapters.kit.stand_in`).
Needs pytest, which the `dev` extra has. tests/adapters/test_adapter_loop.py is the template's.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import httpx
import pytest

from adapters.kit import pace as pacing
from adapters.kit.commands import here
from adapters.kit.memory import Memory, glance
from adapters.kit.pace import Pace
from adapters.kit.running import Adapter, Desk, retry_set_aside, run, steady
from adapters.kit.settings import Settings
from adapters.kit.stand_in import Mood
from service.client import Client

__all__ = ["WITHIN", "Claims", "Moody", "MoodyNode", "OnTrial", "Trial"]

WITHIN: Final = 60.0
"""Seconds in which whatever a claim waits for has to happen."""
CLOSED: Final = "mandate.procedure"
"""What the node says of a message that no mandate covers any more."""
_HOSTILE: Final = tuple(mood for mood in Mood if mood is not Mood.WELL)
_OF_A_NODE: Final = (Mood.DOWN, Mood.LOST, Mood.FAILING, Mood.BUSY, Mood.NONSENSE)


class Moody(Protocol):
    """A stand-in, of whatever kind. `seen`: one item for each request that it read."""

    mood: Mood
    moods: deque[Mood]
    seen: list[Any]


class MoodyNode(httpx.AsyncBaseTransport):
    """Between an adapter and its node: what goes wrong there.

    `closed`: ids of messages that a narrowed mandate closes: none of them is shown or taken, and each request
    for one is noted in `refused`; `closed_as` is the answer. Take an id out, and it is as if the mandate were
    wider again.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.mood = Mood.WELL
        self.moods: deque[Mood] = deque()
        self.seen: list[Any] = []
        self.closed: set[str] = set()
        self.closed_as = (422, CLOSED)
        self.refused: list[str] = []
        self.retry_after = "0"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for id_ in self.closed:
            if id_ in request.url.path or id_.encode() in await request.aread():
                self.refused.append(id_)
                status, code = self.closed_as
                return httpx.Response(
                    status,
                    json={"type": "about:blank", "title": "closed", "status": status, "code": code},
                    headers={"Content-Type": "application/problem+json"},
                )
        mood = self.moods.popleft() if self.moods else self.mood
        self.seen.append(request.url.path)
        if mood is Mood.DOWN:
            raise httpx.ConnectError("down")
        if mood in {Mood.FAILING, Mood.BUSY}:
            status = 503 if mood is Mood.FAILING else 429
            return httpx.Response(status, headers={"Retry-After": self.retry_after})
        if mood is Mood.NONSENSE:
            return httpx.Response(200, html="<p>Scheduled maintenance</p>")
        answer = await self.inner.handle_async_request(request)
        if mood is Mood.LOST:
            await answer.aread()
            raise httpx.ReadError("lost")
        return answer


class Trial(ABC):
    """One adapter between a real node and a stand-in. `system`: the stand-in; `between`: the way to the node.
    `planted`: what stands in every record and every message, and must not be found elsewhere."""

    takes = True
    """Whether records go to the node."""
    delivers = True
    """Whether messages go to the system."""
    moods: ClassVar[tuple[Mood, ...]] = _HOSTILE
    """Those that mean something to this kind of system."""
    says_when = True
    """Whether a busy system of this kind says when to ask again: its stand-in has `retry_after` then."""
    planted: tuple[str, ...] = ()

    def __init__(self, directory: Path, *, system: Moody, between: MoodyNode) -> None:
        self.state_dir = directory / "state"
        self.system, self.between = system, between
        self.per_second = 0.0
        self.poll_seconds = 0.01

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[Adapter]:
        """The adapter, as one start of its process has it. Its calls give up after 0.2 seconds or so."""

    @abstractmethod
    def node(self) -> Client:
        """The client of an agency's system, through `between`."""

    @abstractmethod
    async def told(self) -> dict[str, Any]:
        """How the operator sees the adapter (`GET /v1/adapters`); empty before it said anything."""

    async def new_record(self) -> str:
        """A record that is to be sent. What the adapter calls it."""
        raise NotImplementedError

    async def unfit_record(self) -> str:
        """A record that cannot be sent as it is."""
        raise NotImplementedError

    async def mend(self, name: str) -> None:
        """Set an unfit record right."""
        raise NotImplementedError

    async def new_messages(self, count: int) -> list[str]:
        """So many messages that come for the agency. Their ids, in order."""
        raise NotImplementedError

    def at_node(self) -> list[str]:
        """Ids of the messages that the node took in, each as often as it did, in order."""
        raise NotImplementedError

    def at_system(self) -> list[str]:
        """Ids of the messages that the system has, each as often as it has it, in order."""
        raise NotImplementedError

    def repeat(self) -> None:  # noqa: B027 (few systems do)
        """From now on the system tells everything twice, if it is a kind that may."""

    def left_behind(self) -> str:
        """What else could hold a record: names of files that the system was given, subject lines."""
        return ""

    @contextlib.asynccontextmanager
    async def start(self) -> AsyncIterator[tuple[Adapter, Desk]]:
        """As a process starts: everything it knows is from its files."""
        memory = Memory(self.state_dir)
        settings = Settings(
            name="on-trial",
            state_dir=self.state_dir,
            node_url="http://127.0.0.1:8460",
            token="x",  # noqa: S106 (none)
            per_second=self.per_second,
            burst=1,
            poll_seconds=self.poll_seconds,
            report_seconds=0.05,
        )
        try:
            async with self.opened() as adapter, self.node() as node:
                pace = Pace(self.per_second, burst=1, now=steady)
                yield adapter, Desk(settings=settings, node=node, memory=memory, pace=pace, now=self.now)
        finally:
            memory.close()

    def now(self) -> datetime:
        return here()

    async def until(self, done: Callable[[], bool]) -> None:
        """The adapter at work, until `done`; then it is told to stop, and ends."""
        stop = asyncio.Event()
        async with self.start() as (adapter, desk), asyncio.timeout(WITHIN), asyncio.TaskGroup() as group:
            group.create_task(run(adapter, desk, stop=stop))
            while not done():
                await asyncio.sleep(0.01)
            stop.set()

    def expected(self, names: list[str]) -> list[str]:
        """The ids of the messages that these records give."""
        memory = Memory(self.state_dir)
        try:
            return [str(memory.message_id(name)) for name in names]
        finally:
            memory.close()


class _Work:
    """Records and messages that are to go through, and the claim that each did, once and in order."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.names: list[str] = []
        self.ids: list[str] = []
        self._node = len(trial.at_node()) if trial.takes else 0
        self._system = len(trial.at_system()) if trial.delivers else 0

    @classmethod
    async def of(cls, trial: Trial, records: int, messages: int) -> _Work:
        work = cls(trial)
        if trial.takes:
            work.names = [await trial.new_record() for _ in range(records)]
        if trial.delivers:
            work.ids = await trial.new_messages(messages)
            # Sending them may itself have made a message here.
        work._node = len(trial.at_node()) if trial.takes else 0
        return work

    def through(self) -> list[str]:
        """Ids of what is on the other side by now."""
        sent = self.trial.at_node()[self._node :] if self.trial.takes else []
        entered = self.trial.at_system()[self._system :] if self.trial.delivers else []
        return [*sent, *entered]

    def there(self) -> bool:
        return self._sent_count() >= len(self.names) and self._entered_count() >= len(self.ids)

    def _sent_count(self) -> int:
        return len(self.trial.at_node()) - self._node if self.trial.takes else 0

    def _entered_count(self) -> int:
        return len(self.trial.at_system()) - self._system if self.trial.delivers else 0

    def once_and_in_order(self) -> None:
        if self.trial.takes:
            sent, expected = self.trial.at_node()[self._node :], self.trial.expected(self.names)
            assert sent == expected, f"the node got {sent}, and should have got {expected}"
        if self.trial.delivers:
            entered = self.trial.at_system()[self._system :]
            assert entered == self.ids, f"the system got {entered}, and should have got {self.ids}"


def _asked(busy: Any) -> list[Any]:
    """Without how the adapter says that it is, which waits for nothing."""
    return [one for one in busy.seen if not str(one).startswith("/v1/adapters")]


class OnTrial:
    """Tests of what one adapter keeps besides the claims: as they are, with a fixture `trial`."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What failed is tried again soon, so that a test is no lesson in patience."""
        monkeypatch.setattr(pacing, "_FIRST", timedelta(milliseconds=20))
        monkeypatch.setattr(pacing, "_MOST", timedelta(milliseconds=100))
        monkeypatch.setattr(pacing, "_FIRST_AGAIN", timedelta(milliseconds=20))
        monkeypatch.setattr(pacing, "_MOST_AGAIN", timedelta(milliseconds=100))
        monkeypatch.setattr(pacing, "_BETWEEN", timedelta(milliseconds=20))


class Claims(OnTrial):
    """Make a class of tests of it, with a fixture `trial`."""

    async def test_everything_goes_through_once_and_in_order(self, trial: Trial) -> None:
        work = await _Work.of(trial, 7, 3)
        await trial.until(work.there)
        work.once_and_in_order()

    @pytest.mark.parametrize("mood", _HOSTILE)
    async def test_whichever_request_meets_any_mood_nothing_is_lost_or_doubled(
        self, trial: Trial, mood: Mood
    ) -> None:
        if mood not in trial.moods:
            pytest.skip("this kind of system has no such mood")
        before = len(trial.system.seen)
        work = await _Work.of(trial, 1, 1)
        await trial.until(work.there)
        requests = len(trial.system.seen) - before
        for number in range(min(requests, 12)):
            trial.system.moods.clear()
            trial.system.moods.extend([Mood.WELL] * number + [mood])
            work = await _Work.of(trial, 1, 1)
            await trial.until(work.there)
            work.once_and_in_order()

    @pytest.mark.parametrize("mood", _HOSTILE)
    async def test_a_system_that_is_cruel_again_and_again_loses_nothing_and_doubles_nothing(
        self, trial: Trial, mood: Mood
    ) -> None:
        if mood not in trial.moods:
            pytest.skip("this kind of system has no such mood")
        trial.repeat()
        work = await _Work.of(trial, 3, 2)
        trial.system.moods.extend([mood, Mood.WELL, mood, mood, Mood.WELL, Mood.WELL, mood])
        await trial.until(work.there)
        work.once_and_in_order()

    @pytest.mark.parametrize("mood", _OF_A_NODE)
    async def test_a_node_in_any_mood_loses_nothing_and_doubles_nothing(
        self, trial: Trial, mood: Mood
    ) -> None:
        work = await _Work.of(trial, 2, 2)
        for number in range(6):
            trial.between.moods.extend([Mood.WELL] * number + [mood])
        await trial.until(work.there)
        work.once_and_in_order()

    @pytest.mark.parametrize("seed", range(5))
    async def test_killed_at_any_moment_it_goes_on_without_a_gap_and_without_a_double(
        self, trial: Trial, seed: int
    ) -> None:
        chance = random.Random(seed)  # noqa: S311 (no secret)
        unsure = [mood for mood in (Mood.WELL, Mood.LOST, Mood.DOWN) if mood in (Mood.WELL, *trial.moods)]
        work = await _Work.of(trial, 5, 4)
        for _ in range(6):
            async with trial.start() as (adapter, desk):
                task = asyncio.create_task(run(adapter, desk, stop=asyncio.Event()))
                for _ in range(chance.randrange(40)):
                    await asyncio.sleep(0)
                trial.system.moods.extend(chance.choices(unsure, k=2))
                await asyncio.sleep(chance.random() / 100)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        trial.system.moods.clear()
        await trial.until(work.there)
        work.once_and_in_order()

    async def test_what_will_never_go_through_is_set_aside_and_the_next_goes_on(self, trial: Trial) -> None:
        if not trial.takes:
            pytest.skip("takes no records")
        wrong = await trial.unfit_record()
        work = await _Work.of(trial, 1, 0)
        await trial.until(work.there)
        work.once_and_in_order()
        assert [item.name for item in glance(trial.state_dir).aside] == [wrong]
        await trial.mend(wrong)
        async with trial.start() as (adapter, desk):
            assert await retry_set_aside(adapter, desk) == (1, 0)
        assert glance(trial.state_dir).aside == ()
        assert trial.at_node()[-1:] == trial.expected([wrong])

    async def test_what_was_set_aside_is_tried_again_while_it_runs(self, trial: Trial) -> None:
        if not trial.takes:
            pytest.skip("takes no records")
        wrong = await trial.unfit_record()
        stop, again = asyncio.Event(), asyncio.Event()
        async with trial.start() as (adapter, desk), asyncio.timeout(WITHIN), asyncio.TaskGroup() as group:
            group.create_task(run(adapter, desk, stop=stop, again=again))
            while not glance(trial.state_dir).aside:
                await asyncio.sleep(0.01)
            await trial.mend(wrong)
            again.set()
            while glance(trial.state_dir).aside:
                await asyncio.sleep(0.01)
            stop.set()
        assert trial.expected([wrong])[0] in trial.at_node()

    async def test_what_a_mandate_closes_waits_and_comes_back_by_itself(self, trial: Trial) -> None:
        work = await _Work.of(trial, 2, 2)
        ids = [*(trial.expected(work.names) if trial.takes else ()), *work.ids]
        closed = {*work.ids[:1], *(trial.expected(work.names[:1]) if trial.takes else ())}
        trial.between.closed |= closed
        stop = asyncio.Event()
        async with trial.start() as (adapter, desk), asyncio.timeout(WITHIN), asyncio.TaskGroup() as group:
            group.create_task(run(adapter, desk, stop=stop))
            # What came behind goes on, and the operator sees what waits and why.
            while not (
                len(desk.memory.waiting()) == len(closed) and len(work.through()) == len(ids) - len(closed)
            ):
                await asyncio.sleep(0.01)
            while (await trial.told()).get("state") != "waiting":
                await asyncio.sleep(0.01)
            told = await trial.told()
            stop.set()
        assert told["code"] == f"node.{CLOSED}"
        assert sum(count for name, count in told["counts"].items() if name.endswith(" waits")) == len(closed)
        assert not closed & set(work.through())
        seen = glance(trial.state_dir)
        assert seen.aside == ()
        assert {one.code for one in seen.waiting} == {f"node.{CLOSED}"}
        # The mandate is wider again: nobody does anything, and it comes, also to another process.
        trial.between.closed.clear()
        await trial.until(work.there)
        assert sorted(work.through()) == sorted(ids)
        assert glance(trial.state_dir).waiting == ()

    async def test_what_stays_closed_is_asked_about_rarely_and_a_few_at_a_time(
        self, trial: Trial, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pacing, "_BETWEEN", timedelta(hours=1))
        count = pacing.AT_ONCE + 2
        work = await _Work.of(trial, count if trial.takes and not trial.delivers else 0, count)
        ids = [*(trial.expected(work.names) if trial.takes else ()), *work.ids]
        trial.between.closed |= set(ids)

        async def waits() -> int:
            async with trial.start() as (adapter, desk), asyncio.timeout(WITHIN):
                stop = asyncio.Event()
                task = asyncio.create_task(run(adapter, desk, stop=stop))
                polls = len(trial.between.seen)
                while len(desk.memory.waiting()) < len(ids) or len(trial.between.seen) < polls + 5:
                    await asyncio.sleep(0.01)
                stop.set()
                await task
                return len(trial.between.refused)

        # Each once, however often the lists are read meanwhile.
        assert await waits() == len(ids)
        # At another start what is due is asked about, and not all at once.
        monkeypatch.setattr(pacing, "_FIRST_AGAIN", timedelta(days=1))
        monkeypatch.setattr(pacing, "_MOST_AGAIN", timedelta(days=1))
        assert await waits() == len(ids) + pacing.AT_ONCE
        assert await waits() == len(ids) + len(ids)
        # From then on each has a day.
        assert await waits() == len(ids) + len(ids)
        assert work.through() == []

    async def test_the_operator_sees_what_is_wrong_and_when_it_is_well_again(self, trial: Trial) -> None:
        if trial.delivers and not trial.takes:
            await trial.new_messages(1)
        stop = asyncio.Event()
        trial.system.mood = Mood.NONSENSE if Mood.NONSENSE in trial.moods else trial.moods[0]
        async with trial.start() as (adapter, desk), asyncio.timeout(WITHIN), asyncio.TaskGroup() as group:
            group.create_task(run(adapter, desk, stop=stop))
            while (await trial.told()).get("state") != "system-away":
                await asyncio.sleep(0.01)
            assert (await trial.told())["code"]
            trial.system.mood = Mood.WELL
            while (await trial.told())["state"] != "well":
                await asyncio.sleep(0.01)
            stop.set()
        assert (await trial.told())["state"] == "stopped"
        seen = glance(trial.state_dir)
        assert seen.health is not None
        assert seen.health["state"] == "stopped"

    async def test_told_to_stop_it_ends_at_once_also_while_it_waits(self, trial: Trial) -> None:
        trial.poll_seconds = 30.0
        stop = asyncio.Event()
        async with trial.start() as (adapter, desk):
            task = asyncio.create_task(run(adapter, desk, stop=stop))
            while not any(path == "/v1/messages" for path in trial.between.seen) and trial.delivers:
                await asyncio.sleep(0.01)
            stop.set()
            await asyncio.wait_for(task, 5)

    async def test_nothing_of_a_record_is_remembered_reported_or_logged(
        self, trial: Trial, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG", logger="focalpoint")
        if trial.takes:
            await trial.unfit_record()
        work = await _Work.of(trial, 2, 2)
        trial.system.moods.extend([trial.moods[0], trial.moods[-1]])
        await trial.until(work.there)
        work.once_and_in_order()
        assert trial.planted, "a trial without a planted word proves nothing"
        kept = b"".join(
            path.name.encode() + path.read_bytes() for path in trial.state_dir.rglob("*") if path.is_file()
        )
        said = str(await trial.told()) + trial.left_behind() + "".join(map(str, map(vars, caplog.records)))
        for word in trial.planted:
            assert word.encode() not in kept, "a memory holds what stood in a record"
            assert word not in said, "what stood in a record was told"

    @pytest.mark.parametrize("whose", ["system", "node"])
    async def test_whoever_says_when_to_ask_again_is_not_asked_before(self, trial: Trial, whose: str) -> None:
        busy: Any = trial.between if whose == "node" else trial.system
        if whose == "system" and not (trial.says_when and Mood.BUSY in trial.moods):
            pytest.skip("this kind of system never says when")
        assert hasattr(busy, "retry_after"), "a stand-in that cannot say when: see `says_when`"
        work = await _Work.of(trial, 1, 1)
        busy.retry_after, busy.mood = "1", Mood.BUSY
        before, began = len(_asked(busy)), list[float]()

        def is_asked_again() -> bool:
            asked = len(_asked(busy)) - before
            if asked and not began:
                began.append(time.monotonic())
            return asked >= 5

        # Either way asks once, and again after a second: the fifth of them is nobody's first.
        await trial.until(is_asked_again)
        # What was counted a moment late began a moment earlier.
        assert time.monotonic() - began[0] >= 0.9
        busy.mood = Mood.WELL
        await trial.until(work.there)
        work.once_and_in_order()

    async def test_no_more_is_asked_in_a_second_than_is_allowed(self, trial: Trial) -> None:
        trial.per_second = 25.0
        work = await _Work.of(trial, 3, 2)
        before, began = len(trial.system.seen), time.monotonic()
        await trial.until(work.there)
        seconds, asked = time.monotonic() - began, len(trial.system.seen) - before
        assert asked > 1
        assert seconds >= (asked - 2) / trial.per_second, f"{asked} requests in {seconds:.2f} seconds"
