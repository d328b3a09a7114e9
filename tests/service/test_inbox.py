"""What the hub is told of each envelope, and when: after the commit, and never for what a fault of ours
kept out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from service.routing.inbox import PATIENCE, Inbox
from tests.service.exchange_pair import Pair, message, open_pair


@dataclass
class Handed:
    """One envelope as the hub hands it over; remembers what it was told."""

    data: bytes
    attempt: int = 1
    told: list[str] = field(default_factory=list)

    async def ack(self) -> bool:
        self.told.append("ack")
        return True

    async def nak(self, delay: float) -> bool:
        assert delay > 0
        self.told.append("nak")
        return True

    async def term(self, reason: str) -> bool:
        self.told.append(f"term {reason}")
        return True


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


async def handed_over(pair: Pair, *handed: Handed) -> None:
    await Inbox(pair.ro.node, cast(Any, None)).take(cast(Any, list(handed)))


async def envelope(pair: Pair) -> bytes:
    case = await pair.open_case()
    await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
    await pair.release(pair.it)
    (data,) = pair.hub.waiting["ro"]
    return data


def test_what_was_taken_is_acknowledged_and_what_nobody_vouches_for_is_ended(pair: Pair) -> None:
    async def play() -> None:
        good, again, noise = (Handed(data) for data in (*[await envelope(pair)] * 2, b"noise"))
        await handed_over(pair, good, again, noise)
        assert (good.told, again.told) == (["ack"], ["ack"])
        assert noise.told == ["term json.malformed"]
        assert len(await pair.ro.rows("select id from message")) == 1

    asyncio.run(play())


def test_a_fault_of_ours_acknowledges_nothing_and_in_the_end_sets_it_aside(pair: Pair) -> None:
    async def play() -> None:
        data = await envelope(pair)
        await pair.ro.node.store.write(
            lambda session: session.connection().exec_driver_sql("alter table inbox rename to lost")
        )
        first, last = Handed(data), Handed(data, attempt=PATIENCE)
        await handed_over(pair, first)
        assert first.told == ["nak"]
        await handed_over(pair, last)
        assert last.told == ["term node.internal"]
        assert [row["code"] for row in await pair.ro.rows("select code from quarantine")] == ["node.internal"]

    asyncio.run(play())


def test_a_whole_round_that_fails_comes_again(pair: Pair) -> None:
    async def play() -> None:
        handed = Handed(await envelope(pair))
        await pair.ro.node.store.write(
            lambda session: session.connection().exec_driver_sql("alter table channel_seen rename to lost")
        )
        await handed_over(pair, handed)
        assert handed.told == ["nak"], (
            "the message is stored, its number is not counted: not yet acknowledged"
        )

    asyncio.run(play())
