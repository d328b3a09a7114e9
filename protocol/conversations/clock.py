"""What the clock says of a conversation: what either side owes and until when, and what silence and age make
of it."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from enum import StrEnum

from protocol.conversations.table import ANSWER, Party, Table
from protocol.conversations.thread import Owed, Thread
from protocol.deadlines import Due, Pause, end_of_day, limits_of, moved, shifted
from protocol.identifiers import MessageId

__all__ = ["due_of", "lapses_at", "owed_now", "state_at", "with_clock"]


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
    if thread.state not in table.owing or lapses_after is None:
        return None
    owed = [one.due for one in owed_now(thread, table) if one.main]
    if not owed:
        return None
    last = [due for due in owed if due.obligation == table.obligations[-1].name] or owed
    return max(shifted(due.at, lapses_after, due.timezone) for due in last)


def with_clock(thread: Thread, table: Table) -> Thread:
    """`thread` with what is owed after all that was said in it."""
    owed = owed_now(thread, table)
    due = next((one.due for one in owed if one.main), None)
    return dataclasses.replace(thread, owed=owed, due=due)


def owed_now(thread: Thread, table: Table) -> tuple[Owed, ...]:
    """All that either side owes: what the opening message asked for in the order of the table, what was asked
    for since, and the answers to questions that can still be given.

    A function of what was said, not of the order in which it came.
    """
    opening = thread.entries[0].id
    owed = []
    if thread.state in table.owing and thread.terms:
        said = {entry.type for entry in thread.entries if entry.sender == thread.answerer}
        owed = [
            Owed(
                message=opening,
                by=Party.ANSWERER,
                obligation=obligation.name,
                due=_reached(thread, due, None, Party.ANSWERER, table),
                main=True,
            )
            for obligation in table.obligations
            if obligation.discharged_by.isdisjoint(said) and (due := thread.terms.due(obligation.name))
        ]
    return (*owed, *sorted(_asked_since(thread, table), key=_in_order), *_questions(thread, table))


def due_of(thread: Thread, obligation: str, *, table: Table) -> Due | None:
    """The deadline of what the opening message asked for, with what moved it, discharged or not; None where
    it is not asked for."""
    due = thread.terms.due(obligation) if thread.terms else None
    return None if due is None else _reached(thread, due, None, Party.ANSWERER, table)


def _in_order(owed: Owed) -> tuple[datetime, str, str]:
    return owed.due.at, owed.message, owed.obligation


def _asked_since(thread: Thread, table: Table) -> list[Owed]:
    return [
        Owed(
            message=asks.message.id,
            by=asks.by,
            obligation=asks.obligation,
            due=_reached(thread, due, asks.message.id, asks.by, table),
            main=True,
        )
        for asks in table.asks(thread)
        if asks.message.terms and (due := asks.message.terms.due(asks.obligation))
    ]


def _questions(thread: Thread, table: Table) -> list[Owed]:
    """Of questions that the procedure lets be answered now, by who is a side of it now. A question is what
    stops a clock, so that nothing stops its own."""
    present = (thread.asker, thread.answerer)
    owed = [
        Owed(message=query.id, by=to, obligation=ANSWER, due=due, main=False)
        for to in Party
        if any(not move.crossing for move in table.at(thread.state, ANSWER, to))
        for query in thread.open_questions(to)
        if query.sender in present and query.terms and (due := query.terms.due(ANSWER))
    ]
    return sorted(owed, key=_in_order)


def _reached(thread: Thread, due: Due, asked: MessageId | None, by: Party, table: Table) -> Due:
    """The deadline with what moved it.

    A pause counts from the deadline that it interrupts: once a new date is promised, only the questions asked
    after that promise move it, and a promise never shortens what the pauses alone would give. A new date is
    for the last thing that a message asked for. `asked`: the message, None for the opening one.
    """
    entry = thread.entry(asked)
    started = thread.terms if entry is None else entry.terms
    assert started is not None
    pauses = _since(thread.pauses(limits_of(table.procedure), by), started.start)
    at = moved(due, pauses)
    promise = thread.new_date(asked)
    if promise and due.obligation == started.dues[-1].obligation:
        day, promised_at = promise
        extended = dataclasses.replace(due, at=end_of_day(day, due.timezone), in_days=True)
        at = max(at, moved(extended, (pause for pause in pauses if pause.start >= promised_at)))
    return dataclasses.replace(due, at=at)


def _since(pauses: tuple[Pause, ...], start: datetime) -> tuple[Pause, ...]:
    """What stood still while this clock ran."""
    return tuple(Pause(start=max(one.start, start), end=one.end) for one in pauses if one.end > start)
