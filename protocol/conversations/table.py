"""What a procedure's table is made of.

House rule: everything that decides whether a message may be said, and what it changes, is in a table of this
shape. `machine.py` reads tables; it knows no procedure. The diagrams in docs/conversations are drawn from
them.

Two sides speak: the *asker*, who opened the conversation, and the *answerer*, whom it was addressed to
(after a redirection, another authority of the same State).

**Crossing.** Each side sees the other's messages late and perhaps out of order. A row marked `crossing`
accepts, on receipt only, what the sender could still rightly say when it had not yet seen what put us in
this state (or what overtook it). A crossing row never lets anybody *send*. Together with the plain rows it
makes the table commute: whatever the order in which two nodes learn of the same messages, they end in the
same state. The tests walk every interleaving.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "ACCEPT",
    "ANSWER",
    "COLLECTION",
    "DECLINE",
    "ESCALATE",
    "NEUTRAL_MOVES",
    "NEW_FACT",
    "NUDGE",
    "PROGRESS",
    "QUERY",
    "REDIRECT",
    "WITHDRAW",
    "Condition",
    "Effect",
    "Move",
    "Obligation",
    "Party",
    "Table",
    "rows",
]

ACCEPT = "accept"
DECLINE = "decline"
QUERY = "query"
ANSWER = "answer"
PROGRESS = "progress"
REDIRECT = "redirect"
WITHDRAW = "withdraw"
NUDGE = "nudge"
ESCALATE = "escalate"

NEUTRAL_MOVES = frozenset({ACCEPT, DECLINE, QUERY, ANSWER, PROGRESS, REDIRECT, WITHDRAW, NUDGE, ESCALATE})
"""Message types that belong to whichever procedure their thread is in."""

COLLECTION = "collection"
"""Not a message: the asker's agency has the answer. The other node learns it from signed retrieval
evidence."""
NEW_FACT = "new-fact"
"""Not a message of the thread: something said elsewhere in the case that makes its answer out of date."""


class Party(StrEnum):
    """Which side of the conversation."""

    ASKER = "asker"
    ANSWERER = "answerer"


class Effect(StrEnum):
    """What the node has to do besides storing the new state. Values: `service.exchange` carries them out."""

    START_CLOCK = "start-clock"
    PAUSE_CLOCK = "pause-clock"
    RESUME_CLOCK = "resume-clock"
    SET_NEW_DATE = "set-new-date"
    STOP_CLOCK = "stop-clock"
    CHANGE_ANSWERER = "change-answerer"
    REMIND = "remind"
    RAISE_TO_SUPERVISOR = "raise-to-supervisor"
    OFFER_INTERMEDIARY = "offer-intermediary"


class Condition(StrEnum):
    """When a row applies. Each reads only what was said in the thread and the move's own signed time."""

    FIRST_TIME = "first time by this authority"
    QUESTION_LEFT = "fewer than two questions so far, none open"
    QUESTION_COUNTED = "fewer than two questions so far"
    ANOTHER_QUESTION_OPEN = "another question of the answerer is open"
    HAD_ACCEPTED = "the answerer had accepted"
    HAD_BEEN_REDIRECTED = "redirected before, not yet accepted"
    OVERDUE = "the answer is overdue"
    OVERDUE_AND_NUDGED = "overdue, and a nudge was sent"
    OVERDUE_IF_SILENT = "overdue, had the answerer said nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """In `state`, `by` says `type`: the conversation goes to `to`. The first row that applies is taken."""

    state: StrEnum
    type: str
    by: Party
    to: StrEnum
    when: Condition | None = None
    effects: tuple[Effect, ...] = ()
    crossing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """Something that the answerer owes (a row of deadlines.json) until it says `discharged_by`."""

    name: str
    discharged_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One procedure.

    `opens` is the message type that starts a conversation, in state `first`. In the states `owing` the
    answerer owes the first `obligation` that it has not discharged. `lapsed` and `stale` are states that
    only time brings; they lie over the states `owing` and `answered` and forbid nothing: see
    `machine.state_at`. `answer` is the message type whose collection or age matters. `own` are the
    procedure's own message types.
    """

    procedure: str
    states: type[StrEnum]
    opens: str
    first: StrEnum
    own: frozenset[str]
    moves: tuple[Move, ...]
    obligations: tuple[Obligation, ...]
    owing: frozenset[StrEnum]
    lapsed: StrEnum
    answer: str | None = None
    answered: frozenset[StrEnum] = frozenset()
    stale: StrEnum | None = None

    def at(self, state: StrEnum, move_type: str, by: Party) -> tuple[Move, ...]:
        """The rows for `by` saying `move_type` in `state`, in the table's order."""
        return tuple(
            move for move in self.moves if move.state == state and move.type == move_type and move.by == by
        )

    def parties_of(self, move_type: str) -> frozenset[Party]:
        """Who ever makes this move; empty when the procedure does not have it."""
        return frozenset(move.by for move in self.moves if move.type == move_type)


def rows(
    states: Iterable[StrEnum],
    move_type: str,
    by: Party,
    *,
    to: StrEnum | None = None,
    to_by_state: Mapping[StrEnum, StrEnum] | None = None,
    when: Condition | None = None,
    effects: tuple[Effect, ...] = (),
    crossing: bool = False,
) -> tuple[Move, ...]:
    """The same row for several states. Without a target the state stays as it is."""
    return tuple(
        Move(
            state=state,
            type=move_type,
            by=by,
            to=to or (to_by_state or {}).get(state, state),
            when=when,
            effects=effects,
            crossing=crossing,
        )
        for state in states
    )
