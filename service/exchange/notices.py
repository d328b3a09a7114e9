"""What somebody is told: their notices, how far they have read, and where else notices are sent.

Whoever asks sees the notices of their own authorities, or of the node, that are meant for a role like theirs
(`service.notices.AUDIENCES`), and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, func, insert, or_, select, update
from sqlmodel import Session

from protocol.identifiers import Address
from service.access.actor import Actor
from service.node import Node
from service.notices import NODE_AUDIENCES, audiences_of
from service.notifying import subscriptions
from service.notifying.subscriptions import SubscriptionView, Wanted
from service.notifying.webhook import published, signing_keys
from service.store.tables import NOTICE, NOTICE_READ

__all__ = [
    "NoticePage",
    "NoticeView",
    "ReadView",
    "delete_subscription",
    "list_notices",
    "list_subscriptions",
    "mark_read",
    "newest_notice",
    "put_subscription",
    "read_subscription",
    "webhook_keys",
]

COUNTED_AT_MOST: Final = 1_000
"""Unread notices: beyond, nobody reads the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """Something that happened. `subject` is for links of this node's own console, whose reader may open what
    it leads to or not: no answer of the API and no channel has it."""

    id: str
    position: int
    kind: str
    at: datetime
    subject: str
    authority: Address | None = None
    due_at: datetime | None = None
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePage:
    """`position` is that of the last notice, or the one asked from when there is none. `unread`: of all that
    the reader may see, up to `COUNTED_AT_MOST`."""

    notices: tuple[NoticeView, ...]
    position: int
    more: bool
    read: int
    unread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadView:
    """How far somebody has read."""

    read: int
    unread: int


async def list_notices(
    node: Node, actor: Actor, after: int | None, limit: int, newest: bool = False
) -> NoticePage:
    """The notices behind the position `after`, the oldest first; those behind what was read when it is None.
    `newest`: instead those before the position `after`, or the last there are, the newest first, for a page
    of the console; then `position` is that of the oldest on the page."""
    seen = _seen(actor)

    def work(session: Session) -> NoticePage:
        connection = session.connection()
        read = _read(session, actor)
        begin = read if after is None else after
        chosen = select(NOTICE).where(seen).limit(limit + 1)
        if newest:
            chosen = chosen.order_by(NOTICE.c.row.desc())
            chosen = chosen if after is None else chosen.where(NOTICE.c.row < after)
        else:
            chosen = chosen.where(NOTICE.c.row > begin).order_by(NOTICE.c.row)
        rows = connection.execute(chosen).all()
        views = tuple(_view(row, read) for row in rows[:limit])
        return NoticePage(
            notices=views,
            position=views[-1].position if views else begin,
            more=len(rows) > limit,
            read=read,
            unread=_unread(session, seen, read),
        )

    return await node.store.read(work)


async def newest_notice(node: Node, actor: Actor) -> int:
    """The position of the last that the actor may see; 0 for none."""
    seen = _seen(actor)
    newest = select(func.max(NOTICE.c.row)).where(seen)
    return await node.store.read(
        lambda session: session.connection().execute(newest).scalar_one_or_none() or 0
    )


async def mark_read(node: Node, actor: Actor, position: int) -> ReadView:
    """The actor has read up to `position`. It goes forward alone, and not beyond what there is for them."""
    now, seen = node.clock.now(), _seen(actor)

    def work(session: Session) -> ReadView:
        connection = session.connection()
        before = _read(session, actor)
        last = connection.execute(select(func.max(NOTICE.c.row)).where(seen)).scalar_one_or_none() or 0
        to = min(position, last)
        if to > before:
            values = {"position": to, "at": now}
            done = connection.execute(
                update(NOTICE_READ).where(NOTICE_READ.c.person == actor.person).values(**values)
            )
            if not done.rowcount:
                connection.execute(insert(NOTICE_READ), {"person": actor.person, **values})
        read = max(before, to)
        return ReadView(read=read, unread=_unread(session, seen, read))

    return await node.store.write(work)


async def list_subscriptions(node: Node, actor: Actor) -> tuple[SubscriptionView, ...]:  # noqa: ARG001
    return await node.store.read(subscriptions.every)


async def read_subscription(node: Node, actor: Actor, subscription: str) -> SubscriptionView:  # noqa: ARG001
    return await node.store.read(lambda session: subscriptions.one(session, subscription))


async def put_subscription(node: Node, actor: Actor, subscription: str, wanted: Wanted) -> SubscriptionView:
    """Refuses as `subscriptions.check`."""
    now = node.clock.now()
    values = subscriptions.check(node, subscription, wanted)
    view = await node.store.write(
        lambda session: subscriptions.put(session, actor, subscription, values, now)
    )
    node.wake.notices.notify()
    return view


async def delete_subscription(node: Node, actor: Actor, subscription: str) -> SubscriptionView:
    """As it was. What waits for it is told to nobody."""
    now = node.clock.now()
    return await node.store.write(lambda session: subscriptions.remove(session, actor, subscription, now))


def webhook_keys(node: Node) -> tuple[str, ...]:
    """The public keys by which a receiver knows this node's webhooks; the current one first."""
    return tuple(published(key.public) for key in signing_keys(node.keys, node.clock.now()))


def _seen(actor: Actor) -> Any:
    audiences = audiences_of(actor.role)
    ofnode, office = sorted(audiences & NODE_AUDIENCES), sorted(audiences - NODE_AUDIENCES)
    return or_(
        NOTICE.c.audience.in_(ofnode),
        and_(NOTICE.c.audience.in_(office), NOTICE.c.authority.in_(sorted(actor.authorities))),
    )


def _read(session: Session, actor: Actor) -> int:
    found = session.connection().execute(
        select(NOTICE_READ.c.position).where(NOTICE_READ.c.person == actor.person)
    )
    return found.scalar_one_or_none() or 0


def _unread(session: Session, seen: Any, read: int) -> int:
    some = select(NOTICE.c.row).where(seen, NOTICE.c.row > read).limit(COUNTED_AT_MOST).subquery()
    return session.connection().execute(select(func.count()).select_from(some)).scalar_one()


def _view(row: Any, read: int) -> NoticeView:
    return NoticeView(
        id=row.id,
        position=row.row,
        kind=row.kind,
        at=row.at,
        subject=row.subject,
        authority=None if row.authority is None else Address(row.authority),
        due_at=row.due_at,
        read=row.row <= read,
    )
