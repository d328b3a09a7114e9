"""Social inquiry: an authority asks another about the family that a child might go back to.

    requested ─accept→ accepted ─social-inquiry.report→ reported ─collection→ complete

Either State may ask about its own candidate carer. Decisions that the table embodies (project choices):

- *An answer beats the withdrawal that it crossed.* Report and decline win, because the work was done and what
  was learned about the child must not be lost; acceptance, question and progress note do not.
- A report may come without an acceptance, and while a question is open.
- The answerer asks at most twice before reporting; the asker may question a report as often as needed, which
  stops no clock.
- A redirection stays within the answerer's State, whose business it is who answers. Another State is asked
  anew. The clock goes on: the child has been waiting since the request.
- Only the collection of the report by the asker's agency completes. Silence lapses, age makes stale; both are
  read off the clock (`machine.state_at`), and a lapsed request still takes its report.
"""

from __future__ import annotations

from enum import StrEnum

from protocol.conversations.table import (
    ACCEPT,
    ANSWER,
    COLLECTION,
    DECLINE,
    ESCALATE,
    NEW_FACT,
    NUDGE,
    PROGRESS,
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

__all__ = ["SOCIAL_INQUIRY", "InquiryState"]

REQUEST = "social-inquiry.request"
REPORT = "social-inquiry.report"


class InquiryState(StrEnum):
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    AWAITING_INFO = "awaiting-info"
    REPORTED = "reported"
    COMPLETE = "complete"
    DECLINED = "declined"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    LAPSED = "lapsed"


_S = InquiryState
_UNDECIDED = (_S.REQUESTED, _S.REDIRECTED)
_OPEN = (*_UNDECIDED, _S.ACCEPTED, _S.AWAITING_INFO)
_ANSWERED = (_S.REPORTED, _S.COMPLETE, _S.STALE)
_CLOSED = (*_ANSWERED, _S.DECLINED, _S.WITHDRAWN)
_ANY = (*_OPEN, *_CLOSED)
_ASKER, _ANSWERER = Party.ASKER, Party.ANSWERER

SOCIAL_INQUIRY = Table(
    procedure="social-inquiry",
    states=InquiryState,
    opens=REQUEST,
    first=_S.REQUESTED,
    own=frozenset({REQUEST, REPORT}),
    obligations=(
        Obligation(name="acceptance", discharged_by=ACCEPT),
        Obligation(name="report", discharged_by=REPORT),
    ),
    owing=frozenset(_OPEN),
    lapsed=_S.LAPSED,
    answer=REPORT,
    answered=frozenset({_S.REPORTED, _S.COMPLETE}),
    stale=_S.STALE,
    moves=(
        # The answerer decides whether it is the right one.
        *rows(_UNDECIDED, ACCEPT, _ANSWERER, to=_S.ACCEPTED, when=Condition.FIRST_TIME),
        *rows([_S.AWAITING_INFO], ACCEPT, _ANSWERER, when=Condition.FIRST_TIME),
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
        # It asks back, and the clock stands still.
        *rows(
            (*_UNDECIDED, _S.ACCEPTED),
            QUERY,
            _ANSWERER,
            to=_S.AWAITING_INFO,
            when=Condition.QUESTION_LEFT,
            effects=(Effect.PAUSE_CLOCK,),
        ),
        # Still a question open: after a redirection, the answer to the former authority may be on its way.
        *rows([_S.AWAITING_INFO], ANSWER, _ASKER, when=Condition.ANOTHER_QUESTION_OPEN),
        *rows(
            [_S.AWAITING_INFO],
            ANSWER,
            _ASKER,
            to=_S.ACCEPTED,
            when=Condition.HAD_ACCEPTED,
            effects=(Effect.RESUME_CLOCK,),
        ),
        *rows(
            [_S.AWAITING_INFO],
            ANSWER,
            _ASKER,
            to=_S.REDIRECTED,
            when=Condition.HAD_BEEN_REDIRECTED,
            effects=(Effect.RESUME_CLOCK,),
        ),
        *rows([_S.AWAITING_INFO], ANSWER, _ASKER, to=_S.REQUESTED, effects=(Effect.RESUME_CLOCK,)),
        # It needs longer, once.
        *rows(_OPEN, PROGRESS, _ANSWERER, when=Condition.FIRST_TIME, effects=(Effect.SET_NEW_DATE,)),
        # It answers.
        *rows(
            _OPEN,
            REPORT,
            _ANSWERER,
            to=_S.REPORTED,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        # The asker's agency has the report; it may question it; a new fact makes it stale.
        *rows([_S.REPORTED], COLLECTION, _ASKER, to=_S.COMPLETE),
        *rows(_ANSWERED, QUERY, _ASKER),
        *rows(_ANSWERED, ANSWER, _ANSWERER),
        *rows([_S.REPORTED, _S.COMPLETE], NEW_FACT, _ASKER, to=_S.STALE),
        # The asker no longer needs it, or presses for it.
        *rows(
            _OPEN,
            WITHDRAW,
            _ASKER,
            to=_S.WITHDRAWN,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        *rows(_OPEN, NUDGE, _ASKER, when=Condition.OVERDUE, effects=(Effect.REMIND,)),
        *rows(
            _OPEN,
            ESCALATE,
            _ASKER,
            when=Condition.OVERDUE_AND_NUDGED,
            effects=(Effect.RAISE_TO_SUPERVISOR, Effect.OFFER_INTERMEDIARY),
        ),
        # Crossing: an answer beats the withdrawal that it crossed, nothing else does.
        *rows([_S.WITHDRAWN], REPORT, _ANSWERER, to=_S.REPORTED, when=Condition.FIRST_TIME, crossing=True),
        *rows([_S.WITHDRAWN], DECLINE, _ANSWERER, to=_S.DECLINED, when=Condition.FIRST_TIME, crossing=True),
        *rows(
            [_S.WITHDRAWN],
            REDIRECT,
            _ANSWERER,
            when=Condition.FIRST_TIME,
            effects=(Effect.CHANGE_ANSWERER,),
            crossing=True,
        ),
        *rows((*_ANSWERED, _S.DECLINED), WITHDRAW, _ASKER, when=Condition.FIRST_TIME, crossing=True),
        # Crossing or overtaken: said before what closed it, or before a redirection. Recorded, without
        # effect.
        *rows(_ANY, ACCEPT, _ANSWERER, when=Condition.FIRST_TIME, crossing=True),
        *rows(_ANY, QUERY, _ANSWERER, when=Condition.QUESTION_COUNTED, crossing=True),
        *rows(_ANY, PROGRESS, _ANSWERER, when=Condition.FIRST_TIME, crossing=True),
        *rows(_ANY, ANSWER, _ASKER, crossing=True),
        *rows(_ANSWERED, COLLECTION, _ASKER, crossing=True),
        *rows([_S.STALE], NEW_FACT, _ASKER, crossing=True),
        # Crossing a new date, an acceptance or a question: the asker could not know that it was not overdue.
        *rows(_ANY, NUDGE, _ASKER, when=Condition.OVERDUE_IF_SILENT, crossing=True),
        *rows(_ANY, ESCALATE, _ASKER, when=Condition.OVERDUE_IF_SILENT, crossing=True),
    ),
)
