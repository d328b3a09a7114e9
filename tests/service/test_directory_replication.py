"""The directory on its way: registrar, hub, a node's last good copy. Only what verifies replaces it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.directory import sign_charter
from protocol.errors import Refused
from protocol.identifiers import NodeCode
from protocol.statements import CoSigned
from service.app import load_directory
from service.directory.documents import CHARTER, SNAPSHOT, admission_path, charter_path, cosigned_text
from service.directory.follow import ReplicatedDirectory, charters_at
from service.directory.papers import Papers
from service.directory.publish import Publisher, lay_out, read_entries
from service.directory.registrar import Registrar
from service.errors import Misconfigured
from service.routing.hub import EmbeddedHub, new_user_seed, public_user_key
from service.routing.nats import HubLink
from service.routing.subjects import NETWORK_WRITER, directory_subject, read_directory_subject
from service.settings import Settings, settings_from
from service.store import Store
from tests.protocol.sample_directory import IT_FOCAL_POINT, NOW, World, sample_directory
from tests.ready_database import ready_database


def papers_of(world: World) -> Papers:
    return Papers.of((*world.charters, world.charter), world.admissions)


@dataclass
class Clock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


class Log:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.said.append((event, fields))

    warning = info


@dataclass
class Shelf:
    """A hub's directory in memory: what lies at each subject. Counts what is read."""

    documents: dict[str, str] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    async def read_documents(self, subjects: Iterable[str], /) -> list[tuple[NodeCode, str, str]]:
        self.reads += subjects
        found = []
        for subject in subjects:
            place = read_directory_subject(subject)
            if place and subject in self.documents:
                found.append((*place, self.documents[subject]))
        return found

    def put(self, writer: NodeCode, path: str, text: str) -> None:
        self.documents[directory_subject(writer, path)] = text

    def stock(self, world: World) -> None:
        """What the network and its States have there."""
        for number, earlier in enumerate(world.charters, start=1):
            self.put(NETWORK_WRITER, charter_path(number), cosigned_text(earlier))
        self.put(NETWORK_WRITER, CHARTER, cosigned_text(world.charter))
        for member, admission in world.admissions.items():
            self.put(NETWORK_WRITER, admission_path(member), cosigned_text(admission))
        for path, token in world.entries.items():
            self.put(NodeCode(path.partition("/")[0]), path, token)
        self.put(NETWORK_WRITER, SNAPSHOT, world.snapshot_token)


@dataclass
class Follower:
    store: Store
    settings: Settings
    clock: Clock
    log: Log
    shelf: Shelf

    def start(self) -> ReplicatedDirectory:
        return ReplicatedDirectory.load(self.store, settings=self.settings, clock=self.clock, log=self.log)


def settings_of(base: Path, charter_digest: str) -> Settings:
    return settings_from(
        {
            "node": "ro",
            "state": "ro",
            "charter_digest": charter_digest,
            "data_dir": str(base),
            "hub_url": "nats://127.0.0.1:1",
        },
        base=base,
    )


@contextmanager
def following(base: Path, world: World) -> Any:
    settings = settings_of(base, world.charter_digest)
    ready_database(settings.database)
    store = Store(settings.database)
    shelf = Shelf()
    shelf.stock(world)
    try:
        yield Follower(store, settings, Clock(), Log(), shelf)
    finally:
        store.close()


def play(base: Path, scene: Callable[[Follower, World], Awaitable[None]]) -> None:
    world = sample_directory()
    with following(base, world) as follower:
        asyncio.run(scene(follower, world))  # type: ignore[arg-type]


async def refused(directory: ReplicatedDirectory, shelf: Shelf) -> str:
    with pytest.raises(Refused) as refusal:
        await directory.refresh(shelf)
    return refusal.value.code


