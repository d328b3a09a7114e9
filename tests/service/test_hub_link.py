"""The link to the hub, against the real server: what it promises, and that it comes back from everything."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol.identifiers import NodeCode
from service.errors import Misconfigured, TooLarge
from service.routing.hub import EmbeddedHub, new_user_seed, public_user_key
from service.routing.nats import Delivery, HubLink, HubUnavailable
from service.routing.provision import InboxQuota

pytestmark = pytest.mark.network

IT, RO, IOM = NodeCode("it"), NodeCode("ro"), NodeCode("int-iom")
MAX_PAYLOAD = 1 << 20


@dataclass
class Pair:
    hub: EmbeddedHub
    it: HubLink
    ro: HubLink
    iom: HubLink


@asynccontextmanager
async def running(directory: Path, *, per_sender: int = 1000, redeliver: int = 30) -> AsyncIterator[Pair]:
    seeds = {code: new_user_seed(os.urandom) for code in (IT, RO, IOM)}
    hub = EmbeddedHub(
        directory,
        members={code: public_user_key(seed) for code, seed in seeds.items()},
        max_payload=MAX_PAYLOAD,
        random_bytes=os.urandom,
        quota=InboxQuota(
            max_payload=MAX_PAYLOAD,
            per_sender=per_sender,
            redeliver_after_seconds=redeliver,
            max_bytes=1 << 26,
        ),
    )
    async with hub:
        links = [HubLink(hub.url, code=code, seed=seeds[code], answer_within=1) for code in (IT, RO, IOM)]
        try:
            for link in links:
                await link.start()
                assert await link.wait_connected(5)
            yield Pair(hub, *links)
        finally:
            for link in links:
                await link.stop()


def with_hub(directory: Path, play: Callable[[Pair], Awaitable[None]], **options: int) -> None:
    async def run() -> None:
        async with running(directory, **options) as pair:
            await play(pair)

    asyncio.run(run())


async def received(link: HubLink, count: int, *, within: float = 10) -> list[Delivery]:
    """The next `count` deliveries, not acknowledged."""
    taken: list[Delivery] = []
    async with asyncio.timeout(within):
        async for some in link.deliveries():
            taken += some
            if len(taken) >= count:
                break
    return taken


def test_an_envelope_arrives_with_the_sender_that_the_hub_vouches_for(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await pair.iom.publish_envelope(RO, b"from an intermediary", "digest-1")
        await pair.it.publish_envelope(IOM, b"to an intermediary", "digest-2")
        [at_ro] = await received(pair.ro, 1)
        [at_iom] = await received(pair.iom, 1)
        assert (at_ro.data, at_ro.subject_sender, at_ro.attempt) == (b"from an intermediary", IOM, 1)
        assert (at_iom.data, at_iom.subject_sender) == (b"to an intermediary", IT)
        assert await at_ro.ack_sync()
        assert await at_iom.ack()

    with_hub(tmp_path, play)


def test_one_manifest_digest_is_stored_once(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await asyncio.gather(*(pair.it.publish_envelope(RO, b"same", "same") for _ in range(50)))
        await pair.it.publish_envelope(RO, b"other", "other")
        assert [delivery.data for delivery in await received(pair.ro, 2)] == [b"same", b"other"]

    with_hub(tmp_path, play)


def test_what_is_put_off_comes_again_and_what_is_terminated_does_not(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await pair.it.publish_envelope(RO, b"later", "1")
        await pair.it.publish_envelope(RO, b"never", "2")
        first, second = await received(pair.ro, 2)
        await second.term("quarantined")
        await first.nak(delay=0.1)
        [again] = await received(pair.ro, 1)
        assert (again.data, again.attempt) == (b"later", 2)
        assert await again.ack_sync()

    with_hub(tmp_path, play)


def test_many_at_once_all_arrive_and_batches_are_bounded(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        count = 900
        data = os.urandom(4096)
        await asyncio.gather(*(pair.it.publish_envelope(RO, data, f"m{n}") for n in range(count)))
        taken = 0
        async with asyncio.timeout(10):
            async for some in pair.ro.deliveries():
                assert len(some) <= 128
                assert all(await asyncio.gather(*(delivery.ack() for delivery in some)))
                taken += len(some)
                if taken == count:
                    break

    with_hub(tmp_path, play)


def test_a_full_inbox_says_so_and_closes_for_that_sender_alone(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        for number in range(3):
            await pair.it.publish_envelope(RO, b"x", f"{number}")
        with pytest.raises(HubUnavailable) as refused:
            await pair.it.publish_envelope(RO, b"x", "one too many")
        assert refused.value.code == "hub.full"
        await pair.iom.publish_envelope(RO, b"x", "from another")

    with_hub(tmp_path, play, per_sender=3)


def test_too_large_and_unknown_recipient_are_told_apart_at_once(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        with pytest.raises(TooLarge, match=r"hub\.too_large"):
            await pair.it.publish_envelope(RO, bytes(MAX_PAYLOAD + 1), "1")
        with pytest.raises(HubUnavailable) as nobody:
            await pair.it.publish_envelope(NodeCode("zz"), b"x", "2")
        assert nobody.value.code == "hub.no_inbox"

    with_hub(tmp_path, play)


def test_a_publish_during_an_outage_fails_promptly_and_none_is_sent_afterwards(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        pair.hub.kill()
        codes = []
        began = time.monotonic()
        for number in range(100):
            with pytest.raises(HubUnavailable) as refused:
                await pair.it.publish_envelope(RO, b"lost", f"{number}")
            codes.append(refused.value.code)
        assert set(codes) == {"hub.unreachable"}
        assert time.monotonic() - began < 1
        await pair.hub.start()
        assert await pair.it.wait_connected(5)
        await pair.it.publish_envelope(RO, b"after", "after")
        assert [delivery.data for delivery in await received(pair.ro, 1)] == [b"after"]
        assert nothing_leaks(pair.it)

    with_hub(tmp_path, play)


def test_publishes_in_flight_when_the_hub_dies_fail_at_once(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await stopped(pair.hub)
        flying = [asyncio.create_task(pair.it.publish_envelope(RO, b"x", f"{n}")) for n in range(50)]
        while pair.it._waiting.__len__() < 50:
            await asyncio.sleep(0)
        began = time.monotonic()
        pair.hub.kill()
        outcomes = await asyncio.gather(*flying, return_exceptions=True)
        assert {getattr(outcome, "code", outcome) for outcome in outcomes} == {"hub.unreachable"}
        assert time.monotonic() - began < 0.5
        assert nothing_leaks(pair.it)

    with_hub(tmp_path, play)


def test_a_hub_that_hangs_is_given_up_on_after_the_time_set(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await stopped(pair.hub)
        began = time.monotonic()
        with pytest.raises(HubUnavailable) as refused:
            await pair.it.publish_envelope(RO, b"x", "1")
        assert refused.value.code == "hub.no_answer"
        assert 0.9 < time.monotonic() - began < 2
        os.kill(pair.hub.pid or 0, signal.SIGCONT)
        # Sent again under the same id, as the outbox does, it is there once.
        await pair.it.publish_envelope(RO, b"x", "1")
        await pair.it.publish_envelope(RO, b"y", "2")
        assert [delivery.data for delivery in await received(pair.ro, 2)] == [b"x", b"y"]
        assert nothing_leaks(pair.it)

    with_hub(tmp_path, play)


def test_deliveries_go_on_over_a_killed_hub(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        seen: list[bytes] = []
        heard = asyncio.Event()

        async def consume() -> None:
            async for some in pair.ro.deliveries():
                for delivery in some:
                    seen.append(delivery.data)
                    await delivery.ack()
                heard.set()

        consumer = asyncio.create_task(consume())
        for round_ in range(3):
            await pair.it.publish_envelope(RO, b"%d" % round_, f"round {round_}")
            await asyncio.wait_for(heard.wait(), 5)
            heard.clear()
            pair.hub.kill()
            await pair.hub.start()
            assert await pair.it.wait_connected(5)
            assert await pair.ro.wait_connected(5)
        # A delivery whose acknowledgement the kill swallowed comes twice; none is lost.
        assert list(dict.fromkeys(seen)) == [b"0", b"1", b"2"]
        await pair.ro.stop()
        await asyncio.wait_for(consumer, 1)  # the iterator ends with the link

    with_hub(tmp_path, play)


def test_a_hub_that_lost_its_whole_store_serves_again(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await pair.it.publish_envelope(RO, b"lost with the store", "1")
        pair.hub.kill()
        shutil.rmtree(pair.hub.store)
        await pair.hub.start()
        assert await pair.it.wait_connected(5)
        assert await pair.ro.wait_connected(5)
        await pair.it.publish_envelope(RO, b"sent again", "1")
        assert [delivery.data for delivery in await received(pair.ro, 1)] == [b"sent again"]
        assert await pair.ro.read_directory(IT) == ()

    with_hub(tmp_path, play)


def test_an_acknowledgement_is_not_sent_over_another_connection(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await pair.it.publish_envelope(RO, b"before", "1")
        [before] = await received(pair.ro, 1)
        pair.hub.kill()
        shutil.rmtree(pair.hub.store)
        await pair.hub.start()
        assert await pair.it.wait_connected(5)
        assert await pair.ro.wait_connected(5)
        await pair.it.publish_envelope(RO, b"at the same place in the new stream", "2")
        [after] = await received(pair.ro, 1)
        assert after.reply.split(".")[-4] == before.reply.split(".")[-4]
        assert not await before.ack()
        assert not await before.ack_sync()
        await after.nak()
        assert [delivery.data for delivery in await received(pair.ro, 1)] == [after.data]

    with_hub(tmp_path, play)


def test_an_unacknowledged_delivery_comes_again(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        await pair.it.publish_envelope(RO, b"x", "1")
        assert [delivery.attempt for delivery in await received(pair.ro, 1)] == [1]
        assert [delivery.attempt for delivery in await received(pair.ro, 1)] == [2]

    with_hub(tmp_path, play, redeliver=1)


def test_a_newcomer_is_admitted_while_the_others_work(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        newcomer, seed = NodeCode("pt"), new_user_seed(os.urandom)
        generations = [link.generation for link in (pair.it, pair.ro)]
        await pair.hub.add_member(newcomer, public_user_key(seed))
        async with HubLink(pair.hub.url, code=newcomer, seed=seed) as pt:
            assert await pt.wait_connected(5)
            # Its imports work at once: the hub reloads twice.
            await pt.publish_envelope(RO, b"from pt", "1")
            await pair.it.publish_envelope(newcomer, b"to pt", "2")
            [delivery] = await received(pt, 1)
            assert await delivery.ack_sync()
            await pt.put_directory("pt/node/pt", "entry")
        assert [link.generation for link in (pair.it, pair.ro)] == generations
        assert [delivery.data for delivery in await received(pair.ro, 1)] == [b"from pt"]

    with_hub(tmp_path, play)


def test_a_link_that_was_sent_away_comes_back_once_its_key_is_known_again(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        key = pair.hub.members[IT]
        await pair.hub.add_member(IT, public_user_key(new_user_seed(os.urandom)))
        async with asyncio.timeout(5):
            while pair.it.connected:
                await asyncio.sleep(0.01)
        with pytest.raises(HubUnavailable):
            await pair.it.publish_envelope(RO, b"x", "1")
        await pair.hub.add_member(IT, key)
        assert await pair.it.wait_connected(5)
        await pair.it.publish_envelope(RO, b"x", "1")

    with_hub(tmp_path, play)


def test_a_link_whose_client_gave_up_for_good_makes_another(tmp_path: Path) -> None:
    """An authorisation that ends while connected closes nats-py's client, renewed or not."""

    async def run() -> None:
        connections = 0

        async def hub(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            writer.write(
                b'INFO {"server_id":"x","version":"2.15.0","headers":true,"max_payload":1048576}\r\n'
            )
            while line := await reader.readline():
                if line.startswith(b"PING"):
                    writer.write(b"PONG\r\n")
                elif line.startswith(b"SUB") and connections == 1:
                    writer.write(b"-ERR 'User Authentication Expired'\r\n")
            writer.close()

        server = await asyncio.start_server(hub, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with HubLink(f"nats://127.0.0.1:{port}", code=IT, seed=new_user_seed(os.urandom)) as link:
            async with asyncio.timeout(10):
                while link.generation < 2 or not link.connected:
                    await asyncio.sleep(0.01)
            assert connections == 2
        server.close()

    asyncio.run(run())


def test_a_link_started_before_its_hub_connects_when_the_hub_comes(tmp_path: Path) -> None:
    async def run() -> None:
        seed = new_user_seed(os.urandom)
        hub = EmbeddedHub(
            tmp_path, members={IT: public_user_key(seed)}, max_payload=MAX_PAYLOAD, random_bytes=os.urandom
        )
        await hub.start()
        await hub.stop()
        async with HubLink(hub.url, code=IT, seed=seed) as link:
            assert not await link.wait_connected(0.3)
            with pytest.raises(HubUnavailable):
                await link.publish_envelope(IT, b"x", "1")
            await hub.start()
            assert await link.wait_connected(5)
            await link.publish_envelope(IT, b"x", "1")
        await hub.stop()

    asyncio.run(run())


def test_the_directory_is_read_by_all_and_written_under_ones_own_name(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        seen = pair.ro.directory_changed.count
        await pair.it.put_directory("it/authority/servizio-minori", "old")
        await pair.it.put_directory("it/authority/servizio-minori", "new")
        await pair.it.put_directory("it/node/it", "node")
        assert await pair.ro.directory_changed.wait(seen, timeout=2)
        assert sorted(await pair.ro.read_directory(IT)) == [
            (IT, "it/authority/servizio-minori", "new"),
            (IT, "it/node/it", "node"),
        ]
        assert await pair.ro.read_directory(RO) == ()

    with_hub(tmp_path, play)


def test_a_large_directory_is_read_whole(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        token = "e" * 20_000
        await asyncio.gather(*(pair.it.put_directory(f"it/authority/a{n}", token) for n in range(600)))
        documents = await pair.ro.read_directory(IT)
        assert {path for _, path, _ in documents} == {f"it/authority/a{n}" for n in range(600)}
        assert {document for _, _, document in documents} == {token}

    with_hub(tmp_path, play)


def test_the_kernel_gives_up_on_a_dead_peer_after_four_seconds(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        async def option() -> int:
            client = pair.it._client
            assert client is not None
            sock = client._transport._io_writer.get_extra_info("socket")  # type: ignore[union-attr]
            return int(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

        assert await option() == 4000
        pair.hub.kill()
        await pair.hub.start()
        assert await pair.it.wait_connected(5)
        assert await option() == 4000

    with_hub(tmp_path, play)


def test_the_hubs_files_are_private_and_hold_no_members_secret(tmp_path: Path) -> None:
    async def play(pair: Pair) -> None:
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
        for name in ("hub.conf", "hub.json", "hub.nk", "sys.nk"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        for name in ("hub.conf", "hub.json"):
            text = (tmp_path / name).read_text()
            assert pair.it._seed not in text
            assert pair.hub.hub_seed not in text
        assert pair.hub.url.startswith("nats://127.0.0.1:")

    with_hub(tmp_path, play)


def test_the_networks_own_name_is_given_to_no_member(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"hub\.reserved_code"):
        EmbeddedHub(tmp_path, members={NodeCode("net"): "U"}, max_payload=1, random_bytes=os.urandom)


async def stopped(hub: EmbeddedHub) -> None:
    """Have the hub hang. The signal reaches all threads of it a moment later than it is sent."""
    pid = hub.pid or 0
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(5):
        while any(
            task.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "T"
            for task in Path(f"/proc/{pid}/task").iterdir()
        ):
            await asyncio.sleep(0)


def nothing_leaks(link: HubLink) -> bool:
    return not link._answers and not link._waiting
