"""A child that was referred twice is protected under both references, and an alias only ever tightens."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, ThreadId
from service import exchange
from service.access.actor import Actor
from service.exchange.views import Submission
from tests.protocol.sample_directory import IT_LOCAL
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair
from tests.service.solution_case import Road

WITHHELD, BLOCKED = "case.alias_withheld", "safeguard.international_protection"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def protect(side: Side, case: CaseReference, status: str) -> None:
    for person in (side.officer, side.supervisor):
        await exchange.set_protection(side.node, person, case, status, "asylum-applied")  # type: ignore[arg-type]


async def told(pair: Pair) -> CaseReference:
    case = await pair.open_case()
    await pair.notify(case)
    return case


async def alias(pair: Pair, side: Side, case: CaseReference, same_as: str) -> Submission:
    other = pair.ro if side is pair.it else pair.it
    (row,) = await side.rows(
        "select id, thread from message where case_reference = :case and type = 'case.notification'",
        case=case,
    )

    def change(coded: dict[str, Any]) -> None:
        coded.clear()
        coded.update({"alias_kind": "duplicate-case", "same_as": same_as})

    draft = message(
        "case.alias", case, side.office, other.office, change=change, thread=ThreadId(row["thread"])
    )
    return replace(draft, in_reply_to=row["id"])


async def code_of(side: Side, submission: Submission, who: Actor | None = None) -> str:
    with pytest.raises(NotAcceptable) as refused:
        await exchange.send(side.node, who or side.officer, submission)
    return refused.value.code


async def blocked(pair: Pair, case: CaseReference) -> bool:
    asked = await exchange.validate(
        pair.it.node,
        pair.it.officer,
        message("social-inquiry.request", case, pair.it.office, pair.ro.office),
    )
    return [one.code for one in asked.refusals] == [BLOCKED]


async def protection(pair: Pair, case: CaseReference) -> Any:
    return (await exchange.case_timeline(pair.it.node, pair.it.officer, case)).case


def test_an_alias_does_not_name_a_protected_case_and_holds_its_own_from_then_on(pair: Pair) -> None:
    async def play() -> None:
        protected = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        await protect(pair.it, protected, "sought")
        open_ = await told(pair)
        assert not await blocked(pair, open_)
        submission = await alias(pair, pair.it, open_, protected)
        assert await code_of(pair.it, submission) == WITHHELD
        await pair.settle()
        assert await blocked(pair, open_), "it is known here, although nobody was told"
        assert protected not in str(await pair.ro.rows("select statement from message"))
        assert await pair.it.rows("select id from message where type = 'case.alias'") == []
        view = await protection(pair, open_)
        assert (view.protection.status, view.protection.held_elsewhere) == ("not-sought", True)
        assert view.same_child == (protected,)
        await protect(pair.it, protected, "not-sought")
        assert not await blocked(pair, open_)
        assert not (await protection(pair, open_)).protection.held_elsewhere

    run(play())


@pytest.mark.parametrize("which", ["unknown", "another office's"])
def test_an_alias_is_refused_alike_for_a_case_that_is_not_ones_own(pair: Pair, which: str) -> None:
    async def play() -> None:
        case = await told(pair)
        local = actor(IT_LOCAL, person="elsewhere")
        theirs = (await exchange.open_case(pair.it.node, local)).reference
        for person in (local, actor(IT_LOCAL, person="elsewhere-2")):
            await exchange.set_protection(pair.it.node, person, theirs, "not-sought", "child-interviewed")
        same_as = {"another office's": theirs, "unknown": "K7QM-3XPT-9V2D-6"}[which]
        assert await code_of(pair.it, await alias(pair, pair.it, case, same_as)) == WITHHELD
        assert not await blocked(pair, case), "whoever has no part in it cannot tie it to theirs"
        assert await pair.it.rows("select * from case_alias") == []

    run(play())


def test_once_two_references_are_one_child_doubt_under_either_holds_both(pair: Pair) -> None:
    async def play() -> None:
        one, other = await told(pair), await told(pair)
        await pair.it.send(await alias(pair, pair.it, one, other))
        await pair.settle()
        for doubted, beside in ((one, other), (other, one)):
            await exchange.set_protection(
                pair.it.node, pair.it.officer, doubted, "possible", "child-interviewed"
            )
            assert await blocked(pair, doubted)
            assert await blocked(pair, beside)
            await protect(pair.it, doubted, "not-sought")
            assert not await blocked(pair, beside)

    run(play())


def test_what_waits_under_the_other_reference_is_held_and_let_go_with_it(pair: Pair) -> None:
    async def play() -> None:
        one, other = await told(pair), await told(pair)
        await pair.it.send(await alias(pair, pair.it, one, other))
        await pair.settle()
        asked = await pair.it.send(message("social-inquiry.request", other, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        pair.hub.lose_everything()
        await protect(pair.it, one, "sought")
        pair.clock.pass_by(days=1)
        await pair.settle()
        there = "select id from message where id = :id"
        assert await pair.ro.rows(there, id=asked.id) == []
        await protect(pair.it, one, "not-sought")
        await pair.settle()
        assert len(await pair.ro.rows(there, id=asked.id)) == 1

    run(play())


def test_another_state_that_claims_it_tightens_and_never_widens(pair: Pair) -> None:
    async def play() -> None:
        protected, free = await told(pair), await told(pair)
        await protect(pair.it, protected, "sought")
        for one, other in ((free, protected),):
            await pair.ro.send(await alias(pair, pair.ro, one, other))
        await pair.settle()
        assert await blocked(pair, free)
        assert await blocked(pair, protected), "that the other one is settled settles nothing here"
        # A circle, and a reference that nobody has here.
        third = await told(pair)
        await pair.ro.send(await alias(pair, pair.ro, third, free))
        await pair.settle()
        assert await blocked(pair, third), "also by a chain"
        view = await protection(pair, third)
        assert set(view.same_child) == {protected, free}

    run(play())


def test_what_waits_to_leave_is_held_as_soon_as_an_alias_comes_in(pair: Pair) -> None:
    async def play() -> None:
        protected, free = await told(pair), await told(pair)
        await protect(pair.it, protected, "sought")
        claim = await pair.ro.send(await alias(pair, pair.ro, free, protected))
        await pair.release(pair.ro)
        waiting = await pair.it.send(message("social-inquiry.request", free, pair.it.office, pair.ro.office))
        await pair.deliver("it")
        (row,) = await pair.it.rows("select state from outbox where message_id = :id", id=waiting.id)
        assert row["state"] == "held"
        await pair.settle()
        assert await pair.ro.rows("select id from message where id = :id", id=waiting.id) == []
        (said,) = await pair.ro.rows("select status from message where id = :id", id=claim.id)
        assert said["status"] == "consigned", "evidence of delivery goes on"

    run(play())


def test_a_reader_is_shown_no_reference_of_a_case_in_which_they_have_no_part(pair: Pair) -> None:
    async def play() -> None:
        one, other = await told(pair), await told(pair)
        await pair.it.send(await alias(pair, pair.it, one, other))
        await pair.it.node.store.write(
            lambda session: session.connection().exec_driver_sql(
                "insert into case_party (reference, address) values (?, ?)", (one, IT_LOCAL)
            )
        )
        local = actor(IT_LOCAL, person="local")
        shown = await exchange.case_timeline(pair.it.node, local, one)
        assert shown.case.same_child == ()
        assert (await protection(pair, one)).same_child == (other,)

    run(play())


def test_consent_withdrawn_under_one_reference_suspends_what_rests_on_it_under_the_other(
    pair: Pair,
) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        await road.accept(pair.ro, proposal)
        await road.accept(pair.it, proposal)
        other = await told(pair)

        async def standing(side: Side) -> Any:
            timeline = await exchange.case_timeline(side.node, side.officer, road.case)
            (stands,) = (one.standing for one in timeline.threads if one.id == proposal.thread)
            return stands

        (notice,) = await pair.it.rows(
            "select id, thread from message where case_reference = :case and type = 'case.notification'",
            case=other,
        )
        withdrawn = await pair.ro.send(
            message(
                "consent.withdrawal",
                other,
                pair.ro.office,
                pair.it.office,
                thread=ThreadId(notice["thread"]),
                in_reply_to=notice["id"],
            )
        )
        await pair.settle()
        assert [(await standing(side)).state for side in (pair.it, pair.ro)] == ["in-force", "in-force"]
        await pair.it.send(await alias(pair, pair.it, road.case, other))
        await pair.settle()
        for side in (pair.it, pair.ro):
            stands = await standing(side)
            assert stands.state == "suspended"
            assert withdrawn.statement_digest in {one.document for one in stands.reasons}

    run(play())
