"""What is owed, as rows beside the conversations: written with each of them, found by their due instant.

A row follows its conversation: it comes when something is asked for, moves with pauses and new dates, and
goes when it is owed no more. A row whose due instant moves begins its ladder of reminders anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.dialects import postgresql, sqlite

from protocol.conversations import Owed, Thread, lapses_at, stopped, table_for
from protocol.conversations.conditions import CLOCKS_DIFFER_BY
from protocol.deadlines import more_urgent
from protocol.identifiers import Address, CaseReference, StateCode, state_of
from service.store.prepared import Adding, Change, Query
from service.store.tables import CLOCK_DIFFERENCE, DEADLINE, DUTY_DONE, MESSAGE, THREAD

__all__ = [
    "add_duty",
    "differ",
    "drop",
    "drop_duty",
    "duties_of",
    "end_duty",
    "resume_duty",
    "save",
    "unlisted",
]

_DUTIES: Final = uuid.UUID("2b6f43b1-6c52-5d4e-8f37-9a2f0e6f8d10")
_KEY: Final = ("thread", "message", "obligation")
_OF_THREAD = Query(
    select(
        DEADLINE.c.message,
        DEADLINE.c.obligation,
        DEADLINE.c.counted_at,
        DEADLINE.c.earlier_by,
        DEADLINE.c.state,
        DEADLINE.c.answerer,
        DEADLINE.c.owed_by,
        DEADLINE.c.paused,
        DEADLINE.c.lapses_at,
    ).where(DEADLINE.c.thread == bindparam("thread"))
)
_URGENCY = Query(select(MESSAGE.c.urgency).where(MESSAGE.c.id == bindparam("message")).limit(1))
_HELD = Query(
    select(CLOCK_DIFFERENCE.c.ours_at, CLOCK_DIFFERENCE.c.theirs_at, CLOCK_DIFFERENCE.c.holds_at).where(
        CLOCK_DIFFERENCE.c.message == bindparam("message"),
        CLOCK_DIFFERENCE.c.obligation == bindparam("obligation"),
        CLOCK_DIFFERENCE.c.thread == bindparam("thread"),
    )
)
_ADD = Adding(DEADLINE)
_THIS = tuple(DEADLINE.c[name] == bindparam(f"of_{name}") for name in _KEY)
_DROP = Change(delete(DEADLINE).where(*_THIS))
_FOLLOWED = ("state", "lapses_at", "answerer", "owed_by", "paused")
_FOLLOW = Change(
    update(DEADLINE).where(*_THIS).values({name: bindparam(f"new_{name}") for name in _FOLLOWED})
)
_MOVED = (*_FOLLOWED, "counted_at", "due_at", "basis", "step", "step_at", "look_at")
_MOVE = Change(update(DEADLINE).where(*_THIS).values({name: bindparam(f"new_{name}") for name in _MOVED}))


def save(connection: Connection, thread: Thread, *, now: datetime, new: bool) -> None:
    """The rows of a conversation as it stands now. Only what differs is written."""
    known = (
        {}
        if new
        else {(row.message, row.obligation): row for row in _OF_THREAD.all(connection, thread=thread.id)}
    )
    table = table_for(thread.procedure)
    lapses = lapses_at(thread, table=table)
    for owed in thread.owed:
        row = known.pop((owed.message, owed.obligation), None)
        followed = {
            "state": str(thread.state),
            "lapses_at": lapses if owed.main else None,
            "answerer": thread.answerer,
            "owed_by": thread.speaker(owed.by),
            "paused": stopped(thread, owed, table=table),
        }
        if row is None:
            earlier = timedelta(0) if new else _held_earlier(connection, thread, owed)
            _ADD.run(connection, _row(connection, thread, owed, now, earlier) | followed)
        elif row.counted_at != owed.due.at:
            moved = {
                "counted_at": owed.due.at,
                "due_at": owed.due.at - timedelta(seconds=row.earlier_by),
                "basis": owed.due.basis,
                "step": None,
                "step_at": None,
                "look_at": now,
            }
            _MOVE.run(connection, **_of(thread.id, owed.message, owed.obligation), **_new(followed | moved))
        elif any(getattr(row, name) != value for name, value in followed.items()):
            _FOLLOW.run(connection, **_of(thread.id, owed.message, owed.obligation), **_new(followed))
    for message, obligation in known:
        _DROP.run(connection, **_of(thread.id, message, obligation))


def drop(connection: Connection, thread: str) -> None:
    """Of a conversation that was never opened, or a case's duties."""
    connection.execute(delete(DEADLINE).where(DEADLINE.c.thread == thread))


