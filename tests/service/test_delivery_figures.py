"""How fast envelopes pass is measured from evidence, once each, against what each State published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from protocol.directory.targets import (
    COLLECT,
    CONSIGN,
    DEFAULT_TARGETS,
    DeliveryTargets,
    read_targets,
    targets_of,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId
from service import exchange
from service.access.roles import Role
from service.directory.facts_file import read_facts
from service.monitor import delivery
from service.monitor.delivery import BOUNDS, Figures
from service.monitor.views import DeliveryView
from tests.service.exchange_pair import Pair, actor, message, open_pair

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


def measured(pair: Pair, code: str = "it") -> None:
    node = pair.side(code).node
    while node.store.submit(lambda session: delivery.measure(session, node)).result():
        pass


def figures(pair: Pair, code: str = "it") -> dict[tuple[str, str, int], Figures]:
    node = pair.side(code).node
    found = node.store.read_now(
        lambda session: delivery.figures(
            session.connection(), node.directory.current(), node.code, node.clock.now()
        )
    )
    return {(one.node, one.leg, one.days): one for one in found}


async def sent_after(pair: Pair, wait: timedelta, then: timedelta) -> MessageId:
    """A message that its recipient's node has after `wait`, and that is collected after `then`."""
    case = await pair.open_case()
    notified = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
    pair.clock.moment += wait
    await pair.settle()
    pair.clock.moment += then
    await exchange.collect(pair.ro.node, pair.ro.officer, notified.id)
    await pair.settle()
    return notified.id


def test_both_legs_are_measured_and_set_against_the_target(pair: Pair) -> None:
    async def play() -> None:
        await sent_after(pair, timedelta(minutes=10), timedelta(hours=3))
        await sent_after(pair, timedelta(hours=2), timedelta(days=2, minutes=1))

    asyncio.run(play())
    measured(pair)
    found = figures(pair)
    consign, collect = found["ro", "consign", 7], found["ro", "collect", 7]
    assert (consign.count, consign.within, consign.target) == (2, 1, "PT1H")
    assert (collect.count, collect.within, collect.target) == (2, 1, "P2D")
    assert consign.median == timedelta(minutes=15), "the bound that half stayed below"
    assert consign.ninetieth == timedelta(hours=4)
    assert consign.share == 0.5
    assert consign.met is False
    assert ("it", "consign", 7) not in found, "those who write to us measure that"


def test_each_side_measures_how_fast_its_own_offices_collect(pair: Pair) -> None:
    asyncio.run(sent_after(pair, timedelta(0), timedelta(hours=3)))
    for code in ("it", "ro"):
        measured(pair, code)
    assert figures(pair, "ro")["ro", "collect", 7].count == 1
    assert figures(pair, "it")["ro", "collect", 7].count == 1


def test_evidence_is_counted_once_however_often_a_worker_begins_again(pair: Pair) -> None:
    asyncio.run(sent_after(pair, timedelta(minutes=1), timedelta(hours=1)))
    node = pair.it.node

    def interrupted(session: Session) -> None:
        assert delivery.measure(session, node)
        raise SystemError("the process ends here")

    for _ in range(3):
        with pytest.raises(SystemError):
            node.store.submit(interrupted).result()
    for _ in range(3):
        measured(pair)
    assert figures(pair)["ro", "consign", 7].count == 1
    assert figures(pair)["ro", "collect", 7].count == 1


def test_what_was_held_counts_from_when_it_was_let_go(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        for status in ("possible", "not-sought"):
            for person in (pair.it.officer, pair.it.supervisor):
                await exchange.set_protection(pair.it.node, person, case, status, "child-interviewed")
            pair.clock.moment += timedelta(days=20 if status == "possible" else 0)
        await pair.settle()

    asyncio.run(play())
    measured(pair)
    one = figures(pair)["ro", "consign", 7]
    assert (one.count, one.within) == (1, 1)


def test_what_is_late_and_still_on_its_way_counts_against_the_target(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        pair.hub.away = True
        await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)

    asyncio.run(play())
    measured(pair)
    pair.clock.moment += CONSIGN["PT1H"]
    assert figures(pair)["ro", "consign", 7].late == 0
    pair.clock.moment += timedelta(seconds=1)
    one = figures(pair)["ro", "consign", 7]
    assert (one.count, one.within, one.late, one.share) == (1, 1, 1, 0.5)
    pair.clock.moment += COLLECT["P2D"]
    assert figures(pair)["ro", "collect", 7].late == 1, "the first was not collected"


def test_a_window_forgets_what_is_older(pair: Pair) -> None:
    asyncio.run(sent_after(pair, timedelta(minutes=1), timedelta(hours=1)))
    measured(pair)
    pair.clock.moment += timedelta(days=8)
    assert figures(pair)["ro", "consign", 7].count == 0
    assert figures(pair)["ro", "consign", 28].count == 1
    pair.clock.moment += timedelta(days=28)
    asyncio.run(sent_after(pair, timedelta(minutes=1), timedelta(hours=1)))
    measured(pair)
    days = asyncio.run(pair.it.rows("SELECT DISTINCT day FROM delivery_day"))
    assert len(days) == 1


def test_an_operator_is_shown_each_peer_and_its_targets(pair: Pair) -> None:
    asyncio.run(sent_after(pair, timedelta(minutes=1), timedelta(hours=1)))
    measured(pair)
    operator = actor(role=Role.OPERATOR, person="operator-1")
    view = asyncio.run(exchange.operations_peers(pair.it.node, operator))
    ours, theirs = view.peers
    assert (ours.node, ours.ours) == ("it", True)
    assert (theirs.node, theirs.ours, theirs.waiting, theirs.split) == ("ro", False, 0, False)
    shortest = [one for one in theirs.delivery if one.days == 7]
    assert {one.leg for one in shortest} == {"consign", "collect"}
    assert all(isinstance(one, DeliveryView) and one.met for one in shortest)
    assert not any(one.published for one in shortest)


# -- targets


def test_every_target_is_a_bound_of_the_histogram() -> None:
    assert set(CONSIGN.values()) | set(COLLECT.values()) <= set(BOUNDS)
    assert list(BOUNDS) == sorted(BOUNDS)
    assert DEFAULT_TARGETS.consign in CONSIGN
    assert DEFAULT_TARGETS.collect in COLLECT


_PLAIN = st.none() | st.text() | st.integers()


@given(said=st.recursive(_PLAIN, lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
@settings(max_examples=50)
def test_what_another_state_publishes_is_a_target_or_nothing_and_never_a_refusal(said: object) -> None:
    assert read_targets(said) is None


def test_what_we_publish_is_refused_unless_it_can_be_measured() -> None:
    assert targets_of({"consign": "PT15M", "collect": "P1D"}) == DeliveryTargets(
        consign="PT15M", collect="P1D"
    )
    wrong = (
        {"consign": "PT1H"},
        {"consign": "PT2H", "collect": "P2D"},
        {"consign": "PT1H", "collect": "P2M"},
    )
    for said in wrong:
        with pytest.raises(NotAcceptable) as refused:
            targets_of(said)
        assert refused.value.code == "directory.malformed"


def test_the_example_of_facts_publishes_targets() -> None:
    facts = read_facts(ROOT / "deploy/authorities.example.toml", node="ro", state="ro")  # type: ignore[arg-type]
    assert facts.targets == DeliveryTargets()
