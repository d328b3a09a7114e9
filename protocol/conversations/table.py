"""What a procedure's table is made of.

House rule: everything that decides whether a message may be said, and what it changes, is in a table of this
shape. `machine.py` reads tables; it knows no procedure. The diagrams in docs/conversations are drawn from
them.

Two sides speak: the *asker*, who opened the conversation, and the *answerer*, whom it was addressed to
(after a redirection, another authority of the same State).

There are two kinds of tables. In one, each row says which state a move leads to. In the other the state is
*read* from all that was said so far: an ordered list of `Reading`, of which the first that holds is the
state. Its rows only say who may say what when. A reading looks at what was said and never at the order in
which it came, so two nodes that know the same messages cannot disagree (ADR 0018).

**Crossing.** Each side sees the other's messages late and perhaps out of order. A row marked `crossing`
accepts, on receipt only, what the sender could still rightly say when it had not yet seen what put us in
this state (or what overtook it). A crossing row never lets anybody *send*. Together with the plain rows it
makes the table commute: whatever the order in which two nodes learn of the same messages, they end in the
same state. The tests walk every interleaving.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a thread holds entries by side, and a table reads threads
    from protocol.conversations.thread import Entry, Thread

__all__ = [
    "ACCEPT",
    "ANSWER",
    "ATTEST",
    "COLLECTION",
    "DECLINE",
    "ESCALATE",
    "NEUTRAL_MOVES",
    "NOT_SAID",
    "NUDGE",
    "PAPER_CONSENT",
    "PROGRESS",
    "QUERY",
    "REDIRECT",
    "WITHDRAW",
    "Asks",
    "Condition",
    "Effect",
    "Move",
    "Obligation",
    "Party",
    "Reading",
    "Replies",
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
ATTEST = "relay.attestation"

NEUTRAL_MOVES = frozenset(
    {ACCEPT, DECLINE, QUERY, ANSWER, PROGRESS, REDIRECT, WITHDRAW, NUDGE, ESCALATE, ATTEST}
)
"""Message types that belong to whichever procedure their thread is in."""

COLLECTION = "collection"
"""Not a message: the asker's agency has the answer. The other node learns it from signed retrieval
evidence."""


PAPER_CONSENT = "paper-consent"
"""Not a message: two people of the other State have confirmed what an attestation says of a consent on paper.
Both nodes learn it from that State's signed evidence."""
NOT_SAID = frozenset({COLLECTION, PAPER_CONSENT})


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
    NOT_YET_ANSWERED = "the answerer has not answered in substance"
    OVERDUE = "what that message asked for is overdue"
    OVERDUE_AND_NUDGED = "overdue, and this side sent a nudge"
    OVERDUE_IF_SILENT = "overdue, had the other side said nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """In `state`, `by` says `type`: the conversation goes to `to`. The first row that applies is taken.

    `to` is None where the state stays as it is, or is read.
    """

    state: StrEnum
    type: str
    by: Party
    to: StrEnum | None
    when: Condition | None = None
    effects: tuple[Effect, ...] = ()
    crossing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """Something that the answerer owes (a row of deadlines.json) until it says one of `discharged_by`."""

    name: str
    discharged_by: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """`message` has made `by` owe `obligation` (a row of deadlines.json started by its type), which `by` has
    not done yet. Said of what comes after the opening message; open questions need no row of their own."""

    message: Entry
    by: Party
    obligation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The conversation is in `state` when `holds` says so of all that was said and no earlier reading does.

    `when` is the same in words. `holds` never looks at the order of `Thread.entries`, nor at a clock.
    """

    state: StrEnum
    when: str
    holds: Callable[[Thread], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """What a move replies to: `to_say` at the sender's node, `to_take` on receipt, and `to` in words.

    What is taken depends on what kind of message it replies to and on nothing that could still arrive.
    """

    to: str
    to_say: Callable[[Thread, Party], Iterable[Entry]]
    to_take: Callable[[Thread, Party], Iterable[Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One procedure.

    `opens` is the message type that starts a conversation, in state `first`. In the states `owing` the
    answerer owes the first `obligation` that it has not discharged. `lapsed` and `stale` are states that
    only time brings; they lie over the states `owing` and `answered` and forbid nothing: see
    `machine.state_at`. `answer` is the message type whose collection or age matters. `own` are the
    procedure's own message types.

    `readings`: where there are any, the state is the first that holds. `asks`: what was asked for after the
    opening message and is not done, by either side; like a reading it looks at no order. `replies`: the moves
    that cannot reply to just any message of the conversation. `destination_says`: own types that only the
    State where the child is may say; `origin_says`: only another State. Which side of the conversation that
    is depends on who opened it.
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
    readings: tuple[Reading, ...] = ()
    asks: Callable[[Thread], Iterable[Asks]] = lambda _: ()
    replies: Mapping[str, Replies] = field(default_factory=lambda: MappingProxyType({}))
    destination_says: frozenset[str] = frozenset()
    origin_says: frozenset[str] = frozenset()

    def read(self, thread: Thread) -> StrEnum:
        """The state that the readings give; without readings the one that the last row led to."""
        return next((reading.state for reading in self.readings if reading.holds(thread)), thread.state)

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
    when: Condition | None = None,
    effects: tuple[Effect, ...] = (),
    crossing: bool = False,
) -> tuple[Move, ...]:
    """The same row for several states. Without a target the state stays as it is, or is read."""
    return tuple(
        Move(
            state=state,
            type=move_type,
            by=by,
            to=to,
            when=when,
            effects=effects,
            crossing=crossing,
        )
        for state in states
    )
