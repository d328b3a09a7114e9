"""What the clock says of a conversation: what either side owes and until when, and what silence and age make
of it."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from enum import StrEnum

from protocol.conversations.table import ANSWER, Party, Table
from protocol.conversations.thread import Owed, Thread
from protocol.deadlines import Due, Pause, end_of_day, limits_of, moved, shifted
from protocol.identifiers import MessageId

__all__ = ["due_of", "lapses_at", "owed_now", "state_at", "stood_still", "stopped", "with_clock"]


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


def stopped(thread: Thread, owed: Owed, *, table: Table) -> bool:
    """A question that counts for `owed` has no answer yet."""
    # One that was asked when this was overdue was signed after `due.at`, which moves no more.
    other = Party.ANSWERER if owed.by is Party.ASKER else Party.ASKER
    pausing = thread.pausing(limits_of(table.procedure), owed.by)
    return owed.main and any(
        question in pausing and question.at < owed.due.at for question in thread.open_questions(other)
    )


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


def stood_still(thread: Thread, obligation: str, *, table: Table) -> tuple[Pause, ...]:
    """When the clock of what the opening message asked for stood still: by the questions that were asked in
    time."""
    due = thread.terms.due(obligation) if thread.terms else None
    return () if due is None else _counted(thread, due, None, Party.ANSWERER, table)[1]


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
    """The deadline with what moved it. `asked`: the message that asked for it, None for the opening one."""
    at, _ = _counted(thread, due, asked, by, table)
    return dataclasses.replace(due, at=at)


def _counted(
    thread: Thread, due: Due, asked: MessageId | None, by: Party, table: Table
) -> tuple[datetime, tuple[Pause, ...]]:
    """When it is due, and the pauses that it counts.

    A question or a new date counts where it was signed before the deadline as that stood at the moment: what
    is overdue stays overdue, whatever is said then. A pause counts from the deadline that it interrupts: once
    a new date is promised, only the questions asked after that promise move it, and a promise never shortens
    what the rest would give. A new date is for the last thing that a message asked for.
    """
    entry = thread.entry(asked)
    started = thread.terms if entry is None else entry.terms
    assert started is not None
    questions = thread.pauses(limits_of(table.procedure), by, urgency=started.urgency)
    moments: list[tuple[datetime, Pause | date]] = [
        (one.start, one) for one in _since(questions, started.start)
    ]
    if due.obligation == started.dues[-1].obligation:
        moments += thread.new_dates(asked)
    pauses: list[Pause] = []
    promises: list[tuple[datetime, Due]] = []
    at = due.at
    # At one instant the promise comes first: a question asked then moves the new date.
    for signed_at, said in sorted(moments, key=lambda one: (one[0], isinstance(one[1], Pause))):
        # A question that was open at that moment held the deadline off until its answer at least, so that the
        # pause as it turned out gives the same answer here as the one that was to be expected then.
        if signed_at >= at:
            break
        if isinstance(said, Pause):
            pauses.append(said)
        else:
            extended = dataclasses.replace(due, at=end_of_day(said, due.timezone), in_days=True)
            promises.append((signed_at, extended))
        at = max(
            moved(due, pauses),
            *(
                moved(extended, (pause for pause in pauses if pause.start >= promised_at))
                for promised_at, extended in promises
            ),
            at,
        )
    return at, tuple(pauses)


def _since(pauses: tuple[Pause, ...], start: datetime) -> tuple[Pause, ...]:
    """What stood still while this clock ran."""
    return tuple(Pause(start=max(one.start, start), end=one.end) for one in pauses if one.end > start)
