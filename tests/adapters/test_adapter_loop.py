"""What the kit's loop promises whatever the other side does: nothing lost, nothing doubled, a clear state.

The node is a real one with its API, in this process; the register is a server on loopback that can be cruel.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.kit import Desk, Memory, Settings, run
from adapters.kit import pace as pacing
from adapters.kit.crosswalks import crosswalk
from adapters.kit.pace import Pace
from adapters.kit.running import retry_set_aside, steady
from adapters.kit.stand_in import Mood
from adapters.template.client import Register
from adapters.template.mapping import notification_of
from adapters.template.worker import RegisterLink
from service.access.roles import Role
from service.client import Client
from tests.adapters.register_stand_in import RegisterStandIn
from tests.service.access_stand import BASE, AccessStand
from tests.service.exchange_pair import message

pytestmark = pytest.mark.anyio

SECRET = "Planted-Name-Of-A-Child"
WITHIN = 20.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Stage:
    directory: Path
    node: AccessStand
    register: RegisterStandIn
    case: str

    def client(self) -> Client:
        transport = httpx.ASGITransport(
            app=self.node.app, raise_app_exceptions=False, client=("127.0.0.1", 4711)
        )
        return Client(BASE, self.node.bearer(Role.AGENCY_SYSTEM, person="registry"), transport=transport)

    @contextlib.asynccontextmanager
    async def adapter(self) -> AsyncIterator[tuple[RegisterLink, Desk, asyncio.Event]]:
        """The adapter as one start of its process has it: everything from its file."""
        memory = Memory(self.directory / "state")
        settings = Settings(
            name="registry",
            state_dir=self.directory / "state",
            node_url=BASE,
            token="x",
            poll_seconds=0.01,
            report_seconds=0.05,
        )
        try:
            async with Register(self.register.url, "example", timeout=0.2) as register, self.client() as node:
                link = RegisterLink(register, sender="it.servizio-minori", recipients={"RO": "ro.anpdca"})
                desk = Desk(
                    settings=settings, node=node, memory=memory, pace=Pace(0, now=steady), now=self.now
                )
                yield link, desk, asyncio.Event()
        finally:
            memory.close()

    def now(self) -> Any:
        # The wall's, because the node's stands still and a wait has to end.
        from service.clock import SystemClock

        return SystemClock().now()

    async def runs_until(self, done: Callable[[], bool]) -> None:
        async with (
            self.adapter() as (link, desk, stop),
            asyncio.timeout(WITHIN),
            asyncio.TaskGroup() as group,
        ):
            group.create_task(run(link, desk, stop=stop))
            while not done():
                await asyncio.sleep(0.01)
            stop.set()

    def sent(self) -> list[str]:
        """Ids of the messages that the node took in from the adapter, in order."""
        from sqlalchemy import text

        sql = "SELECT id FROM message WHERE direction = 'out' ORDER BY cursor"
        return self.node.node.store.read_now(
            lambda session: list(session.connection().execute(text(sql)).scalars())
        )

    def put(self, number: str, **changes: Any) -> str:
        record = {
            "status": "to-notify",
            "focalpoint_case": self.case,
            "found_on": "2026-11-02",
            "sex": "F",
            "age": 13,
            "nationality": "RO",
            "alone": True,
            "no_danger_declared": True,
            "name": SECRET,
            "remarks": SECRET,
        }
        return self.register.put(number, **(record | changes))

    def entered(self) -> list[str]:
        return [entry["id"] for entry in self.register.entered]

    async def mail(self, count: int) -> list[str]:
        """Messages that come from the other State."""
        pair, ids = self.node.pair, []
        notice = await pair.notify(await pair.open_case())
        for _ in range(count):
            accepted = await pair.ro.send(
                message(
                    "query",
                    notice.case,
                    pair.ro.office,
                    pair.it.office,
                    thread=notice.thread,
                    in_reply_to=notice.id,
                )
            )
            ids.append(str(accepted.id))
        await pair.settle()
        return ids


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    # What failed is tried again soon, so that a test is no lesson in patience.
    monkeypatch.setattr(pacing, "_FIRST", timedelta(milliseconds=20))
    (tmp_path / "node").mkdir()
    node = AccessStand(tmp_path / "node")
    case = await node.pair.open_case()
    async with RegisterStandIn(slow=0.5) as register:
        yield Stage(directory=tmp_path, node=node, register=register, case=str(case))
    node.close()


def expected(stage: Stage, names: list[str]) -> list[str]:
    memory = Memory(stage.directory / "state")
    try:
        return [str(memory.message_id(name)) for name in names]
    finally:
        memory.close()


async def test_each_record_becomes_one_message_and_each_message_one_entry(stage: Stage) -> None:
    names = [stage.put(str(number)) for number in range(12)]
    skipped = stage.put("99", status="internal")
    mail = await stage.mail(3)
    before = len(stage.sent())
    await stage.runs_until(lambda: len(stage.entered()) >= 3 and len(stage.sent()) >= before + 12)
    assert stage.sent()[before:] == expected(stage, names)
    assert stage.entered() == mail
    assert skipped not in names


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.WELL])
async def test_a_register_in_any_mood_loses_nothing_and_doubles_nothing(stage: Stage, mood: Mood) -> None:
    names = [stage.put(str(number)) for number in range(3)]
    mail = await stage.mail(2)
    before = len(stage.sent())
    stage.register.repeats = True
    stage.register.moods.extend([mood, Mood.WELL, mood, Mood.WELL, Mood.WELL, mood])
    await stage.runs_until(lambda: len(stage.entered()) >= 2 and len(stage.sent()) >= before + 3)
    assert stage.sent()[before:] == expected(stage, names)
    assert stage.entered() == mail


@pytest.mark.parametrize("seed", range(6))
async def test_killed_at_any_moment_it_goes_on_without_a_gap_and_without_a_double(
    stage: Stage, seed: int
) -> None:
    chance = random.Random(seed)
    names = [stage.put(str(number)) for number in range(8)]
    mail = await stage.mail(4)
    before = len(stage.sent())
    for _ in range(6):
        async with stage.adapter() as (link, desk, stop):
            task = asyncio.create_task(run(link, desk, stop=stop))
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            stage.register.moods.extend(chance.choices([Mood.WELL, Mood.LOST, Mood.DOWN], k=2))
            await asyncio.sleep(chance.random() / 100)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    stage.register.moods.clear()
    await stage.runs_until(lambda: len(stage.entered()) >= 4 and len(stage.sent()) >= before + 8)
    assert stage.sent()[before:] == expected(stage, names)
    assert stage.entered() == mail


async def test_what_will_never_go_through_is_set_aside_and_the_next_goes_on(stage: Stage) -> None:
    wrong = stage.put("1", found_on="")
    refused = stage.put("2", no_danger_declared=False)
    right = stage.put("3")
    before = len(stage.sent())
    await stage.runs_until(lambda: len(stage.sent()) > before)
    assert stage.sent()[before:] == expected(stage, [right])
    async with stage.adapter() as (link, desk, _):
        aside = {item.name: item.code for item in desk.memory.aside()}
        assert aside[wrong] == "register.incomplete"
        assert aside[refused].startswith("node.")
        stage.register.records["1"]["found_on"] = "2026-11-03"
        assert await retry_set_aside(link, desk) == (1, 1)
    assert stage.sent()[before:] == expected(stage, [right, wrong])


async def test_the_operator_sees_what_is_wrong_and_when_it_is_well_again(stage: Stage) -> None:
    operator = stage.node.as_(Role.OPERATOR)

    async def told() -> dict[str, Any]:
        (adapter,) = (await operator.get("/v1/adapters")).json()["adapters"] or [{}]
        return dict(adapter)

    stage.register.mood = Mood.NONSENSE
    async with stage.adapter() as (link, desk, stop), asyncio.timeout(WITHIN):
        task = asyncio.create_task(run(link, desk, stop=stop))
        while (await told()).get("state") != "system-away":
            await asyncio.sleep(0.01)
        assert (await told())["code"] == "register.nonsense"
        stage.register.mood = Mood.WELL
        while (await told())["state"] != "well":
            await asyncio.sleep(0.01)
        stop.set()
        await task
    assert (await told())["state"] == "stopped"


async def test_an_adapter_that_says_nothing_any_more_is_shown_as_silent(stage: Stage) -> None:
    async with stage.adapter() as (link, desk, stop):
        stop.set()
        await run(link, desk, stop=stop)
        await desk.node.report_adapter(
            "registry", {"version": "1", "state": "well", "since": stage.now().isoformat(), "set_aside": 0}
        )
    operator = stage.node.as_(Role.OPERATOR)
    (before,) = (await operator.get("/v1/adapters")).json()["adapters"]
    stage.node.clock.pass_by(minutes=6)
    (after,) = (await operator.get("/v1/adapters")).json()["adapters"]
    assert (before["silent"], after["silent"]) == (False, True)


async def test_nothing_of_a_record_is_remembered_reported_or_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.put("1", found_on=SECRET)
    right = stage.put("2")
    before = len(stage.sent())
    await stage.runs_until(lambda: len(stage.sent()) > before)
    assert stage.sent()[before:] == expected(stage, [right])
    kept = b"".join(path.read_bytes() for path in (stage.directory / "state").iterdir())
    assert b"1@1" in kept  # what was set aside is kept by its name, or nobody could look at it
    assert SECRET.encode() not in kept
    assert b"2@1" not in kept
    assert SECRET not in caplog.text
    adapters = (await stage.node.as_(Role.OPERATOR).get("/v1/adapters")).text
    assert '"set_aside":1' in adapters
    assert SECRET not in adapters


async def test_two_processes_do_not_share_a_memory(stage: Stage) -> None:
    import sqlite3

    memory = Memory(stage.directory / "state")
    memory.reached("records", "1")
    with pytest.raises(sqlite3.OperationalError):
        Memory(stage.directory / "state")
    memory.close()


async def test_no_more_is_asked_in_a_second_than_is_allowed() -> None:
    now = 0.0
    pace = Pace(2.0, burst=2, now=lambda: now)
    for _ in range(2):
        await asyncio.wait_for(pace.wait(), 1)
    third = asyncio.create_task(pace.wait())
    await asyncio.sleep(0)
    assert not third.done()
    now = 0.5
    await asyncio.wait_for(third, 2)


def test_the_crosswalk_says_something_of_every_field_of_both_sides() -> None:
    told = crosswalk("adapters.template")
    record = {
        "focalpoint_case": "K7QM-3XPT-9V2D-6",
        "found_on": "2026-11-02",
        "nationality": "RO",
        "no_danger_declared": True,
    }
    ours = notification_of(record, id="x", sender="it.a", recipient="ro.b")
    theirs = {
        "focalpoint_case",
        "found_on",
        "sex",
        "age",
        "nationality",
        "alone",
        "name",
        "remarks",
        "status",
    }
    assert told.silent_about(theirs) == ()
    assert told.silent_about_ours(f"case.notification/coded/{name}" for name in ours["coded"]) == ()
    assert told.silent_about({*theirs, "shoe_size"}) == ("shoe_size",)
