"""The case as a whole: the State where a child is tells the State that the child may come from, and both say
here what concerns the child and not one procedure alone.

    notified ─accept→ accepted ─case.closure→ closed ─case.reopening→ accepted

`accept` names the contact there. Questions change no state here and stop no clock: acceptance says who is in
charge, which can be said at once. Decisions that the table embodies (project choices):

- *A warning is never refused for its timing.* An alert, a withdrawal of consent and an appeal are taken in
  every state, also when the case is closed, declined or withdrawn.
- A decline beats the withdrawal that it crossed; an acceptance does not.
- A closure stands until a reopening replies to it. The reopening of an older one leaves a newer one alone.
- A closure ends what is owed and forbids no warning. Whether a case may be closed is for the safeguards.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType

from protocol.conversations.neutral import (
    PRESSES,
    has_accepted,
    has_declined,
    neutral_moves,
    sayable,
    was_redirected,
    was_withdrawn,
)
from protocol.conversations.table import ACCEPT, Obligation, Party, Reading, Replies, Table
from protocol.conversations.thread import Entry, Thread

__all__ = ["CASE", "CaseState"]

NOTIFICATION = "case.notification"
GUARDIAN = "guardian.notice"
VIEWS = "child-views.record"
BEST_INTERESTS = "best-interests.summary"
AGE = "age.outcome"
CONSENT_WITHDRAWAL = "consent.withdrawal"
APPEAL = "appeal.notice"
DANGER = "alert.danger"
MISSING = "alert.missing-child"
ALIAS = "case.alias"
CLOSURE = "case.closure"
REOPENING = "case.reopening"


class CaseState(StrEnum):
    NOTIFIED = "notified"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    LAPSED = "lapsed"


_S = CaseState
_UNDECIDED = (_S.NOTIFIED, _S.REDIRECTED)
_OPEN = (*_UNDECIDED, _S.ACCEPTED)
_ENDED = (_S.DECLINED, _S.WITHDRAWN)
_EVERY = (*_OPEN, *_ENDED, _S.CLOSED)
_ASKER, _ANSWERER = Party.ASKER, Party.ANSWERER


def _standing_closures(thread: Thread, _: Party) -> tuple[Entry, ...]:
    """The closures that no reopening replies to."""
    reopened = {entry.in_reply_to for entry in thread.said(REOPENING)}
    return tuple(entry for entry in thread.said(CLOSURE) if entry.id not in reopened)


def _closures(thread: Thread, _: Party) -> Iterable[Entry]:
    return thread.said(CLOSURE)


CASE = Table(
    procedure="case",
    states=CaseState,
    opens=NOTIFICATION,
    first=_S.NOTIFIED,
    own=frozenset(
        {
            NOTIFICATION,
            GUARDIAN,
            VIEWS,
            BEST_INTERESTS,
            AGE,
            CONSENT_WITHDRAWAL,
            APPEAL,
            DANGER,
            MISSING,
            ALIAS,
            CLOSURE,
            REOPENING,
        }
    ),
    destination_says=frozenset({NOTIFICATION, VIEWS, BEST_INTERESTS, AGE, CLOSURE}),
    obligations=(Obligation(name="acceptance", discharged_by=frozenset({ACCEPT})),),
    owing=frozenset(_UNDECIDED),
    lapsed=_S.LAPSED,
    readings=(
        Reading(
            state=_S.CLOSED,
            when="a closure stands that no reopening replies to",
            holds=lambda thread: bool(_standing_closures(thread, _ASKER)),
        ),
        Reading(state=_S.DECLINED, when="the answerer declined", holds=has_declined),
        Reading(state=_S.WITHDRAWN, when="the asker withdrew", holds=was_withdrawn),
        Reading(state=_S.ACCEPTED, when="the answerer accepted", holds=has_accepted),
        Reading(state=_S.REDIRECTED, when="it was redirected to another authority", holds=was_redirected),
        Reading(state=_S.NOTIFIED, when="otherwise", holds=lambda _: True),
    ),
    replies=MappingProxyType(
        {
            **PRESSES,
            REOPENING: Replies(
                to="a closure that no reopening replies to (on receipt: any closure)",
                to_say=_standing_closures,
                to_take=_closures,
            ),
        }
    ),
    moves=(
        *neutral_moves(
            _EVERY,
            accepting=_UNDECIDED,
            declining=_OPEN,
            redirecting=_OPEN,
            withdrawing=_OPEN,
            talking=(*_OPEN, _S.CLOSED),
            questions_pause=False,
        ),
        # What the State where the child is tells of the child, as often as it changes.
        *(
            row
            for move_type in (GUARDIAN, VIEWS, BEST_INTERESTS, AGE)
            for row in sayable(_OPEN, _EVERY, move_type, _ASKER)
        ),
        # Warnings, and what takes away a ground that something rests on: by either side, in every state.
        *(
            row
            for move_type in (DANGER, MISSING, CONSENT_WITHDRAWAL, APPEAL)
            for row in sayable(_EVERY, _EVERY, move_type, _ASKER, _ANSWERER)
        ),
        *sayable((*_OPEN, _S.CLOSED), _EVERY, ALIAS, _ASKER, _ANSWERER),
        *sayable((*_OPEN, *_ENDED), _EVERY, CLOSURE, _ASKER),
        *sayable((_S.CLOSED,), _EVERY, REOPENING, _ASKER, _ANSWERER),
    ),
)
