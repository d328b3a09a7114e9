"""What a State owes the child it found, also where no other State is ever told; and who learns of that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.identifiers import CaseReference
from service import exchange
from service.access.roles import Role
from service.exchange.views import DeadlineQuery, DeadlineView
from service.monitor.reminders import Reminders
from tests.service.exchange_pair import Pair, actor, message, open_pair

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
