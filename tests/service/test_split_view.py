"""A directory that was served differently to two States is noticed by both, and the differing entry named."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from protocol.claims import Claims
from protocol.directory import Directory, Snapshot, verify_snapshot
from protocol.directory.views import DirectoryView, compare_views, view_of
from protocol.errors import NotAcceptable
from protocol.json_strict import dumps, parse_object
from protocol.statements import StatementType, digest, read
from service.access import journal
from service.monitor.gauges import Gauges
from service.routing.reconciler import Reconciler
from service.store import comparisons
from tests.protocol.sample_directory import RO_LOCAL, World, sample_directory
from tests.service.exchange_pair import Pair, WorldDirectory, open_pair

ENTRY = "ro/authority/dgaspc-iasi"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


class Shown:
    """What one node is shown."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory


def two_views(world: World) -> tuple[Directory, Directory]:
    """The next snapshot, signed by its key in two versions: one with a newer entry of a Romanian office."""
    before, entries = world.directory, dict(world.entries)
    world.wait(minutes=1)
    facts = world.authority(RO_LOCAL)
    world.publish(dataclasses.replace(facts, competences=("case",)))
    world.snapshot()
    one = world.assemble(previous=before)
    world.snapshots.pop()
    world.entries = entries
    world.snapshot()
    other = world.assemble(previous=before)
    return one, other


def show(pair: Pair, it: Directory, ro: Directory) -> None:
    for side, directory in ((pair.it, it), (pair.ro, ro)):
        source = side.node.directory
        assert isinstance(source, WorldDirectory)
        source.world = Shown(directory)  # type: ignore[assignment]


async def compared(pair: Pair, code: str) -> tuple[Any, ...]:
    rows = await pair.side(code).rows("SELECT outcome, since, differing, owed FROM directory_comparison")
    return tuple((row["outcome"], row["since"], row["differing"], bool(row["owed"])) for row in rows)


def test_two_nodes_that_were_shown_two_directories_both_notice_and_name_the_entry_in_one_round(
    pair: Pair,
) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        show(pair, *two_views(pair.world))
        with capture_logs() as log:
            # One round: each tells the other once, and answers at once what it finds to differ.
            reconcilers = {
                code: Reconciler(pair.side(code).node, pair.side(code).link) for code in ("it", "ro")
            }
            await reconcilers["it"].tell_all()
            await pair.deliver("ro")
            assert await compared(pair, "ro") == (("split", 2, None, True),)
            for code, other in (("ro", "it"), ("it", "ro")):
                assert await reconcilers[code].answer_splits() == 1
                await pair.deliver(other)
        for code in ("it", "ro"):
            assert await compared(pair, code) == (("split", 2, ENTRY, False),)
        assert [await one.answer_splits() for one in reconcilers.values()] == [0, 0], "they come to rest"
        events = [(line["event"], line.get("entry")) for line in log if line["log_level"] == "error"]
        assert events.count(("directory.split_view", None)) == 2
        assert events.count(("directory.entry_differs", ENTRY)) == 2

    run(play())


def test_the_split_stands_on_a_gauge_until_both_see_the_same_again(pair: Pair) -> None:
    async def play() -> None:
        class Link:
            generation = 0
            connected = True

        async def gauge() -> str:
            await Gauges(pair.it.node, Link()).measure()
            lines = pair.it.node.metrics.exposition().decode().splitlines()
            return next((line for line in lines if line.startswith("fp_directory_split{")), "")

        await pair.notify(await pair.open_case())
        await pair.reconcile("ro")
        assert await gauge() == 'fp_directory_split{peer="ro"} 0.0'
        one, other = two_views(pair.world)
        show(pair, one, other)
        await pair.reconcile("ro")
        assert await gauge() == 'fp_directory_split{peer="ro"} 1.0'
        show(pair, one, one)
        await pair.reconcile("ro")
        assert await gauge() == 'fp_directory_split{peer="ro"} 0.0'

    run(play())


def test_a_peer_is_told_when_the_directory_changed_though_its_channel_did_not(pair: Pair) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        reconciler = Reconciler(pair.it.node, pair.it.link)
        assert await reconciler.tell_all() == 1
        assert await reconciler.tell_all() == 0
        pair.world.wait(minutes=1)
        pair.world.refresh()
        assert await reconciler.tell_all() == 1

    run(play())