def test_a_node_without_a_directory_says_so_until_the_first_comes(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        directory = node.start()
        with pytest.raises(Refused) as none:
            directory.current()
        assert none.value.code == "directory.none_yet"
        assert await directory.refresh(node.shelf)
        assert directory.current().snapshot.sequence == len(world.snapshots)
        assert {entry.code for entry in directory.current().nodes()} == {"it", "ro"}

    play(tmp_path, scene)


def test_the_last_good_directory_is_there_after_a_restart_without_the_hub(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        await node.start().refresh(node.shelf)
        again = node.start()
        assert again.current().snapshot.token == world.snapshot_token
        assert again.current().authority(IT_FOCAL_POINT).state == "it"

    play(tmp_path, scene)


def test_only_what_changed_is_fetched(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        directory = node.start()
        await directory.refresh(node.shelf)
        node.shelf.reads.clear()
        assert not await directory.refresh(node.shelf)
        assert node.shelf.reads == [directory_subject(NETWORK_WRITER, SNAPSHOT)]
        node.clock.moment = world.wait(hours=1)
        world.publish(world.authority(IT_FOCAL_POINT))
        world.snapshot()
        node.shelf.stock(world)
        node.shelf.reads.clear()
        assert await directory.refresh(node.shelf)
        changed = directory_subject(NodeCode("it"), "it/authority/servizio-minori")
        assert node.shelf.reads == [directory_subject(NETWORK_WRITER, SNAPSHOT), changed]

    play(tmp_path, scene)


def test_old_entries_stay_for_verification_after_a_restart(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        directory = node.start()
        await directory.refresh(node.shelf)
        old = directory.current().authority(IT_FOCAL_POINT)
        node.clock.moment = world.wait(hours=1)
        world.rotate(IT_FOCAL_POINT, "it-new-key")
        world.snapshot()
        node.shelf.stock(world)
        await directory.refresh(node.shelf)
        again = node.start().current()
        assert again.authority(IT_FOCAL_POINT).digest != old.digest
        assert again.entry_by_digest(old.digest).digest == old.digest
        kid = old.signing_keys[0].kid
        assert again.signing_key(IT_FOCAL_POINT, kid, NOW, received_at=NOW).kid == kid

    play(tmp_path, scene)


def test_a_rollback_is_refused_also_after_a_restart(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        node.clock.moment = world.wait(hours=1)
        world.snapshot()
        node.shelf.stock(world)
        await node.start().refresh(node.shelf)
        node.shelf.put(NETWORK_WRITER, SNAPSHOT, world.snapshots[0])
        again = node.start()
        assert await refused(again, node.shelf) == "directory.rollback"
        assert again.current().snapshot.sequence == len(world.snapshots)

    play(tmp_path, scene)


def test_a_missing_or_altered_entry_leaves_the_last_good_directory(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        directory = node.start()
        await directory.refresh(node.shelf)
        good = directory.current()
        node.clock.moment = world.wait(hours=1)
        world.publish(world.authority(IT_FOCAL_POINT))
        world.snapshot()
        subject = directory_subject(NodeCode("it"), "it/authority/servizio-minori")
        old = node.shelf.documents[subject]
        node.shelf.stock(world)
        node.shelf.documents[subject] = old  # the hub holds back what the snapshot names
        assert await refused(directory, node.shelf) == "directory.entry_missing"
        assert directory.current() is good
        node.shelf.stock(world)
        assert await directory.refresh(node.shelf)

    play(tmp_path, scene)


def test_an_entry_written_by_another_member_counts_for_nothing(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        path = "it/authority/servizio-minori"
        token = node.shelf.documents.pop(directory_subject(NodeCode("it"), path))
        node.shelf.put(NodeCode("ro"), path, token)
        assert await refused(node.start(), node.shelf) == "directory.entry_missing"

    play(tmp_path, scene)


def test_past_its_hard_expiry_the_directory_is_refused_and_a_fresh_one_mends_it(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        directory = node.start()
        await directory.refresh(node.shelf)
        node.clock.moment = world.wait(days=8)
        for started in (directory, node.start()):
            with pytest.raises(Refused) as refusal:
                started.current()
            assert refusal.value.code == "directory.expired"
            assert started.last_good is not None
        world.snapshot()
        node.shelf.stock(world)
        mended = node.start()
        assert await mended.refresh(node.shelf)
        assert mended.current().snapshot.sequence == len(world.snapshots)

    play(tmp_path, scene)


def test_another_charter_than_the_one_entered_is_not_followed(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        other = sample_directory()
        other.charter = sign_charter(
            network="another",
            keys=[key.public for key in other.charter_keys],
            threshold=2,
            snapshot_keys=[other.record(other.snapshot_key)],
            issued_at=NOW,
            expires_at=NOW + timedelta(days=365),
            signers=other.charter_keys[:2],
        )
        node.shelf.put(NETWORK_WRITER, CHARTER, cosigned_text(other.charter))
        assert await refused(node.start(), node.shelf) == "directory.wrong_charter"

    play(tmp_path, scene)


def test_a_node_does_not_start_on_the_stored_directory_of_another_charter(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        await node.start().refresh(node.shelf)
        node.settings = settings_of(tmp_path, "x" * 43)
        with pytest.raises(Misconfigured) as refusal:
            node.start()
        assert refusal.value.code == "directory.wrong_charter"

    play(tmp_path, scene)


def test_only_files_that_are_ones_own_entries_are_published(tmp_path: Path) -> None:
    world = sample_directory()
    lay_out(tmp_path, "it/node/it", world.entries["it/node/it"])
    assert read_entries(tmp_path) == {"it/node/it": world.entries["it/node/it"]}
    lay_out(tmp_path, "ro/node/ro", world.entries["it/node/it"])
    with pytest.raises(Refused) as refusal:
        read_entries(tmp_path)
    assert refusal.value.code == "directory.wrong_state"


# With the real hub.


@pytest.mark.network
def test_entries_travel_from_a_state_by_the_registrar_to_another(tmp_path: Path) -> None:
    world = sample_directory()
    clock, log = Clock(), Log()

    async def scene(node: Follower) -> None:
        seeds = {NodeCode(code): new_user_seed(os.urandom) for code in ("it", "ro")}
        hub = EmbeddedHub(
            tmp_path / "hub",
            members={code: public_user_key(seed) for code, seed in seeds.items()},
            max_payload=1 << 20,
            random_bytes=os.urandom,
        )
        async with (
            hub,
            HubLink(hub.url, code=NETWORK_WRITER, seed=hub.hub_seed) as net,
            HubLink(hub.url, code=NodeCode("it"), seed=seeds[NodeCode("it")]) as it,
            HubLink(hub.url, code=NodeCode("ro"), seed=seeds[NodeCode("ro")]) as ro,
        ):
            for link in (net, it, ro):
                assert await link.wait_connected(5)

            def registrar() -> Registrar:
                return Registrar(
                    net,
                    papers=lambda: papers_of(world),
                    snapshot_key=world.snapshot_key,
                    state_file=tmp_path / "snapshot.json",
                    clock=clock,
                    log=log,
                )

            for code, link in (("it", it), ("ro", ro)):
                data = tmp_path / code
                for path, token in world.entries.items():
                    if path.startswith(f"{code}/"):
                        lay_out(data, path, token)
                publisher = Publisher(
                    SimpleNamespace(  # type: ignore[arg-type]
                        settings=SimpleNamespace(data_dir=data), code=NodeCode(code), log=log
                    ),
                    link,
                )
                assert await publisher.publish() == 3
                assert await publisher.publish() == 0
            office = registrar()
            first = await office.round()
            assert dict(first.entries).keys() == world.entries.keys()
            directory = node.start()
            assert await directory.refresh(ro)
            assert len(directory.current().authorities()) == 4

            # Nothing changed: nothing is signed, also after a restart of the registrar.
            assert (await registrar().round()).digest == first.digest
            # A quarter of its life later it is, and follows the one before.
            clock.moment = NOW + timedelta(days=2)
            node.clock.moment = clock.moment
            second = await registrar().round()
            assert (second.sequence, second.previous) == (2, first.digest)
            assert await directory.refresh(ro)

            # A State may put what it likes under its own name. What is not its own entry is not listed.
            await ro.put_directory("it/node/it", world.entries["it/node/it"])
            await ro.put_directory("ro/node/ro", world.entries["it/node/it"])
            third = await registrar().round()
            assert third.digest == second.digest

    settings = settings_of(tmp_path / "node", world.charter_digest)
    ready_database(settings.database)
    store = Store(settings.database)
    try:
        asyncio.run(scene(Follower(store, settings, clock, log, Shelf())))
    finally:
        store.close()


def test_a_snapshot_is_on_disk_before_anybody_sees_it(tmp_path: Path) -> None:
    """A sequence used twice would be a fork to every node: after a crash the same bytes are put again."""
    world = sample_directory()
    state = tmp_path / "snapshot.json"
    seen: list[bytes] = []

    class Hub:
        async def read_directory(self, writer: NodeCode) -> list[tuple[NodeCode, str, str]]:
            return []

        async def put_directory(self, path: str, token: str) -> None:
            if path == SNAPSHOT:
                seen.append(state.read_bytes())
                assert token.encode() in seen[-1]
                raise RuntimeError("the registrar dies here")

    def registrar() -> Registrar:
        return Registrar(
            Hub(),  # type: ignore[arg-type]
            papers=lambda: papers_of(world),
            snapshot_key=world.snapshot_key,
            state_file=state,
            clock=Clock(),
            log=Log(),
        )

    for _ in range(2):
        with pytest.raises(RuntimeError):
            asyncio.run(registrar().round())
    assert seen[0] == seen[1]


def test_a_node_follows_two_rotations_from_the_digest_that_it_was_given(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        directory = node.start()
        await directory.refresh(node.shelf)
        for number in (2, 3):
            world.wait(minutes=1)
            node.clock.moment = world.now
            world.rotate_charter(f"keeper-{number}-a", f"keeper-{number}-b", f"keeper-{number}-c")
            world.snapshot()
        node.shelf.stock(world)
        assert await directory.refresh(node.shelf)
        assert directory.current().charter.sequence == 3
        assert ("directory.charter_replaced", 3) in [
            (event, fields.get("sequence")) for event, fields in node.log.said
        ]
        # After a restart too, and for a node that begins with the first digest of all.
        assert node.start().current().charter.sequence == 3
        assert not await node.start().refresh(node.shelf)

    play(tmp_path, scene)


def test_a_new_node_that_was_given_the_first_digest_of_all_finds_its_way(tmp_path: Path) -> None:
    world = sample_directory()
    first = world.charter_digest
    world.wait(minutes=1)
    world.rotate_charter("keeper-2-a", "keeper-2-b")
    world.snapshot()
    settings = settings_of(tmp_path, first)
    ready_database(settings.database)
    store = Store(settings.database)
    shelf = Shelf()
    shelf.stock(world)
    directory = ReplicatedDirectory.load(store, settings=settings, clock=Clock(world.now), log=Log())
    try:
        assert asyncio.run(directory.refresh(shelf))  # type: ignore[arg-type]
        assert directory.current().charter.sequence == 2
    finally:
        store.close()


def test_a_node_that_has_followed_a_rotation_is_not_led_back(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        directory = node.start()
        await directory.refresh(node.shelf)
        before = dict(node.shelf.documents)
        old = world.snapshot()
        world.snapshots.pop()
        world.wait(minutes=1)
        node.clock.moment = world.now
        world.rotate_charter("keeper-2-a", "keeper-2-b")
        world.snapshot()
        node.shelf.stock(world)
        await directory.refresh(node.shelf)
        node.shelf.documents = before
        node.shelf.put(NETWORK_WRITER, SNAPSHOT, old)
        for again in (directory, node.start()):
            assert await refused(again, node.shelf) == "directory.charter_rollback"
            assert again.current().charter.sequence == 2

    play(tmp_path, scene)


def test_a_node_given_a_newer_digest_than_it_has_followed_goes_on_where_the_hubs_charters_lead_to_it(
    tmp_path: Path,
) -> None:
    async def scene(node: Follower, world: World) -> None:
        await node.start().refresh(node.shelf)
        for number in (2, 3):
            world.wait(minutes=1)
            world.rotate_charter(f"keeper-{number}-a", f"keeper-{number}-b", f"keeper-{number}-c")
            world.snapshot()
        node.clock.moment = world.now
        node.shelf.stock(world)
        newer = settings_of(node.settings.data_dir, world.charter.digest)

        def start(offered: Sequence[CoSigned]) -> ReplicatedDirectory:
            return ReplicatedDirectory.load(
                node.store, settings=newer, clock=node.clock, log=node.log, offered=offered
            )

        chain = await charters_at(node.shelf)
        assert [one.digest for one in chain] == [
            *(one.digest for one in world.charters),
            newer.charter_digest,
        ]
        stranger = sample_directory(NOW + timedelta(hours=1))
        for gap in ((), chain[2:], chain[:1], (stranger.charter, *stranger.charters)):
            with pytest.raises(Misconfigured) as held:
                start(gap)
            assert held.value.code == "directory.wrong_charter"
        directory = start(chain)
        assert directory.current().charter.sequence == 1
        assert await directory.refresh(node.shelf)
        assert directory.current().charter.sequence == 3
        assert start(()).current().charter.sequence == 3

    play(tmp_path, scene)


def test_at_its_start_a_node_asks_the_hub_for_the_charters_between(tmp_path: Path) -> None:
    seed = new_user_seed(os.urandom)

    async def scene(node: Follower, world: World) -> None:
        await node.start().refresh(node.shelf)
        world.wait(minutes=1)
        world.rotate_charter("keeper-2-a", "keeper-2-b")
        hub = EmbeddedHub(
            tmp_path / "hub",
            members={NodeCode("ro"): public_user_key(seed)},
            max_payload=1 << 20,
            random_bytes=os.urandom,
        )
        async with hub, HubLink(hub.url, code=NETWORK_WRITER, seed=hub.hub_seed) as net:
            assert await net.wait_connected(5)
            await net.put_directory(charter_path(1), cosigned_text(world.charters[0]))
            await net.put_directory(CHARTER, cosigned_text(world.charter))
            settings = dataclasses.replace(
                settings_of(node.settings.data_dir, world.charter.digest), hub_url=hub.url
            )
            settings.hub_seed_file.write_text(seed)
            loaded = await asyncio.to_thread(
                load_directory, node.store, settings=settings, clock=node.clock, log=node.log
            )
            assert loaded.current().charter.sequence == 1
            elsewhere = dataclasses.replace(settings, charter_digest="0" * 43)
            with pytest.raises(Misconfigured) as held:
                await asyncio.to_thread(
                    load_directory, node.store, settings=elsewhere, clock=node.clock, log=node.log
                )
            assert held.value.code == "directory.wrong_charter"

    play(tmp_path, scene)


def test_a_digest_whose_charter_names_no_former_one_of_ours_leads_nowhere(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        await node.start().refresh(node.shelf)
        stranger = sample_directory(NOW + timedelta(hours=1))
        other = settings_of(node.settings.data_dir, stranger.charter.digest)
        with pytest.raises(Misconfigured) as held:
            ReplicatedDirectory.load(
                node.store, settings=other, clock=node.clock, log=node.log, offered=(stranger.charter,)
            )
        assert held.value.code == "directory.wrong_charter"

    play(tmp_path, scene)


def test_a_node_given_another_charter_digest_does_not_start_with_this_network(tmp_path: Path) -> None:
    async def scene(node: Follower, world: World) -> None:
        await node.start().refresh(node.shelf)
        other = settings_of(node.settings.data_dir, "0" * 43)
        with pytest.raises(Misconfigured) as held:
            ReplicatedDirectory.load(node.store, settings=other, clock=node.clock, log=node.log)
        assert held.value.code == "directory.wrong_charter"
        # With an empty store it starts, and believes nothing of what this network's hub has.
        (tmp_path / "empty").mkdir()
        fresh = settings_of(tmp_path / "empty", "0" * 43)
        ready_database(fresh.database)
        store = Store(fresh.database)
        try:
            empty = ReplicatedDirectory.load(store, settings=fresh, clock=node.clock, log=node.log)
            assert await refused(empty, node.shelf) == "directory.wrong_charter"
            with pytest.raises(Refused):
                empty.current()
        finally:
            store.close()

    play(tmp_path, scene)
