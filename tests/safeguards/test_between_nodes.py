"""Safeguards between two real nodes: what is refused, what waits, what leaves all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId
from service import exchange
from service.exchange.accept import Outcome
from service.exchange.views import StandingView
from tests.safeguards.claims import taken_out
from tests.service.exchange_pair import Pair, Side, actor, open_pair
from tests.service.solution_case import Road

type Json = dict[str, Any]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def status(side: Side, message: MessageId) -> tuple[str, str | None]:
    (row,) = await side.rows("select status, refusal_code from message where id = :id", id=message)
    return row["status"], row["refusal_code"]


async def standing(side: Side, road: Road, procedure: str = "durable-solution") -> StandingView | None:
    timeline = await exchange.case_timeline(side.node, side.officer, road.case)
    return next(thread.standing for thread in timeline.threads if thread.procedure == procedure)


async def agreed(pair: Pair) -> tuple[Road, Any]:
    road = await Road.to_a_proposal(pair)
    proposal = await road.propose()
    await road.accept(pair.it, proposal)
    await road.accept(pair.ro, proposal)
    return road, proposal


def withheld(coded: Json) -> None:
    coded.clear()
    coded["suspension_reason"] = "withheld"


def no_views(coded: Json) -> None:
    del coded["rests_on"]["child_views"]


def general_basis(coded: Json) -> None:
    coded["terms"]["legal_bases"] = ["bilateral-agreement"]


def another_solution(coded: Json) -> None:
    coded["terms"]["solution"] = "return/to-family"


@pytest.mark.parametrize(
    ("wrong", "numbers", "code"),
    [
        (no_views, (5, 12), "safeguard.child_heard"),
        (general_basis, (12,), "safeguard.individual_basis"),
        (another_solution, (5, 8), "safeguard.child_heard"),
    ],
)
def test_a_careless_sender_is_refused_by_the_other_state_too(
    pair: Pair, wrong: Callable[[Json], None], numbers: tuple[int, ...], code: str
) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        with pytest.raises(NotAcceptable) as refusal:
            await road.propose(change=wrong)
        assert refusal.value.code == code
        assert refusal.value.missing
        with taken_out(*numbers):  # both nodes run in this process: off only while one sends
            careless = await pair.it.send(proposal(road, wrong))
        await pair.settle()
        assert await status(pair.it, careless.id) == ("refused", code)
        assert await pair.ro.rows("select 1 from message where id = :id", id=careless.id) == []

    run(play())


def test_what_rests_on_a_document_that_has_not_come_waits_for_it(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)

        def again(coded: Json) -> None:
            road._weighs(coded)
            coded["replaces"] = road.said["best_interests"].id

        notice = (await pair.it.rows("select id from message where type = 'case.notification'"))[0]["id"]
        road.said["best_interests"] = await pair.it.send(
            road.message(pair.it, "best-interests.summary", again, in_reply_to=notice)
        )
        await pair.release(pair.it)
        late, pair.hub.waiting["ro"] = pair.hub.waiting["ro"], []
        early = await pair.it.send(proposal(road))
        await pair.release(pair.it)
        (outcome,) = await pair.deliver("ro")
        assert isinstance(outcome, Outcome)
        assert outcome.disposition == "wait"
        for table in ("message", "inbox"):
            assert await pair.ro.rows(f"select 1 from {table} where id = :id", id=early.id) == []
        pair.hub.waiting["ro"] += late
        await pair.settle()
        assert (await status(pair.it, early.id))[0] == "consigned"

    run(play())


def test_what_rests_on_a_document_that_was_refused_is_refused_and_not_waited_for(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        notice = (await pair.it.rows("select id from message where type = 'case.notification'"))[0]["id"]

        def migration(coded: Json) -> None:
            road._weighs(coded)
            coded["replaces"] = road.said["best_interests"].id
            coded["options"][0]["decision_reasons"] = ["migration-control"]

        with taken_out(8):
            road.said["best_interests"] = await pair.it.send(
                road.message(pair.it, "best-interests.summary", migration, in_reply_to=notice)
            )
            built_on_it = await pair.it.send(proposal(road))
        await pair.settle()
        assert await status(pair.it, road.said["best_interests"].id) == (
            "refused",
            "safeguard.solutions_considered",
        )
        assert await status(pair.it, built_on_it.id) == ("refused", "conversation.predecessor_refused")

    run(play())


def proposal(road: Road, change: Callable[[Json], None] = lambda coded: None) -> Any:
    def proposes(coded: Json) -> None:
        coded["terms"]["solution"] = "return/to-other-family"
        coded["terms"]["receiving_carer"]["agreement_shown_in"] = road.digest("social_inquiry")
        coded["rests_on"] = {
            "social_inquiries": [road.digest("social_inquiry")],
            "risk_assessment": road.digest("final"),
            "child_views": road.digest("child_views"),
            "guardian_notice": road.digest("guardian_notice"),
            "best_interests": road.digest("best_interests"),
        }
        for absent in ("amends", "lifts"):
            coded.pop(absent, None)
        change(coded)

    return road.message(road.pair.it, "durable-solution.proposal", proposes)


def test_next_steps_say_what_is_missing_before_anybody_has_written(pair: Pair) -> None:
    async def proposing(side: Side, road_case: Any) -> Any:
        steps = await exchange.next_steps(side.node, side.officer, road_case)
        return next(step for step in steps.steps if step.type == "durable-solution.proposal")

    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        step = await proposing(pair.it, case)
        assert not step.open
        missing = {(entry.code, entry.supplier) for entry in step.refusal.missing}
        assert {
            ("missing.risk_assessment", "destination"),
            ("missing.child_views", "destination"),
            ("missing.best_interests", "destination"),
            ("missing.guardian_notice", "destination"),
            ("missing.social_inquiry", "origin"),
        } == missing

    async def ready() -> None:
        road = await Road.to_a_proposal(pair)
        for side in (pair.it, pair.ro):
            assert (await proposing(side, road.case)).open

    run(play())
    run(ready())


def test_an_agreement_suspends_by_itself_at_both_nodes(pair: Pair) -> None:
    async def play() -> None:
        road, version = await agreed(pair)
        for side in (pair.it, pair.ro):
            stands = await standing(side, road)
            assert stands is not None
            assert (stands.state, stands.message) == ("in-force", version.id)
        notice = (await pair.it.rows("select id from message where type = 'case.notification'"))[0]["id"]
        await pair.ro.send(road.message(pair.ro, "alert.danger", in_reply_to=notice))
        await pair.settle()
        (alert,) = await pair.it.rows("select statement_digest from message where type = 'alert.danger'")
        for side in (pair.it, pair.ro):
            stands = await standing(side, road)
            assert stands is not None
            assert stands.state == "suspended"
            reasons = {(one.code, one.document) for one in stands.reasons}
            assert ("danger", alert["statement_digest"]) in reasons
            assessed = await standing(side, road, "risk-assessment")
            assert assessed is not None
            assert assessed.state == "superseded"

    run(play())


def test_protection_that_arises_later_lets_one_suspension_out_and_nothing_else(pair: Pair) -> None:
    async def play() -> None:
        road, version = await agreed(pair)
        notice = (await pair.it.rows("select id from message where type = 'case.notification'"))[0]["id"]
        queued = await pair.it.send(
            road.message(pair.it, "child-views.record", _no_replaces, in_reply_to=notice)
        )
        await exchange.set_protection(pair.it.node, pair.it.officer, road.case, "sought", "child-interviewed")
        stop = await pair.it.send(
            road.message(pair.it, "durable-solution.suspension", withheld, in_reply_to=version.id)
        )
        await exchange.set_protection(
            pair.it.node, pair.it.supervisor, road.case, "sought", "child-interviewed"
        )
        for again in (
            road.message(pair.it, "durable-solution.suspension", withheld, in_reply_to=version.id),
            road.message(pair.it, "query", in_reply_to=notice),
        ):
            with pytest.raises(NotAcceptable) as refusal:
                await pair.it.send(again)
            assert refusal.value.code == "safeguard.international_protection"
        await pair.settle()
        assert (await status(pair.it, stop.id))[0] == "consigned"
        assert (await status(pair.it, queued.id))[0] == "accepted"
        (arrived,) = await pair.ro.rows("select statement, type from message where id = :id", id=stop.id)
        assert arrived["type"] == "durable-solution.suspension"
        assert await pair.ro.rows("select 1 from message where id = :id", id=queued.id) == []
        stands = await standing(pair.ro, road)
        assert stands is not None
        assert [one.code for one in stands.reasons] == ["withheld"]

    run(play())


def _no_replaces(coded: Json) -> None:
    coded.pop("replaces", None)


def test_what_is_printed_of_a_case_does_not_speak_of_its_protection_status(pair: Pair) -> None:
    async def scenario() -> None:
        case = await pair.open_case()
        shown = await exchange.case_timeline(pair.it.node, pair.it.officer, case)
        assert [entry.kind for entry in shown.entries] == ["case-opened", "protection", "protection"]
        printed = await exchange.render_timeline(pair.it.node, pair.it.officer, case, "en", "text")
        assert b"Case opened" in printed.content
        assert b"rotection" not in printed.content

    run(scenario())


def test_an_authority_that_talks_with_nobody_is_told_of_what_its_state_talks_about(pair: Pair) -> None:
    async def scenario() -> None:
        both = actor("it.servizio-minori", "it.tribunale-minori")
        case = (await exchange.open_case(pair.it.node, both)).reference
        for person in ("officer-1", "officer-2"):
            settling = actor("it.servizio-minori", "it.tribunale-minori", person=person)
            await exchange.set_protection(pair.it.node, settling, case, "not-sought", "child-interviewed")
        await pair.notify(case)
        steps = (await exchange.next_steps(pair.it.node, both, case)).steps
        proposals = {one.by: one.to for one in steps if one.type == "durable-solution.proposal"}
        assert proposals == dict.fromkeys(both.authorities, pair.ro.office)

    run(scenario())


@pytest.mark.parametrize(
    ("wrong", "missing"),
    [
        ({"reference": "carer-2"}, "missing.handover_to_agreed_carer"),
        ({"handed_over_on": "later"}, "missing.handover_made"),
    ],
)
def test_a_handover_to_somebody_else_or_to_come_is_not_taken_from_a_careless_sender(
    pair: Pair, wrong: dict[str, str], missing: str
) -> None:
    async def scenario() -> None:
        road, proposal = await agreed(pair)
        agreement = await road.agreement_digest(proposal)
        today = pair.ro.node.clock.now().date()
        days = {"today": today.isoformat(), "later": (today + timedelta(days=2)).isoformat()}

        def handover(reference: str = "carer-1", handed_over_on: str = "today") -> Any:
            said = {
                "agreement": agreement,
                "reference": reference,
                "handed_over_on": days[handed_over_on],
            }
            return road.message(
                pair.ro, "handover.confirmation", lambda coded: coded.update(said), in_reply_to=proposal.id
            )

        with pytest.raises(NotAcceptable) as refusal:
            await pair.ro.send(handover(**wrong))
        assert {one.code for one in refusal.value.missing} == {missing}
        with taken_out(9):
            careless = await pair.ro.send(handover(**wrong))
        await pair.settle()
        assert await status(pair.ro, careless.id) == ("refused", "safeguard.consent_given")
        assert await pair.it.rows("select 1 from message where id = :id", id=careless.id) == []
        right = await pair.ro.send(handover())
        await pair.settle()
        assert (await status(pair.ro, right.id))[0] == "consigned"

    run(scenario())
