"""Risk assessment: both States contribute what they know; the State where the child is concludes.

    requested ─contributions→ gathering ─risk-assessment.final→ final ─→ corroborated | disputed

Decisions that the table embodies (project choices):

- A final assessment may come at any time after the request, also when the other State is silent or declined.
  That a *return* needs the other State's contribution is a safeguard on the agreement, not a row here.
- The assessment is repeated, not made once: a later final one replies to the earlier one, or to what was said
  of it, and takes its place. What was said of an older one is recorded and does not touch the newer.
- A dispute outweighs a corroboration of the same final assessment: a doubt about a child's safety is not
  taken away by an earlier word.
- A final assessment beats the withdrawal and the decline that it crossed: what was concluded about the child
  is not lost.
- Contributions are taken at any time. That a new one makes the final assessment out of date is a view of the
  case (`protocol.standing`), not a state of this conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from types import MappingProxyType

from protocol.conversations.neutral import (
    PRESSES,
    clock_stands,
    has_accepted,
    has_declined,
    neutral_moves,
    sayable,
    was_redirected,
    was_withdrawn,
)
from protocol.conversations.table import (
    ACCEPT,
    NOT_SAID,
    Asks,
    Effect,
    Obligation,
    Party,
    Reading,
    Replies,
    Table,
)
from protocol.conversations.thread import Entry, Thread
from protocol.identifiers import MessageId

__all__ = ["RISK_ASSESSMENT", "AssessmentState", "current_final"]

REQUEST = "risk-assessment.request"
CONTRIBUTION = "risk-assessment.contribution"
FINAL = "risk-assessment.final"
CORROBORATION = "risk-assessment.corroboration"
DISPUTE = "risk-assessment.dispute"


class AssessmentState(StrEnum):
    REQUESTED = "requested"
    REDIRECTED = "redirected"
    ACCEPTED = "accepted"
    AWAITING_INFO = "awaiting-info"
    GATHERING = "gathering"
    FINAL = "final"
    CORROBORATED = "corroborated"
    DISPUTED = "disputed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


_S = AssessmentState
_UNDECIDED = (_S.REQUESTED, _S.REDIRECTED)
_OPEN = (*_UNDECIDED, _S.ACCEPTED, _S.AWAITING_INFO, _S.GATHERING)
_CONCLUDED = (_S.FINAL, _S.CORROBORATED, _S.DISPUTED)
_EVERY = (*_OPEN, *_CONCLUDED, _S.DECLINED, _S.WITHDRAWN)
_ASKER, _ANSWERER = Party.ASKER, Party.ANSWERER


def current_final(thread: Thread) -> Entry | None:
    """The final assessment that no other takes the place of.

    Were there two, which no node of ours says, the one signed later.
    """
    finals = thread.said_by(_ASKER, FINAL)
    replaced = {_replaced(thread, final) for final in finals}
    heads = [final for final in finals if final.id not in replaced]
    return max(heads, key=lambda final: (final.at, final.id), default=None)


def _replaced(thread: Thread, final: Entry) -> MessageId | None:
    before = thread.entry(final.in_reply_to)
    if before is None:
        return None
    if before.type == FINAL:
        return before.id
    return before.in_reply_to if before.type in (CORROBORATION, DISPUTE) else None


def _reactions(thread: Thread, final: Entry | None, *types: str) -> tuple[Entry, ...]:
    reactions = thread.said_by(_ANSWERER, *types)
    return tuple(entry for entry in reactions if final is not None and entry.in_reply_to == final.id)


def _disputed(thread: Thread) -> bool:
    return bool(_reactions(thread, current_final(thread), DISPUTE))


def _corroborated(thread: Thread) -> bool:
    return bool(_reactions(thread, current_final(thread), CORROBORATION))


def _said_anything(thread: Thread) -> bool:
    return bool(thread.said_by(_ANSWERER, CONTRIBUTION) or thread.said_by(_ASKER, CONTRIBUTION))


def _waits_for_an_answer(thread: Thread) -> bool:
    return clock_stands(thread) and not thread.said_by(_ANSWERER, CONTRIBUTION)


def _messages(thread: Thread, _: Party) -> Iterable[Entry]:
    return (entry for entry in thread.entries if entry.type not in NOT_SAID)


def _finals(thread: Thread, _: Party) -> Iterable[Entry]:
    return thread.said_by(_ASKER, FINAL)


def _next_final(thread: Thread, by: Party) -> Iterable[Entry]:
    final = current_final(thread)
    if final is None:
        return _messages(thread, by)
    return (final, *_reactions(thread, final, CORROBORATION, DISPUTE))


def _asks(thread: Thread) -> Iterator[Asks]:
    """A final assessment asks the other State to say what it holds of it, and a dispute asks for the next
    one; not of an authority that declined, and left the asker to go on by itself."""
    final = current_final(thread)
    if final is None or thread.state not in _CONCLUDED:
        return
    disputes = _reactions(thread, final, DISPUTE)
    if disputes:
        yield Asks(message=_first(disputes), by=_ASKER, obligation="revision")
    elif not _reactions(thread, final, CORROBORATION) and not has_declined(thread):
        yield Asks(message=final, by=_ANSWERER, obligation="corroboration")


def _first(entries: Iterable[Entry]) -> Entry:
    return min(entries, key=lambda entry: (entry.at, entry.id))


def _final_without(*reactions: str) -> Replies:
    def to_say(thread: Thread, _: Party) -> Iterable[Entry]:
        final = current_final(thread)
        return () if final is None or _reactions(thread, final, *reactions) else (final,)

    names = " or ".join(f"`{reaction}`" for reaction in reactions)
    return Replies(
        to=f"the present final assessment, while it has no {names} (on receipt: any final assessment)",
        to_say=to_say,
        to_take=_finals,
    )


RISK_ASSESSMENT = Table(
    procedure="risk-assessment",
    states=AssessmentState,
    opens=REQUEST,
    first=_S.REQUESTED,
    own=frozenset({REQUEST, CONTRIBUTION, FINAL, CORROBORATION, DISPUTE}),
    destination_says=frozenset({REQUEST, FINAL}),
    origin_says=frozenset({CORROBORATION, DISPUTE}),
    obligations=(
        Obligation(name="acceptance", discharged_by=frozenset({ACCEPT, CONTRIBUTION})),
        Obligation(name="contribution", discharged_by=frozenset({CONTRIBUTION})),
    ),
    owing=frozenset(_OPEN),
    lapsed=_S.LAPSED,
    readings=(
        Reading(state=_S.DISPUTED, when="the present final assessment is disputed", holds=_disputed),
        Reading(
            state=_S.CORROBORATED, when="the present final assessment is corroborated", holds=_corroborated
        ),
        Reading(
            state=_S.FINAL,
            when="there is a final assessment",
            holds=lambda thread: current_final(thread) is not None,
        ),
        Reading(state=_S.DECLINED, when="the answerer declined", holds=has_declined),
        Reading(state=_S.WITHDRAWN, when="the asker withdrew", holds=was_withdrawn),
        Reading(
            state=_S.AWAITING_INFO,
            when="a question that stops the clock is open, and the answerer has not contributed",
            holds=_waits_for_an_answer,
        ),
        Reading(state=_S.GATHERING, when="somebody contributed", holds=_said_anything),
        Reading(state=_S.ACCEPTED, when="the answerer accepted", holds=has_accepted),
        Reading(state=_S.REDIRECTED, when="it was redirected to another authority", holds=was_redirected),
        Reading(state=_S.REQUESTED, when="otherwise", holds=lambda _: True),
    ),
    asks=_asks,
    replies=MappingProxyType(
        {
            **PRESSES,
            FINAL: Replies(
                to="once there is a final assessment: the present one, or what was said of it "
                "(before, and on receipt: any message)",
                to_say=_next_final,
                to_take=_messages,
            ),
            CORROBORATION: _final_without(CORROBORATION, DISPUTE),
            DISPUTE: _final_without(DISPUTE),
        }
    ),
    moves=(
        *neutral_moves(
            _EVERY,
            accepting=_OPEN,
            declining=_OPEN,
            redirecting=_OPEN,
            withdrawing=_OPEN,
            extending=_OPEN,
            talking=(*_OPEN, *_CONCLUDED),
        ),
        *sayable((*_OPEN, *_CONCLUDED), _EVERY, CONTRIBUTION, _ANSWERER, effects=(Effect.STOP_CLOCK,)),
        # A State that the other left alone goes on by itself.
        *sayable((*_OPEN, *_CONCLUDED, _S.DECLINED), _EVERY, CONTRIBUTION, _ASKER),
        *sayable((*_OPEN, *_CONCLUDED, _S.DECLINED), _EVERY, FINAL, _ASKER, effects=(Effect.STOP_CLOCK,)),
        *sayable(_CONCLUDED, _EVERY, CORROBORATION, _ANSWERER),
        *sayable(_CONCLUDED, _EVERY, DISPUTE, _ANSWERER),
    ),
)
