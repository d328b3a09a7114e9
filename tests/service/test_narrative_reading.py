"""Who was shown what is told of a child stands in the journal: once for a person or a system, a message and a
day."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.identifiers import MessageId
from service import exchange
from service.access.roles import Role
from tests.service.exchange_pair import Pair, Side, actor, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def readings(side: Side) -> list[tuple[str, str]]:
    rows = await side.rows(
        "select actor, subject from access_journal where action = 'narrative-read' order by position"
    )
    return [(row["actor"], row["subject"]) for row in rows]


async def told(pair: Pair) -> MessageId:
    return MessageId((await pair.notify(await pair.open_case())).id)


def test_each_person_is_named_once_a_day_for_each_message(pair: Pair) -> None:
    async def play() -> None:
        message, node = await told(pair), pair.ro.node
        for who in (pair.ro.officer, pair.ro.officer, pair.ro.supervisor, pair.ro.officer):
            view = await exchange.read_message(node, who, message, False, None)
            assert view.content is not None
            assert view.content.narrative
        assert await readings(pair.ro) == [("officer-1", message), ("supervisor-1", message)]
        pair.clock.pass_by(days=1)
        await exchange.read_message(node, pair.ro.officer, message, False, None)
        assert await readings(pair.ro) == [
            ("officer-1", message),
            ("supervisor-1", message),
            ("officer-1", message),
        ]
        pair.clock.pass_by(days=3)
        await exchange.read_message(node, pair.ro.officer, message, False, None)
        kept = await pair.ro.rows("select day from narrative_reading")
        assert len(kept) == 1, "what was noted on days gone by is needed no more"

    run(play())


def test_a_printed_message_is_a_reading_too_and_a_list_of_messages_is_none(pair: Pair) -> None:
    async def play() -> None:
        message, node = await told(pair), pair.ro.node
        await exchange.message_evidence(node, pair.ro.officer, message)
        assert await readings(pair.ro) == []
        await exchange.render_message(node, pair.ro.officer, message, "en", "text")
        assert await readings(pair.ro) == [("officer-1", message)]

    run(play())


def test_a_system_that_reads_or_renders_without_collecting_is_named(pair: Pair) -> None:
    async def play() -> None:
        message, node = await told(pair), pair.ro.node
        reads, prints = (
            actor(pair.ro.office, role=Role.AGENCY_SYSTEM, person=name) for name in ("registry", "printer")
        )
        for _ in range(3):
            await exchange.read_message(node, reads, message, False, None)
            await exchange.render_message(node, prints, message, "en", "text")
        assert await readings(pair.ro) == [("registry", message), ("printer", message)]

    run(play())


def test_what_a_system_reads_is_noted_once_a_day_also_where_it_collects(pair: Pair) -> None:
    async def play() -> None:
        message, node = await told(pair), pair.ro.node
        system = actor(pair.ro.office, role=Role.AGENCY_SYSTEM, person="registry")
        await exchange.read_message(node, system, message, False, None)
        await exchange.collect(node, system, message)
        await exchange.read_message(node, system, message, False, None)
        assert await readings(pair.ro) == [("registry", message)]
        pair.clock.pass_by(days=1)
        await exchange.read_message(node, system, message, False, None)
        assert await readings(pair.ro) == [("registry", message)] * 2

    run(play())


def test_whoever_may_not_read_it_is_shown_nothing_and_not_named(pair: Pair) -> None:
    async def play() -> None:
        message = await told(pair)
        stranger = actor("fr.mna", person="stranger")
        with pytest.raises(Exception, match="no such message"):
            await exchange.read_message(pair.ro.node, stranger, message, False, None)
        assert await readings(pair.ro) == []

    run(play())
