"""What the clock says of a conversation: what is due, and what silence and age make of it."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from enum import StrEnum

from protocol.conversations.table import Table
from protocol.conversations.thread import Thread
from protocol.deadlines import Due, end_of_day, limits_of, moved, shifted

__all__ = ["due_of", "lapses_at", "present_due", "state_at"]


def state_at(thread: Thread, now: datetime, *, table: Table) -> StrEnum:
    """The state, with what silence and age add at `now` (aware UTC): lapsed or stale.

    Those two are a view and are never stored in the conversation, for two reasons. Silence must not lose an
    answer: a lapsed conversation still takes the report that comes late, and whatever else the state
    beneath it takes. And two nodes look at different moments: a note that was on its way when one of them
    called the conversation lapsed must leave both in the same state.
    """
    if thread.state in table.owing:
        limit = lapses_at(thread, table=table)
        return table.lapsed if limit is not None and now >= limit else thread.state
    stale_after = limits_of(table.procedure).stale_after
    if table.stale and thread.state in table.answered and stale_after and thread.terms and table.answer:
        zone = thread.terms.dues[-1].timezone
        answers = [shifted(entry.at, stale_after, zone) for entry in thread.said(table.answer)]
        if answers and now >= max(answers):
            return table.stale
    return thread.state


def lapses_at(thread: Thread, *, table: Table) -> datetime | None:
    """When silence will count as lapsed: some time after the last thing owed; None when nothing is owed."""
    lapses_after = limits_of(table.procedure).lapses_after
    due = due_of(thread, table.obligations[-1].name, table=table)
    if due is None or lapses_after is None or _owed(thread, table) is None:
        return None
    return shifted(due.at, lapses_after, due.timezone)


def _owed(thread: Thread, table: Table) -> str | None:
    if thread.state not in table.owing:
        return None
    for obligation in table.obligations:
        said = (entry.type for entry in thread.entries if entry.sender == thread.answerer)
        if obligation.discharged_by.isdisjoint(said):
            return obligation.name
    return None


def present_due(thread: Thread, table: Table) -> Due | None:
    owed = _owed(thread, table)
    return None if owed is None else due_of(thread, owed, table=table)


def due_of(thread: Thread, obligation: str, *, table: Table) -> Due | None:
    """The deadline of `obligation` with what moved it, discharged or not; None where it is not one here.

    A function of what was said, not of the order in which it came.

    A pause counts from the deadline that it interrupts: once a new date is promised, only the questions asked
    after that promise move it, and a promise never shortens what the pauses alone would give.
    """
    due = thread.terms.due(obligation) if thread.terms else None
    if due is None:
        return None
    pauses = thread.pauses(limits_of(table.procedure))
    at = moved(due, pauses)
    promise = thread.new_date()
    if promise and obligation == table.obligations[-1].name:
        day, promised_at = promise
        extended = dataclasses.replace(due, at=end_of_day(day, due.timezone), in_days=True)
        at = max(at, moved(extended, (pause for pause in pauses if pause.start >= promised_at)))
    return dataclasses.replace(due, at=at)
