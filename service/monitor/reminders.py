"""The worker that climbs the ladder of reminders (`ladder.json`): each step once for each due instant.

    find     rows of `deadline` that are due for a look
    prepare  outside the writer: the message, signed with the waiting authority's key, where the step has one
    take     one transaction: does the row still stand as it was found?  a row of `reminder`, which is unique
             message and outbox row, or notices                          the ladder's place and the next look

A crash before the commit leaves nothing, after it everything; of two workers the second finds the row moved.
A message's id follows from what it reminds of, so that it is the same message whoever makes it. It goes the
way of every other message, through every check: what may not be sent is told to an officer instead. A
deadline that is answered, moved or paused has another row, or none.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from protocol.content import read_content
from protocol.conversations import Thread
from protocol.directory.mandates import intermediary_of_node
from protocol.errors import Refused
from protocol.identifiers import Address, CaseReference, MessageId, StateCode, ThreadId, state_of
from protocol.safeguards import ProtectionStatus
from service.access import journal
from service.access.actor import Actor
from service.access.roles import Role, Scope
from service.errors import NodeError
from service.exchange.clocks import NOTIFICATION
from service.exchange.drafts import Prepared, prepare
from service.exchange.message_row import stored_statement
from service.exchange.send import record
from service.exchange.views import Submission
from service.exchange.waiting import second_person
from service.monitor.ladder import Side, Step, following
from service.monitor.rounds import round_after_round
from service.node import Node
from service.notices import tell
from service.store import cases, deadlines, mailbox
from service.store.tables import DEADLINE, REMINDER

__all__ = ["AUTOMATIC", "Reminders", "side_of"]

AUTOMATIC: Final = Actor(
    person="node",
    role=Role.AGENCY_SYSTEM,
    authorities=frozenset(),
    scopes=frozenset({Scope.MESSAGES_SEND}),
    expires_at=datetime.max.replace(tzinfo=UTC),
)
"""Who sends a reminder that nobody wrote. It acts for the one authority that waits."""

MOST: Final = 200
"""Rows in one look."""
_ROUNDS: Final = 50
_AGAIN: Final = timedelta(hours=1)
"""After a step that could not be taken yet."""
_IDS: Final = uuid.UUID("6d1f2d1c-8f5e-5a7b-9a53-0f0a4f3c7b21")
_UNDECIDED: Final = {ProtectionStatus.UNKNOWN, ProtectionStatus.NOT_SOUGHT}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A message that may go with a step; or why there is none. `tell`: an officer is asked instead."""

    prepared: Prepared | None = None
    actor: Actor = AUTOMATIC
    code: str | None = None
    tell: bool = False


