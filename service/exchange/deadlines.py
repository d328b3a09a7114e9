"""What is owed, the earliest first, and how far its reminders have gone. An operator reads it: whose and
when, never about what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, literal, or_, select, tuple_
from sqlmodel import Session

from protocol import base64url, conversations
from protocol.directory import Directory
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, CaseReference, MessageId, StateCode, ThreadId, state_of
from protocol.safeguards import ProtectionStatus
from service.access.actor import Actor
from service.access.roles import Scope
from service.exchange.clocks import NOTIFICATION
from service.exchange.telling import directory_or_none
from service.exchange.views import (
    ClockDifferenceView,
    DeadlineQuery,
    DeadlinesView,
    DeadlineView,
    DueView,
    LadderView,
    TurnToView,
)
from service.monitor.ladder import following
from service.node import Node
from service.store.tables import CASE_FILE, CLOCK_DIFFERENCE, DEADLINE

__all__ = ["deadlines", "not_to_be_pressed"]

_ORDER = (DEADLINE.c.due_at, DEADLINE.c.thread, DEADLINE.c.message, DEADLINE.c.obligation)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOT_TOLD = "not-told"
_SOUGHT = (ProtectionStatus.SOUGHT, ProtectionStatus.POSSIBLE)


async def deadlines(node: Node, actor: Actor, query: DeadlineQuery) -> DeadlinesView:
    """For case workers those of their own authorities; for an operator all of this node's.

    Refuses `request.cursor` for an `after` that no page has given.
    """
    now = node.clock.now()
    told = actor.may(Scope.MESSAGES_READ)
    wanted: list[ColumnElement[bool]] = [~not_to_be_pressed()]
    if told:
        own = sorted(actor.authorities)
        wanted.append(or_(DEADLINE.c.asker.in_(own), DEADLINE.c.answerer.in_(own)))
    else:
        wanted.append(~_of_an_applicant())
    if query.case is not None:
        wanted.append(DEADLINE.c.case_reference == query.case)
    if query.until is not None:
        wanted.append(DEADLINE.c.due_at <= query.until)
    if query.overdue is not None:
        wanted.append(DEADLINE.c.due_at <= now if query.overdue else DEADLINE.c.due_at > now)
    here = DEADLINE.c.owed_by.startswith(f"{node.state}.", autoescape=True)
    if query.owed_by is not None:
        wanted.append(here if query.owed_by == "us" else ~here)
    if query.with_state is not None:
        theirs = f"{query.with_state}."
        wanted.append(
            or_(
                DEADLINE.c.asker.startswith(theirs, autoescape=True),
                DEADLINE.c.answerer.startswith(theirs, autoescape=True),
            )
        )
    if query.after is not None:
        wanted.append(_beyond(query.after))
    differs = CLOCK_DIFFERENCE
    page = (
        select(DEADLINE, differs.c.theirs_at, differs.c.ours_at, differs.c.cause, differs.c.peer)
        .outerjoin(
            differs,
            and_(differs.c.message == DEADLINE.c.message, differs.c.obligation == DEADLINE.c.obligation),
        )
        .where(*wanted)
        .order_by(*_ORDER)
        .limit(query.limit + 1)
    )

    turn_to = _TurnTo(directory_or_none(node), node.state, now)

    def work(session: Session) -> DeadlinesView:
        rows = session.connection().execute(page).all()
        shown = rows[: query.limit]
        more = len(rows) > query.limit
        return DeadlinesView(
            at=now,
            deadlines=tuple(_view(node, row, now, turn_to, told=told) for row in shown),
            more=more,
            after=_place(shown[-1]) if more else None,
        )

    return await node.store.read(work)


def not_to_be_pressed() -> ColumnElement[bool]:
    """The duty to notify another State of a child for whom protection is sought or possible."""
    return and_(
        DEADLINE.c.kind == "duty",
        DEADLINE.c.obligation == NOTIFICATION,
        exists(
            select(CASE_FILE.c.reference).where(
                CASE_FILE.c.reference == DEADLINE.c.case_reference,
                or_(CASE_FILE.c.protection.in_(_SOUGHT), CASE_FILE.c.protection_proposed.in_(_SOUGHT)),
            )
        ),
    )


def _of_an_applicant() -> ColumnElement[bool]:
    """The second duty of a case, which bears an id of its own beside the case's: that it is there says that
    protection is sought, which those who work on the case know and nobody else."""
    return and_(DEADLINE.c.kind == "duty", DEADLINE.c.message != DEADLINE.c.thread)


def _place(row: Row[Any]) -> str:
    microseconds = (row.due_at - _EPOCH) // timedelta(microseconds=1)
    place = json.dumps([microseconds, row.thread, row.message, row.obligation], separators=(",", ":"))
    return base64url.encode(place.encode()).decode("ascii")


def _beyond(after: str) -> ColumnElement[bool]:
    try:
        microseconds, *names = json.loads(base64url.decode(after.encode("ascii")))
        due_at = _EPOCH + timedelta(microseconds=microseconds)
        if len(names) != 3 or not all(isinstance(name, str) for name in names):
            raise ValueError
    except (ValueError, TypeError, OverflowError, Refused):
        raise NotAcceptable(
            "request.cursor", "expected `after` as the page before gave it", field="after"
        ) from None
    values = (literal(due_at, DEADLINE.c.due_at.type), *(literal(name) for name in names))
    return tuple_(*_ORDER) > tuple_(*values)


class _TurnTo:
    """To whom people may turn when an authority stays silent, looked up once for each."""

    def __init__(self, directory: Directory | None, state: StateCode, now: datetime) -> None:
        self._directory = directory
        self._state = state
        self._now = now
        self._known: dict[tuple[str, str], TurnToView] = {}

    def of(self, owing: str, procedure: str) -> TurnToView:
        key = owing, procedure
        if key not in self._known:
            self._known[key] = self._look(Address(owing), procedure)
        return self._known[key]

    def _look(self, owing: Address, procedure: str) -> TurnToView:
        if self._directory is None:
            return TurnToView()
        try:
            entry = self._directory.authority(owing)
        except Refused:
            return TurnToView()
        state = state_of(owing)
        focal_point = self._directory.focal_point(state)
        mandates = self._directory.mandates(
            at=self._now, state=state, procedure=procedure, towards=self._state
        )
        return TurnToView(
            alternate=entry.contacts[1].office if len(entry.contacts) > 1 else None,
            escalation=entry.escalation.office if entry.escalation else None,
            focal_point=None if focal_point is None else focal_point.address,
            intermediaries=tuple(sorted({mandate.facts.intermediary for mandate in mandates})),
        )


def _view(node: Node, row: Row[Any], now: datetime, turn_to: _TurnTo, *, told: bool) -> DeadlineView:
    ours = state_of(Address(row.owed_by)) == node.state
    next_ = following(
        "us" if ours else "them", row.urgency, due_at=row.due_at, after=row.step, after_at=row.step_at
    )
    return DeadlineView(
        case=CaseReference(row.case_reference),
        thread=ThreadId(row.thread) if row.kind == "answer" else None,
        message=MessageId(row.message) if row.kind == "answer" else None,
        kind=row.kind,
        procedure=row.procedure,
        obligation=row.obligation,
        state=_state(row, now),
        asker=Address(row.asker),
        answerer=Address(row.answerer),
        owing=Address(row.owed_by),
        owed_by="us" if ours else "them",
        due=DueView(
            at=row.due_at,
            # By what a duty is counted says whether the child seeks protection.
            basis=row.basis if told or row.kind == "answer" else NOT_TOLD,
            paused=row.paused and now < row.due_at,
        ),
        overdue=now >= row.due_at,
        ladder=LadderView(
            step=row.step,
            taken_at=row.step_at,
            next_step=next_[0].name if next_ else None,
            next_at=next_[1] if next_ else None,
            turn_to=None if ours or row.step is None else turn_to.of(row.owed_by, row.procedure),
        ),
        differs=ClockDifferenceView(
            node=row.peer, ours_at=row.ours_at, theirs_at=row.theirs_at, cause=row.cause
        )
        if row.cause is not None
        else None,
    )


def _state(row: Row[Any], now: datetime) -> str:
    if row.lapses_at is not None and now >= row.lapses_at:
        return str(conversations.table_for(row.procedure).lapsed)
    return str(row.state)
