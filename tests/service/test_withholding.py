"""What was numbered and never arrived is taken back when protection is sought, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.identifiers import CaseReference
from service import exchange
from service.store import outgoing
from tests.service.exchange_pair import Pair, Side, message, open_pair


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


async def numbered(pair: Pair) -> tuple[CaseReference, str]:
    """A notification that got a number and never arrived."""
    case = await pair.open_case()
    told = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
    await pair.release(pair.it)
    pair.hub.lose_everything()
    return case, told.id


def test_what_never_arrived_does_not_leave_again_once_protection_is_sought(pair: Pair) -> None:
    async def play() -> None:
        case, told = await numbered(pair)
        await exchange.set_protection(pair.it.node, pair.it.officer, case, "sought", "asylum-applied")
        before = len(pair.hub.carried)
        for _ in range(3):
            pair.clock.pass_by(days=5)
            await pair.settle()
        assert len(pair.hub.carried) == before
        (row,) = await pair.it.rows("select state, sequence, epoch, envelope_id from outbox")
        assert dict(row) == {"state": "held", "sequence": None, "epoch": None, "envelope_id": None}
        (said,) = await pair.it.rows("select status from message where id = :id", id=told)
        assert said["status"] == "accepted", "not said, as far as anybody knows"
        assert await pair.ro.rows("select id from message") == []

    run(play())


def test_lifted_by_two_people_it_leaves_once_and_arrives(pair: Pair) -> None:
    async def play() -> None:
        case, told = await numbered(pair)
        await protect(pair.it, case, "sought")
        pair.clock.pass_by(days=1)
        await pair.settle()
        await exchange.set_protection(pair.it.node, pair.it.officer, case, "not-sought", "child-interviewed")
        await pair.settle()
        assert await pair.ro.rows("select id from message") == [], "one person lifts nothing"
        await exchange.set_protection(
            pair.it.node, pair.it.supervisor, case, "not-sought", "child-interviewed"
        )
        await pair.settle()
        assert [row["id"] for row in await pair.ro.rows("select id from message")] == [told]
        (said,) = await pair.it.rows("select status from message where id = :id", id=told)
        assert said["status"] == "consigned"

    run(play())


def test_other_cases_go_on_and_nobody_is_asked_for_the_number(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await numbered(pair)
        await protect(pair.it, case, "sought")
        other = await pair.open_case()
        await pair.notify(other)
        for _ in range(2):
            pair.clock.pass_by(hours=2)
            for code in ("ro", "it"):
                await pair.reconcile(code)
            await pair.settle()
        assert [
            row["case_reference"] for row in await pair.ro.rows("select case_reference from message")
        ] == [other]
        newest = await pair.ro.rows(
            "select max(epoch) as epoch, last from channel where sender_node = 'it' group by sender_node"
        )
        seen = await pair.ro.rows(
            "select sequence from channel_seen where sender_node = 'it' and epoch = :epoch order by sequence",
            epoch=newest[0]["epoch"],
        )
        assert [row["sequence"] for row in seen] == list(range(1, len(seen) + 1)), "without a gap"

    run(play())


def test_evidence_that_comes_late_counts_and_what_arrived_is_not_sent_again(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        told = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        await pair.deliver("ro")  # it is there, and its evidence is on the way
        await protect(pair.it, case, "sought")
        (row,) = await pair.it.rows("select state from outbox where kind = 'content'")
        assert row["state"] == "held"
        await pair.settle()
        (row,) = await pair.it.rows("select state from outbox where kind = 'content'")
        (said,) = await pair.it.rows("select status from message where id = :id", id=told.id)
        assert (row["state"], said["status"]) == ("done", "consigned")
        await protect(pair.it, case, "not-sought")
        before = len(pair.hub.carried)
        await pair.settle()
        assert len(pair.hub.carried) == before

    run(play())


def test_a_peer_that_lost_it_is_not_told_again(pair: Pair) -> None:
    """It was consigned, and their node was put back from a backup: it asks for what it had."""

    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await protect(pair.it, case, "sought")
        (row,) = await pair.it.rows("select epoch, sequence from outbox where kind = 'content'")
        await pair.it.node.store.write(
            lambda session: outgoing.repeat_numbers(
                session.connection(),
                pair.ro.node.code,
                row["epoch"],
                row["sequence"],
                row["sequence"],
                pair.clock.now(),
            )
        )
        before = len(pair.hub.carried)
        pair.clock.pass_by(hours=1)
        await pair.settle()
        assert "ro" not in [to for to, _ in pair.hub.carried[before:]]
        (held,) = await pair.it.rows("select state from outbox where kind = 'content'")
        (said,) = await pair.it.rows("select status from message where direction = 'out'")
        assert (held["state"], said["status"]) == ("held", "consigned")

    run(play())
