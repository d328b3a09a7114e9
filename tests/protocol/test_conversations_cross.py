"""Crossing messages: whatever the order of arrival, both nodes end in the same state and lose nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_nodes import OPENING, START, World, coded_for, said

from protocol.conversations import (
    CASE,
    PROCEDURES,
    SOCIAL_INQUIRY,
    CaseState,
    Party,
    Table,
    Thread,
    advance,
    state_at,
    without,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId

IN_TIME, OVERDUE = timedelta(days=1), timedelta(days=400)
REPORT = "social-inquiry.report"

CROSSINGS = {
    "a question crosses a withdrawal": ("query", "withdraw", "withdrawn"),
    "an acceptance crosses a withdrawal": ("accept", "withdraw", "withdrawn"),
    "a progress note crosses a withdrawal": ("progress", "withdraw", "withdrawn"),
    "a report crosses a withdrawal and wins": (REPORT, "withdraw", "reported"),
    "a refusal crosses a withdrawal and wins": ("decline", "withdraw", "declined"),
    "a redirection crosses a withdrawal": ("redirect", "withdraw", "withdrawn"),
    "a progress note crosses a nudge": ("progress", "nudge", "requested"),
    "an acceptance crosses a nudge": ("accept", "nudge", "accepted"),
    "a report crosses a nudge": (REPORT, "nudge", "reported"),
    "a redirection crosses a nudge": ("redirect", "nudge", "redirected"),
}


@pytest.mark.parametrize(("theirs", "ours", "state"), CROSSINGS.values(), ids=CROSSINGS)
def test_crossing(theirs: str, ours: str, state: str) -> None:
    now = START + OVERDUE
    world = World.begin(SOCIAL_INQUIRY).say(Party.ASKER, ours, OPENING, now)
    world = settle(world.say(Party.ANSWERER, theirs, OPENING, now))
    assert world.agrees()
    assert world.asker.state == state
    assert {ours, theirs} <= {entry.type for entry in world.asker.entries}


def settle(world: World) -> World:
    """Deliver everything. Nothing that was rightly sent may be refused, and nothing may wait for ever."""
    while world.on_the_way():
        delivered = [later for side, item in world.on_the_way() if (later := world.deliver(side, item))]
        assert delivered, "a message waits for one that will never come"
        world = delivered[0]
    return world


@pytest.mark.parametrize("late", [IN_TIME, OVERDUE], ids=["in time", "overdue"])
@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_every_interleaving_of_three_messages_ends_the_same(table: Table, late: timedelta) -> None:
    """All of them, not a sample; five messages were walked once by hand with the same result."""
    seen = set()
    ends = 0
    ahead = [World.begin(table)]
    while ahead:
        world = ahead.pop()
        view = (frozenset(world.asker.entries), frozenset(world.answerer.entries))
        if (world.asker.state, world.answerer.state, view) in seen:
            continue
        seen.add((world.asker.state, world.answerer.state, view))
        arrivals = [later for side, item in world.on_the_way() if (later := world.deliver(side, item))]
        if world.on_the_way():
            assert arrivals, "a message waits for one that will never come"
        else:
            ends += 1
            assert world.agrees(), (world.asker, world.answerer)
        ahead += arrivals
        if world.count < 3:
            now = START + late + timedelta(hours=world.count)
            for side in Party:
                for move_type, replies in world.can_say(side, now):
                    ahead += [world.say(side, move_type, reply, now) for reply in {replies[0], replies[-1]}]
            ahead.append(world.collect(now))
    assert ends > 100


@settings(max_examples=150, deadline=None)
@given(data=st.data(), table=st.sampled_from([SOCIAL_INQUIRY, CASE]))
def test_two_nodes_agree_after_long_talk_over_a_bad_network(data: st.DataObject, table: Table) -> None:
    """Delays, repeats and reorders; the two clocks differ by up to a day."""
    world = World.begin(table)
    clocks = dict.fromkeys(Party, START)
    skew = timedelta(minutes=data.draw(st.integers(-1440, 1440)))
    for _ in range(data.draw(st.integers(1, 14))):
        side = data.draw(st.sampled_from(list(Party)))
        clocks[side] += timedelta(hours=data.draw(st.integers(0, 900)))
        now = clocks[side] + (skew if side is Party.ANSWERER else timedelta())
        match data.draw(st.sampled_from(["say", "say", "deliver", "deliver", "collect"])):
            case "say" if choices := world.can_say(side, now):
                move_type, replies = data.draw(st.sampled_from(choices))
                world = world.say(side, move_type, data.draw(st.sampled_from(replies)), now)
            case "deliver" if flying := world.on_the_way():
                to, item = data.draw(st.sampled_from(flying))
                world = world.deliver(to, item, keep=data.draw(st.booleans())) or world
            case "collect":
                world = world.collect(clocks[Party.ASKER])
            case _:
                continue
    world = settle(world)
    assert world.agrees(), (world.asker, world.answerer)
    moment = START + timedelta(days=data.draw(st.integers(0, 900)))
    assert state_at(world.asker, moment, table=table) == state_at(world.answerer, moment, table=table)


def unlikely(thread: Thread, table: Table, data: st.DataObject) -> object:
    """Any message at all, most of them wrong."""
    types = sorted({move.type for move in table.moves} | {table.opens, "ds.propose"})
    move_type = data.draw(st.sampled_from(types))
    by = data.draw(st.sampled_from(list(Party)))
    return said(
        thread,
        move_type,
        by=by,
        name=data.draw(st.sampled_from(["new", "other", *(entry.id for entry in thread.entries)])),
        at=START + timedelta(days=data.draw(st.integers(-5, 500))),
        in_reply_to=data.draw(st.sampled_from([None, "nowhere", *(entry.id for entry in thread.entries)])),
        coded=data.draw(st.sampled_from([{}, {"new_due_on": 3}, coded_for(thread, move_type) or {}])),
    )


@settings(max_examples=150, deadline=None)
@given(data=st.data(), table=st.sampled_from([SOCIAL_INQUIRY, CASE]), sending=st.booleans())
def test_no_walk_reaches_a_forbidden_state_and_a_refused_event_changes_nothing(
    data: st.DataObject, table: Table, sending: bool
) -> None:
    thread = World.begin(table).asker
    for _ in range(data.draw(st.integers(1, 20))):
        before = thread.to_json()
        try:
            moved = advance(thread, unlikely(thread, table, data), table=table, sending=sending).thread  # type: ignore[arg-type]
        except NotAcceptable:
            assert thread.to_json() == before
            continue
        thread = moved
        types = {entry.type for entry in thread.entries}
        # Silence, time and the answerer's own words never complete, and nothing is reported without a report.
        assert thread.state not in ("complete", "lapsed", "stale")
        assert (thread.state == "reported") == (REPORT in types)
        if thread.state is CaseState.ACCEPTED:
            assert "accept" in types
        assert sum(1 for entry in thread.said("progress")) <= len(thread.answerers)
        assert len(thread.pauses(limits(table))) <= 2


def limits(table: Table):  # type: ignore[no-untyped-def]
    from protocol.deadlines import limits_of

    return limits_of(table.procedure)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_both_nodes_agree_again_when_one_refuses_what_the_other_said(data: st.DataObject) -> None:
    """The refused message is taken out at its sender, wherever the conversation has got to since."""
    world = World.begin(SOCIAL_INQUIRY)
    refused: MessageId | None = None
    for step in range(data.draw(st.integers(1, 6))):
        side = data.draw(st.sampled_from(list(Party)))
        now = START + timedelta(hours=step)
        choices = [choice for choice in world.can_say(side, now) if refused is None or side is Party.ASKER]
        if choices:
            move_type, replies = data.draw(st.sampled_from(choices))
            world = world.say(side, move_type, replies[0], now)
            if refused is None and side is Party.ANSWERER:
                refused = world.answerer.entries[-1].id
    lost = [item for item in world.to_asker if getattr(item, "id", None) == refused]
    for item in lost:
        world = World(
            table=world.table,
            asker=world.asker,
            answerer=without(world.answerer, item.id, table=SOCIAL_INQUIRY) or world.answerer,
            to_asker=world.to_asker - {item},
            to_answerer=world.to_answerer,
        )
    assert settle(world).agrees()


def test_an_answer_to_the_former_office_leaves_the_new_offices_question_open() -> None:
    """The asker answered before it learned of the redirection; the new office had asked meanwhile."""
    now = START + IN_TIME
    world = World.begin(SOCIAL_INQUIRY).say(Party.ANSWERER, "query", OPENING, now)
    first = world.answerer.entries[-1].id
    ((side, question),) = world.on_the_way()
    world = world.deliver(side, question) or world
    world = world.say(Party.ANSWERER, "redirect", OPENING, now)
    second = world.say(Party.ANSWERER, "query", world.answerer.entries[-1].id, now)
    crossed = settle(second.say(Party.ASKER, "answer", first, now))
    assert crossed.agrees()
    assert crossed.answerer.state == "awaiting-info"
