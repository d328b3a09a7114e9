"""The case between two States: the State where a child is tells the State that the child may come from.

    notified ─accept→ accepted

`accept` names the contact there. Questions change no state here and stop no clock: acceptance says who is in
charge, which can be said at once. A guardian's appointment, replacement or conflict is notified as often as
it happens, once the case is.
"""

from __future__ import annotations

from enum import StrEnum

from protocol.conversations.table import (
    ACCEPT,
    ANSWER,
    DECLINE,
    ESCALATE,
    NUDGE,
    QUERY,
    REDIRECT,
    WITHDRAW,
    Condition,
    Effect,
    Obligation,
    Party,
    Table,
    rows,
)

__all__ = ["CASE_NOTICE", "NoticeState"]

NOTIFICATION = "case.notification"
GUARDIAN_NOTICE = "guardian.notice"


class NoticeState(StrEnum):
    NOTIFIED = "notified"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


_S = NoticeState
_UNDECIDED = (_S.NOTIFIED, _S.REDIRECTED)
_OPEN = (*_UNDECIDED, _S.ACCEPTED)
_CLOSED = (_S.DECLINED, _S.WITHDRAWN)
_ANY = (*_OPEN, *_CLOSED)
_ASKER, _ANSWERER = Party.ASKER, Party.ANSWERER

CASE_NOTICE = Table(
    procedure="case",
    states=NoticeState,
    opens=NOTIFICATION,
    first=_S.NOTIFIED,
    own=frozenset({NOTIFICATION, GUARDIAN_NOTICE}),
    obligations=(Obligation(name="acceptance", discharged_by=ACCEPT),),
    owing=frozenset(_UNDECIDED),
    lapsed=_S.LAPSED,
    moves=(
        *rows(
            _UNDECIDED,
            ACCEPT,
            _ANSWERER,
            to=_S.ACCEPTED,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        *rows(
            _OPEN,
            DECLINE,
            _ANSWERER,
            to=_S.DECLINED,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        *rows(
            _OPEN,
            REDIRECT,
            _ANSWERER,
            to=_S.REDIRECTED,
            when=Condition.FIRST_TIME,
            effects=(Effect.CHANGE_ANSWERER,),
        ),
        *rows(_OPEN, QUERY, _ANSWERER),
        *rows(_OPEN, ANSWER, _ASKER),
        *rows(_OPEN, GUARDIAN_NOTICE, _ASKER),
        *rows(
            _OPEN,
            WITHDRAW,
            _ASKER,
            to=_S.WITHDRAWN,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        *rows(_UNDECIDED, NUDGE, _ASKER, when=Condition.OVERDUE, effects=(Effect.REMIND,)),
        *rows(
            _UNDECIDED,
            ESCALATE,
            _ASKER,
            when=Condition.OVERDUE_AND_NUDGED,
            effects=(Effect.RAISE_TO_SUPERVISOR, Effect.OFFER_INTERMEDIARY),
        ),
        # Crossing: an answer beats the withdrawal that it crossed; an acceptance does not.
        *rows([_S.WITHDRAWN], DECLINE, _ANSWERER, to=_S.DECLINED, when=Condition.FIRST_TIME, crossing=True),
        *rows(
            [_S.WITHDRAWN],
            REDIRECT,
            _ANSWERER,
            when=Condition.FIRST_TIME,
            effects=(Effect.CHANGE_ANSWERER,),
            crossing=True,
        ),
        *rows([_S.DECLINED], WITHDRAW, _ASKER, when=Condition.FIRST_TIME, crossing=True),
        # Crossing or overtaken: said before what closed it, or before a redirection. Recorded, without
        # effect.
        *rows(_ANY, ACCEPT, _ANSWERER, when=Condition.FIRST_TIME, crossing=True),
        *rows(_ANY, QUERY, _ANSWERER, crossing=True),
        *rows(_ANY, ANSWER, _ASKER, crossing=True),
        *rows(_CLOSED, GUARDIAN_NOTICE, _ASKER, crossing=True),
        *rows(_ANY, NUDGE, _ASKER, when=Condition.OVERDUE_IF_SILENT, crossing=True),
        *rows(_ANY, ESCALATE, _ASKER, when=Condition.OVERDUE_IF_SILENT, crossing=True),
    ),
)