def add_duty(
    connection: Connection,
    case: CaseReference,
    duty: str,
    beside: str = "",
    *,
    owed_by: Address,
    due_at: datetime,
    basis: str,
    now: datetime,
) -> None:
    """A duty that this State has towards the child; nothing where it is listed already, or was ended. It is
    named by an id of its own: notices bear it, and no notice bears the reference of a case. `beside` tells a
    second duty of the same name from the first."""
    key = {"thread": _duty_of(case), "message": _duty_of(case, beside), "obligation": duty}
    if connection.execute(select(DUTY_DONE.c.thread).filter_by(**key)).one_or_none() is None:
        _insert_duty(connection, case, key, owed_by=owed_by, due_at=due_at, basis=basis, now=now)


def _insert_duty(
    connection: Connection,
    case: CaseReference,
    key: Mapping[str, str],
    *,
    owed_by: Address,
    due_at: datetime,
    basis: str,
    now: datetime,
    step: str | None = None,
    step_at: datetime | None = None,
) -> None:
    insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
    values = {
        **key,
        "kind": "duty",
        "case_reference": case,
        "procedure": "case",
        "state": "",
        "asker": owed_by,
        "answerer": owed_by,
        "owed_by": owed_by,
        "urgency": "ordinary",
        "basis": basis,
        "paused": False,
        "counted_at": due_at,
        "due_at": due_at,
        "earlier_by": 0,
        "step": step,
        "step_at": step_at,
        "look_at": now,
    }
    connection.execute(insert(DEADLINE).values(**values).on_conflict_do_nothing())


def drop_duty(connection: Connection, case: CaseReference, duty: str, beside: str = "") -> None:
    """The State does not have it any more; should it have it again, it begins anew."""
    key = _duty_of(case), _duty_of(case, beside), duty
    _DROP.run(connection, **_of(*key))
    connection.execute(delete(DUTY_DONE).where(*_is(DUTY_DONE, *key)))


def duties_of(connection: Connection, case: CaseReference, duty: str) -> list[str]:
    """Those that are owed now under that name, by what tells them apart: `message` of their rows."""
    listed = select(DEADLINE.c.message).where(
        DEADLINE.c.thread == _duty_of(case), DEADLINE.c.obligation == duty
    )
    return [str(message) for message in connection.execute(listed.order_by(DEADLINE.c.due_at)).scalars()]


def end_duty(
    connection: Connection,
    case: CaseReference,
    duty: str,
    beside: str = "",
    *,
    by: Literal["recorded", "notice", "closed"],
) -> None:
    """It was done. What a person recorded can be taken back (`resume_duty`); nothing else can, and what a
    person had recorded before cannot be taken back after it."""
    key = _duty_of(case), _duty_of(case, beside), duty
    row = connection.execute(select(DEADLINE).where(*_is(DEADLINE, *key))).one_or_none()
    if row is not None:
        kept = {name: getattr(row, name) for name in DUTY_DONE.columns.keys() if name != "done_by"}  # noqa: SIM118
        connection.execute(insert_into(DUTY_DONE), {**kept, "done_by": by})
        _DROP.run(connection, **_of(*key))
    elif by != "recorded":
        connection.execute(
            update(DUTY_DONE)
            .where(*_is(DUTY_DONE, *key), DUTY_DONE.c.done_by == "recorded")
            .values(done_by=by)
        )


def resume_duty(connection: Connection, case: CaseReference, duty: str, now: datetime) -> None:
    """What a person recorded as done is owed again, due when it was, on the step of the ladder that it had
    reached."""
    wanted = (
        DUTY_DONE.c.thread == _duty_of(case),
        DUTY_DONE.c.obligation == duty,
        DUTY_DONE.c.done_by == "recorded",
    )
    for row in connection.execute(select(DUTY_DONE).where(*wanted)).all():
        _insert_duty(
            connection,
            case,
            {"thread": row.thread, "message": row.message, "obligation": row.obligation},
            owed_by=Address(row.owed_by),
            due_at=row.due_at,
            basis=row.basis,
            now=now,
            step=row.step,
            step_at=row.step_at,
        )
    connection.execute(delete(DUTY_DONE).where(*wanted))


