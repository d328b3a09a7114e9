"""The template keeps what every adapter has to keep (`adapters.kit.trial`), and what the kit promises."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters.kit import Memory
from adapters.kit.commands import here
from adapters.kit.crosswalks import crosswalk
from adapters.kit.memory import glance
from adapters.kit.pace import Pace
from adapters.kit.trial import Claims, Trial
from adapters.template.client import Register
from adapters.template.mapping import notification_of
from adapters.template.worker import RegisterLink
from service.access.roles import Role
from service.client import Client
from service.store import adapters
from tests.adapters.node_stage import NodeStage
from tests.adapters.register_stand_in import RegisterStandIn

SECRET = "Planted-Name-Of-A-Child"


class RegisterTrial(Trial):
    planted = (SECRET,)

    def __init__(self, directory: Path, stage: NodeStage, register: RegisterStandIn) -> None:
        super().__init__(directory, system=register, between=stage.between)
        self.stage, self.register = stage, register

    def opened(self) -> AbstractAsyncContextManager[RegisterLink]:
        @contextlib.asynccontextmanager
        async def link() -> AsyncIterator[RegisterLink]:
            async with Register(self.register.url, "example", timeout=0.2) as register:
                yield RegisterLink(register, sender="it.servizio-minori", recipients={"RO": "ro.anpdca"})

        return link()

    def node(self) -> Client:
        return self.stage.client()

    async def told(self) -> dict[str, Any]:
        return await self.stage.told()

    async def new_record(self) -> str:
        return self.put(str(len(self.register.records) + 1))

    async def unfit_record(self) -> str:
        return self.put(str(len(self.register.records) + 1), found_on=None, remarks=SECRET)

    async def mend(self, name: str) -> None:
        self.register.records[name.partition(":")[2]]["found_on"] = "2026-11-03"

    async def new_messages(self, count: int) -> list[str]:
        return await self.stage.mail(count, narrative=SECRET)

    def at_node(self) -> list[str]:
        return self.stage.sent()

    def at_system(self) -> list[str]:
        return [entry["id"] for entry in self.register.entered]

    def repeat(self) -> None:
        self.register.repeats = True

    def left_behind(self) -> str:
        return json.dumps(self.register.entered)

    def put(self, number: str, **changes: Any) -> str:
        record = {
            "status": "to-notify",
            "focalpoint_case": self.stage.case,
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


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[RegisterTrial]:
    stage = await NodeStage(tmp_path).opened()
    async with RegisterStandIn(slow=0.3) as register:
        yield RegisterTrial(tmp_path, stage, register)
    stage.close()


class TestRegister(Claims):
    async def test_what_is_not_for_another_state_stays_where_it_is(self, trial: RegisterTrial) -> None:
        trial.put("99", status="internal")
        name = trial.put("100")
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([name])
        assert glance(trial.state_dir).aside == ()  # nobody has to look at it

    async def test_what_is_corrected_in_a_record_notifies_nobody_a_second_time(
        self, trial: RegisterTrial
    ) -> None:
        name = trial.put("7")
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        trial.put("7", remarks="a typing error was corrected", sex="M")
        another = trial.put("8")
        await trial.until(lambda: len(trial.at_node()) > before + 1)
        assert trial.at_node()[before:] == trial.expected([name, another])
        assert glance(trial.state_dir).aside == ()

    async def test_what_was_corrected_after_a_kill_and_before_it_was_noted_is_sent_once(
        self, trial: RegisterTrial
    ) -> None:
        name = trial.put("7")
        before = len(trial.at_node())
        async with trial.start() as (adapter, desk):
            assert await adapter.take(name, desk) == "sent"
        trial.put("7", sex="M")
        another = trial.put("8")
        await trial.until(lambda: len(trial.at_node()) > before + 1)
        assert trial.at_node()[before:] == trial.expected([name, another])
        assert glance(trial.state_dir).aside == ()

    async def test_a_record_is_notified_when_its_time_has_come_however_often_it_changed_before(
        self, trial: RegisterTrial
    ) -> None:
        trial.put("7", status="internal")
        first, before = trial.put("8"), len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        name = trial.put("7")
        await trial.until(lambda: len(trial.at_node()) > before + 1)
        assert trial.at_node()[before:] == trial.expected([first, name])

    async def test_what_the_node_refuses_is_set_aside_with_the_nodes_own_code(
        self, trial: RegisterTrial
    ) -> None:
        refused = trial.put("1", no_danger_declared=False)
        trial.put("2")
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        async with trial.start() as (_, desk):
            aside = {item.name: item.code for item in desk.memory.aside()}
        assert list(aside) == [refused]
        assert aside[refused].startswith("node.")

    async def test_an_adapter_that_says_nothing_any_more_is_shown_as_silent(
        self, trial: RegisterTrial
    ) -> None:
        async with trial.node() as node:
            await node.report_adapter(
                "registry", {"version": "1", "state": "well", "since": here().isoformat(), "set_aside": 0}
            )
        operator = trial.stage.stand.as_(Role.OPERATOR)
        (before,) = (await operator.get("/v1/adapters")).json()["adapters"]
        trial.stage.stand.clock.pass_by(minutes=6)
        (after,) = (await operator.get("/v1/adapters")).json()["adapters"]
        assert (before["silent"], after["silent"]) == (False, True)

    async def test_an_adapter_that_waits_for_a_mandate_calls_nobody_and_is_seen(
        self, trial: RegisterTrial
    ) -> None:
        stand, counts = trial.stage.stand, []
        for state in ("waiting", "set-aside"):
            said = {"version": "1", "state": state, "since": here().isoformat(), "set_aside": 0}
            async with trial.node() as node:
                await node.report_adapter("registry", {**said, "code": "node.mandate.procedure"})
            counts.append(
                stand.node.store.read_now(
                    lambda session: adapters.unwell(session.connection(), stand.clock.now())
                )
            )
            (seen,) = (await stand.as_(Role.OPERATOR).get("/v1/adapters")).json()["adapters"]
            assert (seen["state"], seen["code"]) == (state, "node.mandate.procedure")
        assert counts == [0, 1]

    async def test_what_is_set_aside_is_kept_by_its_name_and_what_is_settled_is_not(
        self, trial: RegisterTrial
    ) -> None:
        wrong, right = await trial.unfit_record(), await trial.new_record()
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        kept = b"".join(path.read_bytes() for path in trial.state_dir.iterdir())
        assert wrong.encode() in kept  # or nobody could look at it
        assert right.encode() not in kept

    async def test_a_message_that_was_listed_and_is_not_found_waits(self, trial: RegisterTrial) -> None:
        """As when the mandate ended between the two: nobody is acted for any more."""
        (id_,) = await trial.new_messages(1)
        trial.between.closed, trial.between.closed_as = {id_}, (404, "request.not_found")
        await trial.until(lambda: bool(glance(trial.state_dir).waiting))
        (waits,) = glance(trial.state_dir).waiting
        assert (waits.name, waits.code) == (id_, "node.request.not_found")
        trial.between.closed.clear()
        await trial.until(lambda: trial.at_system() == [id_])

    async def test_what_no_later_mandate_covers_is_set_aside_for_a_person(self, trial: RegisterTrial) -> None:
        (id_,) = await trial.new_messages(1)
        trial.between.closed, trial.between.closed_as = {id_}, (422, "mandate.not_covered")
        await trial.until(lambda: bool(glance(trial.state_dir).aside))
        assert glance(trial.state_dir).waiting == ()

    async def test_what_was_set_aside_for_a_mandate_before_such_things_waited_comes_back(
        self, trial: RegisterTrial
    ) -> None:
        (id_,) = await trial.new_messages(1)
        async with trial.start() as (_, desk):
            page = await desk.node.messages(direction="in")
            desk.memory.reached("messages", page["cursor"])
            desk.memory.set_aside("to-system", id_, "node.mandate.state", here())
            desk.memory.set_aside("to-system", "another", "node.mandate.not_covered", here())
        await trial.until(lambda: id_ in trial.at_system())
        assert [item.name for item in glance(trial.state_dir).aside] == ["another"]

    async def test_no_more_is_asked_than_allowed_to_the_call(self) -> None:
        now = 0.0
        pace = Pace(2.0, burst=2, now=lambda: now)
        for _ in range(2):
            await asyncio.wait_for(pace.wait(), 30)
        third = asyncio.create_task(pace.wait())
        await asyncio.sleep(0)
        assert not third.done()
        now = 0.5
        await asyncio.wait_for(third, 30)


def test_two_processes_do_not_share_a_memory(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "state")
    memory.reached("records", "1")
    with pytest.raises(sqlite3.OperationalError):
        Memory(tmp_path / "state")
    memory.close()
    again = Memory(tmp_path / "state")
    assert again.position("records") == "1"
    again.close()


@pytest.mark.parametrize(("alone", "told"), [(True, "unaccompanied"), (False, "unknown"), (None, "unknown")])
def test_who_is_with_a_child_is_not_guessed_to_be_its_parent(alone: bool | None, told: str) -> None:
    record = {"focalpoint_case": "K7QM-3XPT-9V2D-6", "found_on": "2026-11-02", "nationality": "RO"}
    ours = notification_of({**record, "alone": alone}, id="x", sender="it.a", recipient="ro.b")
    assert ours["coded"]["separation_status"] == told


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
