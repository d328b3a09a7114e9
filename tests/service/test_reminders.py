"""Reminders: each step of the ladder once, in its order, whatever crashes, races or jumps; never where
nothing may leave; and none of it completes anything."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, select, text
from structlog.testing import capture_logs

from protocol.errors import Refused
from protocol.identifiers import CaseReference, MessageId
from service import exchange
from service.monitor.ladder import following, ladder, ladder_for
from service.monitor.reminders import Reminders, _note_lapsed
from service.monitor.watch import look
from service.node import Node
from service.settings import Settings
from service.store import Store
from service.store.tables import DEADLINE
from tests.service.exchange_pair import Pair, Side, message, open_pair

EVERYTHING = "nudge escalate"
THEIRS = ["overdue", "nudge", "supervisor", "alternate", "focal-point", "intermediary"]
OURS = ["due-soon", "overdue", "supervisor", "focal-point"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    signs(pair.it, EVERYTHING)
    signs(pair.ro, EVERYTHING)
    yield pair
    pair.close()


def signs(side: Side, automatic: str) -> None:
    settings: Settings = dataclasses.replace(side.node.settings, automatic_reminders=automatic)
    side.node = dataclasses.replace(side.node, settings=settings)


async def asked(pair: Pair) -> tuple[CaseReference, MessageId]:
    """A case whose notification was accepted, and an inquiry that nobody answers."""
    case = await pair.open_case()
    notice = await pair.notify(case)
    await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, in_reply_to=notice.id))
    request = await pair.request(case)
    await pair.settle()
    return case, request.id


async def steps(side: Side, thread: str, obligation: str = "report") -> list[str]:
    rows = await side.rows(
        "select step from reminder where thread like :t and obligation = :o order by at, rowid",
        t=thread,
        o=obligation,
    )
    return [row["step"] for row in rows]


async def sent(side: Side, thread: str) -> Counter[str]:
    rows = await side.rows(
        "select type from message where thread = :t and type in ('nudge', 'escalate') and direction = 'out'",
        t=thread,
    )
    return Counter(row["type"] for row in rows)


async def pass_days(pair: Pair, days: int) -> None:
    for _ in range(days):
        pair.clock.pass_by(days=1)
        await Reminders(pair.it.node).look()
        await Reminders(pair.ro.node).look()
        await pair.settle()


def test_each_step_is_taken_once_and_in_order_by_both_sides(pair: Pair) -> None:
    async def play() -> None:
        _, thread = await asked(pair)
        before = await pair.ro.rows("select state from thread")
        await pass_days(pair, 45)
        # A nudge and two escalations: all three arrived, and none of them completed anything.
        arrived = "select count(*) as n from message where type in ('nudge','escalate') and direction = 'in'"
        assert await pair.ro.rows(arrived) == [{"n": 3}]
        assert await pair.ro.rows("select state from thread") == before
        await pass_days(pair, 95)  # the sample directory's sealing keys have ended: nothing arrives any more
        for obligation in ("acceptance", "report"):
            assert await steps(pair.it, thread, obligation) == THEIRS
            assert await steps(pair.ro, thread, obligation) == OURS
        assert await sent(pair.it, thread) == {"nudge": 2, "escalate": 4}
        kinds = Counter(row["kind"] for row in await pair.it.rows("select kind from notice"))
        assert kinds["overdue"] >= 2
        assert kinds["escalated"] >= 6

    asyncio.run(play())


def test_nobody_is_reminded_and_reported_in_one_breath_after_most_of_a_year_of_absence(pair: Pair) -> None:
    async def play() -> None:
        _, thread = await asked(pair)
        pair.clock.pass_by(days=320)  # the keys of the sample directory sign for a year
        await Reminders(pair.it.node).look()
        assert await steps(pair.it, thread) == ["overdue", "nudge"]
        assert await Reminders(pair.it.node).look() == 0
        await pass_days(pair, 40)
        assert await steps(pair.it, thread) == THEIRS
        # Both its deadlines were late by then: one nudge for one message, and one word to a supervisor.
        assert await sent(pair.it, thread) == {"nudge": 1, "escalate": 3}

    asyncio.run(play())


def test_two_workers_on_one_database_take_each_step_once(pair: Pair) -> None:
    async def prepare() -> str:
        case, thread = await asked(pair)
        for _ in range(6):
            await pair.request(case)
        signs(pair.it, "nudge")
        pair.clock.pass_by(days=125)
        return thread

    asyncio.run(prepare())
    start = threading.Barrier(3)
    taken: list[int] = []

    def race() -> None:
        node = dataclasses.replace(pair.it.node, store=Store(pair.it.node.store.url, readers=1))
        try:
            start.wait()
            taken.append(asyncio.run(Reminders(node).look()))
        finally:
            node.store.close()

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def count() -> None:
        (row,) = await pair.it.rows("select count(*) as n from reminder")
        assert sum(taken) == row["n"] > 15
        (nudges,) = await pair.it.rows(
            "select count(*) as n, count(distinct id) as d from message where type = 'nudge'"
        )
        (rows,) = await pair.it.rows(
            "select count(*) as n from reminder where step = 'nudge' and sent is not null"
        )
        assert nudges == {"n": rows["n"], "d": rows["n"]}
        (queued,) = await pair.it.rows(
            "select count(*) as n from outbox where kind = 'content' and state = 'queued'"
        )
        assert queued["n"] == nudges["n"]

    asyncio.run(count())


def test_a_worker_that_is_killed_at_any_statement_repeats_nothing_and_loses_nothing(tmp_path: Path) -> None:
    pair = open_pair(tmp_path)
    signs(pair.it, EVERYTHING)

    async def prepare() -> str:
        _, thread = await asked(pair)
        pair.clock.pass_by(days=95)
        return thread

    thread = asyncio.run(prepare())
    url = pair.it.node.store.url
    pair.close()  # a process is forked below, and threads do not survive that
    killed = 0
    for at in range(1, 400, 2):
        child = os.fork()
        if child == 0:
            _look_and_die(pair.it.node, url, at)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        killed += 1
    assert killed > 8, "it was killed in the midst of it"
    store = Store(url, readers=1)
    rows = store.read_now(
        lambda session: (
            session.connection()
            .execute(text("select obligation, step, count(*) from reminder group by 1, 2"))
            .all()
        )
    )
    assert {(obligation, step) for obligation, step, _ in rows} >= {
        (obligation, step) for obligation in ("acceptance", "report") for step in ("overdue", "nudge")
    }
    assert all(count == 1 for *_, count in rows)
    messages = store.read_now(
        lambda session: (
            session.connection()
            .execute(
                text(
                    "select m.id,"
                    " (select count(*) from outbox o where o.message_id = m.id and o.kind = 'content'),"
                    " (select count(*) from evidence e where e.id = m.id) from message m"
                    " where m.type = 'nudge' and m.thread = :t"
                ),
                {"t": thread},
            )
            .all()
        )
    )
    assert [row[1:] for row in messages] == [(1, 1)], "with its outbox row and evidence, once"
    store.close()


def _look_and_die(node: Node, url: str, at: int) -> None:
    """In a process of its own: killed before its `at`-th writing statement."""
    try:
        store = Store(url, readers=1)
        count = 0

        @event.listens_for(store.engine, "before_cursor_execute")
        def on_statement(*_: Any) -> None:
            nonlocal count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(Reminders(dataclasses.replace(node, store=store)).look())
        store.close()
        os._exit(0)
    except BaseException:
        os._exit(1)


def test_what_is_answered_paused_or_extended_is_not_reminded_of(pair: Pair) -> None:
    async def play() -> None:
        case, thread = await asked(pair)
        (row,) = await pair.it.rows(
            "select due_at from deadline where thread = :t and obligation = 'acceptance'", t=thread
        )
        question = await pair.ro.send(
            message("query", case, pair.ro.office, pair.it.office, in_reply_to=thread)
        )
        await pair.settle()
        (moved,) = await pair.it.rows(
            "select due_at, paused from deadline where thread = :t and obligation = 'acceptance'", t=thread
        )
        assert moved["due_at"] > row["due_at"]
        assert moved["paused"]
        pair.clock.pass_by(days=11)
        await Reminders(pair.it.node).look()
        assert await steps(pair.it, thread, "acceptance") == [], "its clock stands still"
        # What we owe is the answer to their question: our own officer is told before it is due.
        assert await steps(pair.it, thread, "answer") == ["due-soon"]
        await pair.it.send(message("answer", case, pair.it.office, pair.ro.office, in_reply_to=question.id))
        await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, in_reply_to=thread))
        await pair.settle()
        owed = await pair.it.rows("select obligation from deadline where thread = :t", t=thread)
        assert [one["obligation"] for one in owed] == ["report"]
        await pass_days(pair, 60)
        assert await sent(pair.it, thread) == {}

    asyncio.run(play())


def test_a_question_that_is_answered_at_once_costs_the_ladder_no_look(pair: Pair) -> None:
    async def play() -> None:
        case, thread = await asked(pair)
        while await steps(pair.it, thread, "acceptance") != ["overdue"]:
            await pass_days(pair, 1)
        before = await pair.it.rows("select due_at from deadline where obligation = 'acceptance'")
        ours, theirs = pair.it.office, pair.ro.office
        question = await pair.ro.send(message("query", case, theirs, ours, in_reply_to=thread))
        await pair.settle()
        await pair.it.send(message("answer", case, ours, theirs, in_reply_to=question.id, thread=thread))
        await pair.settle()
        # The instant went away and came back.
        assert await pair.it.rows("select due_at from deadline where obligation = 'acceptance'") == before
        pair.clock.pass_by(days=1)
        assert await Reminders(pair.it.node).look() == 1
        assert await steps(pair.it, thread, "acceptance") == ["overdue", "nudge"]

    asyncio.run(play())


def test_while_protection_is_sought_no_reminder_leaves_and_an_officer_is_told(pair: Pair) -> None:
    async def play() -> None:
        case, thread = await asked(pair)
        await exchange.set_protection(pair.it.node, pair.it.officer, case, "sought", "child-interviewed")
        await pair.settle()
        await pair.reconcile("ro")  # it has all that was sent before
        carried = len(pair.hub.carried)
        await pass_days(pair, 200)
        told = [data for to, data in pair.hub.carried[carried:] if to == "ro"]
        assert told == [], "not a number in a sequence"
        assert await sent(pair.it, thread) == {}
        refused = await pair.it.rows("select distinct code from reminder where step = 'nudge'")
        assert [row["code"] for row in refused] == ["safeguard.international_protection"]
        (asked_to,) = await pair.it.rows(
            "select count(*) as n from notice where key like '%/nudge/%/to-send'"
        )
        assert asked_to["n"] == 2

    asyncio.run(play())


def test_a_clock_that_moves_between_the_look_and_the_step_is_left_alone(pair: Pair) -> None:
    """What another worker found is a moment old: the extension that came since must count."""

    async def play() -> None:
        case, thread = await asked(pair)
        await pair.ro.send(message("query", case, pair.ro.office, pair.it.office, in_reply_to=thread))
        await pair.settle()
        pair.clock.pass_by(days=11)
        stale = await pair.it.node.store.read(
            lambda session: (
                session.connection()
                .execute(
                    select(DEADLINE).where(DEADLINE.c.thread == thread, DEADLINE.c.obligation == "acceptance")
                )
                .one()
            )
        )
        before: Any = SimpleNamespace(
            **(dict(stale._mapping) | {"due_at": stale.due_at - timedelta(days=14)})
        )
        await Reminders(pair.it.node)._climb(before, pair.clock.now())
        assert await steps(pair.it, thread, "acceptance") == []

    asyncio.run(play())


def test_a_node_signs_no_more_than_its_setting_allows(pair: Pair) -> None:
    async def play() -> None:
        signs(pair.it, "")
        _, thread = await asked(pair)
        await pass_days(pair, 140)
        assert await sent(pair.it, thread) == {}
        assert await steps(pair.it, thread) == THEIRS
        codes = await pair.it.rows(
            "select distinct code from reminder where step in ('nudge', 'supervisor') and thread = :t",
            t=thread,
        )
        assert [row["code"] for row in codes] == ["not-automatic"]

    asyncio.run(play())


def test_what_an_officer_sent_by_hand_is_not_sent_again(pair: Pair) -> None:
    async def play() -> None:
        case, thread = await asked(pair)
        pair.clock.pass_by(days=12)
        await pair.it.send(message("nudge", case, pair.it.office, pair.ro.office, in_reply_to=thread))
        pair.clock.pass_by(days=2)
        await Reminders(pair.it.node).look()
        (row,) = await pair.it.rows("select code, sent from reminder where step = 'nudge'")
        assert row == {"code": "said-already", "sent": None}
        assert await sent(pair.it, thread) == {"nudge": 1}

    asyncio.run(play())


def test_a_directory_that_has_expired_stops_no_reminder(pair: Pair) -> None:
    """The focal point is asked for by the last good directory; and what is behind it is looked at."""

    async def play() -> None:
        case, thread = await asked(pair)
        ours = Reminders(pair.ro.node)
        while await steps(pair.ro, thread, "acceptance") != OURS[:3]:
            pair.clock.pass_by(days=1)
            await ours.look()
        pair.clock.pass_by(days=11)
        urgent = message("identity.request", case, pair.it.office, pair.ro.office)
        second = (await pair.it.send(dataclasses.replace(urgent, urgency="emergency"))).id
        await pair.settle()
        pair.clock.moment = max(pair.directory_ends(), pair.clock.now() + timedelta(hours=30))
        with pytest.raises(Refused, match="expired"):
            pair.ro.node.directory.current()
        assert await ours.look() > 0
        assert await steps(pair.ro, thread, "acceptance") == OURS
        assert "overdue" in await steps(pair.ro, second, "acceptance")
        told = await pair.ro.rows("select kind from notice where subject = :t and kind = 'overdue'", t=second)
        assert told

    asyncio.run(play())


def test_a_deadline_that_fails_stops_none_behind_it_and_is_found_late(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as one look takes fail, whatever the reason, and the one behind them is reminded of."""
    monkeypatch.setattr("service.monitor.reminders.MOST", 2)

    async def play() -> None:
        case, first = await asked(pair)
        pair.clock.pass_by(days=1)
        more = [(await pair.request(case)).id for _ in range(3)]
        await pair.settle()
        spoilt = [first, *more[:2]]
        for thread in spoilt:
            await pair.it.node.store.write(
                lambda session, thread=thread: session.connection().execute(
                    text("update thread set snapshot = '{}' where id = :t"), {"t": thread}
                )
            )
        pair.clock.pass_by(days=125)
        with capture_logs() as logs:
            await Reminders(pair.it.node).look()
        assert await steps(pair.it, more[2]) == ["overdue", "nudge"]
        assert [await steps(pair.it, thread) for thread in spoilt] == [["overdue"]] * 3
        (said,) = [line for line in logs if line["event"] == "reminders.rows_failed"]
        assert said["count"] >= 3
        now = pair.clock.now()
        late = await pair.it.node.store.read(lambda session: look(session, pair.it.node, now))
        assert late.counts["reminder.late"] == said["count"], "they stay due, and somebody is called"

    asyncio.run(play())


