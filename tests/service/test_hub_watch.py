"""The hub operator's own view: who fetches and who is away, what lies where and since when."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nats.aio.client import Client
from prometheus_client import generate_latest
from typer.testing import CliRunner

from protocol.identifiers import NodeCode
from service.cli.main import app
from service.routing.hub import EmbeddedHub, new_user_seed, public_user_key
from service.routing.hub_watch import AWAY_AFTER, HubMetrics, HubState, HubWatch, InboxState, inbox_lines
from service.routing.nats import HubLink
from service.routing.provision import InboxQuota

IT, RO = NodeCode("it"), NodeCode("ro")
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def inbox(**changed: object) -> InboxState:
    values: dict[str, object] = {
        "node": RO,
        "messages": 3,
        "size": 300,
        "most_size": 1000,
        "oldest_at": NOW - timedelta(hours=2),
        "pending": 3,
        "unanswered": 0,
        "redelivered": 0,
        "fetches": False,
        "active_at": NOW - timedelta(hours=1),
    }
    return InboxState(**(values | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "away"),
    [
        ({}, True),
        ({"fetches": True}, False),
        ({"active_at": None}, True),
        ({"active_at": NOW - timedelta(seconds=AWAY_AFTER - 1)}, False),
        ({"active_at": NOW - timedelta(seconds=AWAY_AFTER)}, True),
        ({"fetches": True, "connections": 0}, True),
        ({"fetches": False, "connections": 1}, False),
    ],
)
def test_who_neither_fetches_nor_took_anything_lately_is_away(changed: dict[str, object], away: bool) -> None:
    assert inbox(**changed).is_away(NOW) is away


def test_metrics_and_lines_say_what_is() -> None:
    state = HubState(
        at=NOW,
        storage=5,
        most_storage=10,
        directory_documents=7,
        inboxes=(inbox(), inbox(node=IT, fetches=True, messages=0, oldest_at=None)),
        advisories={"consumer.max_deliveries": 2},
    )
    shown = HubMetrics()
    shown.show(state)
    text = generate_latest(shown.registry).decode()
    for line in (
        "fp_hub_up 1.0",
        "fp_hub_storage_bytes 5.0",
        'fp_hub_inbox_messages{node="ro"} 3.0',
        'fp_hub_inbox_limit_bytes{node="ro"} 1000.0',
        'fp_hub_inbox_oldest_seconds{node="ro"} 7200.0',
        'fp_hub_inbox_oldest_seconds{node="it"} 0.0',
        'fp_hub_node_away{node="ro"} 1.0',
        'fp_hub_node_away_seconds{node="ro"} 3600.0',
        'fp_hub_node_away{node="it"} 0.0',
        'fp_hub_advisories{kind="consumer.max_deliveries"} 2.0',
    ):
        assert line in text.splitlines(), line
    first, second = inbox_lines(state)
    assert first.startswith("ro         AWAY since 2027-03-01T11:00:00Z; 3 envelopes, 300 bytes (30 % full)")
    assert second.startswith("it         there")
    shown.unreachable()
    assert "fp_hub_up 0.0" in generate_latest(shown.registry).decode()


async def until(holds: Callable[[HubState], bool], watch: HubWatch, now: datetime | None = None) -> HubState:
    async with asyncio.timeout(15):
        while True:
            state = await watch.look(now or datetime.now(UTC))
            if holds(state):
                return state
            await asyncio.sleep(0.05)


async def connected(hub: EmbeddedHub, seed: str) -> Client:
    nc = Client()
    await nc.connect(hub.url, nkeys_seed_str=seed)
    return nc


@pytest.mark.network
def test_an_operator_sees_at_the_real_hub_who_is_away_and_what_waits_for_whom(tmp_path: Path) -> None:
    seeds = {code: new_user_seed(os.urandom) for code in (IT, RO)}

    def of(state: HubState, code: NodeCode) -> InboxState:
        return next(one for one in state.inboxes if one.node == code)

    async def play() -> None:
        hub = EmbeddedHub(
            tmp_path,
            members={code: public_user_key(seed) for code, seed in seeds.items()},
            max_payload=1 << 20,
            random_bytes=os.urandom,
            quota=InboxQuota(max_payload=1 << 20, max_bytes=1 << 26),
        )
        async with hub:
            it, ro = (HubLink(hub.url, code=code, seed=seeds[code], answer_within=1) for code in (IT, RO))
            nc = await connected(hub, (tmp_path / "hub.nk").read_text().strip())
            system = await connected(hub, (tmp_path / "sys.nk").read_text().strip())
            outside, inside = HubWatch(nc), HubWatch(nc, system)
            await it.start()
            assert await it.wait_connected(5)
            await it.publish_envelope(RO, b"sealed", "digest-1")
            much_later = datetime.now(UTC) + timedelta(days=2)
            for watch in (outside, inside):
                state = await until(lambda state: of(state, RO).messages == 1, watch, much_later)
                assert of(state, RO).is_away(state.at), "it never fetched"
                assert of(state, RO).most_size == 1 << 26
                assert timedelta(days=1) < state.at - (of(state, RO).oldest_at or state.at)
                assert state.storage > 0
            assert of(await inside.look(much_later), IT).connections == 1

            await ro.start()
            assert await ro.wait_connected(5)

            async def fetch() -> None:
                async for some in ro.deliveries():
                    for one in some:
                        await one.ack()

            task = asyncio.create_task(fetch())
            for watch in (outside, inside):
                state = await until(lambda state: of(state, RO).messages == 0, watch)
                state = await until(lambda state: of(state, RO).fetches, watch)
                assert not of(state, RO).is_away(much_later), "it asks for its mail"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await ro.stop()
            state = await until(lambda state: of(state, RO).connections == 0, inside)
            assert of(state, RO).is_away(state.at)
            command = ["hub", "watch", "--json", "--url", hub.url]
            command += [
                "--seed-file",
                str(tmp_path / "hub.nk"),
                "--system-seed-file",
                str(tmp_path / "sys.nk"),
            ]
            told = await asyncio.to_thread(CliRunner().invoke, app, command)
            assert told.exit_code == 0, told.output
            rows = {row["node"]: row for row in json.loads(told.stdout)["inboxes"]}
            assert {code: row["away"] for code, row in rows.items()} == {"ro": True, "it": False}
            command = ["hub", "metrics", "--url", hub.url, "--seed-file", str(tmp_path / "hub.nk")]
            told = await asyncio.to_thread(CliRunner().invoke, app, command)
            assert told.exit_code == 0, told.output
            assert "fp_hub_up 1.0" in told.stdout
            assert 'fp_hub_inbox_messages{node="ro"} 0.0' in told.stdout
            assert "sealed" not in told.stdout
            await nc.close()
            await system.close()
            await it.stop()

    asyncio.run(play())
