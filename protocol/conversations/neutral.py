"""The neutral moves of the procedures whose state is read from all that was said.

Each move has a set of states in which it may be *said*. On receipt it is taken in every state: what its
sender could not yet know must not lose what it said, and the readings put it in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType

from protocol.conversations.table import (
    ACCEPT,
    ANSWER,
    ATTEST,
    DECLINE,
    ESCALATE,
    NOT_SAID,
    NUDGE,
    PROGRESS,
    QUERY,
    REDIRECT,
    WITHDRAW,
    Condition,
    Effect,
    Move,
    Party,
    Replies,
    rows,
)
from protocol.conversations.thread import Entry, Thread
from protocol.deadlines import limits_of

__all__ = [
    "PRESSES",
    "clock_stands",
    "has_accepted",
    "has_declined",
    "neutral_moves",
    "pressing",
    "sayable",
    "was_redirected",
    "was_withdrawn",
]

_ASKER, _ANSWERER = Party.ASKER, Party.ANSWERER


def sayable(
    states: Iterable[StrEnum],
    every: Iterable[StrEnum],
    move_type: str,
    *by: Party,
    when: Condition | None = None,
    effects: tuple[Effect, ...] = (),
) -> tuple[Move, ...]:
    """May be said in `states`, and is taken in `every` state.

    Of `when` only a first time is asked for again on receipt, because it depends on nothing but what its own
    sender said.
    """
    once = when in (Condition.FIRST_TIME, Condition.NOT_YET_ANSWERED)
    on_receipt = Condition.FIRST_TIME if once else None
    return tuple(
        row
        for party in by
        for row in (
            *rows(states, move_type, party, when=when, effects=effects),
            *rows(every, move_type, party, when=on_receipt, effects=effects, crossing=True),
        )
    )


def neutral_moves(
    every: Iterable[StrEnum],
    *,
    accepting: Iterable[StrEnum] = (),
    declining: Iterable[StrEnum] = (),
    redirecting: Iterable[StrEnum] = (),
    redirecting_when: Condition = Condition.FIRST_TIME,
    withdrawing: Iterable[StrEnum] = (),
    extending: Iterable[StrEnum] = (),
    extended_by: Iterable[Party] = (_ANSWERER,),
    talking: Iterable[StrEnum] = (),
    questions_pause: bool = True,
) -> tuple[Move, ...]:
    """The rows of the neutral moves, each with the states in which it may be said; a move with none is none.

    `extending`: where those who owe may give a new date. `talking`: where both sides may ask each other;
    `questions_pause`: the answerer's questions stop the clock. In any state what reached an authority on
    another way may be attested, and who waits for something overdue may remind and escalate.
    """
    every, talking = tuple(every), tuple(talking)
    extending = tuple(extending)
    first = Condition.FIRST_TIME
    moves: list[Move] = []
    for states, move_type, by, when, effects in (
        (accepting, ACCEPT, _ANSWERER, first, ()),
        (declining, DECLINE, _ANSWERER, first, (Effect.STOP_CLOCK,)),
        (redirecting, REDIRECT, _ANSWERER, redirecting_when, (Effect.CHANGE_ANSWERER,)),
        *((extending, PROGRESS, by, first, (Effect.SET_NEW_DATE,)) for by in extended_by),
        (withdrawing, WITHDRAW, _ASKER, first, (Effect.STOP_CLOCK,)),
    ):
        if saying := tuple(states):
            moves += sayable(saying, every, move_type, by, when=when, effects=effects)
    pause, resume = ((Effect.PAUSE_CLOCK,), (Effect.RESUME_CLOCK,)) if questions_pause else ((), ())
    moves += sayable(talking, every, QUERY, _ANSWERER, effects=pause)
    moves += sayable(talking, every, ANSWER, _ASKER, effects=resume)
    moves += sayable(talking, every, QUERY, _ASKER)
    moves += sayable(talking, every, ANSWER, _ANSWERER)
    moves += sayable(every, every, ATTEST, _ASKER, _ANSWERER)
    return (*moves, *pressing(every))


def pressing(every: Iterable[StrEnum]) -> tuple[Move, ...]:
    """Whoever waits for something overdue, in any state, reminds and then escalates."""
    every = tuple(every)
    return tuple(
        move
        for by in (_ASKER, _ANSWERER)
        for move in (
            *rows(every, NUDGE, by, when=Condition.OVERDUE, effects=(Effect.REMIND,)),
            *rows(
                every,
                ESCALATE,
                by,
                when=Condition.OVERDUE_AND_NUDGED,
                effects=(Effect.RAISE_TO_SUPERVISOR, Effect.OFFER_INTERMEDIARY),
            ),
            # Crossing a new date, an answer or a question: it could not be known that it was not overdue.
            *rows(every, NUDGE, by, when=Condition.OVERDUE_IF_SILENT, crossing=True),
            *rows(every, ESCALATE, by, when=Condition.OVERDUE_IF_SILENT, crossing=True),
        )
    )


def _pressed(thread: Thread, by: Party) -> tuple[Entry, ...]:
    """The messages that ask for what the other side owes."""
    asking = dict.fromkeys(one.message for one in thread.owed if one.by is not by)
    return tuple(entry for message in asking if (entry := thread.entry(message)))


def _may_have_pressed(thread: Thread, by: Party) -> tuple[Entry, ...]:
    """For the asker any message, as earlier versions let it reply to any; for the answerer what has a
    clock."""
    return tuple(
        entry for entry in thread.entries if entry.type not in NOT_SAID and (by is _ASKER or entry.terms)
    )


PRESSES = MappingProxyType(
    {
        move_type: Replies(
            to="the message that asked for what the other side owes (on receipt: any that may have)",
            to_say=_pressed,
            to_take=_may_have_pressed,
        )
        for move_type in (NUDGE, ESCALATE)
    }
)
"""What reminding and escalating reply to, in every procedure."""


def has_accepted(thread: Thread) -> bool:
    """The authority that the conversation is addressed to now has accepted it."""
    return any(thread.said(ACCEPT, thread.answerer))


def has_declined(thread: Thread) -> bool:
    """The authority that the conversation is addressed to now has declined it."""
    return any(thread.said(DECLINE, thread.answerer))


def was_withdrawn(thread: Thread) -> bool:
    return any(thread.said(WITHDRAW))


def was_redirected(thread: Thread) -> bool:
    return len(thread.answerers) > 1


def clock_stands(thread: Thread) -> bool:
    """A question that stops the clock has no answer."""
    answered = {entry.in_reply_to for entry in thread.said(ANSWER)}
    return any(query.id not in answered for query in thread.pausing(limits_of(thread.procedure)))
