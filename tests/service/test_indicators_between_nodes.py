"""Indicators on two nodes: both count the same, tell each other so, and name it where they do not."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select
from sqlmodel import Session
from structlog.testing import capture_logs

from protocol import indicators
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, StateCode
from protocol.indicators import Report, Share
from service import exchange
from service.access.roles import ROLE_SCOPES, Role, Scope
from service.errors import Forbidden, Malformed
from service.exchange.indicators import owed_to
from service.exchange.views import IndicatorQuery
from service.metrics import Metrics
from service.monitor.gauges import Gauges
from service.node import Node
from service.store.tables import EVIDENCE, MESSAGE, THREAD
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair

OPERATOR = actor(role=Role.OPERATOR, person="operator-1")
YEAR = IndicatorQuery(year=2026)

pytestmark = pytest.mark.anyio


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = open_pair(tmp_path)
    yield made
    made.close()


async def asked(pair: Pair) -> CaseReference:
    """Notified and taken on at once; an inquiry that is accepted after three days and not answered."""
    case = await pair.open_case()
    notice = await pair.notify(case)
    await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, in_reply_to=notice.id))
    await pair.settle()
    request = await pair.request(case)
    pair.clock.pass_by(days=3)
    await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, in_reply_to=request.id))
    await pair.settle()
    return case


async def report_of(side: Side, query: IndicatorQuery = YEAR) -> Report:
    return await exchange.read_indicators(side.node, OPERATOR, query)


async def test_both_nodes_count_the_same(pair: Pair) -> None:
    await asked(pair)
    pair.clock.pass_by(days=5)
    here, there = await report_of(pair.it), await report_of(pair.ro)
    assert here.rows == there.rows
    case, inquiry = here.rows
    assert (case.procedure, case.figures.answered, case.figures.median_days) == ("case", 1, 0)
    assert (inquiry.asking, inquiry.answering, inquiry.procedure) == ("it", "ro", "social-inquiry")
    assert inquiry.figures.accepted_in_seven_days == Share(part=1, of=1)
    assert inquiry.figures.open == 1


async def test_a_message_on_its_way_counts_on_neither_side(pair: Pair) -> None:
    case = await pair.open_case()
    await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
    pair.clock.pass_by(days=5)
    assert (await report_of(pair.it)).rows == (await report_of(pair.ro)).rows == ()


async def test_each_node_tells_the_other_once_a_day_and_they_agree(pair: Pair) -> None:
    await asked(pair)
    pair.clock.pass_by(days=5)
    for code in ("it", "ro"):
        assert await pair.reconcile(code) == 1
    for side, peer in ((pair.it, "ro"), (pair.ro, "it")):
        (compared,) = (await report_of(side)).comparisons
        assert (compared.peer, compared.differences) == (peer, ())
        assert compared.as_of == indicators.settled(pair.clock.now())
        assert len(await side.rows("SELECT * FROM indicators_told")) == 4, "both years, of both"
        today = await side.node.store.read(
            lambda s, n=side.node, p=peer: owed_to(n, s.connection(), p, n.clock.now())
        )
        assert today == ()
    pair.clock.pass_by(days=1)
    now = pair.clock.now()
    owed = await pair.it.node.store.read(
        lambda session: owed_to(pair.it.node, session.connection(), pair.ro.node.code, now)
    )
    assert [told.year for told in owed] == [2025, 2026]


async def test_a_difference_is_named_on_both_sides(pair: Pair) -> None:
    await asked(pair)
    lost = select(MESSAGE.c.id).where(MESSAGE.c.type == "accept", MESSAGE.c.direction == "out")
    await pair.ro.node.store.write(
        lambda session: session.connection().execute(
            delete(EVIDENCE).where(EVIDENCE.c.kind == "content-consigned", EVIDENCE.c.id.in_(lost))
        )
    )
    pair.clock.pass_by(days=5)
    with capture_logs() as logs:
        for code in ("it", "ro"):
            await pair.reconcile(code)
        await pair.reconcile("it")
    named = {(line["peer"], line["procedure"]) for line in logs if line["event"] == "indicators.differ"}
    assert ("it", "social-inquiry") in named
    (compared,) = (await report_of(pair.it)).comparisons
    assert compared.differences
    found = {(one.procedure, one.figure, one.ours, one.theirs) for one in compared.differences}
    assert ("case", "answered", 1, 0) in found
    assert ("social-inquiry", "accepted_in_seven_days", 1, 0) in found
    differing = shown_of(pair.ro.node)
    assert differing is not None
    assert differing > 0

    # A node that begins anew has it at its first look, and the next day's word of one of the two, which is
    # compared with nothing yet, does not clear it.
    begun = dataclasses.replace(pair.ro.node, metrics=Metrics())
    assert shown_of(begun) is None
    await Gauges(begun, Line()).watch()
    assert shown_of(begun) == differing
    pair.clock.pass_by(days=1)
    await pair.reconcile("it")
    assert shown_of(pair.ro.node) == differing
    await pair.reconcile("ro")
    assert shown_of(pair.ro.node) == differing


class Line:
    connected, generation = True, 1


def shown_of(node: Node) -> float | None:
    return node.metrics.registry.get_sample_value("fp_indicators_differ", {"peer": "it"})


async def test_an_older_word_of_the_peer_does_not_take_the_place_of_a_newer(pair: Pair) -> None:
    await asked(pair)
    pair.clock.pass_by(days=5)
    await pair.reconcile("ro")
    held = pair.hub.carried[-1][1]
    pair.clock.pass_by(days=2)
    await pair.reconcile("ro")
    before = await pair.it.rows("SELECT * FROM indicators_told ORDER BY issuer, year")
    await pair.it.receive(held)
    assert await pair.it.rows("SELECT * FROM indicators_told ORDER BY issuer, year") == before


async def test_a_year_is_published_once_and_as_of_one_instant(pair: Pair) -> None:
    await asked(pair)
    published = IndicatorQuery(year=2026, publication=True)
    with pytest.raises(NotAcceptable, match=r"statistics\.period_open"):
        await report_of(pair.it, published)
    pair.clock.moment = datetime(2027, 7, 3, tzinfo=UTC)
    report = await report_of(pair.it, published)
    assert report.as_of == datetime(2027, 7, 1, tzinfo=UTC)
    assert report.published is not None
    assert all(row.requests is None for row in report.published), "there were one or two"
    pair.clock.pass_by(days=200)
    assert (await report_of(pair.it, published)).published == report.published


async def test_nobody_counts_as_of_a_moment_that_is_to_come(pair: Pair) -> None:
    ahead = IndicatorQuery(year=2026, as_of=pair.clock.now() + timedelta(seconds=1))
    with pytest.raises(NotAcceptable, match=r"statistics\.period_open"):
        await report_of(pair.it, ahead)


async def test_a_report_can_be_of_one_procedure_or_one_peer(pair: Pair) -> None:
    await asked(pair)
    pair.clock.pass_by(days=5)
    for code in ("it", "ro"):
        await pair.reconcile(code)
    assert [one.peer for one in (await report_of(pair.it)).comparisons] == ["ro"]
    assert (await report_of(pair.it, IndicatorQuery(year=2026, peer=StateCode("fr")))).comparisons == ()
    one = await report_of(pair.it, IndicatorQuery(year=2026, procedure="social-inquiry"))
    assert [row.procedure for row in one.rows] == ["social-inquiry"]
    assert len((await report_of(pair.it, IndicatorQuery(year=2026, peer=StateCode("ro")))).rows) == 2
    assert (await report_of(pair.it, IndicatorQuery(year=2026, peer=StateCode("fr")))).rows == ()
    assert (await report_of(pair.it, IndicatorQuery(year=2025))).rows == ()


async def test_only_two_roles_see_the_full_figures_of_corridors(pair: Pair) -> None:
    for role in Role:
        who = actor(role=role, person="person-1")
        if Scope.INDICATORS_FULL in ROLE_SCOPES[role]:
            await exchange.read_indicators(pair.it.node, who, YEAR)
            continue
        with pytest.raises(Forbidden, match=r"access\.scope"):
            await exchange.read_indicators(pair.it.node, who, YEAR)
    readers = {role for role in Role if Scope.INDICATORS_FULL in ROLE_SCOPES[role]}
    assert readers == {Role.OPERATOR, Role.SUPERVISOR}


async def test_a_statistician_sees_no_figure_but_what_everybody_may_see(pair: Pair) -> None:
    await asked(pair)
    node, who = pair.it.node, actor(role=Role.STATISTICIAN, person="statistician-1")

    def query(
        year: int | None = None, publication: bool | None = None, as_of: datetime | None = None
    ) -> IndicatorQuery:
        return IndicatorQuery.asked(
            who,
            pair.clock.now(),
            year=year,
            procedure=None,
            peer=None,
            as_of=as_of,
            publication=publication,
        )

    pair.clock.moment = datetime(2027, 6, 30, tzinfo=UTC)
    assert query().year == 2025, "2026 is not published yet"
    pair.clock.moment = datetime(2027, 7, 3, 1, tzinfo=UTC)
    assert (query().year, query().publication) == (2026, True)
    report = await exchange.read_indicators(node, who, query())
    assert (report.rows, report.comparisons) == ((), ())
    assert report.published
    assert all(row.requests is None for row in report.published), "there were one or two"
    for full in (query(publication=False, year=2026), query(publication=False)):
        with pytest.raises(Forbidden, match=r"access\.scope"):
            await exchange.read_indicators(node, who, full)
    # As of two instants of one's own, the second less the first is what happened between them.
    with pytest.raises(Malformed, match=r"request\.parameter"):
        await exchange.read_indicators(node, who, query(as_of=datetime(2027, 7, 2, tzinfo=UTC)))
    with pytest.raises(NotAcceptable, match=r"statistics\.period_open"):
        await exchange.read_indicators(node, who, query(year=2027))


async def test_more_conversations_than_a_batch_are_counted_once_each(pair: Pair) -> None:
    """Alike but for their ids, at the same second: where a page ends and the next begins."""
    await asked(pair)

    def multiply(session: Session) -> None:
        connection = session.connection()
        of_inquiry = THREAD.c.procedure == "social-inquiry"
        thread = dict(connection.execute(select(THREAD).where(of_inquiry)).one()._mapping)
        of_request = MESSAGE.c.type == "social-inquiry.request"
        said = dict(connection.execute(select(MESSAGE).where(of_request)).one()._mapping)
        about = (EVIDENCE.c.id == said["id"], EVIDENCE.c.kind == "content-consigned")
        proof = dict(connection.execute(select(EVIDENCE).where(*about)).one()._mapping)
        for number in range(450):
            id_ = str(uuid.UUID(int=number))
            snapshot = thread["snapshot"].replace(thread["id"], id_)
            connection.execute(insert(THREAD), {**thread, "id": id_, "snapshot": snapshot})
            connection.execute(insert(MESSAGE), {**said, "id": id_, "thread": id_, "cursor": None})
            connection.execute(insert(EVIDENCE), {**proof, "id": id_, "digest": id_, "position": None})

    await pair.it.node.store.write(multiply)
    pair.clock.pass_by(days=5)
    (row,) = (await report_of(pair.it, IndicatorQuery(year=2026, procedure="social-inquiry"))).rows
    assert row.figures.requests == 451


async def test_counting_does_not_hold_up_what_else_the_node_does(pair: Pair) -> None:
    await asked(pair)
    pair.clock.pass_by(days=5)
    reports = await asyncio.gather(*(report_of(pair.it) for _ in range(8)), pair.open_case())
    assert len({str(report.to_json()) for report in reports[:8]}) == 1  # type: ignore[union-attr]
