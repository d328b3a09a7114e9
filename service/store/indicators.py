"""Reading a year's conversations for indicators, a batch at a time; and what two nodes told each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, insert, or_, select

from protocol.claims import Claims
from protocol.conversations import Thread, thread_from_json
from protocol.identifiers import MessageId, NodeCode, StateCode
from protocol.indicators import Told, read_told
from service.store.tables import EVIDENCE, INDICATORS_TOLD, MESSAGE, THREAD

__all__ = ["KeptFigures", "keep", "kept", "newest_told_to", "requests_of"]

_BATCH = 200  # conversations: what is in memory at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFigures:
    """Figures that a node told. `told_at`: signed."""

    issuer: NodeCode
    peer: NodeCode
    told_at: datetime
    told: Told


def requests_of(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    procedure: str | None = None,
    between: tuple[StateCode, StateCode] | None = None,
) -> Iterator[tuple[Thread, Mapping[MessageId, datetime]]]:
    """The conversations that were opened from `start` until before `end`, each with the signed time of the
    first evidence that its messages were consigned. The cost is linear in those conversations, the memory
    that of a batch.

    `between`: only requests of one of these two States to the other.
    """
    wanted = [THREAD.c.opened_at >= start, THREAD.c.opened_at < end]
    if procedure is not None:
        wanted.append(THREAD.c.procedure == procedure)
    if between is not None:
        wanted.append(
            or_(
                *(
                    and_(
                        THREAD.c.asker.startswith(f"{asking}.", autoescape=True),
                        THREAD.c.answerer.startswith(f"{answering}.", autoescape=True),
                    )
                    for asking, answering in (between, between[::-1])
                )
            )
        )
    page = (
        select(THREAD.c.opened_at, THREAD.c.id, THREAD.c.snapshot)
        .where(*wanted)
        .order_by(THREAD.c.opened_at, THREAD.c.id)
        .limit(_BATCH)
    )
    following = page
    while rows := connection.execute(following).all():
        consigned = _consigned(connection, [row.id for row in rows])
        for row in rows:
            yield thread_from_json(json.loads(row.snapshot)), consigned.get(row.id, {})
        last = rows[-1]
        following = page.where(
            or_(
                THREAD.c.opened_at > last.opened_at,
                and_(THREAD.c.opened_at == last.opened_at, THREAD.c.id > last.id),
            )
        )


def _consigned(connection: Connection, threads: list[str]) -> dict[str, dict[MessageId, datetime]]:
    rows = connection.execute(
        select(MESSAGE.c.thread, MESSAGE.c.id, func.min(EVIDENCE.c.issued_at).label("at"))
        .join(EVIDENCE, and_(EVIDENCE.c.id == MESSAGE.c.id, EVIDENCE.c.sender_node == MESSAGE.c.sender_node))
        .where(MESSAGE.c.thread.in_(threads), EVIDENCE.c.kind == "content-consigned")
        .group_by(MESSAGE.c.thread, MESSAGE.c.id)
    )
    found: dict[str, dict[MessageId, datetime]] = {}
    for row in rows:
        found.setdefault(row.thread, {})[MessageId(row.id)] = row.at
    return found


def keep(
    connection: Connection, issuer: NodeCode, peer: NodeCode, told: Told, *, told_at: datetime, statement: str
) -> bool:
    """Keep what was told, in the place of what was told before. False where something newer is kept."""
    row = (
        INDICATORS_TOLD.c.issuer == issuer,
        INDICATORS_TOLD.c.peer == peer,
        INDICATORS_TOLD.c.year == told.year,
    )
    newest = connection.execute(select(INDICATORS_TOLD.c.told_at).where(*row)).scalar()
    if newest is not None and newest > told_at:
        return False
    connection.execute(delete(INDICATORS_TOLD).where(*row))
    connection.execute(
        insert(INDICATORS_TOLD),
        {
            "issuer": issuer,
            "peer": peer,
            "year": told.year,
            "as_of": told.as_of,
            "told_at": told_at,
            "figures": json.dumps(told.to_json(), separators=(",", ":")),
            "statement": statement,
        },
    )
    return True


def newest_told_to(connection: Connection, peer: NodeCode) -> tuple[KeptFigures, ...]:
    """Of each that told `peer` anything, what it told of the newest year."""
    newest = (
        select(INDICATORS_TOLD.c.issuer, func.max(INDICATORS_TOLD.c.year).label("year"))
        .where(INDICATORS_TOLD.c.peer == peer)
        .group_by(INDICATORS_TOLD.c.issuer)
    )
    rows = connection.execute(newest).all()
    return tuple(one for row in rows for one in kept(connection, NodeCode(row.issuer), peer, row.year))


def kept(
    connection: Connection, issuer: NodeCode | None, peer: NodeCode | None, year: int
) -> tuple[KeptFigures, ...]:
    """What was told of that year, by `issuer` and to `peer`, each None for any, in the order of names."""
    wanted = [INDICATORS_TOLD.c.year == year]
    if issuer is not None:
        wanted.append(INDICATORS_TOLD.c.issuer == issuer)
    if peer is not None:
        wanted.append(INDICATORS_TOLD.c.peer == peer)
    rows = connection.execute(
        select(INDICATORS_TOLD).where(*wanted).order_by(INDICATORS_TOLD.c.issuer, INDICATORS_TOLD.c.peer)
    )
    return tuple(
        KeptFigures(
            issuer=NodeCode(row.issuer),
            peer=NodeCode(row.peer),
            told_at=row.told_at,
            told=read_told(Claims(json.loads(row.figures), code="channel.malformed")),
        )
        for row in rows
    )
