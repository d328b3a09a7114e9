"""Primero keeps what every adapter has to keep, and nothing leaves it without both consents."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from adapters.cli import app as command
from adapters.kit import Away, Memory, Unfit
from adapters.kit.crosswalks import crosswalk
from adapters.kit.memory import glance
from adapters.kit.running import run, steady
from adapters.kit.settings import SettingsError, load
from adapters.kit.stand_in import Mood
from adapters.kit.trial import WITHIN, Claims, Trial
from adapters.primero import settings as own
from adapters.primero.client import Primero, Transition
from adapters.primero.mapping import (
    FIELDS,
    IDENTITY_FIELDS,
    Profile,
    message_in,
    note_of,
    status_of,
    understand,
)
from adapters.primero.webhook import Caller, receiver, served
from adapters.primero.worker import PrimeroLink, Way
from protocol.identifiers import MessageId
from protocol.vocabularies.crosswalk import Mark
from protocol.vocabularies.crosswalk import crosswalk as codes_of
from service import exchange
from service.client import Client
from tests.adapters.node_stage import NodeStage
from tests.adapters.primero_stand_in import ACCOUNT, INBOX, PASSWORD, WORKER, PrimeroStandIn
from tests.service.exchange_pair import message

type Json = dict[str, Any]

SECRET = "Planted-Name-Of-A-Child"
CONSOLE = "https://node.example/console"
CONTACTS = {
    "case_contact": {"authority": "it.servizio-minori", "office": "case-desk"},
    "alternate_contact": {"authority": "it.servizio-minori", "office": "duty-desk"},
}
PROFILE = Profile(
    sender="it.servizio-minori",
    recipients={"RO": "ro.anpdca"},
    nationalities={"romanian": "RO", "italian": "IT", "bulgarian": "BG"},
    services={"focalpoint_inquiry": "social-inquiry.request"},
    reasons={"Nobody there any more": "person-not-found"},
    contacts=CONTACTS,
)
WAY = Way(inbox=INBOX, console=CONSOLE, sweep=timedelta(milliseconds=500), page=3)
RECORD: Json = {
    "disclosure_other_orgs": True,
    "consent_for_services": True,
    "sex": "female",
    "age": 13,
    "estimated": False,
    "nationality": ["romanian"],
    "protection_concerns": ["sexually_exploited", "trafficked_smuggled"],
    "separation_cause": "poverty",
    "care_arrangements_section": [{"care_arrangements_type": "foster_care"}],
    "focalpoint_first_contact_on": "2026-11-02",
    "focalpoint_no_danger_declared": True,
    "focalpoint_trafficking_status": "presumed",
    "name": f"{SECRET} Popescu",
    "name_first": SECRET,
    "name_last": "Popescu",
    "date_of_birth": "2013-04-05",
    "notes_section": SECRET,
    "module_id": "primeromodule-cp",
}


class PrimeroTrial(Trial):
    planted = (SECRET,)

    def __init__(self, directory: Path, stage: NodeStage, primero: PrimeroStandIn) -> None:
        super().__init__(directory, system=primero, between=stage.between)
        self.stage, self.primero = stage, primero
        self.profile, self.way = PROFILE, WAY
        self.link: PrimeroLink | None = None

    def opened(self) -> AbstractAsyncContextManager[PrimeroLink]:
        @contextlib.asynccontextmanager
        async def link() -> AsyncIterator[PrimeroLink]:
            url = self.primero.url
            async with Primero(url, ACCOUNT, PASSWORD, now=steady, timeout=0.2) as primero:
                self.link = PrimeroLink(primero, self.profile, self.way)
                yield self.link

        return link()

    def node(self) -> Client:
        return self.stage.client()

    async def told(self) -> dict[str, Any]:
        return await self.stage.told()

    async def new_record(self) -> str:
        return self.named(self.primero.refer(await self.record()))

    async def unfit_record(self) -> str:
        return self.named(self.primero.refer(await self.record(consent_for_services=False), notes=SECRET))

    async def mend(self, name: str) -> None:
        self.primero.put(name.split(":")[1], consent_for_services=True)

    async def new_messages(self, count: int) -> list[str]:
        return await self.stage.mail(count, narrative=SECRET)

    def at_node(self) -> list[str]:
        return self.stage.sent()

    def at_system(self) -> list[str]:
        made = [*self.primero.notes(), *self.primero.notes("Transfer")]
        return [str(message_in(one["notes"])) for one in made]

    def repeat(self) -> None:
        self.primero.repeats = True

    def left_behind(self) -> str:
        ours = {one["record_id"] for one in self.primero.notes()}
        return json.dumps([self.primero.notes(), self.primero.marks, [self.primero.records[i] for i in ours]])

    async def record(self, *, settled: bool = True, **changes: Any) -> str:
        """One whose case two people have looked at, at the node."""
        record = self.primero.put(**(RECORD | changes))
        if settled:
            await self.settle_protection(record)
        return record

    async def settle_protection(self, record: str, *, status: str = "not-sought") -> str:
        memory = Memory(self.state_dir)
        opening = memory.message_id("case-of", record)
        memory.close()
        side = self.stage.stand.pair.it
        case = await exchange.open_case(side.node, side.officer, opening)
        for person in (side.officer, side.supervisor):
            await exchange.set_protection(side.node, person, case.reference, status, "child-interviewed")
        return str(case.reference)

    @staticmethod
    def named(made: Json) -> str:
        kind = "referrals" if made["type"] == "Referral" else "transfers"
        return f"{kind}:{made['record_id']}:{made['id']}"

    async def sent_content(self, id: str) -> Json:  # noqa: A002
        async with self.node() as node:
            return dict((await node.message(id))["content"])

    def marked(self, record: str) -> list[str]:
        return [mark["mark_synced_status"] for of, mark in self.primero.marks if of == record]

    def aside(self) -> dict[str, str]:
        return {item.name: item.code for item in glance(self.state_dir).aside}

    def cases_opened(self) -> int:
        sql = text("SELECT COUNT(*) FROM case_file")
        node = self.stage.stand.node
        return int(node.store.read_now(lambda session: session.connection().execute(sql).scalar_one()))

    async def until_idle(self) -> None:
        """Until everything was looked at, and a sweep found nothing more."""
        asked = len(self.primero.seen)
        await self.until(lambda: self._listings(asked) >= 4)

    def _listings(self, since: int) -> int:
        return sum(
            asked.path == "/api/v2/cases" and asked.method == "GET" for asked in self.primero.seen[since:]
        )


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[PrimeroTrial]:
    stage = await NodeStage(tmp_path).opened()
    async with PrimeroStandIn(slow=0.3) as primero:
        yield PrimeroTrial(tmp_path, stage, primero)
    stage.close()


class TestPrimero(Claims):
    async def test_a_name_is_not_even_asked_for_without_a_legal_basis(self, trial: PrimeroTrial) -> None:
        name = await trial.new_record()
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        asked = [one.query.get("fields", "") for one in trial.primero.seen]
        assert not any(field in one.split(",") for one in asked for field in IDENTITY_FIELDS)
        content = await trial.sent_content(trial.expected([name])[0])
        assert content["identity_state"] == "none"
        assert SECRET not in json.dumps(content)
        assert content["coded"]["exploitation_forms"] == ["exploitation/sexual"]
        assert content["coded"]["care_arrangement"] == "foster-care"

    async def test_with_a_legal_basis_the_name_goes_into_the_identity_part_alone(
        self, trial: PrimeroTrial
    ) -> None:
        trial.profile = dataclasses.replace(PROFILE, identity_legal_basis="hague-1996")
        name = await trial.new_record()
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        content = await trial.sent_content(trial.expected([name])[0])
        assert content["identity_state"] == "sealed"
        assert SECRET not in json.dumps(content)
        for path in trial.state_dir.iterdir():
            assert SECRET.encode() not in path.read_bytes()

    @pytest.mark.parametrize("consent", ["disclosure_other_orgs", "consent_for_services"])
    @pytest.mark.parametrize("value", [False, None, "true", 1])
    async def test_without_both_consents_nothing_leaves_whoever_overrode_them(
        self, trial: PrimeroTrial, consent: str, value: Any
    ) -> None:
        record = await trial.record(**{consent: value})
        made = trial.primero.refer(record, consent_overridden=True, consent_individual_transfer=True)
        before = len(trial.at_node())
        await trial.until(lambda: bool(trial.aside()))
        assert trial.aside() == {trial.named(made): "primero.no_consent"}
        assert trial.at_node()[before:] == []
        assert trial.marked(record) == ["focalpoint-refused:no_consent"]

    async def test_a_consent_that_is_given_later_is_heard_without_anybody_asking_again(
        self, trial: PrimeroTrial
    ) -> None:
        name = await trial.unfit_record()
        await trial.until(lambda: bool(trial.aside()))
        before = len(trial.at_node())
        await trial.mend(name)
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([name])
        assert trial.marked(name.split(":")[1])[-1] == "synced"

    async def test_what_waits_for_people_at_the_node_goes_once_they_have_settled_it(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record(settled=False)
        name = trial.named(trial.primero.refer(record))
        before = len(trial.at_node())
        await trial.until(lambda: bool(trial.marked(record)))
        assert trial.marked(record) == ["focalpoint-waits:people-at-node"]
        assert trial.at_node()[before:] == []
        await trial.settle_protection(record)
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([name])
        await trial.until(lambda: trial.marked(record)[-1] == "synced")

    async def test_what_the_node_knows_of_protection_is_not_written_into_primero(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record(settled=False)
        await trial.settle_protection(record, status="sought")
        trial.primero.refer(record)
        await trial.until(lambda: bool(trial.marked(record)))
        assert trial.marked(record) == ["focalpoint-waits:people-at-node"]

    async def test_a_case_is_opened_once_however_often_its_referral_is_tried(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record(settled=False)
        trial.primero.refer(record)
        before = trial.cases_opened()
        trial.between.moods.extend([Mood.WELL, Mood.LOST, Mood.LOST])
        for _ in range(3):
            await trial.until(lambda: bool(trial.marked(record)))
        assert trial.cases_opened() == before + 1

    async def test_a_record_that_changed_while_the_answer_was_lost_is_sent_once(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record()
        name = trial.named(trial.primero.refer(record))
        before = len(trial.at_node())
        async with trial.start() as (adapter, desk):
            assert await adapter.take(name, desk) == "sent"
        trial.primero.put(record, sex="male")  # and the adapter was killed before it noted that it had sent
        await trial.until_idle()
        assert trial.at_node()[before:] == trial.expected([name])
        assert trial.aside() == {}

    async def test_a_referral_that_was_taken_back_is_not_sent(self, trial: PrimeroTrial) -> None:
        record = await trial.record()
        made = trial.primero.refer(record)
        async with trial.start() as (adapter, desk):
            (name,) = (await adapter.changed(None, desk)).names
            made["status"] = "revoked"
            assert await adapter.take(name, desk) == "skipped"

    async def test_a_referral_to_somebody_else_is_none_of_ours(self, trial: PrimeroTrial) -> None:
        record = await trial.record()
        trial.primero.refer(record, transitioned_to="nurse")
        trial.primero.refer(
            record, transitioned_to="", remote=True, transitioned_to_agency="agency-other", notes=SECRET
        )
        name = await trial.new_record()
        before = len(trial.at_node())
        trial.primero.sees_all = True
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([name])

    async def test_a_remote_referral_to_an_agency_of_ours_is_sent(self, trial: PrimeroTrial) -> None:
        trial.way = dataclasses.replace(WAY, remote_agencies=frozenset({"agency-abroad"}))
        trial.primero.sees_all = True
        record = await trial.record()
        trial.primero.records[record] |= {"owned_by": ACCOUNT}
        made = trial.primero.refer(
            record, transitioned_to="", remote=True, transitioned_to_agency="agency-abroad"
        )
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([trial.named(made)])

    @pytest.mark.parametrize("kind", ["referrals", "transfers"])
    @pytest.mark.parametrize("answer", ["accept", "decline"])
    async def test_what_the_other_state_answers_stands_on_the_referral_or_transfer(
        self, trial: PrimeroTrial, kind: str, answer: str
    ) -> None:
        trial.way = dataclasses.replace(WAY, accept_transfers=True)
        record = await trial.record()
        made = trial.primero.refer(record, kind=kind)
        await self._sent_and_answered(trial, made, answer)
        await trial.until(lambda: made["status"] != "inprogress")
        assert made["status"] == ("accepted" if answer == "accept" else "rejected")
        if answer == "decline":
            assert made["rejected_reason"] == "no-capacity"
            assert SECRET not in json.dumps(made)
        assert trial.at_system() == []

    async def test_a_transfer_is_left_to_a_person_unless_the_agency_has_decided_otherwise(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record()
        made = trial.primero.refer(record, kind="transfers")
        await self._sent_and_answered(trial, made, "accept")
        await trial.until(lambda: "focalpoint-accepted" in trial.marked(record))
        assert made["status"] == "inprogress"
        assert trial.primero.records[record]["owned_by"] == WORKER

    async def test_a_message_is_noted_without_what_it_says(self, trial: PrimeroTrial) -> None:
        (sent,) = await trial.new_messages(1)
        await trial.until(lambda: bool(trial.at_system()))
        (note,) = trial.primero.notes()
        record = trial.primero.records[note["record_id"]]
        case = note["notes"].split("\n")[1]
        assert note["transitioned_to"] == INBOX
        assert f"{CONSOLE}/cases/{case}" in note["notes"]
        assert sent in note["notes"]
        assert SECRET not in note["notes"]
        assert set(record) == {"id", "owned_by", "assigned_user_names", "module_id", "last_updated_at"}

    async def test_consent_is_never_overridden_on_a_record_that_holds_anything(
        self, trial: PrimeroTrial
    ) -> None:
        await trial.new_record()
        await trial.new_messages(2)
        await trial.until(lambda: len(trial.at_system()) == 2)
        for made in trial.primero.transitions:
            if made.get("consent_overridden"):
                assert "sex" not in trial.primero.records[made["record_id"]]

    async def test_accepted_in_primero_is_an_acceptance_whenever_that_is_seen(
        self, trial: PrimeroTrial
    ) -> None:
        note, thread = await self._request_noted(trial)
        changed_at = trial.primero.records[note["record_id"]]["last_updated_at"]
        trial.primero.answer_as(INBOX, note, "accepted")
        assert (
            trial.primero.records[note["record_id"]]["last_updated_at"] == changed_at
        )  # only a sweep sees it
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        trial.primero.answer_as(INBOX, note, "done", success_status="successful")
        await trial.until_idle()
        (id_,) = trial.at_node()[before:]
        async with trial.node() as node:
            said = await node.message(id_)
        assert (said["type"], said["thread"]) == ("accept", thread)

    async def test_rejected_in_primero_is_a_refusal_only_with_a_reason_that_a_person_chose(
        self, trial: PrimeroTrial
    ) -> None:
        note, _ = await self._request_noted(trial)
        trial.primero.answer_as(INBOX, note, "rejected", rejected_reason=f"We know {SECRET} too well")
        before = len(trial.at_node())
        await trial.until(lambda: bool(trial.aside()))
        assert list(trial.aside().values()) == ["primero.reason_missing"]
        assert trial.at_node()[before:] == []
        note["rejected_reason"] = "Nobody there any more"
        trial.primero.put(note["record_id"])
        await trial.until(lambda: len(trial.at_node()) > before)
        content = await trial.sent_content(trial.at_node()[-1])
        assert content["coded"]["decline_reason"] == "person-not-found"
        for path in trial.state_dir.iterdir():
            assert SECRET.encode() not in path.read_bytes()

    async def test_what_asks_for_no_acceptance_gets_none(self, trial: PrimeroTrial) -> None:
        await trial.new_messages(1)  # a question
        await trial.until(lambda: bool(trial.at_system()))
        (note,) = trial.primero.notes()
        before = len(trial.at_node())
        trial.primero.answer_as(INBOX, note, "accepted")
        await trial.until_idle()
        assert trial.at_node()[before:] == []
        assert trial.aside() == {}

    async def test_messages_can_come_in_as_transfers(self, trial: PrimeroTrial) -> None:
        trial.primero.sees_all = True
        trial.way = dataclasses.replace(WAY, incoming="transfers")
        note, thread = await self._request_noted(trial, type_="Transfer")
        before = len(trial.at_node())
        trial.primero.answer_as(INBOX, note, "accepted")
        await trial.until(lambda: len(trial.at_node()) > before)
        async with trial.node() as node:
            said = await node.message(trial.at_node()[-1])
        assert (said["type"], said["thread"]) == ("accept", thread)
        assert trial.primero.records[note["record_id"]]["owned_by"] == INBOX

    async def test_a_record_is_marked_once_for_each_change_of_how_it_stands(
        self, trial: PrimeroTrial
    ) -> None:
        name = await trial.new_record()
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        for _ in range(2):
            await trial.until_idle()
        assert trial.marked(name.split(":")[1]) == ["synced"]
        (_, mark) = trial.primero.marks[0]
        assert mark == {"mark_synced": True, "mark_synced_url": CONSOLE, "mark_synced_status": "synced"}

    async def test_what_is_set_aside_is_not_tried_again_and_again(self, trial: PrimeroTrial) -> None:
        name = await trial.unfit_record()
        record = name.split(":")[1]
        await trial.until(lambda: bool(trial.aside()))
        await trial.until_idle()
        before = len(trial.primero.seen)
        await trial.until_idle()
        fetched = [one for one in trial.primero.seen[before:] if one.path.endswith(record)]
        assert len(fetched) <= 1  # once after a start

    async def test_a_token_that_ends_is_renewed_and_nobody_notices(self, trial: PrimeroTrial) -> None:
        trial.primero.uses_per_token = 3
        names = [await trial.new_record() for _ in range(2)]
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) == before + 2)
        assert trial.at_node()[before:] == trial.expected(names)
        assert trial.primero.logins > 2

    async def test_more_records_than_a_page_are_all_read_in_order(self, trial: PrimeroTrial) -> None:
        names = [await trial.new_record() for _ in range(8)]
        same = trial.primero.records[names[2].split(":")[1]]["last_updated_at"]
        for name in names[:6]:  # twice a page, at the same moment
            trial.primero.records[name.split(":")[1]]["last_updated_at"] = same
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) == before + 8)
        assert sorted(trial.at_node()[before:]) == sorted(trial.expected(names))

    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda primero: setattr(primero, "filters", False), "primero.filter_ignored"),
            (lambda primero: setattr(primero, "may_list_transfers", False), "primero.forbidden"),
            (
                lambda primero: primero.tokens.__class__ and setattr(primero, "uses_per_token", 0),
                "primero.login_refused",
            ),
        ],
    )
    async def test_an_account_that_may_not_do_what_is_needed_is_told_to_the_operator(
        self, trial: PrimeroTrial, spoil: Callable[[PrimeroStandIn], None], code: str
    ) -> None:
        for _ in range(2):
            await trial.new_record()
        await trial.until_idle()
        spoil(trial.primero)
        trial.primero.expire()
        stop = asyncio.Event()
        async with trial.start() as (adapter, desk), asyncio.timeout(WITHIN), asyncio.TaskGroup() as group:
            group.create_task(run(adapter, desk, stop=stop))
            while (await trial.told()).get("code") != code:
                await asyncio.sleep(0.01)
            stop.set()

    async def test_a_webhook_brings_a_record_sooner_and_a_lost_one_later(self, trial: PrimeroTrial) -> None:
        before = len(trial.at_node())
        first = await trial.new_record()
        record = first.split(":")[1]
        async with _Listening(trial) as ask:
            # Nothing but the webhook leads to it: the poll and the sweep are hours away.
            await ask.working()
            for _ in range(3):
                answer = await ask.post(trial.primero.webhook(record))
                assert answer.status_code == 202
            await ask.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([first])
        self.read_up_to(trial, "2026-11-20T00:00:00+00:00")
        second = await trial.new_record()  # its webhook never comes
        await trial.until(lambda: len(trial.at_node()) > before + 1)
        assert trial.at_node()[before:] == trial.expected([first, second])

    async def test_a_forged_webhook_only_has_a_record_looked_at(self, trial: PrimeroTrial) -> None:
        record = await trial.record(disclosure_other_orgs=False)
        trial.primero.refer(record)
        forged = trial.primero.webhook(record)
        forged["data"] |= {"disclosure_other_orgs": True, "status": "accepted", "sex": "male"}
        unknown = trial.primero.webhook("00000000-0000-4000-8000-000000000000")
        before = len(trial.at_node())
        async with _Listening(trial) as ask:
            await ask.working()
            for body in (forged, unknown):
                assert (await ask.post(body)).status_code == 202
            await ask.until(lambda: bool(trial.aside()))
        assert trial.at_node()[before:] == []
        assert list(trial.aside().values()) == ["primero.no_consent"]

    async def test_nobody_else_has_anything_looked_at(self, trial: PrimeroTrial) -> None:
        record = await trial.record()
        right = trial.primero.webhook(record)
        async with _Listening(trial) as ask:
            await ask.working()
            hints = trial.link._hints if trial.link else {}
            for headers in ({}, {"x-api-key": ""}, {"x-api-key": "kez"}, {"Authorization": "Basic a2V5Og=="}):
                assert (await ask.post(right, headers=headers)).status_code == 401
            assert (await ask.post({"data": {"record_id": "../tokens"}})).status_code == 400
            assert (await ask.post({"data": []})).status_code == 400
            assert (await ask.post({"data": {"record_id": record, "x": "y" * 70_000}})).status_code == 413
            assert not hints
            assert not ask.adapter.nudged.is_set()

    @staticmethod
    def read_up_to(trial: PrimeroTrial, position: str) -> None:
        memory = Memory(trial.state_dir)
        memory.reached("records", position)
        memory.close()

    async def _sent_and_answered(self, trial: PrimeroTrial, made: Json, answer: str) -> None:
        pair = trial.stage.stand.pair
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        id_ = trial.expected([trial.named(made)])[0]
        async with trial.node() as node:
            sent = await node.message(id_)
        await pair.settle()

        def change(coded: Json) -> None:
            if answer == "decline":
                coded["decline_reason"] = "no-capacity"
            else:
                coded["case_contact"]["authority"] = coded["alternate_contact"]["authority"] = "ro.anpdca"

        reply = message(
            answer,
            sent["case"],
            pair.ro.office,
            pair.it.office,
            thread=sent["thread"],
            in_reply_to=MessageId(id_),
            change=change,
        )
        blocks = tuple(dataclasses.replace(block, text=SECRET) for block in reply.narrative)
        await pair.ro.send(dataclasses.replace(reply, narrative=blocks))
        await pair.settle()

    async def _request_noted(self, trial: PrimeroTrial, *, type_: str = "Referral") -> tuple[Json, str]:
        """The other State asks for something that can be taken on or declined."""
        pair = trial.stage.stand.pair
        notice = await pair.notify(await pair.open_case())
        request = message("social-inquiry.request", notice.case, pair.ro.office, pair.it.office)
        sent = await pair.ro.send(dataclasses.replace(request, narrative=request.narrative))
        await pair.settle()
        await trial.until(lambda: str(sent.id) in trial.at_system())
        (note,) = (one for one in trial.primero.notes(type_) if str(sent.id) in one["notes"])
        trial.primero.put(note["record_id"], focalpoint_no_danger_declared=True)
        return note, str(sent.thread)


class _Listening:
    """The adapter at work with its webhook, and neither poll nor sweep to help."""

    def __init__(self, trial: PrimeroTrial) -> None:
        self.trial, self._stack = trial, contextlib.AsyncExitStack()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Listening:
        trial = self.trial
        trial.way = dataclasses.replace(WAY, sweep=timedelta(days=1))
        adapter, desk = await self._stack.enter_async_context(trial.start())
        assert isinstance(adapter, PrimeroLink)
        self.adapter = adapter
        desk.settings = dataclasses.replace(desk.settings, poll_seconds=3_600.0)
        self._desk = desk
        port = await self._stack.enter_async_context(
            served(receiver(Caller(key="key"), adapter.hint), "127.0.0.1", 0)
        )
        self._http = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
        )
        return self

    async def working(self) -> None:
        # What is there already was read: only news counts.
        self._desk.memory.reached("records", "2199-01-01T00:00:00+00:00")
        self.adapter._swept = self._desk.now()
        before = len(self.trial.primero.seen)
        work = run(self.adapter, self._desk, stop=self._stop, nudged=self.adapter.nudged)
        self._task = asyncio.create_task(work)
        await self.until(lambda: len(self.trial.primero.seen) > before + 1)
        await self.until(lambda: not self.adapter.nudged.is_set())

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN):
            while not done():
                await asyncio.sleep(0.01)

    async def post(self, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self._http.post(
            "/webhook", json=body, headers=headers if headers is not None else {"x-api-key": "key"}
        )

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, 5)
        self.trial.way = WAY
        await self._stack.aclose()


def transition(**changes: Any) -> Transition:
    facts: Json = {
        "kind": "referrals",
        "id": "1",
        "record": "2",
        "status": "inprogress",
        "to": ACCOUNT,
        "by": WORKER,
        "created_at": datetime(2026, 11, 3, tzinfo=UTC),
    }
    return Transition(**(facts | changes))


def coded(**changes: Any) -> Json:
    found: Json = understand(RECORD | changes, transition(), PROFILE).submission["coded"]
    return found


@pytest.mark.parametrize("row", codes_of("primero").mappings, ids=lambda row: f"{row.field}-{row.value}")
def test_a_value_of_primero_is_ours_where_that_is_certain_and_unknown_by_name_where_not(row: Any) -> None:
    at = {
        "protection_concerns": ("protection_concerns", [row.value], "exploitation_forms"),
        "separation_cause": ("separation_cause", row.value, "separation_causes"),
        "care_arrangements_type": (
            "care_arrangements_section",
            [{"care_arrangements_type": row.value}],
            "care_arrangement",
        ),
    }[row.field]
    understood = understand(RECORD | {at[0]: at[1]}, transition(), PROFILE)
    found = understood.submission["coded"].get(at[2])
    if row.mark in (Mark.EXACT, Mark.BROADER) and row.code is not None:
        assert found in (row.code, [row.code])
        assert row.field not in understood.unknown
    else:
        assert found in ("unknown", ["unknown"], None)
        assert row.field in understood.unknown


def test_trafficked_or_smuggled_is_not_taken_for_either() -> None:
    with pytest.raises(Unfit, match="trafficking_status_missing"):
        coded(protection_concerns=["trafficked_smuggled"], focalpoint_trafficking_status=None)
    assert coded(protection_concerns=["trafficked_smuggled"])["exploitation_forms"] == ["unknown"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age": 18}, "adult"),
        ({"nationality": []}, "country_missing"),
        ({"nationality": ["romanian", "bulgarian"]}, "country_several"),
        ({"nationality": ["martian"]}, "country_unknown"),
        ({"nationality": ["italian"]}, "country_own"),
        ({"nationality": ["bulgarian"]}, "recipient_unknown"),
        ({"focalpoint_country": "Romania"}, "country_unknown"),
        ({"focalpoint_first_contact_on": None, "registration_date": "2026-11-02"}, "first_contact_missing"),
        ({"focalpoint_trafficking_status": "trafficked"}, "trafficking_status_missing"),
    ],
)
def test_what_is_not_certain_stops_the_record_and_is_not_guessed(changes: Json, code: str) -> None:
    with pytest.raises(Unfit) as refused:
        coded(**changes)
    assert refused.value.code == f"primero.{code}"


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"sex": "Female"}, "sex", "unknown"),
        ({"sex": None}, "sex", "unknown"),
        ({"age": 17}, "age_band", "15-17"),
        ({"age": 0}, "age_band", "0-5"),
        ({"age": None}, "age_band", "unknown-child"),
        ({"age": "13"}, "age_band", "unknown-child"),
        ({"age": 19, "estimated": True}, "age_band", "unknown-child"),
        ({"age": 19, "estimated": None}, "age_band", "unknown-child"),
        ({"estimated": True}, "age_basis", "estimate"),
        ({"focalpoint_immediate_danger": "perhaps"}, "immediate_danger", "unknown"),
        ({"focalpoint_separation_status": "unaccompanied"}, "separation_status", "unaccompanied"),
        ({"care_arrangements_section": []}, "care_arrangement", "unknown"),
        (
            {
                "care_arrangements_section": [
                    {"care_arrangements_type": "kafala", "care_arrangement_started_date": "2026-01-02"},
                    {"care_arrangements_type": "parent_s", "care_arrangement_started_date": "2025-01-02"},
                ]
            },
            "care_arrangement",
            "kafala",
        ),
        (
            {
                "care_arrangements_section": [
                    {"care_arrangements_type": "kafala", "care_arrangement_started_date": "2026-01-02"},
                    {"care_arrangements_type": "parent_s"},
                ]
            },
            "care_arrangement",
            "unknown",
        ),
    ],
)
def test_a_field_says_what_the_record_certainly_says(changes: Json, field: str, expected: Any) -> None:
    assert coded(**changes)[field] == expected


def test_no_danger_is_declared_by_a_person_or_not_at_all() -> None:
    for value in (None, False, "true", 1):
        record = RECORD | {"focalpoint_no_danger_declared": value}
        assert understand(record, transition(), PROFILE).submission["declares_no_danger"] is False


INQUIRY: Json = {
    "focalpoint_inquiry_questions": ["housing", "carer-willing"],
    "focalpoint_inquiry_legal_bases": ["hague-1996"],
    "focalpoint_inquiry_reasons": "Si chiede se la nonna può accogliere la bambina.",
    "focalpoint_inquiry_language": "it",
    "focalpoint_nobody_not_to_contact": True,
    "focalpoint_child_informed": "yes",
}


def test_a_service_decides_what_is_sent_and_an_inquiry_says_whom_not_to_contact() -> None:
    asked = transition(service="focalpoint_inquiry", notes=SECRET)
    understood = understand(RECORD | INQUIRY, asked, PROFILE)
    assert understood.submission["type"] == "social-inquiry.request"
    assert understood.submission["coded"]["child_view_of_contact"] == "unknown"
    assert SECRET not in json.dumps(understood.submission)
    for left_out in INQUIRY:
        if left_out != "focalpoint_child_informed":
            with pytest.raises(Unfit):
                understand(RECORD | INQUIRY | {left_out: None}, asked, PROFILE)
    with pytest.raises(Unfit, match="service_unknown"):
        understand(RECORD, transition(service="food"), PROFILE)


def test_a_hidden_name_is_not_sent_whatever_the_settings_say() -> None:
    profile = dataclasses.replace(PROFILE, identity_legal_basis="hague-1996")
    shown = understand(RECORD, transition(), profile).submission
    assert shown["identity"]["persons"][0]["names"] == [
        {"full": f"{SECRET} Popescu", "given": SECRET, "family": "Popescu"}
    ]
    assert shown["identity"]["persons"][0]["born"] == "2013-04-05"
    assert "identity" not in understand(RECORD | {"hidden_name": True}, transition(), profile).submission
    estimated = understand(RECORD | {"estimated": True}, transition(), profile).submission
    assert "born" not in estimated["identity"]["persons"][0]
    with pytest.raises(Unfit, match="no_consent"):
        understand(RECORD | {"disclosure_other_orgs": None}, transition(), profile)


def test_what_was_read_is_not_shown_by_accident() -> None:
    understood = understand(RECORD, transition(notes=SECRET), PROFILE)
    assert "romanian" not in repr(understood)
    assert SECRET not in repr(transition(notes=SECRET, rejected_reason=SECRET))


@pytest.mark.parametrize("language", ["en", "fr", "es", "pt", "ru", "ar", "zh"])
def test_a_note_is_known_again_in_every_language(language: str) -> None:
    told = {
        "id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a",
        "case": "K7QM-3XPT-9V2D-6",
        "type": "query",
        "due": {"at": "2026-12-01T12:00:00Z"},
        "content": {"narrative": SECRET},
    }
    note = note_of(told, console=CONSOLE, language=language)
    assert message_in(note) == told["id"]
    assert "2026-12-01T12:00:00Z" in note
    assert SECRET not in note


def test_what_the_node_refuses_is_told_without_what_it_knows() -> None:
    assert status_of("primero.no_consent") == "focalpoint-refused:no_consent"
    assert status_of("node.safeguard.international_protection") == "focalpoint-waits:people-at-node"
    assert status_of("node.safeguard.no_danger_declaration") == "focalpoint-waits:people-at-node"
    assert status_of("node.access.second_person") == "focalpoint-waits:second-person"
    assert status_of("node.message.field") == "focalpoint-refused:by-node"


def test_the_crosswalk_says_something_of_every_field_of_both_sides() -> None:
    told = crosswalk("adapters.primero")
    assert told.silent_about({*FIELDS, *IDENTITY_FIELDS, *RECORD} - {"module_id"}) == ()
    assert told.silent_about({"shoe_size"}) == ("shoe_size",)
    from protocol.messages.case_notification import CaseNotification
    from protocol.messages.social_inquiry_request import SocialInquiryRequest

    for name, model in (
        ("case.notification", CaseNotification),
        ("social-inquiry.request", SocialInquiryRequest),
    ):
        assert told.silent_about_ours(f"{name}/coded/{field}" for field in model.model_fields) == ()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
class TestCalls:
    @pytest.mark.parametrize(
        "answer",
        [
            {"data": "x", "metadata": {"total": 1, "page": 1}},
            {
                "data": [{"id": "x", "last_updated_at": "2026-11-20T09:00:00Z"}],
                "metadata": {"total": 1, "page": 1},
            },
            {"data": [{"id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a"}], "metadata": {"total": 1, "page": 1}},
            {"data": [], "metadata": {"total": 1, "page": 2}},
            {"data": []},
            [],
        ],
    )
    async def test_a_list_that_is_not_as_described_is_not_believed(
        self, answer: Any, anyio_backend: str
    ) -> None:
        async with self._primero(lambda _: httpx.Response(200, json=answer)) as primero:
            with pytest.raises(Away, match="nonsense"):
                await primero.cases(since=datetime(2026, 1, 1, tzinfo=UTC), per=5)

    async def test_another_record_than_was_asked_for_is_not_believed(self, anyio_backend: str) -> None:
        asked, other = "0b0b2e0d-33c0-4dff-8815-6815365e1d0a", "1b0b2e0d-33c0-4dff-8815-6815365e1d0a"
        async with self._primero(lambda _: httpx.Response(200, json={"data": {"id": other}})) as primero:
            with pytest.raises(Away, match="nonsense"):
                await primero.case(asked, ())
            with pytest.raises(Away, match="nonsense"):
                await primero.case("../users/1", ())

    async def test_a_refusal_that_quotes_a_record_is_not_passed_on(self, anyio_backend: str) -> None:
        quoted = {"errors": [{"status": 422, "message": SECRET}]}
        async with self._primero(lambda _: httpx.Response(422, json=quoted)) as primero:
            with pytest.raises(Unfit) as refused:
                await primero.case("0b0b2e0d-33c0-4dff-8815-6815365e1d0a", ())
        assert SECRET not in str(refused.value)
        assert refused.value.code == "primero.invalid"

    async def test_a_token_is_renewed_before_its_hour_is_over(self, anyio_backend: str) -> None:
        clock, logins = [0.0], []

        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"data": {"id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a"}})

        async with self._primero(answer, now=lambda: clock[0], logins=logins) as primero:
            for clock[0] in (0.0, 2_900.0, 3_100.0):
                await primero.case("0b0b2e0d-33c0-4dff-8815-6815365e1d0a", ())
        assert len(logins) == 2

    async def test_basic_is_compared_as_a_whole(self, anyio_backend: str) -> None:
        hints: list[str] = []
        app = receiver(Caller(user="primero", password="secret"), hints.append)
        body = {"data": {"record_id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a"}}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1"
        ) as http:
            for pair, status in (("primero:secret", 202), ("primero:", 401), (":secret", 401), ("", 401)):
                basic = base64.b64encode(pair.encode()).decode()
                answer = await http.post("/webhook", json=body, headers={"Authorization": f"Basic {basic}"})
                assert answer.status_code == status
        assert len(hints) == 1

    @staticmethod
    def _primero(
        answer: Callable[[httpx.Request], httpx.Response],
        *,
        now: Callable[[], float] = lambda: 0.0,
        logins: list[Any] | None = None,
    ) -> Primero:
        def handle(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/tokens"):
                if logins is not None:
                    logins.append(request)
                return httpx.Response(
                    200, json={"user_name": ACCOUNT}, headers={"Authorization": "Bearer a.b.c"}
                )
            return answer(request)

        return Primero("http://127.0.0.1", ACCOUNT, PASSWORD, now=now, transport=httpx.MockTransport(handle))


SETTINGS = """
[adapter]
name = "primero-registry"
kind = "primero"
[node]
url = "http://127.0.0.1:1"
token_file = "token"
[system]
url = "{url}"
user = "focalpoint"
password_file = "password"
sender = "it.servizio-minori"
inbox_user = "intake"
console_url = "https://node.example/console"
{more}
[system.recipients]
RO = "ro.anpdca"
"""


def settings_file(directory: Path, *, url: str = "https://primero.example", more: str = "") -> Path:
    for name, secret in (("token", "x"), ("password", PASSWORD), ("key", "key")):
        (directory / name).write_text(secret)
        (directory / name).chmod(0o600)
    path = directory / "primero.toml"
    path.write_text(SETTINGS.format(url=url, more=more))
    return path


def test_the_settings_are_checked_as_a_whole(tmp_path: Path) -> None:
    told = own.read(load(settings_file(tmp_path)))
    assert told.profile.identity_legal_basis is None
    assert told.way.incoming == "referrals"
    assert PASSWORD not in repr(told)
    wrong = 'identity_legal_basis = "because"\nincoming = "post"\nlanguage = "xx"\nacept_transfers = true'
    with pytest.raises(SettingsError) as refused:
        own.read(load(settings_file(tmp_path, url="http://primero.example", more=wrong)))
    for word in ("url", "identity_legal_basis", "incoming", "language", "acept_transfers"):
        assert word in str(refused.value)


def test_a_webhook_without_a_secret_is_not_listened_to(tmp_path: Path) -> None:
    settings = load(settings_file(tmp_path, more='webhook_listen = "127.0.0.1:0"'))
    with pytest.raises(SettingsError, match="webhook_key_file"):
        own.listening(settings)
    settings = load(settings_file(tmp_path, more='webhook_listen = "127.0.0.1:0"\nwebhook_key_file = "key"'))
    assert own.listening(settings).caller.key == "key"
    assert "key=" not in repr(own.listening(settings).caller)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_check_says_what_works_and_shows_no_record(tmp_path: Path, anyio_backend: str) -> None:
    async with PrimeroStandIn() as primero:
        made = primero.refer(primero.put(**RECORD))
        path = settings_file(tmp_path, url=primero.url, more="")
        path.write_text(path.read_text() + '[system.nationalities]\nromanian = "RO"\n')
        run_ = CliRunner().invoke
        checked = await asyncio.to_thread(run_, command, ["primero", "check", "--settings", str(path)])
        name = f"referrals:{made['record_id']}:{made['id']}"
        shown = await asyncio.to_thread(
            run_, command, ["primero", "understand", "--settings", str(path), name]
        )
    assert "sees 1 records" in checked.output
    assert "node: unreachable" in checked.output
    assert checked.exit_code == 1
    assert shown.exit_code == 0, shown.output
    assert "unknown     protection_concerns" in shown.output
    for word in (SECRET, "romanian", "trafficked_smuggled"):
        assert word not in checked.output + shown.output