class Reminders:
    def __init__(self, node: Node) -> None:
        self._node = node

    async def run(self) -> None:
        """Until cancelled."""
        every = self._node.settings.overdue_check_seconds
        await round_after_round(self._node, self.look, failed="reminders.round_failed", every=every)

    async def look(self) -> int:
        """Take every step that is due now. Returns how many this worker took.

        A row that fails stays due, so that the watch finds it late, and stops none of those behind it.
        """
        node = self._node
        now = node.clock.now()
        await node.store.write(lambda session: self._list(session, now))
        taken = 0
        failed: dict[tuple[str, ...], Exception] = {}
        for _ in range(_ROUNDS):
            due = await node.store.read(partial(_due, now=now, most=MOST + len(failed)))
            rows = [row for row in due if _name(row) not in failed]
            for row in rows:
                try:
                    taken += await self._climb(row, now)
                except Exception as fault:  # noqa: BLE001 (whatever it is, the next deadline is another child's)
                    failed[_name(row)] = fault
            if len(rows) < MOST:
                break
        if failed:
            first = next(iter(failed.values()))
            node.log.error("reminders.rows_failed", count=len(failed), exc_info=first)
        if taken or failed:
            node.wake.outbox_ready.notify()
            node.wake.notices.notify()
        return taken

    def _list(self, session: Session, now: datetime) -> None:
        """Rows for conversations of an earlier release."""
        connection = session.connection()
        for id_ in deadlines.unlisted(connection, MOST):
            thread = mailbox.load_thread(connection, ThreadId(id_))
            if thread is not None:
                deadlines.save(connection, thread, now=now, new=False)

    async def _climb(self, row: Row[Any], now: datetime) -> int:
        """Every step of one row that is due, one transaction each."""
        store, taken = self._node.store, 0
        later = partial(_look_again, now=now, state=self._node.state)
        while True:
            side = side_of(self._node, row.owed_by)
            next_ = following(side, row.urgency, due_at=row.due_at, after=row.step, after_at=row.step_at)
            if next_ is None or next_[1] > now:
                await store.write(partial(later, row=row, at=next_[1] if next_ else None))
                return taken
            take = partial(self._take, found=row, step=next_[0], side=side, now=now)
            ready = await self._ready(row, next_[0])
            try:
                after = await store.write(partial(take, ready=ready))
            except (Refused, NodeError) as reason:
                if row.counted_at > now:
                    # By the other node's count it is overdue, and not yet by ours: nothing is signed before.
                    await store.write(partial(later, row=row, at=min(row.counted_at, now + _AGAIN)))
                    return taken
                after = await store.write(partial(take, ready=_Ready(code=reason.code, tell=True)))
            if after is None:
                return taken
            row, taken = after[0], taken + after[1]

    async def _ready(self, row: Row[Any], step: Step) -> _Ready:
        """The message of a step, made and signed; nothing is stored."""
        node = self._node
        if step.signs is None:
            return _Ready()
        if step.signs not in node.settings.automatic_reminders.split():
            return _Ready(code="not-automatic", tell=True)
        waiting = _waiting(row)
        opening = await node.store.read(lambda session: _asked(session, row))
        if opening is None:
            return _Ready(code="nothing-to-remind-of", tell=True)
        thread, declares = opening
        if _said_already(thread, step, row, waiting):
            return _Ready(code="said-already")
        actor = Actor(
            person=AUTOMATIC.person,
            role=AUTOMATIC.role,
            # For a State without a node, through whichever intermediary of this node has its mandate.
            authorities=frozenset({waiting, *intermediary_of_node(node.directory.known(), node.code)}),
            scopes=AUTOMATIC.scopes,
            expires_at=AUTOMATIC.expires_at,
        )
        try:
            prepared = await prepare(node, actor, _submission(node, row, step, thread, declares=declares))
            if second_person(node, prepared) is not None:
                return _Ready(code="second-person", tell=True)
        except (Refused, NodeError) as reason:
            return _Ready(code=reason.code, tell=True)
        return _Ready(prepared=prepared, actor=actor)

    def _take(
        self, session: Session, found: Row[Any], step: Step, side: Side, ready: _Ready, now: datetime
    ) -> tuple[Row[Any], int] | None:
        """None when the row does not stand as it was found: another worker was here. Else the row as it
        stands now, and how many steps were taken: none, if it was taken before."""
        connection = session.connection()
        row = _fresh(session, found)
        if row is None or (row.due_at, row.step) != (found.due_at, found.step):
            return None
        if row.kind == "duty" and not _may_be_pressed(session, row):
            _look_again(session, row, now + timedelta(days=1), now, self._node.state)
            return None
        insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
        content = ready.prepared.content if ready.prepared else None
        kept = connection.execute(
            insert(REMINDER)
            .values(
                thread=row.thread,
                message=row.message,
                obligation=row.obligation,
                step=step.name,
                due_at=row.due_at,
                at=now,
                sent=content.id if content else None,
                code=ready.code,
            )
            .on_conflict_do_nothing()
        )
        taken_at = now
        if kept.rowcount == 1:
            if ready.prepared is not None:
                record(self._node, session, ready.actor, ready.prepared)
                journal.note(session, ready.actor, "reminder-sent", ready.prepared.content.id, at=now)
            self._tell(session, row, step, side, now, instead=ready.tell)
        else:
            # A question and its answer moved the instant away and back again: the ladder is climbed anew, and
            # what was done is not done twice.
            taken_at = connection.execute(
                select(REMINDER.c.at).where(
                    REMINDER.c.thread == row.thread,
                    REMINDER.c.message == row.message,
                    REMINDER.c.obligation == row.obligation,
                    REMINDER.c.step == step.name,
                    REMINDER.c.due_at == row.due_at,
                )
            ).scalar_one()
        next_ = following(side, row.urgency, due_at=row.due_at, after=step.name, after_at=taken_at)
        connection.execute(
            update(DEADLINE)
            # Unless another worker, whose step this one ran into, is further up by now.
            .where(*_this(row), DEADLINE.c.step.is_not_distinct_from(row.step))
            .values(step=step.name, step_at=taken_at, look_at=next_[1] if next_ else row.lapses_at)
        )
        stands = _fresh(session, row)
        return None if stands is None else (stands, kept.rowcount)

    def _tell(
        self, session: Session, row: Row[Any], step: Step, side: Side, now: datetime, *, instead: bool
    ) -> None:
        key = f"{row.thread}/{row.message}/{row.obligation}/{step.name}/{row.due_at:%Y%m%dT%H%M%SZ}"
        office = Address(row.owed_by) if side == "us" else _waiting(row)
        for one in step.tell:
            authority, subject = office, str(row.thread)
            if one.who == "focal-point":
                # It is no side of the conversation: it learns whose answer is late, and of no case.
                own = self._node.directory.known().focal_point(self._node.state)
                if own is None or own.address in (row.asker, row.answerer):
                    continue
                authority, subject = own.address, str(row.owed_by)
            tell(
                session,
                one.kind,
                authority=authority,
                audience=one.audience,
                subject=subject,
                due_at=row.due_at,
                key=f"{one.kind}/{key}/{one.who}/{one.audience}",
                now=now,
            )
        if instead and step.signs is not None:
            tell(
                session,
                "overdue",
                authority=office,
                audience="officer",
                subject=str(row.thread),
                due_at=row.due_at,
                key=f"overdue/{key}/to-send",
                now=now,
            )


def side_of(node: Node, owed_by: str) -> Side:
    return "us" if state_of(Address(owed_by)) == node.state else "them"


