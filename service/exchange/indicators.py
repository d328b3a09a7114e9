"""Indicators: how timely States answer, counted here and compared with what the peers' nodes count.

A report is counted when it is asked for, from the conversations of its year: a batch in memory, and time that
grows with the year's conversations. Once a day each peer is told, inside the signed reconciliation, the
figures of this year and the last as of the same instant, so that the two nodes can be compared without
another word.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlmodel import Session

from protocol import indicators as counting
from protocol import languages
from protocol.errors import NotAcceptable
from protocol.identifiers import NodeCode, StateCode
from protocol.indicators import Comparison, Report, Row, Tally, Told
from protocol.reconciliation import Reconciliation
from protocol.rendering import Format, Rendering
from protocol.statements import Statement
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import Malformed
from service.exchange.printing import print_words
from service.exchange.views import IndicatorQuery
from service.node import Node
from service.store import indicators as stored

__all__ = [
    "keep_told",
    "owed_to",
    "read_indicators",
    "render_indicators",
    "standing_differences",
    "take_told",
]


async def read_indicators(node: Node, actor: Actor, query: IndicatorQuery) -> Report:
    """A year's figures, full for the two States, or as they may be published.

    Forbidden `access.scope` for full figures without their scope. Malformed `request.parameter` for a
    publication as of an instant of one's own: two of them could be subtracted. Refuses
    `statistics.period_open` for an instant that is not over, or a year that is not published yet.
    """
    actor.require(Scope.INDICATORS_READ)
    if not query.publication:
        actor.require(Scope.INDICATORS_FULL)
    elif query.as_of is not None:
        raise Malformed("request.parameter", "a publication is as of one instant", field="/as_of")
    now = node.clock.now()
    as_of = _as_of(query, now)
    peer = query.peer

    def work(session: Session) -> Report:
        connection = session.connection()
        rows = _counted(connection, node, query.year, as_of, procedure=query.procedure, peer=peer)
        if query.publication:
            told = tuple(counting.published(row) for row in rows)
            return Report(year=query.year, as_of=as_of, made_at=now, published=told)
        return Report(
            year=query.year,
            as_of=as_of,
            made_at=now,
            rows=rows,
            comparisons=_compared(connection, node, query),
        )

    return await node.store.read(work)


async def render_indicators(
    node: Node, actor: Actor, query: IndicatorQuery, language: str, form: Format
) -> Rendering:
    """The report as a page in `language`, or the nearest there is."""
    report = await read_indicators(node, actor, query)
    return await print_words(counting.document(report, languages.nearest_language(language)), form)


def owed_to(node: Node, connection: Connection, peer: NodeCode, now: datetime) -> tuple[Told, ...]:
    """What `peer` has not been told today: this year's figures and the last's. Empty once it has been."""
    as_of = counting.settled(now)
    years = (as_of.year - 1, as_of.year)
    told = {
        one.told.year
        for year in years
        for one in stored.kept(connection, node.code, peer, year)
        if one.told.as_of >= as_of and one.told.definition == counting.DEFINITION
    }
    return tuple(
        Told.of(year, as_of, _counted(connection, node, year, as_of, peer=_state(peer)))
        for year in years
        if year not in told
    )


def keep_told(
    node: Node,
    session: Session,
    peer: NodeCode,
    figures: tuple[Told, ...],
    statement: Statement,
    at: datetime,
) -> None:
    """Before it leaves: what a peer holds of us, we hold too."""
    for told in figures:
        stored.keep(session.connection(), node.code, peer, told, told_at=at, statement=statement.token)
        _name_difference(node, session, peer, told.year)


def take_told(node: Node, session: Session, said: Reconciliation, statement: Statement) -> None:
    """Keep what a peer tells, and name it when it counts otherwise than we did as of the same instant."""
    for told in said.indicators:
        if stored.keep(
            session.connection(),
            said.issuer,
            node.code,
            told,
            told_at=said.issued_at,
            statement=statement.token,
        ):
            _name_difference(node, session, said.issuer, told.year)


def _name_difference(node: Node, session: Session, peer: NodeCode, year: int) -> None:
    connection = session.connection()
    ours, theirs = (
        stored.kept(connection, issuer, to, year) for issuer, to in ((node.code, peer), (peer, node.code))
    )
    if not ours or not theirs:
        return
    found = counting.differences(ours[0].told, theirs[0].told)
    if found is None:
        return  # one of the two has told a later day: what was found before stands until both have
    node.metrics.indicators_differ(peer, len(found))
    for procedure in sorted({one.procedure for one in found}):
        count = sum(one.procedure == procedure for one in found)
        node.log.warning("indicators.differ", peer=peer, procedure=procedure, count=count)


def standing_differences(node: Node, connection: Connection) -> Mapping[NodeCode, int]:
    """How many figures differ, by peer, of the newest year that it told: for a node that begins, and
    remembers none. Counted anew as of the peer's instant, as in a report."""
    found: dict[NodeCode, int] = {}
    for theirs in stored.newest_told_to(connection, node.code):
        told, peer = theirs.told, _state(theirs.issuer)
        ours = Told.of(told.year, told.as_of, _counted(connection, node, told.year, told.as_of, peer=peer))
        found[theirs.issuer] = len(counting.differences(ours, told) or ())
    return found


def _compared(connection: Connection, node: Node, query: IndicatorQuery) -> tuple[Comparison, ...]:
    """Counted anew, so that what has arrived since is not called a difference here; the peer says its part
    again on the next day."""
    found = []
    for theirs in stored.kept(connection, None, node.code, query.year):
        state = _state(theirs.issuer)
        if query.peer not in (None, state):
            continue
        told = theirs.told
        ours = Told.of(told.year, told.as_of, _counted(connection, node, told.year, told.as_of, peer=state))
        differences = counting.differences(ours, told)
        if differences is not None and query.procedure is not None:
            differences = tuple(one for one in differences if one.procedure == query.procedure)
        found.append(
            Comparison(peer=state, as_of=told.as_of, told_at=theirs.told_at, differences=differences)
        )
    return tuple(found)


def _counted(
    connection: Connection,
    node: Node,
    year: int,
    as_of: datetime,
    *,
    procedure: str | None = None,
    peer: StateCode | None = None,
) -> tuple[Row, ...]:
    start, end = counting.year_of(year)
    tally = Tally()
    between = None if peer is None else (node.state, peer)
    for thread, consigned in stored.requests_of(connection, start, end, procedure=procedure, between=between):
        one = counting.measured(thread, consigned, as_of=as_of)
        if one is not None:
            tally.add(one)
    return tally.rows()


def _as_of(query: IndicatorQuery, now: datetime) -> datetime:
    latest = counting.settled(now)
    if query.publication:
        as_of = counting.published_as_of(query.year)
        if as_of > latest:
            raise NotAcceptable("statistics.period_open", "a year is published half a year after its end")
        return as_of
    if query.as_of is None:
        return latest
    if query.as_of > now:
        raise NotAcceptable("statistics.period_open", "expected an instant that is over", field="/as_of")
    # Signed times are whole seconds, and so is what two nodes compare.
    return query.as_of.astimezone(UTC).replace(microsecond=0)


def _state(node: NodeCode) -> StateCode:
    """A node's code begins with its State's."""
    return StateCode(node.split("-")[0])
