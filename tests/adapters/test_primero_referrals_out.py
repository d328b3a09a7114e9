"""Referrals and transfers of a Primero go to the other State once, and its answers stand on them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from adapters.kit.stand_in import Mood
from protocol.identifiers import MessageId
from tests.adapters.primero_stage import SECRET, WAY, Json, PrimeroOnTrial, PrimeroTrial
from tests.adapters.primero_stand_in import ACCOUNT, WORKER
from tests.service.exchange_pair import message


class TestReferralsOut(PrimeroOnTrial):
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

    @pytest.mark.parametrize("kind", ["referrals", "transfers"])
    async def test_a_record_that_is_referred_again_notifies_nobody_a_second_time(
        self, trial: PrimeroTrial, kind: str
    ) -> None:
        record = await trial.record()
        first = trial.named(trial.primero.refer(record))
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        second = trial.named(trial.primero.refer(record, kind=kind))
        await trial.until(lambda: second in trial.aside())
        assert trial.aside() == {second: "primero.notified_before"}
        # Nor when only the secret is left of the memory, and the first referral was answered.
        trial.primero.transitions[0]["status"] = "accepted"
        for lost in trial.state_dir.glob("memory.db*"):
            lost.unlink()
        await trial.until(lambda: second in trial.aside())
        assert trial.at_node()[before:] == trial.expected([first])
        assert trial.primero.marks[-1][1]["mark_synced"] is True

    async def test_a_second_referral_waits_for_a_person_also_while_the_first_is_in_no_list_yet(
        self, trial: PrimeroTrial
    ) -> None:
        """As when it waits there for a focal point's countersignature, and was taken back meanwhile."""
        record = await trial.record()
        made = trial.primero.refer(record)
        async with trial.start() as (_, desk):
            desk.memory.reached(f"notified:{record}", trial.named(made))
        made["status"] = "revoked"
        second, before = trial.named(trial.primero.refer(record)), len(trial.at_node())
        await trial.until(lambda: second in trial.aside())
        assert trial.aside() == {second: "primero.notified_before"}
        assert len(trial.at_node()) == before

    async def test_a_referral_that_the_node_refused_does_not_stand_in_the_way_of_another(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record(settled=False)
        made = trial.primero.refer(record)
        refused, before = trial.named(made), len(trial.at_node())
        await trial.until(lambda: refused in trial.aside())
        made["status"] = "revoked"
        await trial.settle_protection(record)
        second = trial.named(trial.primero.refer(record))
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([second])

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
