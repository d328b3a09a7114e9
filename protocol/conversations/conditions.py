"""When a row of a table applies, and what is missing when it does not.

Every condition reads only what was said in the thread and the signed time of the move, never this node's
clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from protocol.conversations.table import ACCEPT, NUDGE, QUERY, Condition, Party, Table
from protocol.conversations.thread import Entry, Thread
from protocol.deadlines import limits_of
from protocol.errors import Missing
from protocol.identifiers import MessageId

__all__ = ["CLOCKS_DIFFER_BY", "holds", "missing", "what_is_missing"]

CLOCKS_DIFFER_BY = timedelta(days=1)
"""How much earlier another node may count the same deadline and have its reminder taken: the most by which
two releases of the time-zone database put the end of a day apart."""


def _questions(thread: Thread) -> int:
    return sum(1 for entry in thread.said(QUERY) if entry.by is Party.ANSWERER)


def _open_of_answerer(thread: Thread, but: MessageId | None = None) -> bool:
    return any(
        entry.sender == thread.answerer and entry.id != but for entry in thread.open_questions(Party.ASKER)
    )


def _had_accepted(thread: Thread) -> bool:
    return any(thread.said(ACCEPT, thread.answerer))


def _overdue(thread: Thread, entry: Entry) -> bool:
    return any(
        one.by is not entry.by and one.message == entry.in_reply_to and entry.at >= one.due.at
        for one in thread.owed
    )


def _overdue_if_silent(thread: Thread, entry: Entry) -> bool:
    asked = thread.entry(entry.in_reply_to)
    terms = [asked.terms] if asked and asked.terms else []
    if entry.by is Party.ASKER and thread.terms:
        terms.append(thread.terms)
    return any(entry.at >= due.at - CLOCKS_DIFFER_BY for one in terms for due in one.dues)


_CONDITIONS: Mapping[Condition, Callable[[Thread, Entry, Table], bool]] = MappingProxyType(
    {
        Condition.FIRST_TIME: lambda thread, entry, _: not any(thread.said(entry.type, entry.sender)),
        Condition.QUESTION_LEFT: lambda thread, _, table: (
            _questions(thread) < limits_of(table.procedure).pauses and not _open_of_answerer(thread)
        ),
        Condition.QUESTION_COUNTED: lambda thread, _, table: (
            _questions(thread) < limits_of(table.procedure).pauses
        ),
        Condition.ANOTHER_QUESTION_OPEN: lambda thread, entry, _: _open_of_answerer(
            thread, entry.in_reply_to
        ),
        Condition.HAD_ACCEPTED: lambda thread, _, __: _had_accepted(thread),
        Condition.HAD_BEEN_REDIRECTED: lambda thread, _, __: len(thread.answerers) > 1,
        Condition.NOT_YET_ANSWERED: lambda thread, _, table: (
            not any(thread.said_by(Party.ANSWERER, *table.obligations[-1].discharged_by))
        ),
        Condition.OVERDUE: lambda thread, entry, _: _overdue(thread, entry),
        Condition.OVERDUE_AND_NUDGED: lambda thread, entry, _: (
            _overdue(thread, entry) and bool(thread.said_by(entry.by, NUDGE))
        ),
        Condition.OVERDUE_IF_SILENT: lambda thread, entry, _: _overdue_if_silent(thread, entry),
    }
)


def holds(condition: Condition | None, thread: Thread, entry: Entry, table: Table) -> bool:
    """The condition is fulfilled by `thread` before `entry`; no condition always is."""
    return condition is None or _CONDITIONS[condition](thread, entry, table)


def missing(code: str, supplier: Party) -> Missing:
    """An entry of a refusal or of the next steps; what a table asks for is our own choice."""
    return Missing(code=code, supplier=supplier.value, source="project choice")


def what_is_missing(condition: Condition | None, thread: Thread, entry: Entry) -> tuple[Missing, ...]:
    """What would have to be so for the row to apply; empty where that cannot be supplied."""
    by = entry.by
    match condition:
        case Condition.FIRST_TIME | Condition.NOT_YET_ANSWERED:
            return (missing("missing.not_yet_made", by),)
        case Condition.QUESTION_LEFT | Condition.QUESTION_COUNTED:
            return (missing("missing.question_left", by),)
        case Condition.OVERDUE | Condition.OVERDUE_IF_SILENT:
            return (missing("missing.overdue", by),)
        case Condition.OVERDUE_AND_NUDGED:
            late = () if _overdue(thread, entry) else (missing("missing.overdue", by),)
            return late if thread.said_by(by, NUDGE) else (*late, missing("missing.nudge", by))
        case _:
            return ()
