"""Each peer's node as ours sees it: last heard, what waits for it, what we lack of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, literal_column, or_, select

from protocol.errors import Refused
from protocol.identifiers import NodeCode
from protocol.reconciliation import read_reconciliation
from protocol.statements import StatementType, read
from service.store import outgoing
from service.store.tables import CHANNEL, CHANNEL_SEEN, CHECKPOINT, OUTBOX

__all__ = ["Lacking", "Waiting", "known", "lacking", "last_heard", "oldest_waiting", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """How many envelopes a peer says it sent that have not come, and since when nothing of them came."""

    count: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Rows of the outbox that may leave and are not answered; `oldest`: since when the first one waits."""

    rows: int
    oldest: datetime


def known(connection: Connection, me: NodeCode) -> tuple[NodeCode, ...]:
    """Whoever was written to, or wrote."""
    pairs = connection.execute(
        select(CHANNEL.c.sender_node, CHANNEL.c.recipient_node)
        .where(or_(CHANNEL.c.sender_node == me, CHANNEL.c.recipient_node == me))
        .distinct()
    )
    return tuple(sorted({NodeCode(code) for pair in pairs for code in pair} - {me}))


def last_heard(connection: Connection, me: NodeCode, peer: NodeCode) -> datetime | None:
    """When the peer's newest statement on our channels was made. It makes one every few minutes."""
    found: datetime | None = connection.execute(
        select(CHECKPOINT.c.issued_at)
        .where(CHECKPOINT.c.issuer == peer, CHECKPOINT.c.peer == me)
        .order_by(CHECKPOINT.c.hour.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found


def waiting(connection: Connection) -> Mapping[NodeCode, Waiting]:
    """By peer; one for whom nothing waits is not there. Walks over what waits, never over what is done."""
    found: dict[NodeCode, Waiting] = {}
    for state in ("queued", "released"):
        rows = connection.execute(
            select(
                OUTBOX.c.recipient_node,
                func.count().label("rows"),
                func.min(OUTBOX.c.queued_at).label("oldest"),
            )
            .where(OUTBOX.c.state == literal_column(f"'{state}'"))
            .group_by(OUTBOX.c.recipient_node)
        )
        for row in rows:
            peer = NodeCode(row.recipient_node)
            other = found.get(peer, Waiting(rows=0, oldest=row.oldest))
            found[peer] = Waiting(rows=other.rows + row.rows, oldest=min(other.oldest, row.oldest))
    return found


def oldest_waiting(connection: Connection, peer: NodeCode) -> datetime | None:
    """Of one peer."""
    found: datetime | None = connection.execute(
        select(func.min(OUTBOX.c.queued_at)).where(
            OUTBOX.c.state == literal_column("'released'"), OUTBOX.c.recipient_node == peer
        )
    ).scalar_one_or_none()
    return found


def lacking(connection: Connection, me: NodeCode, peer: NodeCode) -> Lacking:
    """By the peer's newest statement, and by what has come since."""
    kept = connection.execute(
        select(CHECKPOINT.c.token, CHECKPOINT.c.issued_at)
        .where(CHECKPOINT.c.issuer == peer, CHECKPOINT.c.peer == me)
        .order_by(CHECKPOINT.c.hour.desc())
        .limit(1)
    ).one_or_none()
    ours = outgoing.newest_channel(connection, peer, me)
    if kept is None or ours is None:
        return Lacking(count=0)
    try:
        # It was verified when it came.
        said = read_reconciliation(read(kept.token, typ=StatementType.RECONCILIATION))
    except Refused:
        return Lacking(count=0)
    theirs = max(
        (
            report.channel.last
            for report in said.channels
            if report.channel.sender == peer and report.channel.epoch == ours.epoch
        ),
        default=0,
    )
    if theirs <= ours.last:
        return Lacking(count=0)
    above = connection.execute(
        select(func.count())
        .select_from(CHANNEL_SEEN)
        .where(
            CHANNEL_SEEN.c.sender_node == peer,
            CHANNEL_SEEN.c.recipient_node == me,
            CHANNEL_SEEN.c.epoch == ours.epoch,
            CHANNEL_SEEN.c.sequence > ours.last,
            CHANNEL_SEEN.c.sequence <= theirs,
        )
    ).scalar_one()
    since: datetime = connection.execute(
        select(CHANNEL.c.updated_at).where(
            CHANNEL.c.sender_node == peer, CHANNEL.c.recipient_node == me, CHANNEL.c.epoch == ours.epoch
        )
    ).scalar_one()
    return Lacking(count=theirs - ours.last - above, since=since)
