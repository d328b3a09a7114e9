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

from protocol.conversations.case_notice import CASE_NOTICE, NoticeState
from protocol.conversations.clock import lapses_at, state_at
from protocol.conversations.machine import (
    Advance,
    Possible,
    PredecessorMissing,
    advance,
    collected,
    moves_from,
    new_fact,
    without,
)
from protocol.conversations.social_inquiry import SOCIAL_INQUIRY, InquiryState
from protocol.conversations.table import NEUTRAL_MOVES, Condition, Effect, Move, Party, Table
from protocol.conversations.thread import Entry, Thread
from protocol.errors import NotAcceptable

__all__ = [
    "CASE_NOTICE",
    "NEUTRAL_MOVES",
    "PROCEDURES",
    "SOCIAL_INQUIRY",
    "Advance",
    "Condition",
    "Effect",
    "Entry",
    "InquiryState",
    "Move",
    "NoticeState",
    "Party",
    "Possible",
    "PredecessorMissing",
    "Table",
    "Thread",
    "advance",
    "collected",
    "lapses_at",
    "moves_from",
    "new_fact",
    "opens_thread",
    "procedure_of",
    "state_at",
    "table_for",
    "thread_from_json",
    "without",
]

PROCEDURES: Mapping[str, Table] = MappingProxyType(
    {table.procedure: table for table in (CASE_NOTICE, SOCIAL_INQUIRY)}
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
    return Thread.from_json(data, states=table_for(data["procedure"]).states)