def _due(session: Session, now: datetime, most: int) -> list[Row[Any]]:
    rows = session.connection().execute(
        select(DEADLINE)
        .where(DEADLINE.c.look_at.is_not(None), DEADLINE.c.look_at <= now)
        .order_by(DEADLINE.c.look_at)
        .limit(most)
    )
    return list(rows)


def _name(row: Row[Any]) -> tuple[str, ...]:
    return row.thread, row.message, row.obligation


def _this(row: Row[Any]) -> tuple[Any, ...]:
    return (
        DEADLINE.c.thread == row.thread,
        DEADLINE.c.message == row.message,
        DEADLINE.c.obligation == row.obligation,
    )


def _fresh(session: Session, row: Row[Any]) -> Row[Any] | None:
    return session.connection().execute(select(DEADLINE).where(*_this(row))).one_or_none()


def _look_again(
    session: Session, row: Row[Any], at: datetime | None, now: datetime, state: StateCode
) -> None:
    """At `at`, unless the row has moved meanwhile. At the end of the ladder once more when silence lapses."""
    if at is None and row.lapses_at is not None:
        if row.lapses_at > now:
            at = row.lapses_at
        else:
            _note_lapsed(session, row, now, state)
    session.connection().execute(
        update(DEADLINE)
        .where(
            *_this(row),
            DEADLINE.c.due_at == row.due_at,
            DEADLINE.c.step.is_not_distinct_from(row.step),
        )
        .values(look_at=at)
    )


def _note_lapsed(session: Session, row: Row[Any], now: datetime, state: StateCode) -> None:
    """Silence is recorded, and completes nothing: a late answer is still taken."""
    for authority in (row.asker, row.answerer):
        if state_of(Address(authority)) == state:
            tell(
                session,
                "lapsed",
                authority=Address(authority),
                audience="officer",
                subject=row.thread,
                due_at=row.due_at,
                key=f"lapsed/{row.thread}/{row.message}/{row.obligation}/{row.due_at:%Y%m%dT%H%M%SZ}/{authority}",
                now=now,
            )


def _waiting(row: Row[Any]) -> Address:
    return Address(row.asker if row.owed_by == row.answerer else row.answerer)


def _may_be_pressed(session: Session, row: Row[Any]) -> bool:
    """Nobody is pressed to notify another State of a child for whom protection is sought or possible."""
    case = cases.load_case(session.connection(), CaseReference(row.case_reference))
    return row.obligation != NOTIFICATION or (
        case is not None and {case.row.protection, case.row.protection_proposed or "unknown"} <= _UNDECIDED
    )


def _asked(session: Session, row: Row[Any]) -> tuple[Thread, bool] | None:
    """The conversation, and whether the message that asked declared that it endangers nobody: a reminder of
    it repeats that declaration and makes none of its own."""
    connection = session.connection()
    thread = mailbox.load_thread(connection, ThreadId(row.thread))
    if thread is None:
        return None
    for message in mailbox.messages_of_thread(connection, thread.id):
        if message.id == row.message:
            return thread, read_content(stored_statement(message), None, None).declares_no_danger
    return None


def _said_already(thread: Thread, step: Step, row: Row[Any], waiting: Address) -> bool:
    """Since this deadline passed an officer has sent it, or the node has for another deadline of the same
    message."""
    return any(
        entry.sender == waiting and entry.in_reply_to == row.message and entry.at >= row.due_at
        for entry in thread.said(step.signs or "")
        if step.level in (None, "supervisor")
    )


def _submission(node: Node, row: Row[Any], step: Step, thread: Thread, *, declares: bool) -> Submission:
    due = next(
        one.due for one in thread.owed if one.message == row.message and one.obligation == row.obligation
    )
    coded: dict[str, Any] = {"was_due_on": due.last_day.isoformat(), "due_basis": due.basis}
    if step.signs == "escalate":
        coded |= {"escalation_level": step.level, "escalation_reason": _reason(thread, row, node.clock.now())}
    name = "/".join((node.code, row.thread, row.message, row.obligation, step.name, row.due_at.isoformat()))
    return Submission(
        id=MessageId(str(uuid.uuid5(_IDS, name))),
        case=CaseReference(row.case_reference),
        type=step.signs or "",
        sender=_waiting(row),
        recipient=Address(row.owed_by),
        thread=thread.id,
        in_reply_to=MessageId(row.message),
        urgency=row.urgency,
        declares_no_danger=declares,
        coded=coded,
        narrative=(),
        identity=None,
    )


def _reason(thread: Thread, row: Row[Any], now: datetime) -> str:
    asked = thread.entry(MessageId(row.message))
    if asked is not None and asked.type == "query":
        return "query-unanswered"
    if row.obligation.startswith("follow-up"):
        return "follow-up-missing"
    if row.obligation == "acceptance":
        return "no-acceptance"
    # One that was promised when it was overdue may lie ahead still.
    promised = [date.fromisoformat(day) for entry in thread.said("progress") for day in entry.named]
    return "announced-date-passed" if promised and min(promised) < now.date() else "no-answer"
