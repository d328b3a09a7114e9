"""Durable solution: one State proposes, both shape it, and nothing is agreed until both signed one version.

    proposed ⇄ countered → accepted-one → agreed ─handover→ implementing ─follow-ups→ completed

A *version* is the proposal or a counter-proposal, whole, each replying to the version that it changes.
Decisions that the table embodies (project choices):

- *Both at once.* Where both sides countered the same version, the asker's is on the table and the other stays
  recorded, so each side comes to the same without another word. Two proposals at once are two conversations;
  both stay. What it means for the case when both are agreed is for the case-level view (`protocol.standing`):
  an agreement that comes while another is in force and does not amend it leaves neither in force.
- *Agreed* is a version that each side has accepted in words of its own, and that nobody refused. Proposing is
  not accepting; a neutral `accept` does not exist here; silence and time do nothing.
- *An end said by either side holds.* A refusal, a withdrawal or a revocation beats the acceptance that it
  crossed: nobody is bound who said no before knowing that the other had said yes.
- From *agreed* on, either side may put another version on the table. Until both have accepted it nothing
  changes, and refusing it refuses nothing else.
- *Accepted on paper* is not agreed: one State signed, the other has no key to sign with, and two people of
  the first have confirmed what an intermediary attests. It may be carried out, suspended and followed up; the
  State without a key ends it by a refusal. A version that somebody had countered before it was confirmed is
  accepted by nobody's paper: the consent crossed something newer.
- A suspension ends only by an agreed version that names it (`lifts`), which both have signed. One that
  crosses the last acceptance suspends what is then agreed. After the handover it is recorded, no more: the
  child has left.
- Whatever ended the agreement, a child who was handed over is followed up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from types import MappingProxyType

from protocol.conversations.neutral import PRESSES, neutral_moves, sayable, was_withdrawn
from protocol.conversations.table import (
    PAPER_CONSENT,
    PROGRESS,
    Asks,
    Condition,
    Effect,
    Obligation,
    Party,
    Reading,
    Replies,
    Table,
)
from protocol.conversations.thread import Entry, Thread

__all__ = [
    "DURABLE_SOLUTION",
    "SolutionState",
    "agreed_version",
    "on_the_table",
    "open_version",
    "paper_consents",
    "settled_version",
    "versions",
]

PROPOSAL = "durable-solution.proposal"
COUNTER = "durable-solution.counter-proposal"
ACCEPTANCE = "durable-solution.acceptance"
REFUSAL = "durable-solution.refusal"
SUSPENSION = "durable-solution.suspension"
REVOCATION = "durable-solution.revocation"
HANDOVER = "handover.confirmation"
FOLLOW_UP = "follow-up.report"


class SolutionState(StrEnum):
    PROPOSED = "proposed"
    COUNTERED = "countered"
    ACCEPTED_ONE = "accepted-one"
    AGREED = "agreed"
    ACCEPTED_ON_PAPER = "accepted-on-paper"
    SUSPENDED = "suspended"
    IMPLEMENTING = "implementing"
    COMPLETED = "completed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    LAPSED = "lapsed"


_S = SolutionState
_UNAGREED = (_S.PROPOSED, _S.COUNTERED, _S.ACCEPTED_ONE)
_AGREED = (_S.AGREED, _S.ACCEPTED_ON_PAPER, _S.SUSPENDED, _S.IMPLEMENTING)
_ENDED = (_S.COMPLETED, _S.REFUSED, _S.WITHDRAWN, _S.REVOKED)
_EVERY = (*_UNAGREED, *_AGREED, *_ENDED)
_ASKER, _ANSWERER = Party.ASKER, Party.ANSWERER


def versions(thread: Thread) -> tuple[Entry, ...]:
    """The proposal and every counter-proposal."""
    return tuple(entry for entry in thread.entries if entry.type in (PROPOSAL, COUNTER))


def on_the_table(thread: Thread) -> Entry:
    """The version that the two sides talk about now."""
    return _path(thread)[-1]


def agreed_version(thread: Thread) -> Entry | None:
    """The version that both sides accepted and neither refused; the last such, where one amends another."""
    agreed = [version for version in versions(thread) if _is_agreed(thread, version)]
    path = _path(thread)
    # One that is not on the way to the table comes about only by a side that accepts what it countered.
    return max(
        agreed,
        key=lambda version: (version in path, len(_ancestors(thread, version)), version.at, version.id),
        default=None,
    )


def settled_version(thread: Thread) -> Entry | None:
    """The version that is agreed, or else the one that one side signed and the other accepted on paper: what
    is carried out, suspended and followed up. Of the two kinds only the first is *agreed*."""
    agreed = agreed_version(thread)
    if agreed is not None:
        return agreed
    return max(
        (version for version in versions(thread) if _is_settled(thread, version)),
        key=lambda version: (len(_ancestors(thread, version)), version.at, version.id),
        default=None,
    )


def open_version(thread: Thread) -> Entry | None:
    """The version that may still be accepted, also on paper: the one on the table, of a conversation that
    nobody has ended."""
    version = on_the_table(thread)
    ended = thread.state in _ENDED or bool(_replying(thread, REFUSAL, version))
    return None if ended else version


def paper_consents(thread: Thread) -> tuple[Entry, ...]:
    """Confirmed consents on paper that count: nobody had countered their version by then."""
    return tuple(
        consent
        for consent in thread.said(PAPER_CONSENT)
        if not any(
            counter.in_reply_to == consent.in_reply_to and counter.at <= consent.at
            for counter in thread.said(COUNTER)
        )
    )


def _path(thread: Thread) -> tuple[Entry, ...]:
    """From the proposal down to the version on the table.

    A refused version is passed over; the asker's goes before the answerer's; of several by one side, which no
    node of ours says, the one signed later.
    """
    path = [thread.entries[0]]
    while True:
        following = [
            version
            for version in versions(thread)
            if version.type == COUNTER
            and version.in_reply_to == path[-1].id
            and not _replying(thread, REFUSAL, version)
        ]
        if not following:
            return tuple(path)
        path.append(max(following, key=lambda version: (version.by is _ASKER, version.at, version.id)))


def _ancestors(thread: Thread, version: Entry) -> tuple[Entry, ...]:
    found: list[Entry] = []
    before = thread.entry(version.in_reply_to)
    while before is not None:
        found.append(before)
        before = thread.entry(before.in_reply_to)
    return tuple(found)


def _replying(thread: Thread, move_type: str, to: Entry) -> tuple[Entry, ...]:
    return tuple(entry for entry in thread.said(move_type) if entry.in_reply_to == to.id)


def _accepted_by(thread: Thread, version: Entry) -> frozenset[Party]:
    return frozenset(acceptance.by for acceptance in _replying(thread, ACCEPTANCE, version))


def _is_agreed(thread: Thread, version: Entry) -> bool:
    return _accepted_by(thread, version) == frozenset(Party) and not _replying(thread, REFUSAL, version)


def _is_settled(thread: Thread, version: Entry) -> bool:
    """Agreed; or signed by one side, where the other has no key to sign with and its consent on paper was
    confirmed by two people of the first."""
    signed = _accepted_by(thread, version)
    on_paper = {consent.by for consent in paper_consents(thread) if consent.in_reply_to == version.id}
    refused = _replying(thread, REFUSAL, version)
    return bool(signed) and signed | on_paper == frozenset(Party) and not refused


def _revoked(thread: Thread) -> bool:
    return any(thread.said(REVOCATION))


def _refused(thread: Thread) -> bool:
    refused = (version for version in versions(thread) if _replying(thread, REFUSAL, version))
    return any(
        not any(_is_settled(thread, before) for before in _ancestors(thread, version)) for version in refused
    )


def _implementing(thread: Thread) -> bool:
    return settled_version(thread) is not None and any(thread.said(HANDOVER))


def _completed(thread: Thread) -> bool:
    agreed = settled_version(thread)
    reported = {point for report in thread.said(FOLLOW_UP) for point in report.named}
    return _implementing(thread) and agreed is not None and bool(agreed.named) and reported >= {*agreed.named}


def _suspended(thread: Thread) -> bool:
    lifted = {one for version in versions(thread) if _is_settled(thread, version) for one in version.lifts}
    return settled_version(thread) is not None and any(
        suspension.id not in lifted for suspension in thread.said(SUSPENSION)
    )


def _asks(thread: Thread) -> Iterator[Asks]:
    """A version asks the other side for an answer, and so does an acceptance that is not yet an agreement.
    The first proposal's own clock is the thread's. A handover starts the clocks of the follow-ups, which who
    confirmed it owes."""
    if thread.state in (*_UNAGREED, *_AGREED):
        version = on_the_table(thread)
        accepted = _accepted_by(thread, version)
        open_ = not _replying(thread, REFUSAL, version)
        if open_ and len(accepted) == 1:
            (side,) = accepted
            acceptance = _first(_replying(thread, ACCEPTANCE, version))
            # Who accepted its own version waits since the version; who accepted the other's, since then.
            asked = version if side is version.by else acceptance
        else:
            asked = version
        owes = _other(asked.by)
        answers_opening = asked.id == thread.entries[0].id
        if open_ and len(accepted) < len(Party) and not answers_opening:
            yield Asks(message=asked, by=owes, obligation="answer")
    agreed = agreed_version(thread)
    handovers = tuple(thread.said(HANDOVER))
    if handovers and agreed is not None:
        handover = _first(handovers)
        reported = {point for report in thread.said(FOLLOW_UP) for point in report.named}
        for point in agreed.named:
            if point not in reported:
                yield Asks(message=handover, by=handover.by, obligation=f"follow-up-{point}")


def _first(entries: Iterable[Entry]) -> Entry:
    return min(entries, key=lambda entry: (entry.at, entry.id))


def _other(side: Party) -> Party:
    return _ANSWERER if side is _ASKER else _ASKER


def _delayed(thread: Thread, by: Party) -> Iterable[Entry]:
    """The message whose answer that side owes."""
    asking = dict.fromkeys(one.message for one in thread.owed if one.main and one.by is by)
    return tuple(entry for one in asking if (entry := thread.entry(one)) and entry.type != HANDOVER)


def _may_be_delayed(thread: Thread, by: Party) -> Iterable[Entry]:
    """Any message for the answerer, as earlier versions let it reply to any; for the asker, what has a clock
    of its own."""
    return tuple(
        entry
        for entry in thread.entries
        if by is _ANSWERER or (entry.by is _ANSWERER and entry.type in (COUNTER, ACCEPTANCE))
    )


def _any_version(thread: Thread, _: Party) -> Iterable[Entry]:
    return versions(thread)


def _to_counter(thread: Thread, by: Party) -> Iterable[Entry]:
    """Not what one has accepted oneself and the other may be accepting: that is refused, or withdrawn."""
    version = on_the_table(thread)
    half_accepted = by in _accepted_by(thread, version) and not _is_settled(thread, version)
    return () if half_accepted else (version,)


def _to_accept(thread: Thread, by: Party) -> Iterable[Entry]:
    version = on_the_table(thread)
    return () if by in _accepted_by(thread, version) else (version,)


def _to_refuse(thread: Thread, _: Party) -> Iterable[Entry]:
    version = on_the_table(thread)
    return () if _is_agreed(thread, version) else (version,)


def _agreed(thread: Thread, _: Party) -> Iterable[Entry]:
    agreed = settled_version(thread)
    return () if agreed is None else (agreed,)


def _handovers(thread: Thread, _: Party) -> Iterable[Entry]:
    return thread.said(HANDOVER)


DURABLE_SOLUTION = Table(
    procedure="durable-solution",
    states=SolutionState,
    opens=PROPOSAL,
    first=_S.PROPOSED,
    own=frozenset({PROPOSAL, COUNTER, ACCEPTANCE, REFUSAL, SUSPENSION, REVOCATION, HANDOVER, FOLLOW_UP}),
    origin_says=frozenset({HANDOVER, FOLLOW_UP}),
    obligations=(Obligation(name="answer", discharged_by=frozenset({ACCEPTANCE, COUNTER, REFUSAL})),),
    owing=frozenset(_UNAGREED),
    lapsed=_S.LAPSED,
    readings=(
        Reading(state=_S.REVOKED, when="a side revoked", holds=_revoked),
        Reading(
            state=_S.REFUSED,
            when="a side refused a version that does not amend an agreed one",
            holds=_refused,
        ),
        Reading(state=_S.WITHDRAWN, when="the asker withdrew", holds=was_withdrawn),
        Reading(
            state=_S.COMPLETED,
            when="the child was handed over and every follow-up of the agreed version is reported",
            holds=_completed,
        ),
        Reading(
            state=_S.IMPLEMENTING,
            when="a version is agreed and the child was handed over",
            holds=_implementing,
        ),
        Reading(
            state=_S.SUSPENDED,
            when="a version is agreed, and a suspension stands that no agreed version lifts",
            holds=_suspended,
        ),
        Reading(
            state=_S.AGREED,
            when="both sides accepted one version, and neither refused it",
            holds=lambda thread: agreed_version(thread) is not None,
        ),
        Reading(
            state=_S.ACCEPTED_ON_PAPER,
            when="one side accepted a version, and two people of it confirmed the other's consent on paper",
            holds=lambda thread: settled_version(thread) is not None,
        ),
        Reading(
            state=_S.ACCEPTED_ONE,
            when="one side accepted the version on the table",
            holds=lambda thread: bool(_accepted_by(thread, on_the_table(thread))),
        ),
        Reading(
            state=_S.COUNTERED,
            when="the version on the table is a counter-proposal",
            holds=lambda thread: on_the_table(thread).type == COUNTER,
        ),
        Reading(state=_S.PROPOSED, when="otherwise", holds=lambda _: True),
    ),
    asks=_asks,
    replies=MappingProxyType(
        {
            **PRESSES,
            PROGRESS: Replies(
                to="the message whose answer this side owes (on receipt: any that may be)",
                to_say=_delayed,
                to_take=_may_be_delayed,
            ),
            COUNTER: Replies(
                to="the version on the table, unless it waits for the other side's acceptance alone "
                "(on receipt: any version)",
                to_say=_to_counter,
                to_take=_any_version,
            ),
            ACCEPTANCE: Replies(
                to="the version on the table that this side has not accepted (on receipt: any version)",
                to_say=_to_accept,
                to_take=_any_version,
            ),
            REFUSAL: Replies(
                to="the version on the table, while it is not agreed (on receipt: any version)",
                to_say=_to_refuse,
                to_take=_any_version,
            ),
            REVOCATION: Replies(
                to="the agreed version (on receipt: any version)", to_say=_agreed, to_take=_any_version
            ),
            HANDOVER: Replies(
                to="the agreed version (on receipt: any version)", to_say=_agreed, to_take=_any_version
            ),
            FOLLOW_UP: Replies(to="a confirmed handover", to_say=_handovers, to_take=_handovers),
        }
    ),
    moves=(
        *neutral_moves(
            _EVERY,
            redirecting=(_S.PROPOSED,),
            redirecting_when=Condition.NOT_YET_ANSWERED,
            withdrawing=_UNAGREED,
            extending=_UNAGREED,
            extended_by=(_ASKER, _ANSWERER),
            talking=(*_UNAGREED, *_AGREED, _S.COMPLETED),
        ),
        *sayable((*_UNAGREED, *_AGREED), _EVERY, COUNTER, _ASKER, _ANSWERER),
        *sayable((*_UNAGREED, *_AGREED), _EVERY, ACCEPTANCE, _ASKER, _ANSWERER),
        *sayable((*_UNAGREED, *_AGREED), _EVERY, REFUSAL, _ASKER, _ANSWERER, effects=(Effect.STOP_CLOCK,)),
        # Before anything is agreed as well: it holds for what is agreed while it is on its way.
        *sayable(
            (*_UNAGREED, _S.AGREED, _S.ACCEPTED_ON_PAPER, _S.SUSPENDED), _EVERY, SUSPENSION, _ASKER, _ANSWERER
        ),
        *sayable(_AGREED, _EVERY, REVOCATION, _ASKER, _ANSWERER),
        *sayable((_S.AGREED, _S.ACCEPTED_ON_PAPER), _EVERY, HANDOVER, _ASKER, _ANSWERER),
        *sayable((_S.IMPLEMENTING, *_ENDED), _EVERY, FOLLOW_UP, _ASKER, _ANSWERER),
    ),
)
