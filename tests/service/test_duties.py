"""What a State owes the child it found, also where no other State is ever told; and who learns of that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference
from service import exchange
from service.access.roles import Role
from service.errors import Forbidden, NotFound
from service.exchange.views import DeadlineQuery, DeadlineView, GuardianView
from service.monitor.gauges import Gauges
from service.monitor.reminders import Reminders
from tests.service.exchange_pair import Pair, actor, message, open_pair
from tests.service.test_gauges import Line, shown

DUTIES = "select obligation, due_at, basis, message from deadline where kind = 'duty' order by due_at"
DIRECTIVE = "directive-2024-1346"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


async def settle(pair: Pair, case: CaseReference, status: Any) -> None:
    for person in (pair.it.officer, pair.it.supervisor):
        await exchange.set_protection(pair.it.node, person, case, status, "child-interviewed")


async def guardian(pair: Pair, by: Any = None) -> list[DeadlineView]:
    page = await exchange.deadlines(pair.it.node, by or pair.it.officer, DeadlineQuery(limit=50))
    return [one for one in page.deadlines if one.obligation == "guardian-notice"]


def test_a_child_that_nobody_may_be_told_of_has_a_guardians_deadline_all_the_same(pair: Pair) -> None:
    async def play() -> None:
        found_at = pair.clock.moment
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        (first,) = await guardian(pair)
        assert first.due.at == found_at + timedelta(hours=24)
        assert first.due.basis == "seed-paper"
        pair.clock.pass_by(hours=3)
        await settle(pair, case, "sought")
        both = await guardian(pair)
        # Tuesday 24 November is not counted, nor is the holiday of 8 December: the 15th working day in
        # Italy is Wednesday 16 December.
        assert [(one.due.at, one.due.basis) for one in both] == [
            (found_at + timedelta(hours=24), "seed-paper"),
            (datetime(2026, 12, 16, 23, tzinfo=UTC), DIRECTIVE),
        ]
        pair.clock.pass_by(days=60)
        await Reminders(pair.it.node).look()
        assert [one.ladder and one.ladder.step for one in await guardian(pair)] == ["focal-point"] * 2

    asyncio.run(play())


def test_one_persons_doubt_starts_no_applicants_duty_and_settling_otherwise_ends_it(pair: Pair) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        await exchange.set_protection(pair.it.node, pair.it.officer, case, "sought", "child-interviewed")
        assert [one.due.basis for one in await guardian(pair)] == ["seed-paper"]
        await exchange.set_protection(pair.it.node, pair.it.supervisor, case, "sought", "child-interviewed")
        assert [one.due.basis for one in await guardian(pair)] == ["seed-paper", DIRECTIVE]
        pair.clock.pass_by(days=2)
        await settle(pair, case, "not-sought")
        (left,) = await guardian(pair)
        assert (left.due.basis, left.overdue) == ("seed-paper", True)

    asyncio.run(play())


def test_a_notice_of_the_guardian_ends_the_duty_and_a_notification_does_not_start_it_anew(pair: Pair) -> None:
    async def play() -> None:
        found_at = pair.clock.moment
        case = await pair.open_case()
        pair.clock.pass_by(days=2)
        notified = await pair.notify(case)
        (late,) = await guardian(pair)
        assert (late.due.at, late.overdue) == (found_at + timedelta(hours=24), True)
        notice = message(
            "guardian.notice",
            case,
            pair.it.office,
            pair.ro.office,
            thread=notified.id,
            in_reply_to=notified.id,
        )
        await pair.it.send(notice)
        assert await guardian(pair) == []

    asyncio.run(play())


def test_an_operator_sees_that_it_is_overdue_and_not_that_protection_is_sought(pair: Pair) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        operator = actor(role=Role.OPERATOR, person="operator-1")
        (before,) = await guardian(pair, operator)
        await settle(pair, case, "sought")
        pair.clock.pass_by(days=40)
        assert len(await guardian(pair)) == 2
        (one,) = await guardian(pair, operator)
        assert one.overdue
        assert (one.due.at, one.due.basis) == (before.due.at, "not-told")

    asyncio.run(play())


def test_nothing_of_protection_stands_in_notices_reminders_or_anything_for_others(pair: Pair) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        await settle(pair, case, "sought")
        for _ in range(40):
            pair.clock.pass_by(days=1)
            await Reminders(pair.it.node).look()
        await pair.settle()
        notices = await pair.it.rows("select * from notice")
        reminders = await pair.it.rows("select * from reminder")
        assert {row["kind"] for row in notices} >= {"overdue", "escalated"}
        assert len(reminders) >= 6
        for row in (*notices, *reminders):
            if row.get("kind", "").startswith("approval"):
                continue
            for word in (case, DIRECTIVE, "protection", "sought", "application"):
                assert word not in str(row)
        assert await pair.ro.rows("select count(*) as found from message") == [{"found": 0}]
        assert await pair.it.rows("select count(*) as found from evidence") == [{"found": 0}]
        assert await pair.it.rows("select count(*) as found from outbox") == [{"found": 0}]
        for name in (DIRECTIVE, "application", "sought"):
            assert name not in pair.it.node.metrics.exposition().decode()

    asyncio.run(play())


# -- what ends it here


async def record(pair: Pair, case: CaseReference, on: date | None, by: Any = None) -> Any:
    return await exchange.record_guardian(pair.it.node, by or pair.it.officer, case, on)


async def journalled(pair: Pair) -> list[tuple[str, str, str | None]]:
    rows = await pair.it.rows(
        "select actor, action, reason from access_journal where action like 'guardian-%' order by position"
    )
    return [(row["actor"], row["action"], row["reason"]) for row in rows]


async def alarm(pair: Pair) -> float:
    await Gauges(pair.it.node, Line()).measure()
    name = 'fp_duty_overdue_seconds{what="guardian-notice"}'
    return shown(pair, name)[name]


TODAY = date(2026, 11, 24)


def test_a_guardian_recorded_here_ends_the_alarm_for_a_child_of_whom_nothing_may_be_told(pair: Pair) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        await settle(pair, case, "sought")
        pair.clock.pass_by(days=60)
        await Reminders(pair.it.node).look()
        assert await alarm(pair) > 0
        view = await record(pair, case, TODAY)
        assert (view.recorded, view.provided_on) == (True, TODAY)
        assert await guardian(pair) == []
        assert await alarm(pair) == 0
        told = len(await pair.it.rows("select * from notice"))
        pair.clock.pass_by(days=60)
        await Reminders(pair.it.node).look()
        assert len(await pair.it.rows("select * from notice")) == told
        # Settled once more as it is: nothing begins anew.
        await settle(pair, case, "sought")
        assert await guardian(pair) == []
        shown_here = (await exchange.case_timeline(pair.it.node, pair.it.officer, case)).case.guardian
        assert shown_here == view

    asyncio.run(play())


def test_one_person_records_it_by_name_and_the_same_again_changes_nothing(pair: Pair) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        for _ in range(2):
            await record(pair, case, TODAY)
        officer, supervisor = pair.it.officer.person, pair.it.supervisor.person
        assert await journalled(pair) == [(officer, "guardian-provided", "2026-11-24")]
        await record(pair, case, date(2026, 11, 20), pair.it.supervisor)
        for _ in range(2):
            await record(pair, case, None)
        assert await journalled(pair) == [
            (officer, "guardian-provided", "2026-11-24"),
            (supervisor, "guardian-provided", "2026-11-20"),
            (officer, "guardian-taken-back", None),
        ]
        assert await record(pair, case, None) == GuardianView(recorded=False)

    asyncio.run(play())


def test_taken_back_each_duty_is_due_when_it_was_and_on_the_step_that_it_had_reached(pair: Pair) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        await settle(pair, case, "sought")
        pair.clock.pass_by(days=5)
        await Reminders(pair.it.node).look()
        before = await guardian(pair)
        steps = await pair.it.rows("select thread, message, step, step_at from deadline order by due_at")
        assert steps[0]["step"] == "supervisor"
        notices = await pair.it.rows("select count(*) as found from notice")
        await record(pair, case, TODAY)
        pair.clock.pass_by(hours=1)
        await record(pair, case, None)
        assert [one.due for one in await guardian(pair)] == [one.due for one in before]
        assert (
            await pair.it.rows("select thread, message, step, step_at from deadline order by due_at") == steps
        )
        await Reminders(pair.it.node).look()
        assert await pair.it.rows("select count(*) as found from notice") == notices
        assert await pair.it.rows("select * from duty_done") == []

    asyncio.run(play())


def test_a_guardian_from_the_first_day_is_not_yet_the_applicants_representative(pair: Pair) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        await record(pair, case, TODAY)
        await settle(pair, case, "sought")
        (owed,) = await guardian(pair)
        assert owed.due.basis == DIRECTIVE
        pair.clock.pass_by(days=40)
        # That it is there says that protection is sought.
        assert await guardian(pair, actor(role=Role.OPERATOR, person="operator-1")) == []
        await record(pair, case, TODAY)
        assert await guardian(pair) == []
        # Not sought any more, and sought again: the former one counts no more.
        await settle(pair, case, "not-sought")
        await settle(pair, case, "sought")
        assert [one.due.basis for one in await guardian(pair)] == [DIRECTIVE]
        # What settling ended is not owed again by taking back.
        await record(pair, case, TODAY)
        await settle(pair, case, "not-sought")
        await record(pair, case, None)
        assert [one.due.basis for one in await guardian(pair)] == ["seed-paper"]

    asyncio.run(play())


def test_a_day_that_has_not_begun_or_is_older_than_a_childhood_is_refused_and_changes_nothing(
    pair: Pair,
) -> None:
    async def play() -> None:
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        for wrong in (TODAY + timedelta(days=1), date(2027, 11, 24), date(2008, 11, 22), date(1999, 1, 1)):
            with pytest.raises(NotAcceptable) as refused:
                await record(pair, case, wrong)
            assert refused.value.code == "case.guardian_date"
        assert len(await guardian(pair)) == 1
        assert await journalled(pair) == []
        # In Rome the 25th has begun.
        pair.clock.moment = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
        await record(pair, case, date(2026, 11, 25))
        await record(pair, case, date(2026, 6, 1))
        assert await guardian(pair) == []

    asyncio.run(play())


def test_only_whoever_works_on_the_case_where_the_child_is_records_it(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        with pytest.raises(Forbidden, match="not_destination") as refused:
            await exchange.record_guardian(pair.ro.node, pair.ro.officer, case, TODAY)
        assert refused.value.code == "case.not_destination"
        stranger = actor("it.other-office", person="stranger")
        with pytest.raises(NotFound):
            await record(pair, case, TODAY, stranger)
        assert await journalled(pair) == []
        assert len(await guardian(pair)) == 1

    asyncio.run(play())


def test_nothing_of_it_is_told_to_the_other_state_or_stands_in_what_is_taken_along(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)

        async def outward() -> tuple[Any, ...]:
            await pair.settle()
            return (
                await pair.it.rows("select * from evidence"),
                await pair.it.rows("select * from outbox"),
                await pair.ro.rows("select * from message"),
                list(pair.hub.carried),
            )

        before = await outward()
        printed = [
            (await exchange.render_timeline(pair.it.node, pair.it.officer, case, "en", "text")).content
        ]
        await record(pair, case, date(2026, 11, 21))
        await record(pair, case, None)
        await record(pair, case, date(2026, 11, 22))
        assert await outward() == before
        printed.append(
            (await exchange.render_timeline(pair.it.node, pair.it.officer, case, "en", "text")).content
        )
        assert printed[0] == printed[1]
        for secret in ("2026-11-21", "2026-11-22", "guardian"):
            bundle = await exchange.case_bundle(pair.it.node, pair.it.officer, case)
            assert secret.encode() not in bundle
        ours = await exchange.case_timeline(pair.it.node, pair.it.officer, case)
        assert [(one.state, one.reason) for one in ours.entries if one.kind == "guardian"] == [
            ("provided", "2026-11-21"),
            ("taken-back", None),
            ("provided", "2026-11-22"),
        ]
        theirs = await exchange.case_timeline(pair.ro.node, pair.ro.officer, case)
        assert theirs.case.guardian is None
        assert "guardian" not in {one.kind for one in theirs.entries}
        system = actor(pair.it.office, role=Role.AGENCY_SYSTEM, person="registry")
        seen = await exchange.case_timeline(pair.it.node, system, case)
        assert "guardian" not in {one.kind for one in seen.entries}

    asyncio.run(play())


@pytest.mark.parametrize("ends", ["decline", "withdraw"])
def test_a_notification_that_is_declined_or_withdrawn_gives_the_child_no_guardian(
    pair: Pair, ends: str
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        (before,) = await guardian(pair)
        side, other = (pair.ro, pair.it) if ends == "decline" else (pair.it, pair.ro)
        await side.send(message(ends, case, side.office, other.office, in_reply_to=notified.id))
        await pair.settle()
        if ends == "decline":
            # Whatever we say next in that conversation.
            alert = message(
                "alert.danger",
                case,
                pair.it.office,
                pair.ro.office,
                thread=notified.id,
                in_reply_to=notified.id,
            )
            await pair.it.send(alert)
        (after,) = await guardian(pair)
        assert after.due == before.due

    asyncio.run(play())


def test_what_was_recorded_or_noticed_does_not_begin_anew_with_another_notification(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await record(pair, case, TODAY)
        first = await pair.notify(case)
        assert await guardian(pair) == []
        notice = message(
            "guardian.notice", case, pair.it.office, pair.ro.office, thread=first.id, in_reply_to=first.id
        )
        await pair.it.send(notice)
        await pair.settle()
        # The other State was told by name: that cannot be taken back here.
        await record(pair, case, None)
        assert await guardian(pair) == []
        await pair.it.send(message("withdraw", case, pair.it.office, pair.ro.office, in_reply_to=first.id))
        await pair.settle()
        await pair.notify(case)
        assert await guardian(pair) == []

    asyncio.run(play())