def test_both_sides_of_a_lapse_within_one_state_are_told(pair: Pair) -> None:
    async def play() -> None:
        _, thread = await asked(pair)
        row = SimpleNamespace(
            thread=thread,
            message=thread,
            obligation="report",
            due_at=pair.clock.now(),
            asker="ro.anpdca",
            answerer="ro.focal-point",
        )
        for _ in range(2):
            await pair.ro.node.store.write(
                lambda session: _note_lapsed(session, row, pair.clock.now(), pair.ro.node.state)  # type: ignore[arg-type]
            )
        told = await pair.ro.rows("select authority from notice where kind = 'lapsed' order by authority")
        assert [one["authority"] for one in told] == ["ro.anpdca", "ro.focal-point"]

    asyncio.run(play())


def test_focal_points_learn_of_an_office_and_of_no_case(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await asked(pair)
        await pass_days(pair, 140)
        for side in (pair.it, pair.ro):
            notices = await side.rows(
                "select kind, authority, subject, key from notice where kind in"
                " ('due-soon', 'overdue', 'escalated', 'lapsed')"
            )
            others = [row for row in notices if row["authority"] not in (None, side.office)]
            for row in others:
                assert row["subject"] in (pair.it.office, pair.ro.office)
            for row in notices:
                assert case not in f"{row['subject']}{row['key']}"

    asyncio.run(play())


def test_the_duty_to_notify_is_not_pressed_while_protection_is_sought(pair: Pair) -> None:
    async def play() -> None:
        case = await exchange.open_case(pair.it.node, pair.it.officer)
        duty = "select obligation from deadline where case_reference = :c and kind = 'duty' order by due_at"
        assert await pair.it.rows(duty, c=case.reference) == [
            {"obligation": "guardian-notice"},
            {"obligation": "case-notification"},
        ]
        await exchange.set_protection(
            pair.it.node, pair.it.officer, case.reference, "sought", "child-interviewed"
        )
        pair.clock.pass_by(days=30)
        await Reminders(pair.it.node).look()
        assert await steps(pair.it, "%", "case-notification") == []
        await exchange.set_protection(
            pair.it.node, pair.it.supervisor, case.reference, "sought", "child-interviewed"
        )
        for person in (pair.it.officer, pair.it.supervisor):
            await exchange.set_protection(
                pair.it.node, person, case.reference, "not-sought", "child-interviewed"
            )
        pair.clock.pass_by(days=2)
        await Reminders(pair.it.node).look()
        assert await steps(pair.it, "%", "case-notification") == OURS
        await pair.notify(case.reference)
        assert await pair.it.rows(duty, c=case.reference) == [{"obligation": "guardian-notice"}]

    asyncio.run(play())


def test_every_row_of_the_ladder_says_where_it_comes_from_and_leads_on() -> None:
    for step in ladder():
        assert (step.basis, step.source) == ("project-choice", "project choice")
        assert step.offsets.keys() == {"ordinary", "urgent", "emergency"}
        assert step.signs or step.tell
    for side in ("us", "them"):
        for urgency in ("ordinary", "urgent", "emergency"):
            offsets = [step.offset(urgency) for step in ladder_for(side)]  # type: ignore[arg-type]
            assert offsets == sorted(offsets)
    assert {step.signs for step in ladder_for("us")} == {None}, "nobody reminds itself by a signed message"
    last = ladder_for("them")[-1]
    assert last.name == "intermediary"
    assert last.signs is None, "that route is offered, and taken by people alone"


def test_a_step_taken_late_gives_the_next_one_its_time() -> None:
    from tests.protocol.sample_directory import NOW

    late = NOW + timedelta(days=100)
    found = following("them", "ordinary", due_at=NOW, after="nudge", after_at=late)
    assert found is not None
    assert (found[0].name, found[1]) == ("supervisor", late + timedelta(days=6))