def differ(
    connection: Connection, values: Mapping[str, Any], *, state: StateCode, told: bool, now: datetime
) -> datetime | None:
    """Keep that the other node counts another instant, and let the earlier one hold: never a later one, and
    by `CLOCKS_DIFFER_BY` at most where `state` owes the answer, or where the sender's node has `told` it.

    What holds now, before any pause; None, and nothing done, when it is known.
    """
    this = (
        DEADLINE.c.message == values["message"],
        DEADLINE.c.obligation == values["obligation"],
        DEADLINE.c.thread == values["thread"],
    )
    found = connection.execute(select(DEADLINE.c.counted_at, DEADLINE.c.owed_by).where(*this)).one_or_none()
    earlier = max(timedelta(0), values["ours_at"] - values["theirs_at"])
    if told or (found is not None and state_of(Address(found.owed_by)) == state):
        earlier = min(earlier, CLOCKS_DIFFER_BY)
    holds_at: datetime = values["ours_at"] - earlier
    insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
    kept = connection.execute(
        insert(CLOCK_DIFFERENCE).values(**values, holds_at=holds_at, found_at=now).on_conflict_do_nothing()
    )
    if kept.rowcount != 1:
        return None
    earlier_by = int(earlier.total_seconds())
    if earlier_by and found is not None:
        due_at = found.counted_at - timedelta(seconds=earlier_by)
        connection.execute(
            update(DEADLINE)
            .where(*this)
            .values(earlier_by=earlier_by, due_at=due_at, step=None, step_at=None, look_at=now)
        )
    return holds_at


def unlisted(connection: Connection, most: int) -> list[str]:
    """Conversations that owe something and have no row yet: those of an earlier release."""
    listed = select(DEADLINE.c.thread).where(DEADLINE.c.thread == THREAD.c.id)
    found = select(THREAD.c.id).where(THREAD.c.due_at.is_not(None), ~listed.exists()).limit(most)
    return [str(thread) for thread in connection.execute(found).scalars()]


def _held_earlier(connection: Connection, thread: Thread, owed: Owed) -> timedelta:
    """By how much the other node's count holds for what is owed again, after an answer that was refused."""
    row = _HELD.one(connection, message=owed.message, obligation=owed.obligation, thread=thread.id)
    if row is None:
        return timedelta(0)
    holds_at: datetime = row.holds_at or min(row.ours_at, row.theirs_at)
    earlier: timedelta = row.ours_at - holds_at
    return earlier


def _row(
    connection: Connection, thread: Thread, owed: Owed, now: datetime, earlier: timedelta
) -> dict[str, Any]:
    said = _URGENCY.one(connection, message=owed.message)
    entry = thread.entry(owed.message)
    # A question is as urgent as the request that it is about.
    terms = entry.terms if entry and entry.terms else thread.terms
    return {
        "thread": thread.id,
        "message": owed.message,
        "obligation": owed.obligation,
        "kind": "answer",
        "case_reference": thread.case,
        "procedure": thread.procedure,
        "asker": thread.asker,
        "urgency": more_urgent(
            "ordinary" if said is None else said.urgency, terms.urgency if terms else "ordinary"
        ),
        "basis": owed.due.basis,
        "counted_at": owed.due.at,
        "due_at": owed.due.at - earlier,
        "earlier_by": int(earlier.total_seconds()),
        "look_at": now,
    }


def _duty_of(case: CaseReference, beside: str = "") -> str:
    return str(uuid.uuid5(_DUTIES, f"{case}/{beside}" if beside else case))


def _is(table: Table, thread: str, message: str, obligation: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.thread == thread, table.c.message == message, table.c.obligation == obligation


def _of(thread: str, message: str, obligation: str) -> dict[str, str]:
    return {"of_thread": thread, "of_message": message, "of_obligation": obligation}


def _new(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in values.items()}
