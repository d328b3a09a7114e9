"""The procedures in which one authority asks and another reports once, built from one set of rows.

    requested ─accept→ accepted ─the result→ answered ─collection→ complete

Decisions that the rows embody (project choices):

- *An answer beats the withdrawal that it crossed.* Result and decline win, because the work was done and what
  was learned about the child must not be lost; acceptance, question and progress note do not.
- A result may come without an acceptance, and while a question is open.
- The answerer asks at most twice before its result; the asker may question a result as often as needed, which
  stops no clock.
- A redirection stays within the answerer's State, whose business it is who answers. Another State is asked
  anew. The clock goes on: the child has been waiting since the request.
- Only the collection of the result by the asker's agency completes. Silence lapses, age makes stale; both are
  read off the clock (`clock.state_at`), and a lapsed request still takes its result.
"""

from __future__ import annotations

from enum import StrEnum

from protocol.conversations.neutral import PRESSES, pressing
from protocol.conversations.table import (
    ACCEPT,
    ANSWER,
    ATTEST,
    COLLECTION,
    DECLINE,
    PROGRESS,
    QUERY,
    REDIRECT,
    WITHDRAW,
    Condition,
    Effect,
    Move,
    Obligation,
    Party,
    Table,
    rows,
)

__all__ = ["request_and_result"]

_ASKER, _ANSWERER = Party.ASKER, Party.ANSWERER


def request_and_result(
    procedure: str,
    states: type[StrEnum],
    *,
    request: str,
    result: str,
    obligation: str,
    answered: StrEnum,
    stale: StrEnum | None = None,
) -> Table:
    """The table of `procedure`. `result` discharges `obligation` and leads to the state `answered`.

    `states` has the values `requested`, `redirected`, `accepted`, `awaiting-info`, `complete`, `declined`,
    `withdrawn` and `lapsed` besides; `stale` is the state that age brings, where the result ages.
    """
    open_ = tuple(states(name) for name in ("requested", "redirected", "accepted", "awaiting-info"))
    return Table(
        procedure=procedure,
        states=states,
        opens=request,
        first=states("requested"),
        own=frozenset({request, result}),
        obligations=(
            Obligation(name="acceptance", discharged_by=frozenset({ACCEPT})),
            Obligation(name=obligation, discharged_by=frozenset({result})),
        ),
        owing=frozenset(open_),
        lapsed=states("lapsed"),
        answer=result,
        answered=frozenset({answered, states("complete")}),
        stale=stale,
        replies=PRESSES,
        moves=_rows(states, result, answered),
    )


def _rows(states: type[StrEnum], result: str, answered: StrEnum) -> tuple[Move, ...]:
    requested, redirected, accepted = states("requested"), states("redirected"), states("accepted")
    awaiting_info, complete = states("awaiting-info"), states("complete")
    declined, withdrawn = states("declined"), states("withdrawn")
    undecided = (requested, redirected)
    open_ = (*undecided, accepted, awaiting_info)
    reported = (answered, complete)
    any_ = (*open_, *reported, declined, withdrawn)
    return (
        # The answerer decides whether it is the right one.
        *rows(undecided, ACCEPT, _ANSWERER, to=accepted, when=Condition.FIRST_TIME),
        *rows([awaiting_info], ACCEPT, _ANSWERER, when=Condition.FIRST_TIME),
        *rows(
            open_,
            DECLINE,
            _ANSWERER,
            to=declined,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        *rows(
            open_,
            REDIRECT,
            _ANSWERER,
            to=redirected,
            when=Condition.FIRST_TIME,
            effects=(Effect.CHANGE_ANSWERER,),
        ),
        # It asks back, and the clock stands still.
        *rows(
            (*undecided, accepted),
            QUERY,
            _ANSWERER,
            to=awaiting_info,
            when=Condition.QUESTION_LEFT,
            effects=(Effect.PAUSE_CLOCK,),
        ),
        # Still a question open: after a redirection, the answer to the former authority may be on its way.
        *rows([awaiting_info], ANSWER, _ASKER, when=Condition.ANOTHER_QUESTION_OPEN),
        *rows(
            [awaiting_info],
            ANSWER,
            _ASKER,
            to=accepted,
            when=Condition.HAD_ACCEPTED,
            effects=(Effect.RESUME_CLOCK,),
        ),
        *rows(
            [awaiting_info],
            ANSWER,
            _ASKER,
            to=redirected,
            when=Condition.HAD_BEEN_REDIRECTED,
            effects=(Effect.RESUME_CLOCK,),
        ),
        *rows([awaiting_info], ANSWER, _ASKER, to=requested, effects=(Effect.RESUME_CLOCK,)),
        # It needs longer, once.
        *rows(open_, PROGRESS, _ANSWERER, when=Condition.FIRST_TIME, effects=(Effect.SET_NEW_DATE,)),
        # It answers.
        *rows(
            open_,
            result,
            _ANSWERER,
            to=answered,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        # The asker's agency has the result; it may question it.
        *rows([answered], COLLECTION, _ASKER, to=complete),
        *rows(reported, QUERY, _ASKER),
        *rows(reported, ANSWER, _ANSWERER),
        # The asker no longer needs it.
        *rows(
            open_,
            WITHDRAW,
            _ASKER,
            to=withdrawn,
            when=Condition.FIRST_TIME,
            effects=(Effect.STOP_CLOCK,),
        ),
        # Either side presses for what the other owes.
        *pressing(any_),
        # What came on another way is attested whenever it came.
        *rows(any_, ATTEST, _ASKER),
        *rows(any_, ATTEST, _ANSWERER),
        # Crossing: an answer beats the withdrawal that it crossed, nothing else does.
        *rows([withdrawn], result, _ANSWERER, to=answered, when=Condition.FIRST_TIME, crossing=True),
        *rows([withdrawn], DECLINE, _ANSWERER, to=declined, when=Condition.FIRST_TIME, crossing=True),
        *rows(
            [withdrawn],
            REDIRECT,
            _ANSWERER,
            when=Condition.FIRST_TIME,
            effects=(Effect.CHANGE_ANSWERER,),
            crossing=True,
        ),
        *rows((*reported, declined), WITHDRAW, _ASKER, when=Condition.FIRST_TIME, crossing=True),
        # Crossing or overtaken: said before what closed it, or before a redirection. Recorded, without
        # effect.
        *rows(any_, ACCEPT, _ANSWERER, when=Condition.FIRST_TIME, crossing=True),
        *rows(any_, QUERY, _ANSWERER, when=Condition.QUESTION_COUNTED, crossing=True),
        *rows(any_, PROGRESS, _ANSWERER, when=Condition.FIRST_TIME, crossing=True),
        *rows(any_, ANSWER, _ASKER, crossing=True),
        *rows(any_, ATTEST, _ANSWERER, crossing=True),
        *rows(reported, COLLECTION, _ASKER, crossing=True),
    )
