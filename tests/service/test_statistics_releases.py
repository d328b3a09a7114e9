"""Statistics over a real store, from messages that two nodes exchanged and from many that are made up."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from protocol import base64url
from protocol.errors import NotAcceptable
from protocol.identifiers import Address
from protocol.statistics import Population
from protocol.statistics.disclosure import THRESHOLD
from service import exchange
from service.access.roles import CONTENT_SCOPES, ROLE_SCOPES, Role, Scope
from service.errors import Forbidden, NotFound
from service.store.tables import ACCESS_JOURNAL, MESSAGE, STATISTICS_COUNT, STATISTICS_RELEASE
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair

pytestmark = pytest.mark.anyio

STATISTICIAN = actor(role=Role.STATISTICIAN, person="statistician-1")
YEAR = Population(role="destination", year=2026)
AFTER = datetime(2027, 1, 2, tzinfo=UTC)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


async def notify(pair: Pair) -> Any:
    """One case that was notified by `it` to `ro`, over the wire. Returns its row at `it`."""
    case = await exchange.open_case(pair.it.node, pair.it.officer)
    for person in (pair.it.officer, pair.it.supervisor):
        await exchange.set_protection(pair.it.node, person, case.reference, "not-sought", "interview-held")
    sent = message("case.notification", case.reference, pair.it.office, pair.ro.office)
    await pair.it.send(sent)
    await pair.settle()
    return next(row for row in rows(pair.it, MESSAGE) if row.id == sent.id)


def rows(side: Side, table: Any) -> list[Any]:
    return side.node.store.read_now(lambda session: list(session.connection().execute(select(table))))


async def write(side: Side, statement: Any, values: Any = None) -> None:
    await side.node.store.write(lambda session: session.connection().execute(statement, values) and None)


async def copies(
    side: Side, row: Any, count: int, *, prefix: str, at: datetime | None = None, **coded: Any
) -> None:
    """So many more cases as they would stand in the store: the statement's coded part is changed and not
    signed anew, for what is in our own store was verified when it came."""
    head, payload, signature = row.statement.split(".")
    claims = json.loads(base64url.decode(payload.encode()))
    claims["coded"] = {**claims["coded"], **coded}
    changed = base64url.encode(json.dumps(claims).encode()).decode()
    many = [
        {
            **{name: value for name, value in row._mapping.items() if name != "cursor"},
            "id": f"{prefix}-{number}",
            "thread": f"{prefix}-{number}",
            "case_reference": f"CASE-{prefix}-{number}",
            "recorded_at": at or row.recorded_at,
            "statement": f"{head}.{changed}.{signature}",
        }
        for number in range(count)
    ]
    await write(side, insert(MESSAGE), many)


async def test_what_the_nodes_exchanged_is_counted_at_both_and_never_the_sealed_parts(pair: Pair) -> None:
    row = await notify(pair)
    await copies(pair.it, row, 20, prefix="A", sex="female")
    pair.clock.moment = AFTER
    made, new = await exchange.make_statistics(pair.it.node, STATISTICIAN, YEAR, False)
    assert new
    assert made.total == 21
    # At the State of origin it is one case, in the other role, and too few to tell.
    origin = Population(role="origin", year=2026)
    at_ro, _ = await exchange.make_statistics(pair.ro.node, STATISTICIAN, origin, False)
    assert at_ro.total is None
    assert [one.case_reference for one in rows(pair.ro, STATISTICS_COUNT)] == [row.case_reference]


async def test_the_same_request_gives_the_same_release_although_cases_changed(pair: Pair) -> None:
    row = await notify(pair)
    await copies(pair.it, row, 20, prefix="A")
    pair.clock.moment = AFTER
    first, _ = await exchange.make_statistics(pair.it.node, STATISTICIAN, YEAR, False)
    await copies(pair.it, row, 30, prefix="B", sex="male")
    again, new = await exchange.make_statistics(pair.it.node, STATISTICIAN, YEAR, True)
    assert not new
    assert again == first
    assert len(rows(pair.it, STATISTICS_RELEASE)) == 1
    # What came too late for its year is in the next one: nobody is lost, nobody counts twice.
    pair.clock.moment = datetime(2028, 1, 2, tzinfo=UTC)
    next_, _ = await exchange.make_statistics(
        pair.it.node, STATISTICIAN, dataclasses.replace(YEAR, year=2027), False
    )
    assert next_.total == 30


async def test_a_stock_that_differs_by_few_is_refused_and_leaves_nothing_behind(pair: Pair) -> None:
    row = await notify(pair)
    await copies(pair.it, row, 29, prefix="A")
    await copies(pair.it, row, 2, prefix="B", at=datetime(2026, 12, 5, tzinfo=UTC))
    pair.clock.moment = AFTER
    november = Population(role="destination", day=date(2026, 11, 30))
    december = Population(role="destination", day=date(2026, 12, 31))
    made, _ = await exchange.make_statistics(pair.it.node, STATISTICIAN, november, False)
    assert made.total == 30
    before = (
        rows(pair.it, STATISTICS_RELEASE),
        rows(pair.it, STATISTICS_COUNT),
        rows(pair.it, ACCESS_JOURNAL),
    )
    for coarsen in (False, True):
        with pytest.raises(NotAcceptable, match=r"statistics\.would_reveal"):
            await exchange.make_statistics(pair.it.node, STATISTICIAN, december, coarsen)
    after = (
        rows(pair.it, STATISTICS_RELEASE),
        rows(pair.it, STATISTICS_COUNT),
        rows(pair.it, ACCESS_JOURNAL),
    )
    assert after == before
    # Eight more, and the difference is no small group.
    await copies(pair.it, row, 8, prefix="C", at=datetime(2026, 12, 6, tzinfo=UTC))
    later, _ = await exchange.make_statistics(pair.it.node, STATISTICIAN, december, False)
    assert later.total == 40


async def test_coarsening_hides_what_would_reveal_and_tells_the_rest(pair: Pair) -> None:
    row = await notify(pair)
    await copies(pair.it, row, 29, prefix="A", sex="male")
    await copies(pair.it, row, 20, prefix="B", sex="female")
    late = datetime(2026, 12, 5, tzinfo=UTC)
    await copies(pair.it, row, 15, prefix="C", sex="male", at=late)
    await copies(pair.it, row, 3, prefix="D", sex="female", at=late)
    pair.clock.moment = AFTER
    november = Population(role="destination", day=date(2026, 11, 30))
    december = Population(role="destination", day=date(2026, 12, 31))
    await exchange.make_statistics(pair.it.node, STATISTICIAN, november, False)
    with pytest.raises(NotAcceptable, match=r"statistics\.would_reveal"):
        await exchange.make_statistics(pair.it.node, STATISTICIAN, december, False)
    told, _ = await exchange.make_statistics(pair.it.node, STATISTICIAN, december, True)
    (sexes,) = [table for table in told.tables if table.dimensions == ("sex",)]
    assert all("female" not in cell.codes[0] or cell.suppressed for cell in sexes.cells)
    assert told.total == 68


async def test_two_who_release_at_once_do_not_miss_each_other(pair: Pair) -> None:
    row = await notify(pair)
    await copies(pair.it, row, 29, prefix="A")
    await copies(pair.it, row, 2, prefix="B", at=datetime(2026, 12, 5, tzinfo=UTC))
    pair.clock.moment = AFTER
    days = [Population(role="destination", day=date(2026, month, 30)) for month in (11, 12)]
    done = await asyncio.gather(
        *(exchange.make_statistics(pair.it.node, STATISTICIAN, day, False) for day in days),
        return_exceptions=True,
    )
    assert [one for one in done if isinstance(one, BaseException)] != []
    assert len(rows(pair.it, STATISTICS_RELEASE)) == 1


async def test_what_is_held_refused_or_waiting_does_not_count(pair: Pair) -> None:
    row = await notify(pair)
    await copies(pair.it, row, 20, prefix="A")
    for number, status in enumerate(("held", "refused", "waiting")):
        changed = update(MESSAGE).where(MESSAGE.c.id == f"A-{number}").values(status=status)
        await write(pair.it, changed)
    pair.clock.moment = AFTER
    made, _ = await exchange.make_statistics(pair.it.node, STATISTICIAN, YEAR, False)
    assert made.total == 18


async def test_every_release_is_journalled_and_holds_no_reference(pair: Pair) -> None:
    row = await notify(pair)
    await copies(pair.it, row, THRESHOLD, prefix="A")
    pair.clock.moment = AFTER
    made, _ = await exchange.make_statistics(pair.it.node, STATISTICIAN, YEAR, False)
    noted = [one for one in rows(pair.it, ACCESS_JOURNAL) if one.action == "statistics-released"]
    assert [(one.actor, one.subject) for one in noted] == [("statistician-1", YEAR.id)]
    (kept,) = rows(pair.it, STATISTICS_RELEASE)
    assert json.loads(kept.content) == made.to_json()
    assert row.case_reference not in kept.content
    assert "CASE-" not in kept.content


async def test_the_statistician_alone_sees_statistics_and_sees_nothing_else(pair: Pair) -> None:
    assert ROLE_SCOPES[Role.STATISTICIAN].isdisjoint(CONTENT_SCOPES)
    mine = {Scope.STATISTICS_READ, Scope.STATISTICS_RELEASE}
    assert [role for role in Role if ROLE_SCOPES[role] & mine] == [Role.STATISTICIAN]
    supervisor = actor(Address("it.servizio-minori"), role=Role.SUPERVISOR)
    with pytest.raises(Forbidden):
        await exchange.make_statistics(pair.it.node, supervisor, YEAR, False)
    with pytest.raises(Forbidden):
        await exchange.list_statistics(pair.it.node, supervisor, 1)
    with pytest.raises(NotFound):
        await exchange.read_statistics(pair.it.node, STATISTICIAN, "destination-period-2026")