def test_a_node_that_has_not_seen_the_newest_snapshot_yet_is_behind_and_not_split(pair: Pair) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        old = pair.world.directory
        pair.world.wait(minutes=1)
        show(pair, pair.world.refresh(), old)
        await pair.reconcile("it")
        await pair.reconcile("ro")
        assert (await compared(pair, "it"))[0][0] == "we-are-ahead"
        assert (await compared(pair, "ro"))[0][0] == "they-are-ahead"

    run(play())


def test_a_statement_says_how_far_the_access_journal_has_come(pair: Pair) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        await pair.reconcile("it")
        (row,) = await pair.ro.rows("SELECT token FROM checkpoint WHERE issuer = 'it' AND peer = 'ro'")
        said = read(row["token"], typ=StatementType.RECONCILIATION).claims["checkpoint"]
        head = await pair.it.node.store.read(lambda session: journal.checkpoint(session)[1])
        assert said == head

    run(play())


# --- the comparison itself ----------------------------------------------------------------------------------


def taken(view: DirectoryView) -> DirectoryView:
    """As it comes out of a statement."""
    claims = parse_object(dumps(view.to_json()), max_bytes=65_536)
    return DirectoryView.read(Claims(claims, code="channel.malformed"), view.digest)


def snapshots(count: int) -> tuple[World, list[Snapshot]]:
    world = sample_directory()
    for _ in range(count - 1):
        world.snapshot()
    return world, [verify_snapshot(token, world.directory.charter) for token in world.snapshots]


def test_forks_that_went_on_apart_are_a_split_since_the_first_number_that_differs() -> None:
    world, common = snapshots(3)
    world.snapshot(expires_at=world.now.replace(year=2027))
    world.snapshot()
    ours = [verify_snapshot(token, world.directory.charter) for token in world.snapshots]
    del world.snapshots[3:]
    world.snapshot()
    theirs = verify_snapshot(world.snapshot_token, world.directory.charter)
    told = taken(view_of(theirs, {one.sequence: one.digest for one in common}))
    found = compare_views(ours[-1], {one.sequence: one.digest for one in ours}, told)
    assert (found.outcome, found.since) == ("split", 4)


@given(changed=st.sets(st.sampled_from(sorted(sample_directory().entries)), min_size=1))
def test_whatever_differs_is_named_and_nothing_else(changed: set[str]) -> None:
    world = sample_directory()
    ours = verify_snapshot(world.snapshot_token, world.directory.charter)
    theirs = dataclasses.replace(
        ours,
        digest=digest(b"another"),
        entries={
            path: digest(path.encode()) if path in changed else one for path, one in ours.entries.items()
        },
    )
    told = taken(view_of(theirs, {}, naming=range(32)))
    assert set(compare_views(ours, {}, told).differing) == changed


def test_what_only_one_of_them_was_shown_is_named_too() -> None:
    world = sample_directory()
    ours = verify_snapshot(world.snapshot_token, world.directory.charter)
    fewer = {path: one for path, one in ours.entries.items() if path != ENTRY}
    theirs = dataclasses.replace(ours, digest=digest(b"another"), entries=fewer)
    for one, other in ((ours, theirs), (theirs, ours)):
        assert compare_views(one, {}, taken(view_of(other, {}, naming=range(32)))).differing == (ENTRY,)


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 0},
        {"buckets": ["x"]},
        {"recent": [[1]]},
        {"recent": [[True, "x"]]},
        {"recent": [[number, "x"] for number in range(9)]},
        {"named": {f"ro/authority/a{number}": "x" for number in range(257)}},
        {"named": ["x"]},
    ],
)
def test_a_view_that_is_none_is_refused(changes: dict[str, object]) -> None:
    world = sample_directory()
    view = view_of(world.directory.snapshot, {})
    with pytest.raises(NotAcceptable, match=r"channel\.malformed"):
        DirectoryView.read(Claims({**view.to_json(), **changes}, code="channel.malformed"), view.digest)


def test_a_comparison_keeps_one_row_for_each_peer(pair: Pair) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        for _ in range(3):
            pair.world.wait(minutes=1)
            pair.world.refresh()
            await pair.reconcile("it")
        assert (
            await pair.ro.node.store.read(lambda session: len(comparisons.all_of(session.connection()))) == 1
        )

    run(play())
