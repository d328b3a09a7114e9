"""Which procedure a message belongs to, and that procedure's table.

    table = table_for("social-inquiry")
    opened = advance(None, request, table=table, sending=True, answering=entry).thread
    accepted = advance(opened, acceptance, table=table, sending=False).thread

`table.py` says what a table is, `machine.py` what it does; each procedure is one table in a module of its
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from protocol.conversations.case import CASE, CaseState
from protocol.conversations.clock import due_of, lapses_at, state_at, stood_still, stopped, with_clock
from protocol.conversations.durable_solution import (
    DURABLE_SOLUTION,
    SolutionState,
    agreed_version,
    on_the_table,
    versions,
)
from protocol.conversations.identity import IDENTITY, IdentityState
from protocol.conversations.machine import (
    Advance,
    Possible,
    PredecessorMissing,
    advance,
    collected,
    may_say,
    moves_from,
    paper_consented,
    rebuilt,
)
from protocol.conversations.risk_assessment import RISK_ASSESSMENT, AssessmentState, current_final
from protocol.conversations.social_inquiry import SOCIAL_INQUIRY, InquiryState
from protocol.conversations.table import (
    NEUTRAL_MOVES,
    Condition,
    Effect,
    Move,
    Party,
    Reading,
    Replies,
    Table,
)
from protocol.conversations.thread import Entry, Owed, Thread
from protocol.errors import NotAcceptable

__all__ = [
    "CASE",
    "DURABLE_SOLUTION",
    "IDENTITY",
    "NEUTRAL_MOVES",
    "PROCEDURES",
    "RISK_ASSESSMENT",
    "SOCIAL_INQUIRY",
    "Advance",
    "AssessmentState",
    "CaseState",
    "Condition",
    "Effect",
    "Entry",
    "IdentityState",
    "InquiryState",
    "Move",
    "Owed",
    "Party",
    "Possible",
    "PredecessorMissing",
    "Reading",
    "Replies",
    "SolutionState",
    "Table",
    "Thread",
    "advance",
    "agreed_version",
    "collected",
    "current_final",
    "due_of",
    "lapses_at",
    "may_say",
    "moves_from",
    "on_the_table",
    "opens_thread",
    "paper_consented",
    "procedure_of",
    "rebuilt",
    "state_at",
    "stood_still",
    "stopped",
    "table_for",
    "thread_from_json",
    "versions",
]

PROCEDURES: Mapping[str, Table] = MappingProxyType(
    {table.procedure: table for table in (CASE, IDENTITY, SOCIAL_INQUIRY, RISK_ASSESSMENT, DURABLE_SOLUTION)}
)

_OWNED = {own: table.procedure for table in PROCEDURES.values() for own in table.own}


def table_for(procedure: str) -> Table:
    """Refuses `conversation.unknown_procedure`."""
    try:
        return PROCEDURES[procedure]
    except KeyError:
        raise NotAcceptable("conversation.unknown_procedure", "no such procedure here") from None


def procedure_of(message_type: str, thread: Thread | None = None) -> str | None:
    """The procedure that `message_type` belongs to; for a neutral move that of its thread, None without one.

    Refuses `conversation.unknown_procedure` for a type that no table knows.
    """
    if message_type in NEUTRAL_MOVES:
        return thread.procedure if thread else None
    if message_type not in _OWNED:
        raise NotAcceptable("conversation.unknown_procedure", "no conversation known here has such a message")
    return _OWNED[message_type]


def opens_thread(message_type: str) -> bool:
    """The message starts a conversation."""
    return any(table.opens == message_type for table in PROCEDURES.values())


def thread_from_json(data: Mapping[str, Any]) -> Thread:
    """Read what `Thread.to_json` wrote."""
    table = table_for(data["procedure"])
    thread = Thread.from_json(data, states=table.states)
    # One that an earlier version stored says of nothing but its first due what is owed.
    return thread if "owed" in data else with_clock(thread, table)
