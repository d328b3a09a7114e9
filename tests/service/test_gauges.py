"""What an operator watches says what is: rows, silence, hub and directory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from service import exchange
from service.monitor.gauges import Gauges
from service.monitor.overdue import Overdue
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
