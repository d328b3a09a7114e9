"""Answers that are owed, the earliest first. An operator reads it: whose and when, never about what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import Session

from protocol import conversations
from protocol.identifiers import state_of
from service.access.actor import Actor
from service.access.roles import Scope
from service.exchange.views import DeadlineQuery, DeadlinesView, DeadlineView, DueView
from service.node import Node
from service.store import mailbox
from service.store.tables import THREAD

__all__ = ["deadlines"]


async def deadlines(node: Node, actor: Actor, query: DeadlineQuery) -> DeadlinesView:
    """For case workers those of their own authorities; for an operator all of this node's."""
    now = node.clock.now()
    wanted: list[ColumnElement[bool]] = [THREAD.c.due_at.is_not(None)]
    if actor.may(Scope.MESSAGES_READ):
        own = sorted(actor.authorities)
        wanted.append(or_(THREAD.c.asker.in_(own), THREAD.c.answerer.in_(own)))
    if query.case is not None:
        wanted.append(THREAD.c.case_reference == query.case)
    if query.until is not None:
        wanted.append(THREAD.c.due_at <= query.until)
    if query.overdue is not None:
        wanted.append(THREAD.c.due_at <= now if query.overdue else THREAD.c.due_at > now)
    here = THREAD.c.answerer.startswith(f"{node.state}.", autoescape=True)
    if query.owed_by is not None:
        wanted.append(here if query.owed_by == "us" else ~here)
    if query.with_state is not None:
        theirs = f"{query.with_state}."
        wanted.append(
            or_(
                THREAD.c.asker.startswith(theirs, autoescape=True),
                THREAD.c.answerer.startswith(theirs, autoescape=True),
            )
        )
    if query.after is not None:
        at, thread = query.after
        # The first condition is what the index on the instant is entered by.
        wanted += [THREAD.c.due_at >= at, or_(THREAD.c.due_at > at, THREAD.c.id > thread)]

    def work(session: Session) -> DeadlinesView:
        rows = (
            session.connection()
            .execute(
                select(THREAD.c.id)
                .where(and_(*wanted))
                .order_by(THREAD.c.due_at, THREAD.c.id)
                .limit(query.limit + 1)
            )
            .scalars()
        )
        threads = [mailbox.load_thread(session.connection(), id_) for id_ in rows]
        views = tuple(_view(node, thread, now) for thread in threads if thread is not None and thread.due)
        return DeadlinesView(at=now, deadlines=views[: query.limit], more=len(views) > query.limit)

    return await node.store.read(work)


def _view(node: Node, thread: conversations.Thread, now: datetime) -> DeadlineView:
    assert thread.due is not None
    table = conversations.table_for(thread.procedure)
    return DeadlineView(
        case=thread.case,
        thread=thread.id,
        procedure=thread.procedure,
        state=conversations.state_at(thread, now, table=table),
        asker=thread.asker,
        answerer=thread.answerer,
        owed_by="us" if state_of(thread.answerer) == node.state else "them",
        due=DueView(at=thread.due.at, basis=thread.due.basis, paused=thread.state == "awaiting-info"),
        overdue=now >= thread.due.at,
    )
