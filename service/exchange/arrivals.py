"""Counting what has come: the numbers of a channel, in whatever order they arrive.

Done for all that came together, in one unit of the writer after theirs and before the hub is told: a crash
between the two brings the same envelopes again, which are then known and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert, select
from sqlmodel import Session

from protocol import channels
from protocol.channels import Numbered
from protocol.identifiers import MessageId, NodeCode
from service.exchange.accept import Outcome
from service.node import Node
from service.store import outgoing
from service.store.tables import CHANNEL_SEEN

__all__ = ["count"]

AT_ONCE = 512
"""Rows read together while walking over what waited."""


def count(node: Node, session: Session, outcomes: Iterable[Outcome], now: datetime) -> None:
    arrived: dict[tuple[NodeCode, str], dict[int, Numbered]] = defaultdict(dict)
    for outcome in outcomes:
        if outcome.numbered is not None and outcome.sender is not None and outcome.epoch is not None:
            arrived[outcome.sender, outcome.epoch].setdefault(outcome.numbered.sequence, outcome.numbered)
    for (sender, epoch), numbered in arrived.items():
        _count_channel(session, sender, node.code, epoch, numbered, now)


def _count_channel(
    session: Session,
    sender: NodeCode,
    me: NodeCode,
    epoch: str,
    numbered: dict[int, Numbered],
    now: datetime,
) -> None:
    connection = session.connection()
    of_channel = (
        CHANNEL_SEEN.c.sender_node == sender,
        CHANNEL_SEEN.c.recipient_node == me,
        CHANNEL_SEEN.c.epoch == epoch,
    )
    known = set(
        connection.execute(
            select(CHANNEL_SEEN.c.sequence).where(*of_channel, CHANNEL_SEEN.c.sequence.in_(numbered))
        ).scalars()
    )
    new = [one for sequence, one in sorted(numbered.items()) if sequence not in known]
    if new:
        connection.execute(
            insert(CHANNEL_SEEN),
            [
                {
                    "sender_node": sender,
                    "recipient_node": me,
                    "epoch": epoch,
                    "sequence": one.sequence,
                    "id": one.id,
                    "statement_digest": one.statement_digest,
                }
                for one in new
            ],
        )
    stored = outgoing.channel(connection, sender, me, epoch)
    channel = advanced = stored or channels.open_channel(sender, me, epoch)
    while True:
        # From the rows, not from `new`: what came earlier may have waited for these.
        following = connection.execute(
            select(CHANNEL_SEEN)
            .where(*of_channel, CHANNEL_SEEN.c.sequence > advanced.last)
            .order_by(CHANNEL_SEEN.c.sequence)
            .limit(AT_ONCE)
        ).all()
        before = advanced.last
        advanced, _ = channels.advance_over(
            advanced,
            [
                Numbered(sequence=row.sequence, id=MessageId(row.id), statement_digest=row.statement_digest)
                for row in following
            ],
        )
        if advanced.last == before or len(following) < AT_ONCE:
            break
    if advanced.last > channel.last or stored is None:
        outgoing.save_channel(connection, advanced, was=stored.last if stored else None, now=now)
    else:
        # It came again, or above a gap: what we last said of this channel has not reached its sender, or
        # has not helped.
        outgoing.touch_channel(connection, channel, now)
