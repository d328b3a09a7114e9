"""Messages come into a Primero as referrals or transfers that say nothing of them, and are answered there."""

from __future__ import annotations

import dataclasses

from tests.adapters.primero_stage import CONSOLE, SECRET, WAY, Json, PrimeroOnTrial, PrimeroTrial
from tests.adapters.primero_stand_in import INBOX
from tests.service.exchange_pair import message


class TestReferralsIn(PrimeroOnTrial):
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
