"""What an operator watches says what is: rows, silence, hub and directory."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.errors import Refused
from service import exchange
from service.monitor.gauges import Gauges
from service.monitor.overdue import Overdue
from service.monitor.watch import look
from tests.service.exchange_pair import Pair, message, open_pair


@dataclass
class Line:
    """A connection to the hub, as the link shows it."""

    connected: bool = True
    generation: int = 1


def shown(pair: Pair, name: str) -> dict[str, float]:
    lines = pair.it.node.metrics.exposition().decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)}


def test_the_gauges_show_queues_silence_hub_and_directory(tmp_path: Path) -> None:
    pair = open_pair(tmp_path)
    line = Line()
    gauges = Gauges(pair.it.node, line)

    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        pair.clock.pass_by(seconds=90)
        await gauges.measure()
        assert shown(pair, "fp_outbox_rows") == {'fp_outbox_rows{state="queued"}': 1}
        assert shown(pair, "fp_outbox_oldest_seconds") == {"fp_outbox_oldest_seconds": 90}
        assert shown(pair, "fp_oldest_unanswered_seconds")["fp_oldest_unanswered_seconds"] < 0
        assert shown(pair, "fp_hub_connected") == {"fp_hub_connected": 1}
        assert shown(pair, "fp_directory_sequence") == {"fp_directory_sequence": 1}
        assert shown(pair, 'fp_accepted_total{type="case.notification"}') != {}

        await exchange.set_protection(pair.it.node, pair.it.officer, case, "sought", "child-interviewed")
        pair.clock.pass_by(days=120)
        line.generation, line.connected = 2, False
        await gauges.measure()
        held = {'fp_outbox_rows{state="held"}': 1.0}
        assert shown(pair, "fp_outbox_rows") == held, "what is held is counted, and is not late"
        assert shown(pair, "fp_outbox_oldest_seconds") == {"fp_outbox_oldest_seconds": 0}
        assert shown(pair, "fp_hub_connected") == {"fp_hub_connected": 0}
        assert shown(pair, "fp_hub_reconnects_total") == {"fp_hub_reconnects_total": 1}
        assert sum(shown(pair, "fp_threads_overdue").values()) == 2

    asyncio.run(play())
    pair.close()


def test_an_overdue_conversation_is_noted_once_and_nothing_is_completed_by_it(tmp_path: Path) -> None:
    pair = open_pair(tmp_path)

    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        overdue = Overdue(pair.it.node)
        assert await overdue.look() == 0
        before = await pair.it.rows("select state, snapshot from thread")
        pair.clock.pass_by(days=5)
        assert await overdue.look() == 1
        assert await overdue.look() == 0
        assert await pair.it.rows("select state, snapshot from thread") == before

    asyncio.run(play())
    pair.close()


def test_what_is_watched_of_the_directory_goes_on_past_its_expiry(tmp_path: Path) -> None:
    pair = open_pair(tmp_path)
    gauges = Gauges(pair.it.node, Line())
    ends = pair.directory_ends()

    async def play() -> None:
        await pair.notify(await pair.open_case())
        await pair.reconcile("ro")
        for left in (180.0, -1.0, -259_200.0):
            pair.clock.moment = ends - timedelta(seconds=left)
            await gauges.measure()
            await gauges.watch()
            name = "fp_directory_expires_seconds"
            assert shown(pair, name) == {name: left}
            assert shown(pair, "fp_directory_half_life_seconds")["fp_directory_half_life_seconds"] < 0
            assert shown(pair, 'fp_stuck{what="directory.expired"}') == {
                'fp_stuck{what="directory.expired"}': float(left < 0)
            }
            # What else rests on the directory does not clear because nobody knows it any more.
            assert shown(pair, 'fp_stuck{what="channel.silent"}') == {'fp_stuck{what="channel.silent"}': 1.0}
            assert shown(pair, "fp_delivery_target_seconds") != {}

    asyncio.run(play())
    pair.close()


def test_a_charter_that_ends_before_the_snapshot_ends_the_directory(tmp_path: Path) -> None:
    pair = open_pair(tmp_path)
    ends = pair.directory_ends()
    before = pair.world.directory
    charter = dataclasses.replace(before.charter, expires_at=ends - timedelta(days=1))
    pair.world.directory = dataclasses.replace(before, charter=charter)

    async def play() -> None:
        pair.clock.moment = charter.expires_at
        with pytest.raises(Refused, match="expired"):
            pair.it.node.directory.current()
        await Gauges(pair.it.node, Line()).measure()
        assert shown(pair, "fp_directory_expires_seconds") == {"fp_directory_expires_seconds": 0.0}
        looked = await pair.it.node.store.read(lambda session: look(session, pair.it.node, pair.clock.now()))
        assert looked.counts["directory.expired"] == 1

    asyncio.run(play())
    pair.close()


def test_a_duty_to_a_child_is_measured_and_the_notification_only_where_it_may_be_pressed(
    tmp_path: Path,
) -> None:
    pair = open_pair(tmp_path)
    gauges = Gauges(pair.it.node, Line())

    async def late() -> float:
        await gauges.measure()
        name = 'fp_duty_overdue_seconds{what="case-notification"}'
        return shown(pair, name)[name]

    async def play() -> None:
        case = await pair.open_case()
        assert await late() == 0
        pair.clock.pass_by(days=30)
        assert await late() > 86_400
        await exchange.set_protection(pair.it.node, pair.it.officer, case, "sought", "child-interviewed")
        assert await late() == 0

    asyncio.run(play())
    pair.close()
