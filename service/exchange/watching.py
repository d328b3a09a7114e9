"""What an operator asks of the watch: what is overdue or stands still, and how each peer's node does."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select
from sqlmodel import Session

from protocol.identifiers import Address, NodeCode, ThreadId, state_of
from service.access.actor import Actor
from service.monitor import delivery, peers
from service.monitor.delivery import Figures
from service.monitor.dwell import most_of
from service.monitor.views import (
    DeliveryView,
    PeersView,
    PeerView,
    StuckCount,
    StuckView,
    StuckViewItem,
    UnansweredView,
)
from service.monitor.watch import look
from service.node import Node
from service.store import comparisons
from service.store.tables import CLOCK_DIFFERENCE, DEADLINE

__all__ = ["operations_peers", "operations_stuck"]

_UNANSWERED: Final = 200
"""Named at once, the oldest first."""


async def operations_stuck(node: Node, actor: Actor) -> StuckView:  # noqa: ARG001 (every use case has it)
    """The oldest unanswered by legal deadline first; then what stands still, longest over its time."""
    now = node.clock.now()

    def work(session: Session) -> StuckView:
        unanswered = _unanswered(node, session.connection(), now)
        looked = look(session, node, now)
        return StuckView(
            at=now,
            unanswered=unanswered[:_UNANSWERED],
            stuck=tuple(
                StuckViewItem(
                    what=one.what,
                    subject=one.subject,
                    since=one.since,
                    most_seconds=int(one.most.total_seconds()),
                    over_seconds=int((now - one.since - one.most).total_seconds()),
                    page=one.page,
                )
                for one in looked.items
            ),
            counts=tuple(
                StuckCount(what=what, count=count) for what, count in looked.counts.items() if count
            ),
            more=looked.more or len(unanswered) > _UNANSWERED,
        )

    return await node.store.read(work)


def _unanswered(node: Node, connection: Connection, now: datetime) -> tuple[UnansweredView, ...]:
    rows = connection.execute(
        select(DEADLINE.c.thread, DEADLINE.c.procedure, DEADLINE.c.owed_by, DEADLINE.c.due_at)
        .where(DEADLINE.c.due_at <= now, DEADLINE.c.kind == "answer")
        .order_by(DEADLINE.c.due_at, DEADLINE.c.thread, DEADLINE.c.message)
        .limit(_UNANSWERED + 1)
    )
    return tuple(
        UnansweredView(
            thread=ThreadId(row.thread),
            procedure=row.procedure,
            answerer=Address(row.owed_by),
            owed_by="us" if state_of(Address(row.owed_by)) == node.state else "them",
            due_at=row.due_at,
            overdue_seconds=int((now - row.due_at).total_seconds()),
        )
        for row in rows
    )


async def operations_peers(node: Node, actor: Actor) -> PeersView:  # noqa: ARG001 (every use case has it)
    """Every node that was written to, or wrote, and this one: what of it is late, missing or differs."""
    now = node.clock.now()
    directory = node.directory.known()

    def work(session: Session) -> PeersView:
        connection = session.connection()
        figures: dict[NodeCode, list[Figures]] = {}
        for one in delivery.figures(connection, directory, node.code, now):
            figures.setdefault(one.node, []).append(one)
        waiting, splits = peers.waiting(connection), comparisons.splits(connection)
        overdue, differ = _overdue_by_state(connection, now), _clocks_that_differ(connection, now)
        known = {*peers.known(connection, node.code), *waiting, *figures, node.code}
        views = []
        for code in sorted(known, key=lambda code: (code != node.code, code)):
            heard = None if code == node.code else peers.last_heard(connection, node.code, code)
            state = node.state if code == node.code else NodeCode(code).partition("-")[0]
            left = waiting.get(code)
            views.append(
                PeerView(
                    node=code,
                    ours=code == node.code,
                    last_heard=heard,
                    silent=heard is not None and now - heard >= most_of("channel.silent"),
                    waiting=left.rows if left else 0,
                    oldest_waiting_seconds=int((now - left.oldest).total_seconds()) if left else 0,
                    lacking=peers.lacking(connection, node.code, code).count,
                    split=splits.get(code, False),
                    clock_differs=differ.get(code, 0),
                    overdue=overdue[state],
                    delivery=tuple(_shown(one) for one in figures.get(code, ())),
                )
            )
        return PeersView(at=now, peers=tuple(views))

    return await node.store.read(work)


def _overdue_by_state(connection: Connection, now: datetime) -> Counter[str]:
    """Answers that are late, by the State that owes them."""
    rows = connection.execute(
        select(DEADLINE.c.owed_by, func.count().label("rows"))
        .where(DEADLINE.c.due_at <= now, DEADLINE.c.kind == "answer")
        .group_by(DEADLINE.c.owed_by)
    )
    found: Counter[str] = Counter()
    for row in rows:
        found[state_of(Address(row.owed_by))] += row.rows
    return found


def _clocks_that_differ(connection: Connection, now: datetime) -> dict[NodeCode, int]:
    """Deadlines that a peer counted otherwise, found in the longest window."""
    rows = connection.execute(
        select(CLOCK_DIFFERENCE.c.peer, func.count().label("rows"))
        .where(CLOCK_DIFFERENCE.c.found_at > now - timedelta(days=max(delivery.WINDOWS)))
        .group_by(CLOCK_DIFFERENCE.c.peer)
    )
    return {NodeCode(row.peer): row.rows for row in rows}


def _shown(one: Figures) -> DeliveryView:
    return DeliveryView(
        leg=one.leg,
        days=one.days,
        target=one.target,
        published=one.published,
        count=one.count,
        within=one.within,
        late=one.late,
        share_percent=None if one.share is None else int(100 * one.share),
        met=one.met,
        median_seconds=None if one.median is None else int(one.median.total_seconds()),
        ninetieth_seconds=None if one.ninetieth is None else int(one.ninetieth.total_seconds()),
    )
