"""What became of one request, as both States know it.

Which moments count (project choices, so that two States cannot differ):

- A *request* is the message that opens a conversation, of any procedure. It belongs to the calendar year, in
  UTC, of its signed `iat`, and to the pair of the asker's State and the State that it was addressed to.
- Everything is counted *as of* an instant. A message counts when its `iat` and the `iat` of the first
  `content-consigned` evidence about it both lie before that instant. So what is still on its way, what was
  refused and what only one side has does not count. When a node received something plays no part.
- *Accepted*: the first `accept` by the authority that the request is addressed to, after all redirections; or
  an answer, where one came without an acceptance or before it.
- *Answered*: the first message of the answering State that discharges the procedure's last obligation: the
  report, the result, a contribution, an answer to a proposal; for a notification its acceptance.
- *Deadline*: as both nodes show it (`protocol.conversations.clock.due_of`), with the questions and the new
  date that were signed no later than what is judged. What is said afterwards makes nothing timely, nor does
  what was said once the deadline, as it stood then, had passed: what is overdue stays overdue.
- *In time* is before the deadline; at it is late. *Within seven days*: within seven times 24 hours.
- *Paused*: the time for which questions stopped the clock of the last obligation, overlaps once, up to the
  answer, the end, or the instant of counting. *Extended*: a new date was promised, in time or not.
  *Redirected*: to another authority.

How it ended: *answered*, also late or after a withdrawal that it crossed; else *concluded*, where the asker
went on without the answer (a final assessment, a closure that no reopening undid); else *declined*; else
*withdrawn*; else *lapsed*, when the silence has lasted as long as `deadlines.json` says; else *open*. A
lapsed request that is answered after all is answered in a later counting: late.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from protocol.conversations import Entry, Party, Table, Thread, due_of, lapses_at, stood_still, table_for
from protocol.conversations.table import ACCEPT, COLLECTION, DECLINE, PROGRESS, REDIRECT, WITHDRAW
from protocol.deadlines import Pause
from protocol.identifiers import Address, MessageId, StateCode, state_of

__all__ = ["SEVEN_DAYS", "Measured", "Outcome", "measured"]

SEVEN_DAYS: Final = timedelta(days=7)
"""The share accepted in this time is an indicator of the EU's Internal Market Information System (IMI)."""

_ACCEPTANCE: Final = "acceptance"
_CONCLUDED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {"risk-assessment": "risk-assessment.final", "case": "case.closure"}
)
_REOPENED_BY: Final = "case.reopening"


