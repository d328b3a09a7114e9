"""A State that is late asks, or names a new date: shown, and nothing begins anew."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import exchange
from service.exchange.views import DeadlineQuery
from service.monitor.reminders import Reminders
from tests.service.exchange_pair import Pair, message, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    for side in (pair.it, pair.ro):
        settings = dataclasses.replace(side.node.settings, automatic_reminders="nudge escalate")
        side.node = dataclasses.replace(side.node, settings=settings)
    yield pair
    pair.close()


@pytest.mark.parametrize("word", ["query", "progress"])
def test_what_a_late_state_says_begins_no_ladder_anew(pair: Pair, word: str) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notice = await pair.notify(case)
        await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, in_reply_to=notice.id))
        asked = dataclasses.replace(
            message("social-inquiry.request", case, pair.it.office, pair.ro.office), urgency="emergency"
        )
        thread = (await pair.it.send(asked)).id
        await pair.settle()
        about = {"thread": thread, "in_reply_to": thread}
        await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, **about))
        await pair.settle()

        async def day() -> None:
            pair.clock.pass_by(days=1)
            for side in (pair.it, pair.ro):
                await Reminders(side.node).look()
            await pair.settle()

        for _ in range(8):
            await day()
        said = message(
            word,
            case,
            pair.ro.office,
            pair.it.office,
            **about,
            change=lambda coded: coded.update(new_due_on="2027-02-20") if word == "progress" else None,
        )
        await pair.ro.send(said)
        await pair.settle()
        for _ in range(20):
            await day()
        for side in (pair.it, pair.ro):
            page = await exchange.deadlines(side.node, side.officer, DeadlineQuery(case=case, limit=50))
            (report,) = [one for one in page.deadlines if one.obligation == "report"]
            assert report.overdue
            assert not report.due.paused
            steps = await side.rows("select step, due_at from reminder where obligation = 'report'")
            assert len({row["due_at"] for row in steps}) == 1
            assert len({row["step"] for row in steps}) == len(steps)
        signed = await pair.it.rows(
            "select type from message where direction = 'out' and thread = :t"
            " and type in ('nudge', 'escalate') order by type",
            t=thread,
        )
        assert [row["type"] for row in signed] == ["escalate", "escalate", "nudge"]

    asyncio.run(play())
