"""Statistics: make a release, list them, read one. Made once; the same request again gives the same release.

What a release may tell is decided in `protocol.statistics`. Here is what it is decided on: the coded parts of
notifications, closures, age outcomes and aliases that this node holds, and every earlier release. No identity
and no free text is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlmodel import Session

from protocol import languages, statistics
from protocol.identifiers import Address, CaseReference
from protocol.rendering import Format, Rendering
from protocol.statements import StatementType, read
from protocol.statistics import Population, Release, Released, Told
from service.access import journal
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import NotFound
from service.exchange.printing import print_words
from service.exchange.views import StatisticsList
from service.node import Node
from service.store import statistics as stored

__all__ = ["list_statistics", "make_statistics", "read_statistics", "render_statistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A release, and the releases that it was compared with."""

    made: Released
    beside: tuple[str, ...]


async def make_statistics(
    node: Node, actor: Actor, wanted: Population, coarsen: bool
) -> tuple[Release, bool]:
    """The release of that population, and whether it is new.

    `coarsen`: hide more, where an earlier release makes it necessary. Refuses `statistics.would_reveal` where
    even that is not enough, or is not wanted; `statistics.period_open`.
    """
    actor.require(Scope.STATISTICS_RELEASE)
    now = node.clock.now()

    def draft(session: Session) -> Release | _Draft:
        connection = session.connection()
        return stored.find_release(connection, wanted.id) or _drafted(
            node, connection, wanted, coarsen=coarsen
        )

    while True:
        drafted = await node.store.read(draft)
        if isinstance(drafted, Release):
            return drafted, False

        def keep(session: Session, one: _Draft = drafted) -> bool:
            if tuple(stored.release_ids(session.connection())) != one.beside:
                return False  # another was released meanwhile: this one was not compared with it
            stored.add_release(session.connection(), one.made)
            journal.note(session, actor, "statistics-released", wanted.id, at=now)
            return True

        if await node.store.write(keep):
            return drafted.made.release, True


async def list_statistics(node: Node, actor: Actor, limit: int) -> StatisticsList:
    """What was released, the newest first."""
    actor.require(Scope.STATISTICS_READ)

    def work(session: Session) -> StatisticsList:
        found = stored.newest_releases(session.connection(), limit + 1)
        return StatisticsList(releases=found[:limit], more=len(found) > limit)

    return await node.store.read(work)


async def read_statistics(node: Node, actor: Actor, release: str) -> Release:
    actor.require(Scope.STATISTICS_READ)

    def work(session: Session) -> Release:
        found = stored.find_release(session.connection(), release)
        if found is None:
            raise NotFound("request.not_found", "no such release")
        return found

    return await node.store.read(work)


async def render_statistics(node: Node, actor: Actor, release: str, language: str, form: Format) -> Rendering:
    """The release as a page in `language`, or the nearest there is."""
    found = await read_statistics(node, actor, release)
    return await print_words(statistics.document(found, languages.nearest_language(language)), form)


def _drafted(node: Node, connection: Connection, wanted: Population, *, coarsen: bool) -> _Draft:
    counted = stored.counted_in(connection)
    years = {
        before.population.year: frozenset(counted[before.population.id])
        for id_ in counted
        if (before := stored.find_release(connection, id_)) is not None
        and before.population.role == wanted.role
        and before.population.year is not None
    }
    cases = statistics.counted_cases(_told(connection, wanted), state=node.state)
    made = statistics.release(
        wanted,
        statistics.population(wanted, cases, years),
        # One that told nothing, its total being small, cannot be subtracted from.
        [told for told in counted.values() if any(told.values())],
        now=node.clock.now(),
        coarsen=coarsen,
    )
    return _Draft(made=made, beside=tuple(counted))


def _told(connection: Connection, wanted: Population) -> Iterator[Told]:
    until = wanted.ends if wanted.day is not None else None
    for row in stored.messages_to_count(connection, until=until):
        # The statements are our own store's, checked when they came.
        coded = read(row.statement, typ=StatementType.CONTENT).claims.get("coded")
        yield Told(
            case=CaseReference(row.case_reference),
            type=row.type,
            sender=Address(row.sender),
            recipient=Address(row.recipient),
            recorded_at=row.recorded_at,
            coded=coded if isinstance(coded, dict) else {},
        )
