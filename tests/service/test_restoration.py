"""A database that was put back: it is recognised, erases again, uses no number twice, and gets back what its
peers had sent."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.bundle import verify_bundle
from service import exchange
from service.errors import Conflict, Misconfigured
from service.exchange.erasure import erase, forget
from service.exchange.running import begin_running, note_position, note_position_now, take_up_restored
from service.routing.outbox import Outbox
from service.store import Store, Vault
from service.store.ledger import Ledger
from service.store.restoration import back_up
from tests.service.exchange_pair import Pair, Side, message, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def database(side: Side) -> Path:
    return Path(side.node.settings.database.removeprefix("sqlite:///"))


def copied(side: Side, to: Path) -> Path:
    back_up(side.node.settings.database, to, side.node.clock.now())
    return to


def put_back(pair: Pair, code: str, copy: Path) -> Side:
    """The side with a new process on the copy, not yet taken up."""
    old = pair.side(code)
    old.node.store.close()
    path = database(old)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    shutil.copyfile(copy, path)
    path.chmod(0o600)
    keys, clock, random = old.node.keys, old.node.clock, old.node.random
    node = replace(
        old.node,
        store=Store(old.node.settings.database, readers=2),
        vault=Vault(keys.kek(), clock=clock, random=random),
        ledger=Ledger(old.node.settings.ledger_dir, keys.kek(), salt=random.bytes(32)),
    )
    side = replace(old, node=node, outbox=Outbox(node, old.link))
    setattr(pair, code, side)
    return side


async def refused_start(side: Side) -> str:
    with pytest.raises(Misconfigured) as reason:
        await asyncio.to_thread(begin_running, side.node)
    return reason.value.code


def test_a_backup_that_was_put_back_does_not_start_before_it_was_taken_up(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        await asyncio.to_thread(begin_running, pair.ro.node)
        copy = copied(pair.ro, tmp_path / "copy.db")
        # Put back at once, with nothing in between: the mark in the copy tells it.
        side = put_back(pair, "ro", copy)
        assert await refused_start(side) == "store.restored"
        await asyncio.to_thread(take_up_restored, side.node)
        await asyncio.to_thread(begin_running, side.node)

    run(play())


def test_a_copy_made_by_other_means_is_recognised_by_what_stands_outside(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await asyncio.to_thread(begin_running, pair.ro.node)
        await pair.ro.node.store.forget_deleted()
        shutil.copyfile(database(pair.ro), tmp_path / "copied.db")
        await pair.request(case)
        await note_position(pair.ro.node)
        side = put_back(pair, "ro", tmp_path / "copied.db")
        assert await refused_start(side) == "store.restored"
        await asyncio.to_thread(take_up_restored, side.node)
        await asyncio.to_thread(begin_running, side.node)

    run(play())


def test_a_database_that_was_not_put_back_starts_again_and_again(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        for _ in range(3):
            await asyncio.to_thread(begin_running, pair.it.node)
            await pair.notify(case) if not await pair.it.rows("select id from message") else None
            await asyncio.to_thread(note_position_now, pair.it.node)

    run(play())


def test_everything_that_was_lost_comes_again_once_and_no_number_is_used_twice(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, in_reply_to=notified.id))
        await pair.settle()
        copy = copied(pair.ro, tmp_path / "copy.db")

        # Lost: messages and evidence that `it` sent, and evidence that `ro` gave.
        first = await pair.request(case)
        second = await pair.it.send(
            message("guardian.notice", case, pair.it.office, pair.ro.office, in_reply_to=notified.id)
        )
        await pair.settle()
        await exchange.collect(pair.ro.node, pair.ro.officer, first.id)
        await pair.settle()
        for code in ("it", "ro"):
            await pair.reconcile(code)
        await pair.settle()
        used = {
            (row["epoch"], row["sequence"])
            for row in await pair.it.rows("select * from channel_seen where sender_node = 'ro'")
        }
        pair.clock.pass_by(minutes=1)

        side = put_back(pair, "ro", copy)
        assert await side.rows("select id from message where id = :id", id=first.id) == []
        epoch = (await asyncio.to_thread(take_up_restored, side.node)).epoch
        for _ in range(3):
            for code in ("ro", "it"):
                await pair.reconcile(code)
                await pair.settle()
            pair.clock.pass_by(minutes=5)

        ids = [row["id"] for row in await side.rows("select id from message order by cursor")]
        assert len(ids) == len(set(ids)) == 4
        assert {first.id, second.id} <= set(ids)
        # Their content is there, not only that they were.
        shown = await exchange.read_message(side.node, side.officer, first.id, False, None)
        assert shown.content is not None
        assert shown.content.narrative
        await exchange.collect(side.node, side.officer, first.id)
        await pair.settle()
        statuses = {row["id"]: row["status"] for row in await pair.it.rows("select id, status from message")}
        assert statuses[first.id] == "retrieved"
        assert statuses[second.id] == "consigned"
        now_used = {
            (row["epoch"], row["sequence"])
            for row in await pair.it.rows("select * from channel_seen where sender_node = 'ro'")
        }
        fresh = now_used - used
        assert fresh
        assert {one for one, _ in fresh} == {epoch}
        assert used <= now_used
        for one in (pair.it, side):
            bundle = await exchange.case_bundle(one.node, one.officer, case)
            assert verify_bundle(bundle, pair.world.charter_digest).findings == ()
        # And both go on.
        await side.send(message("query", case, side.office, pair.it.office, in_reply_to=first.id))
        await pair.settle()
        assert len(await pair.it.rows("select id from message")) == 5

    run(play())


def test_two_restores_within_the_same_second_open_two_epochs(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        copy = copied(pair.ro, tmp_path / "copy.db")
        epochs = set()
        for _ in range(2):
            side = put_back(pair, "ro", copy)
            epochs.add((await asyncio.to_thread(take_up_restored, side.node)).epoch)
        assert len(epochs) == 2

    run(play())


def test_a_backup_from_before_an_erasure_erases_again_from_the_ledger(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case, other = await pair.open_case(), await pair.open_case()
        for one in (case, other):
            await pair.notify(one)
        copy = copied(pair.it, tmp_path / "copy.db")
        node = pair.it.node
        await node.store.write(
            lambda session: erase(node, session, case, ("identity", "narrative"), pair.clock.now())
        )
        await forget(node)
        side = put_back(pair, "it", copy)
        before = await side.rows("select * from case_key where wrapped is not null")
        assert len(before) == 4
        assert (await asyncio.to_thread(take_up_restored, side.node)).erased == 1
        left = await side.rows("select reference from case_key where wrapped is not null")
        assert {row["reference"] for row in left} == {other}
        files = b"".join(file.read_bytes() for file in database(side).parent.glob(f"{database(side).name}*"))
        for row in before:
            assert (row["wrapped"] in files) is (row["reference"] == other)

    run(play())


def test_a_ledger_is_replayed_at_every_start_and_not_only_after_a_restore(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        pair.it.node.ledger.append(case, "identity", pair.clock.now())
        await asyncio.to_thread(begin_running, pair.it.node)
        rows = await pair.it.rows("select purpose, wrapped from case_key where reference = :case", case=case)
        assert {row["purpose"]: row["wrapped"] is None for row in rows} == {
            "identity": True,
            "narrative": False,
        }

    run(play())


def test_a_backup_is_whole_its_owners_alone_and_overwrites_nothing(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        copy = copied(pair.it, tmp_path / "copy.db")
        assert copy.stat().st_mode & 0o077 == 0
        assert list(tmp_path.glob("copy.db-*")) == []
        opened = sqlite3.connect(copy)
        assert opened.execute("select count(*) from message").fetchone() == (1,)
        opened.close()
        with pytest.raises(Conflict) as refused:
            copied(pair.it, copy)
        assert refused.value.code == "backup.exists"

    run(play())