class Outcome(StrEnum):
    """How a request ended, or that it did not. Every request has exactly one."""

    ANSWERED = "answered"
    LAPSED = "lapsed"
    OPEN = "open"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    CONCLUDED = "concluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One request. The three questions are None where they do not arise: the time was not over, or the
    request had ended otherwise before.

    `answered_after`: from request to answer, the time for which the clock stood still included.
    """

    asking: StateCode
    answering: StateCode
    procedure: str
    outcome: Outcome
    accepted_in_seven_days: bool | None
    accepted_in_time: bool | None
    answered_in_time: bool | None
    answered_in_first_time: bool | None
    answered_after: timedelta | None
    extended: bool
    redirected: bool
    paused: timedelta


def measured(thread: Thread, consigned: Mapping[MessageId, datetime], *, as_of: datetime) -> Measured | None:
    """The request that opened `thread`, as of that instant; None when it does not count yet.

    `consigned`: for each message of the thread the `iat` of the first evidence that the recipient's node has
    it.
    """
    known = _known(thread, consigned, as_of)
    if known is None:
        return None
    table = table_for(known.procedure)
    request, *rest = known.entries
    answer = _first(rest, table.obligations[-1].discharged_by, by=Party.ANSWERER)
    acceptance = _first(rest, {ACCEPT}, by=Party.ANSWERER, sender=known.answerer)
    if answer is not None and (acceptance is None or _order(answer) < _order(acceptance)):
        acceptance = answer
    outcome, end = _outcome(known, table, answer, as_of)
    until = as_of if end is None else end.at

    def in_time(obligation: str, met: Entry | None, *, as_set: bool = False) -> bool | None:
        at = until if met is None else met.at
        before = () if as_set else (entry for entry in rest if entry.at <= at)
        due = due_of(dataclasses.replace(known, entries=(request, *before)), obligation, table=table)
        return None if due is None else _judged(met, due.at, until)

    last = table.obligations[-1].name
    return Measured(
        asking=state_of(known.asker),
        answering=state_of(known.answerers[0]),
        procedure=known.procedure,
        outcome=outcome,
        accepted_in_seven_days=_judged(acceptance, request.at + SEVEN_DAYS, until)
        if any(one.name == _ACCEPTANCE for one in table.obligations)
        else None,
        accepted_in_time=in_time(_ACCEPTANCE, acceptance),
        answered_in_time=in_time(last, answer),
        answered_in_first_time=in_time(last, answer, as_set=True),
        answered_after=None if answer is None else max(answer.at - request.at, timedelta()),
        extended=bool(known.said_by(Party.ANSWERER, PROGRESS)),
        redirected=len(known.answerers) > 1,
        paused=_together(stood_still(known, last, table=table), until),
    )


def _known(thread: Thread, consigned: Mapping[MessageId, datetime], as_of: datetime) -> Thread | None:
    """The conversation without what does not count, in an order that is the same at both nodes."""
    entries = [
        entry
        for entry in thread.entries
        if entry.type != COLLECTION
        and entry.at < as_of
        and (arrived := consigned.get(entry.id)) is not None
        and arrived < as_of
    ]
    request = thread.entries[0]
    if request not in entries:
        return None
    rest = sorted((entry for entry in entries if entry is not request), key=_order)
    return dataclasses.replace(
        thread,
        state=table_for(thread.procedure).first,
        answerers=_answerers(thread.answerers[0], rest),
        due=None,
        entries=(request, *rest),
    )


def _answerers(first: Address, said: Iterable[Entry]) -> tuple[Address, ...]:
    led = {entry.sender: Address(entry.named[0]) for entry in said if entry.type == REDIRECT and entry.named}
    answerers = [first]
    while (following := led.get(answerers[-1])) is not None and following not in answerers:
        answerers.append(following)
    return tuple(answerers)


def _outcome(
    known: Thread, table: Table, answer: Entry | None, as_of: datetime
) -> tuple[Outcome, Entry | None]:
    ends = (
        (Outcome.ANSWERED, answer),
        (Outcome.CONCLUDED, _conclusion(known)),
        (Outcome.DECLINED, _first(known.entries, {DECLINE}, by=Party.ANSWERER)),
        (Outcome.WITHDRAWN, _first(known.entries, {WITHDRAW}, by=Party.ASKER)),
    )
    for outcome, end in ends:
        if end is not None:
            return outcome, end
    limit = lapses_at(known, table=table)
    return (Outcome.LAPSED if limit is not None and as_of >= limit else Outcome.OPEN), None


def _conclusion(known: Thread) -> Entry | None:
    undone = {entry.in_reply_to for entry in known.said(_REOPENED_BY)}
    standing = [entry for entry in known.entries if entry.id not in undone]
    return _first(standing, {_CONCLUDED_BY.get(known.procedure, "")}, by=Party.ASKER)


def _first(
    entries: Sequence[Entry], types: Iterable[str], *, by: Party, sender: Address | None = None
) -> Entry | None:
    wanted = frozenset(types)
    found = (
        entry
        for entry in entries
        if entry.type in wanted and entry.by is by and sender in (None, entry.sender)
    )
    return min(found, key=_order, default=None)


def _order(entry: Entry) -> tuple[datetime, str]:
    return entry.at, entry.id


def _judged(met: Entry | None, due: datetime, until: datetime) -> bool | None:
    if met is not None:
        return met.at < due
    return False if due <= until else None


def _together(pauses: Iterable[Pause], until: datetime) -> timedelta:
    total, reached = timedelta(), datetime.min.replace(tzinfo=until.tzinfo)
    for pause in sorted(pauses, key=lambda one: (one.start, one.end)):
        start, end = max(pause.start, reached), min(pause.end, until)
        if end > start:
            total += end - start
            reached = end
    return total
