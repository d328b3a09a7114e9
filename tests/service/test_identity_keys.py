"""When an identity key ends: not while anybody may still be told to seal to it, and then to the last byte."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.directory import Directory, KeyPurpose
from service.directory.identity_keys import Policy, ahead, destroy_what_is_over, make_ahead
from service.directory.own_entries import listed_keys
from service.directory.publish import read_entries
from service.keystore import FileKeyStore
from service.network.layout import lay_out_network
from service.random_source import SystemRandomSource
from service.routing.outbox import Outbox
from tests.service.exchange_pair import Pair, TestClock, message, open_pair
from tests.service.test_exchange import run
from tests.service.test_keys_in_a_stream import POLICY, Keys, holds_no_secret


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


@dataclasses.dataclass
class Copy:
    """A directory that a peer has, and does not renew."""

    directory: Directory

    def current(self) -> Directory:
        return self.directory

    def known(self) -> Directory:
        return self.directory


def goes_by(pair: Pair, code: str, directory: Directory) -> None:
    side = pair.side(code)
    side.node = dataclasses.replace(side.node, directory=Copy(directory))
    side.outbox = Outbox(side.node, side.link)


def time_passes(pair: Pair, **span: float) -> None:
    pair.clock.pass_by(**span)
    pair.world.now = pair.clock.now()
    pair.world.refresh()


def secret_of(keys: FileKeyStore, kid: str) -> bytes:
    key = keys.sealing(kid)
    assert key is not None
    return key.to_secret()


def test_a_key_that_the_directory_or_a_copy_of_it_names_is_not_destroyed_and_then_leaves_no_byte(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        ro = Keys(pair, "ro", tmp_path / "ro-keys")
        first = ro.store.current_sealing_kid("identity")
        secret = secret_of(ro.store, first)
        # Made, and for a month not published: its time is over, and everybody is told to seal to it.
        make_ahead(ro.store, POLICY, pair.clock.now())
        case = await pair.open_case()
        time_passes(pair, days=30)
        await ro.look()
        assert ro.store.current_sealing_kid("identity") != first
        assert secret_of(ro.store, first) == secret

        # Published at last. A peer goes on with the copy that it has, as it may until that expires.
        goes_by(pair, "it", pair.world.directory)
        pair.clock.pass_by(hours=1)
        ro.publish()
        told = pair.world.directory.sealing_key(ro.side.node.code, "identity", pair.clock.now()).kid
        assert told != first
        time_passes(pair, days=6)
        await ro.look()
        assert secret_of(ro.store, first) == secret
        sent = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.settle()
        (row,) = await pair.it.rows("select status from message where id = :id", id=sent.id)
        assert row["status"] == "consigned"

        # Nobody's copy is that old any more, and nothing is on its way.
        time_passes(pair, days=1, hours=2)
        assert not any(pair.hub.waiting.values())
        await ro.look()
        assert ro.store.sealing(first) is None
        assert holds_no_secret(tmp_path / "ro-keys", ro.store, secret)
        assert secret_of(ro.store, told)

    run(play())


def test_nothing_is_destroyed_while_others_are_told_to_use_a_key_that_is_not_here(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        ro = Keys(pair, "ro", tmp_path / "ro-keys")
        make_ahead(ro.store, POLICY, pair.clock.now())
        ro.publish()
        elsewhere = Keys(pair, "ro", tmp_path / "another")
        elsewhere.store.add_sealing("identity")
        pair.clock.pass_by(seconds=1)
        elsewhere.publish()
        time_passes(pair, days=30)
        before = [entry for entry in ro.store.entries() if entry.destroyed_at is None]
        assert (
            list(destroy_what_is_over(ro.store, pair.world.directory, ro.side.node.code, pair.clock.now()))
            == []
        )
        assert [entry for entry in ro.store.entries() if entry.destroyed_at is None] == before

    run(play())


def test_a_key_in_use_here_is_kept_whatever_the_directory_names(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        ro = Keys(pair, "ro", tmp_path / "ro-keys")
        mine = ro.store.current_sealing_kid("identity")
        now = pair.clock.now()
        ro.store.let_go(mine, now + timedelta(days=1))
        coming = ro.store.add_sealing("identity", not_before=now + timedelta(days=90))
        facts = pair.world.node(ro.side.node.code)
        content = tuple(one for one in facts.sealing_keys if one.purpose is KeyPurpose.SEAL_CONTENT)
        named = pair.world.seal_record(coming, KeyPurpose.SEAL_IDENTITY)
        pair.world.publish(dataclasses.replace(facts, sealing_keys=(*content, named)))
        time_passes(pair, days=20)
        await ro.look()
        assert ro.store.sealing(mine) is not None

    run(play())


def test_a_key_made_by_hand_in_between_is_let_go_too(tmp_path: Path) -> None:
    clock = TestClock()
    keys = FileKeyStore.create(
        tmp_path / "keys", b"a passphrase for tests", clock=clock, random=SystemRandomSource(), scrypt_n=2**4
    )
    policy = Policy(life=timedelta(days=7), overlap=timedelta(days=2), ahead=2)
    keys.add_sealing("identity")
    assert make_ahead(keys, policy, clock.now()) == 2
    clock.pass_by(days=1)
    by_hand = keys.add_sealing("identity").kid
    clock.pass_by(days=7)
    make_ahead(keys, policy, clock.now())
    (entry,) = (one for one in keys.entries() if one.kid == by_hand)
    assert entry.destroy_after == min(
        one.starts_at for one in keys.entries() if one.starts_at > entry.starts_at
    ) + timedelta(days=2)
    last = ahead(keys, clock.now())[-1]
    assert last.destroy_after is None


def test_a_local_network_lists_identity_keys_ahead_and_fills_them_up_at_each_start(tmp_path: Path) -> None:
    clock = TestClock()
    for weeks in (0, 4, 52):
        clock.pass_by(weeks=weeks)
        layout = lay_out_network(tmp_path / "net", ["it"], clock=clock, random=SystemRandomSource())
        (member,) = layout.members
        listed = listed_keys(read_entries(member.directory)["it/node/it"])
        series = [one for one in listed if one.purpose is KeyPurpose.SEAL_IDENTITY]
        assert sum(one.not_before > clock.now() for one in series) == 8
        assert sum(one.in_use(clock.now()) for one in series) == 1
