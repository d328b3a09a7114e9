"""Statistics releases, and which case each of them counted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from protocol.identifiers import CaseReference
from protocol.statistics import COUNTED_TYPES, Earlier, Release, Released, release_from_json
from service.store.tables import MESSAGE, STATISTICS_COUNT, STATISTICS_RELEASE

__all__ = ["add_release", "counted_in", "find_release", "messages_to_count", "newest_releases", "release_ids"]

type AnyRow = Row[tuple[Any, ...]]

_BATCH = 500  # messages
_NOT_SAID = ("refused", "held", "waiting")


def find_release(connection: Connection, id_: str) -> Release | None:
    found = connection.execute(
        select(STATISTICS_RELEASE.c.content).where(STATISTICS_RELEASE.c.id == id_)
    ).scalar()
    return None if found is None else release_from_json(json.loads(found))


def newest_releases(connection: Connection, limit: int) -> tuple[Release, ...]:
    found = connection.execute(
        select(STATISTICS_RELEASE.c.content)
        .order_by(STATISTICS_RELEASE.c.made_at.desc(), STATISTICS_RELEASE.c.id)
        .limit(limit)
    ).scalars()
    return tuple(release_from_json(json.loads(content)) for content in found)


def release_ids(connection: Connection) -> Sequence[str]:
    """In the order in which they were made."""
    return (
        connection.execute(
            select(STATISTICS_RELEASE.c.id).order_by(STATISTICS_RELEASE.c.made_at, STATISTICS_RELEASE.c.id)
        )
        .scalars()
        .all()
    )


def counted_in(connection: Connection) -> Mapping[str, Earlier]:
    """By release: each case that it counted, with the blocks that told of it."""
    counted: dict[str, dict[CaseReference, Mapping[str, str]]] = {id_: {} for id_ in release_ids(connection)}
    for release, reference, told in connection.execute(select(STATISTICS_COUNT)):
        counted[release][CaseReference(reference)] = json.loads(told)
    return counted


def add_release(connection: Connection, made: Released) -> None:
    id_ = made.release.population.id
    connection.execute(
        insert(STATISTICS_RELEASE),
        {
            "id": id_,
            "made_at": made.release.made_at,
            "content": json.dumps(made.release.to_json(), separators=(",", ":")),
        },
    )
    rows = [
        {"release": id_, "case_reference": reference, "told": json.dumps(dict(told), separators=(",", ":"))}
        for reference, told in made.counted.items()
    ]
    if rows:
        connection.execute(insert(STATISTICS_COUNT), rows)


def messages_to_count(connection: Connection, *, until: datetime | None) -> Iterator[AnyRow]:
    """What statistics read, in the order of recording: the signed statements, never a sealed column.

    Without what is held, refused or waits: it has not been said. `until`: only what was recorded before.
    """
    wanted: Select[Any] = (
        select(
            MESSAGE.c.cursor,
            MESSAGE.c.case_reference,
            MESSAGE.c.type,
            MESSAGE.c.sender,
            MESSAGE.c.recipient,
            MESSAGE.c.recorded_at,
            MESSAGE.c.statement,
        )
        .where(MESSAGE.c.type.in_(COUNTED_TYPES), MESSAGE.c.status.not_in(_NOT_SAID))
        .order_by(MESSAGE.c.cursor)
        .limit(_BATCH)
    )
    if until is not None:
        wanted = wanted.where(MESSAGE.c.recorded_at < until)
    after = 0
    while rows := connection.execute(wanted.where(MESSAGE.c.cursor > after)).all():
        yield from rows
        after = rows[-1].cursor
