"""Either side may owe; both nodes count the same; and no deadline ever completes anything."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_nodes import OPENING, START, World, coded_for, opening, said

from protocol.conversations import (
    DURABLE_SOLUTION,
    PROCEDURES,
    RISK_ASSESSMENT,
    SOCIAL_INQUIRY,
    Party,
    Table,
    Thread,
    advance,
    moves_from,
    state_at,
    thread_from_json,
)
from protocol.deadlines import Terms, rules, starts_clock, terms_for
from protocol.errors import NotAcceptable

A, B = Party.ASKER, Party.ANSWERER
COUNTER, ACCEPTANCE = "durable-solution.counter-proposal", "durable-solution.acceptance"
DAY = timedelta(days=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    digest: str = "entry-1"
    timezone: str = "UTC"
    weekend: tuple[int, ...] = (6, 7)
    holidays: tuple[date, ...] = ()


def talk(table: Table, *moves: tuple[Party, str, str, str | None], at: datetime = START) -> Thread:
    """Side, type, name, and what it replies to."""
    thread = advance(None, opening(table), table=table, sending=True).thread
    for side, move_type, name, reply in moves:
        statement = said(
            thread,
            move_type,
            by=side,
            name=name,
            at=at,
            in_reply_to=reply or OPENING,
            coded=coded_for(thread, move_type, side, reply or OPENING),
        )
        thread = advance(thread, statement, table=table, sending=True).thread
    return thread


def owed(thread: Thread) -> list[tuple[Party, str, str]]:
    return [(one.by, one.message, one.obligation) for one in thread.owed]


def test_after_a_counter_proposal_the_one_who_proposed_owes_the_answer() -> None:
    thread = talk(DURABLE_SOLUTION, (B, COUNTER, "v2", None))
    assert owed(thread) == [(A, "v2", "answer")]
    thread = talk(DURABLE_SOLUTION, (B, COUNTER, "v2", None), (A, COUNTER, "v3", "v2"))
    assert owed(thread) == [(B, "v3", "answer")]
    thread = talk(DURABLE_SOLUTION, (B, COUNTER, "v2", None), (A, ACCEPTANCE, "a", "v2"))
    assert owed(thread) == [(B, "a", "answer")]


def test_nothing_is_owed_once_both_have_accepted() -> None:
    thread = talk(DURABLE_SOLUTION, (B, ACCEPTANCE, "b", None), (A, ACCEPTANCE, "a", None))
    assert thread.state == "agreed"
    assert owed(thread) == []


def test_a_handover_starts_the_follow_ups_that_were_agreed() -> None:
    thread = talk(
        DURABLE_SOLUTION,
        (B, ACCEPTANCE, "b", None),
        (A, ACCEPTANCE, "a", None),
        (B, "handover.confirmation", "h", None),
    )
    assert owed(thread) == [(B, "h", "follow-up-month-1")]
    assert thread.due
    assert thread.due.at == datetime(2026, 4, 3, tzinfo=UTC)
    reported = said(
        thread, "follow-up.report", by=B, name="f", in_reply_to="h", coded={"follow_up_point": "month-1"}
    )
    assert owed(advance(thread, reported, table=DURABLE_SOLUTION, sending=True).thread) == []


def test_acceptance_and_report_are_owed_beside_each_other() -> None:
    assert [row[2] for row in owed(talk(SOCIAL_INQUIRY))] == ["acceptance", "report"]
    assert [row[2] for row in owed(talk(SOCIAL_INQUIRY, (B, "accept", "x", None)))] == ["report"]


def test_an_open_question_is_owed_by_who_was_asked() -> None:
    thread = talk(SOCIAL_INQUIRY, (B, "query", "q", None))
    assert (A, "q", "answer") in owed(thread)
    assert (A, "q", "answer") not in owed(
        talk(SOCIAL_INQUIRY, (B, "query", "q", None), (A, "answer", "x", "q"))
    )


def test_a_final_assessment_asks_for_a_word_and_a_dispute_for_the_next() -> None:
    final = (A, "risk-assessment.final", "f", None)
    assert owed(talk(RISK_ASSESSMENT, final)) == [(B, "f", "corroboration")]
    disputed = talk(RISK_ASSESSMENT, final, (B, "risk-assessment.dispute", "d", "f"))
    assert owed(disputed) == [(A, "d", "revision")]


def test_either_side_gives_a_new_date_once() -> None:
    thread = talk(DURABLE_SOLUTION, (B, COUNTER, "v2", None))
    assert thread.due
    longer = said(
        thread, "progress", by=A, name="p", in_reply_to="v2", coded=coded_for(thread, "progress", A, "v2")
    )
    extended = advance(thread, longer, table=DURABLE_SOLUTION, sending=True).thread
    assert extended.due
    assert extended.due.at > thread.due.at
    again = dataclasses.replace(longer, id="p2")  # type: ignore[arg-type]
    with pytest.raises(NotAcceptable, match=r"conversation\.not_now"):
        advance(extended, again, table=DURABLE_SOLUTION, sending=True)


def test_either_side_presses_for_what_the_other_owes_and_for_nothing_else() -> None:
    thread = talk(DURABLE_SOLUTION, (B, COUNTER, "v2", None))
    late = START + 400 * DAY
    theirs = {move.type for move in moves_from(thread, thread.answerer, late, table=DURABLE_SOLUTION)}
    ours = {move.type for move in moves_from(thread, thread.asker, late, table=DURABLE_SOLUTION)}
    assert "nudge" in theirs
    assert "nudge" not in ours


@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_no_deadline_ever_completes_anything(table: Table) -> None:
    """Whatever was said, time alone leads to lapsed or stale, in a view; what is stored does not change, and
    what was owed is owed."""
    for first in (None, *sorted({move.type for move in table.moves if not move.crossing})):
        thread = talk(table)
        if first is not None:
            for side in Party:
                try:
                    name, coded = "x", coded_for(thread, first, side, OPENING)
                    said_ = said(thread, first, by=side, name=name, coded=coded)
                    thread = advance(thread, said_, table=table, sending=True).thread
                    break
                except NotAcceptable:
                    continue
        for years in (1, 10, 100):
            then = START + years * 365 * DAY
            assert state_at(thread, then, table=table) in {thread.state, table.lapsed, table.stale}
        assert thread.owed == thread_from_json(thread.to_json()).owed


@given(
    zone=st.sampled_from(
        ["Europe/Rome", "Africa/Algiers", "Asia/Kathmandu", "America/Havana", "Pacific/Apia"]
    ),
    weekend=st.sets(st.integers(1, 7), max_size=3),
    holidays=st.sets(st.dates(date(2026, 3, 1), date(2026, 9, 1)), max_size=20),
    moves=st.lists(st.tuples(st.sampled_from(list(Party)), st.integers(0, 9), st.integers(0, 3)), max_size=8),
    order=st.randoms(use_true_random=False),
    table=st.sampled_from([SOCIAL_INQUIRY, DURABLE_SOLUTION, RISK_ASSESSMENT]),
)
@settings(max_examples=60, deadline=None)
def test_both_nodes_count_the_same_whatever_calendar_pause_extension_and_order(
    zone: str,
    weekend: set[int],
    holidays: set[date],
    moves: list[tuple[Party, int, int]],
    order: object,
    table: Table,
) -> None:
    entry = Entry(timezone=zone, weekend=tuple(sorted(weekend)), holidays=tuple(sorted(holidays)))
    both: list[Terms | None] = [
        terms_for(
            opening(table, recipient_entry="entry-1"),
            procedure=table.procedure,
            answering=dataclasses.replace(entry),
        )
        for _ in range(2)
    ]
    assert both[0] == both[1]
    world, now = World.begin(table), START
    for side, choice, wait in moves:
        now += wait * 3 * DAY
        can = world.can_say(side, now)
        if can:
            move_type, replies = can[choice % len(can)]
            world = world.say(side, move_type, replies[-1], now)
        if world.on_the_way() and choice % 2:
            side_, item = order.choice(world.on_the_way())  # type: ignore[attr-defined]
            world = world.deliver(side_, item) or world
    while world.on_the_way():
        came = [later for side_, item in world.on_the_way() if (later := world.deliver(side_, item))]
        assert came
        world = came[0]
    assert world.asker.owed == world.answerer.owed
    assert world.asker.due == world.answerer.due


def test_what_an_earlier_version_stored_is_read_with_all_that_is_owed() -> None:
    thread = talk(SOCIAL_INQUIRY)
    stored = thread.to_json()
    del stored["owed"]
    assert thread_from_json(stored).owed == thread.owed


def test_every_type_that_starts_a_clock_is_a_message_of_some_procedure() -> None:
    known = {own for table in PROCEDURES.values() for own in table.own} | {"query"}
    assert {row.started_by for row in rules()} <= known
    assert not starts_clock("nudge")
