"""Both nodes compute the same instant; where they do not, both counts are kept, people are told and the
earlier one holds. What is owed is listed page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from protocol.errors import NotAcceptable
from protocol.evidence import read_evidence
from protocol.statements import StatementType, read
from service import exchange, time_zones
from service.access.roles import Role
from service.exchange import clocks
from service.exchange.views import DeadlineQuery
from service.store import deadlines as rows_of
from tests.service.exchange_pair import Pair, actor, open_pair
from tests.service.much_owed import counted_steps


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


async def evidence_of(pair: Pair, message: str) -> dict[str, str]:
    (row,) = await pair.it.rows(
        "select token from evidence where id = :id and kind = 'content-consigned'", id=message
    )
    return dict(read_evidence(read(row["token"], typ=StatementType.EVIDENCE)).facts)


def test_the_recipients_node_says_what_it_counted_and_by_what(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        request = await pair.request(case)
        facts = await evidence_of(pair, request.id)
        assert request.due is not None
        assert facts["due.acceptance"] == request.due.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert {"due.report", "calendar", "deadlines", "time_zones"} <= facts.keys()
        assert facts["time_zones"] == time_zones.release() != "unknown"
        assert await pair.it.rows("select 1 from clock_difference") == [], "the two agree"

    asyncio.run(play())


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_difference_is_named_told_and_the_earlier_instant_holds(pair: Pair, hours: int) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        request = await pair.request(case)
        (message,) = await pair.it.node.store.read(
            lambda session: (
                session.connection()
                .execute(text("select * from message where id = :id"), {"id": request.id})
                .all()
            )
        )
        (stored,) = await pair.it.rows(
            "select token from evidence where id = :id and kind = 'content-consigned'", id=request.id
        )
        receipt = read_evidence(read(stored["token"], typ=StatementType.EVIDENCE))
        ours = datetime.fromisoformat(receipt.facts["due.report"].replace("Z", "+00:00"))
        theirs = ours + timedelta(hours=hours)
        # The other node's word, as if its machine had an older time-zone database.
        told = dict(receipt.facts) | {
            "due.report": theirs.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "time_zones": "2019a",
        }
        other = type(receipt)(
            **{name: getattr(receipt, name) for name in receipt.__slots__ if name != "facts"}, facts=told
        )
        now = pair.clock.now()
        for _ in range(2):
            await pair.it.node.store.write(
                lambda session: clocks.compare(pair.it.node, session, message, other, now)
            )
        (kept,) = await pair.it.rows("select cause, obligation from clock_difference")
        assert kept == {"cause": "time-zone-database", "obligation": "report"}
        page = await exchange.deadlines(pair.it.node, pair.it.officer, DeadlineQuery(case=case))
        (report,) = [one for one in page.deadlines if one.obligation == "report"]
        assert report.due.at == min(ours, theirs)
        assert report.differs is not None
        assert (report.differs.ours_at, report.differs.theirs_at) == (ours, theirs)
        notices = await pair.it.rows("select audience from notice where kind = 'clock-differs'")
        assert sorted(row["audience"] for row in notices) == ["officer", "operator"]
        timeline = await exchange.case_timeline(pair.it.node, pair.it.officer, case)
        (entry,) = [one for one in timeline.entries if one.kind == "clock-differs"]
        assert entry.code == "time-zone-database"
        counted = pair.it.node.metrics.exposition().decode()
        assert 'fp_clock_differences_total{cause="time-zone-database"} 1.0' in counted

    asyncio.run(play())


def test_pages_follow_each_other_and_leave_nothing_out(pair: Pair) -> None:
    async def play() -> None:
        await _fill(pair, 250)
        operator = actor(role=Role.OPERATOR, person="operator-1")
        seen, after = [], None
        while True:
            page = await exchange.deadlines(pair.it.node, operator, DeadlineQuery(after=after, limit=40))
            seen += [(one.due.at, one.thread) for one in page.deadlines]
            after = page.after
            if not page.more:
                break
        assert len(seen) == len(set(seen)) == 250
        assert seen == sorted(seen)
        with pytest.raises(NotAcceptable) as refused:
            await exchange.deadlines(pair.it.node, operator, DeadlineQuery(after="nonsense"))
        assert refused.value.code == "request.cursor"

    asyncio.run(play())


def test_of_ten_thousand_a_page_reads_no_more_than_of_a_hundred(pair: Pair) -> None:
    """How fast is for the benchmark to say; how much is read is the same on every machine."""

    async def read() -> int:
        operator = actor(role=Role.OPERATOR, person="operator-1")
        with counted_steps() as steps:
            page = await exchange.deadlines(pair.it.node, operator, DeadlineQuery(limit=50))
        assert len(page.deadlines) == 50
        return steps.taken

    async def play() -> None:
        await _fill(pair, 100)
        few = await read()
        await _fill(pair, 9_900, first=100)
        assert 0 < await read() < 1.5 * few

    asyncio.run(play())


async def _fill(pair: Pair, count: int, *, first: int = 0) -> None:
    now = pair.clock.now()
    values = [
        {
            "thread": f"thread-{number:06}",
            "message": f"thread-{number:06}",
            "obligation": "report",
            "kind": "answer",
            "case_reference": "K7QM-3XPT-9V2D-6",
            "procedure": "social-inquiry",
            "state": "requested",
            "asker": "it.servizio-minori",
            "answerer": "ro.anpdca",
            "owed_by": "ro.anpdca",
            "urgency": "ordinary",
            "basis": "project-choice",
            "paused": False,
            "counted_at": now + timedelta(hours=number * 7 % 5_000),
            "due_at": now + timedelta(hours=number * 7 % 5_000),
            "earlier_by": 0,
        }
        for number in range(first, first + count)
    ]
    await pair.it.node.store.write(lambda session: rows_of._ADD.run_all(session.connection(), values))
