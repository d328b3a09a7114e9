"""One pure function for every procedure: (table, conversation, what is said) -> conversation, effects.

The order of the checks, as `advance` numbers them:

1. an opening message opens: thread and message id are the same, it replies to nothing;
2. without the opening message, anything else waits (`PredecessorMissing`);
3. what was said before changes nothing when it comes again;
4. same thread and case; the speaker and the one spoken to are its two sides;
5. the procedure has such a move, and it is this side's and this State's;
6. it replies to something of this conversation, an answer to an open question of the other side, and what
   the table says of its replies is so;
7. a named date or authority is a possible one;
8. the table has a row for it now. On receipt a `crossing` row will do as well.

A refused event changes nothing: conversations are values.

Two authorities see each other's messages late and in any order. What has not arrived is waited for, which the
service bounds in time; what has arrived commutes (see `table`). Node evidence never comes here: only what an
authority says, and the collection of an answer by its agency, moves a conversation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Protocol

from protocol.conversations.clock import with_clock
from protocol.conversations.conditions import holds, missing, what_is_missing
from protocol.conversations.table import (
    ANSWER,
    ATTEST,
    COLLECTION,
    NOT_SAID,
    PAPER_CONSENT,
    PROGRESS,
    QUERY,
    REDIRECT,
    Effect,
    Move,
    Party,
    Table,
)
from protocol.conversations.thread import Entry, Thread
from protocol.deadlines import (
    AnsweringEntry,
    CorridorProfile,
    Terms,
    end_of_day,
    more_urgent,
    terms_for,
)
from protocol.errors import Missing, NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId, parse_address, state_of

__all__ = [
    "NEW_ANSWERER_FIELD",
    "NEW_DATE_FIELD",
    "Advance",
    "Possible",
    "PredecessorMissing",
    "Said",
    "advance",
    "collected",
    "may_say",
    "moves_from",
    "paper_consented",
    "rebuilt",
]

NEW_DATE_FIELD = "new_due_on"
"""Coded field of `progress`: the day, as YYYY-MM-DD, at whose end the answer is promised."""
NEW_ANSWERER_FIELD = "redirected_to"
"""Coded field of `redirect`: the address of the authority that is competent."""
FOLLOW_UP_POINT_FIELD = "follow_up_point"
"""Coded field of `follow-up.report` and of each entry of a solution's `monitoring`."""
LIFTS_FIELD = "lifts"
"""Coded field of a proposed solution: the ids of the suspensions that it answers."""


class PredecessorMissing(NotAcceptable):
    """Built on a message that has not arrived: keep it and try again when more has, before refusing it."""


class Said(Protocol):
    """What the machine reads of a message: `protocol.content.Content` has it."""

    @property
    def id(self) -> MessageId: ...
    @property
    def type(self) -> str: ...
    @property
    def case(self) -> CaseReference: ...
    @property
    def thread(self) -> ThreadId: ...
    @property
    def in_reply_to(self) -> MessageId | None: ...
    @property
    def sender(self) -> Address: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def urgency(self) -> str: ...
    @property
    def recipient_entry(self) -> str | None: ...
    @property
    def issued_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Where the conversation stands now and what the node has to do about it."""

    thread: Thread
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """A move of `by` that the present state knows. It may be made now when nothing is `missing`.

    `replies_to`: the messages of the thread that it can name in `in_reply_to`.
    """

    type: str
    by: Party
    replies_to: tuple[MessageId, ...]
    missing: tuple[Missing, ...]


def advance(
    thread: Thread | None,
    said: Said,
    *,
    table: Table,
    sending: bool,
    answering: AnsweringEntry | None = None,
    profile: CorridorProfile | None = None,
    destination: str | None = None,
    clock: Terms | None = None,
) -> Advance:
    """Say `said` in `thread` (None: no such conversation here yet).

    `sending` is true at the sender's node, which may use plain rows only. `answering` is the directory entry
    that the message cites and `profile` what its States agreed; they are read where it starts a clock.
    `destination` is the State where the
    child is (`it`), which both nodes know once the case is open; None leaves unchecked what only one of the
    two States may say. `clock`: what the message is known to have started, when it is said again.

    Refuses `conversation.*` as numbered above, and `deadline.*` when the clock cannot be set.
    """
    if said.type == table.opens:  # step 1
        _check_state(said, table, destination)
        return _open(thread, said, table=table, answering=answering, profile=profile)
    if thread is None:  # step 2
        if sending:
            raise NotAcceptable("conversation.not_party", "no such conversation here to continue")
        raise PredecessorMissing(
            "conversation.predecessor_missing", "the message that opens the thread has not come"
        )
    if thread.entry(said.id):  # step 3
        return Advance(thread=thread, effects=())
    by = _side(thread, said, sending=sending)  # step 4
    parties = table.parties_of(said.type)  # step 5
    # States of two procedures may share a word: a table is never read for another procedure's conversation.
    if thread.procedure != table.procedure or said.type in NOT_SAID or not parties:
        raise NotAcceptable("conversation.not_now", f"a {table.procedure} conversation has no such move")
    if by not in parties:
        raise NotAcceptable("conversation.other_side", "only the other side makes this move")
    _check_state(said, table, destination)
    _check_reply(thread, said, by, table=table, sending=sending)  # step 6
    entry = Entry(
        id=said.id,
        type=said.type,
        sender=said.sender,
        by=by,
        in_reply_to=said.in_reply_to,
        at=said.issued_at,
        named=_named(thread, said, by),  # step 7
        lifts=_lifts(said),
        terms=clock
        or terms_for(
            said,
            procedure=table.procedure,
            answering=answering,
            profile=profile,
            # A question stops the clock no longer than the request allows, and is owed its answer by then.
            urgency=more_urgent(said.urgency, thread.terms.urgency)
            if said.type == QUERY and thread.terms
            else None,
        ),
    )
    return _apply(thread, entry, table=table, sending=sending)  # step 8


def collected(thread: Thread, message: MessageId, *, by: Address, at: datetime, table: Table) -> Advance:
    """The asker's agency has the answer `message`: an authority's own act, so it moves the conversation.

    The same at both nodes; collecting again, or collecting anything but the answer, changes nothing. Refuses
    `conversation.other_side` for anybody but the asker.
    """
    entry = thread.entry(message)
    if entry is None:
        raise PredecessorMissing("conversation.predecessor_missing", "the message collected has not come")
    repeated = any(earlier.in_reply_to == message for earlier in thread.said(COLLECTION))
    if entry.type != table.answer or repeated:
        return Advance(thread=thread, effects=())
    if by != thread.asker:
        raise NotAcceptable("conversation.other_side", "only the authority that asked makes this move")
    collection = Entry(id=message, type=COLLECTION, sender=by, by=Party.ASKER, in_reply_to=message, at=at)
    return _apply(thread, collection, table=table, sending=False)


def paper_consented(thread: Thread, attestation: MessageId, *, at: datetime, table: Table) -> Advance:
    """Two people have confirmed a consent on paper that `attestation` says was given: an act of the authority
    that it was said to, the same at both nodes. Again, or of anything but an attestation, it changes
    nothing."""
    entry = thread.entry(attestation)
    if entry is None:
        raise PredecessorMissing("conversation.predecessor_missing", "the attestation has not come")
    repeated = any(earlier.id == attestation for earlier in thread.said(PAPER_CONSENT))
    if entry.type != ATTEST or repeated:
        return Advance(thread=thread, effects=())
    consent = Entry(
        id=attestation,
        type=PAPER_CONSENT,
        sender=entry.sender,
        by=entry.by,
        in_reply_to=entry.in_reply_to,
        at=at,
    )
    said = dataclasses.replace(thread, entries=(*thread.entries, consent))
    said = dataclasses.replace(said, state=table.read(said))
    return Advance(thread=with_clock(said, table), effects=())


def moves_from(
    thread: Thread, me: Address, now: datetime, *, table: Table, destination: str | None = None
) -> tuple[Possible, ...]:
    """What `me` may say in `thread` at `now`, and what is still missing for the rest.

    Empty for anybody who is not a side of it, or from whom it was redirected. A move that the present state
    does not know at all is left out, and so is one that has nothing to reply to or belongs to the other
    State (`destination` as for `advance`).
    """
    by = thread.party(me)
    if by is None or (by is Party.ANSWERER and me != thread.answerer):
        return ()
    possible: dict[str, Possible] = {}
    for move in table.moves:
        if (
            move.state != thread.state
            or move.by != by
            or move.crossing
            or move.type == COLLECTION
            or not may_say(table, move.type, me, destination)
        ):
            continue
        candidates = _could_reply_to(thread, move.type, by, table=table, sending=True)
        if not candidates and move.type != ANSWER:
            continue
        lacking: tuple[Missing, ...] = ()
        if not candidates:
            lacking = (missing("missing.question_open", _other(by)),)
        lacks: dict[MessageId | None, tuple[Missing, ...]] = {}
        for one in candidates or (None,):
            entry = Entry(id=MessageId(""), type=move.type, sender=me, by=by, in_reply_to=one, at=now)
            met = holds(move.when, thread, entry, table)
            lacks[one] = () if met else what_is_missing(move.when, thread, entry)
        if candidates and not all(lacks.values()):
            candidates = tuple(one for one in candidates if not lacks[one])
        else:
            lacking += next(iter(lacks.values()))
        known = possible.get(move.type)
        if known is None or (known.missing and not lacking):
            possible[move.type] = Possible(type=move.type, by=by, replies_to=candidates, missing=lacking)
    return tuple(possible.values())


def rebuilt(
    thread: Thread,
    said: Iterable[Said],
    *,
    table: Table,
    unanswered: Collection[MessageId] = (),
    collected_at: Mapping[MessageId, datetime] | None = None,
    confirmed_at: Mapping[MessageId, datetime] | None = None,
    counted_on: Callable[[Said], tuple[AnsweringEntry | None, CorridorProfile | None]] = lambda _: (
        None,
        None,
    ),
) -> Thread:
    """The conversation that the first entry of `thread` opened, if `said` is all that was said in it since.

    Its sender needs it once the other node has refused something. What was already on its way stands perhaps
    only with what was refused, and the other node takes it after all when the same office is named again: so
    it is left out, not thrown away, and a later call has it again.

    Where not all of it can stand together, what both nodes know has the right of way over what is
    `unanswered`. In each of the two, what counts in `thread` comes first and in its order there, the rest as
    in `said`; whatever cannot be said yet is tried again after each that could. `collected_at`: answers that
    the asker's agency has; `confirmed_at`: attestations of a consent on paper that two people confirmed.
    `counted_on`: the directory entry and the profile that a message cites, for
    those whose clock `thread` does not have.
    """
    clocks = {entry.id: entry.terms for entry in thread.entries}
    places = {entry.id: place for place, entry in enumerate(thread.entries) if entry.type not in NOT_SAID}
    ordered = sorted(said, key=lambda one: (one.id in unanswered, places.get(one.id, len(thread.entries))))
    again = dataclasses.replace(
        thread, state=table.first, answerers=thread.answerers[:1], entries=thread.entries[:1], due=None
    )
    again = with_clock(again, table)
    at = collected_at or {}
    steps: list[Callable[[Thread], Advance]] = []
    for one in ordered:
        if one.id != again.entries[0].id:
            clock = clocks.get(one.id)
            steps.append(partial(_said_again, said=one, table=table, counted_on=counted_on, clock=clock))
        if one.id in at:
            collection = partial(collected, message=one.id, by=thread.asker, at=at[one.id], table=table)
            steps.append(collection)
        if confirmed_at and one.id in confirmed_at:
            steps.append(partial(paper_consented, attestation=one.id, at=confirmed_at[one.id], table=table))
    while (applied := _first_that_applies(again, steps)) is not None:
        place, again = applied
        del steps[place]
    return again


def _said_again(
    thread: Thread,
    *,
    said: Said,
    table: Table,
    counted_on: Callable[[Said], tuple[AnsweringEntry | None, CorridorProfile | None]],
    clock: Terms | None,
) -> Advance:
    answering, profile = (None, None) if clock else counted_on(said)
    return advance(
        thread, said, table=table, sending=False, answering=answering, profile=profile, clock=clock
    )


def _first_that_applies(
    thread: Thread, steps: Iterable[Callable[[Thread], Advance]]
) -> tuple[int, Thread] | None:
    for place, step in enumerate(steps):
        with suppress(NotAcceptable):
            return place, step(thread).thread
    return None


def _open(
    thread: Thread | None,
    said: Said,
    *,
    table: Table,
    answering: AnsweringEntry | None,
    profile: CorridorProfile | None,
) -> Advance:
    if MessageId(said.thread) != said.id or said.in_reply_to is not None:
        raise NotAcceptable("conversation.wrong_thread", "an opening message bears its own id as thread")
    if thread is not None:
        if thread.entries[0].id == said.id:
            return Advance(thread=thread, effects=())
        raise NotAcceptable("conversation.wrong_thread", "the conversation is open already")
    if said.sender == said.recipient:
        raise NotAcceptable("conversation.not_party", "asker and answerer are the same authority")
    opened = Thread(
        id=said.thread,
        procedure=table.procedure,
        case=said.case,
        state=table.first,
        asker=said.sender,
        answerers=(said.recipient,),
        opened_at=said.issued_at,
        terms=terms_for(said, procedure=table.procedure, answering=answering, profile=profile),
        due=None,
        entries=(
            Entry(
                id=said.id,
                type=said.type,
                sender=said.sender,
                by=Party.ASKER,
                in_reply_to=None,
                at=said.issued_at,
                named=_monitored(said),
                lifts=_lifts(said),
            ),
        ),
    )
    return Advance(thread=with_clock(opened, table), effects=(Effect.START_CLOCK,))


def _side(thread: Thread, said: Said, *, sending: bool) -> Party:
    """Step 4. Unknown case, unknown thread and a stranger are told the same: nothing to probe with."""
    by = thread.party(said.sender)
    to = thread.party(said.recipient)
    if said.case != thread.case or said.thread != thread.id:
        raise NotAcceptable("conversation.not_party", "thread and case do not belong together")
    if (
        by is None
        and not sending
        and state_of(said.sender) == state_of(thread.answerer)
        and to is Party.ASKER
    ):
        # Perhaps the redirection to this authority is still on its way.
        raise PredecessorMissing("conversation.predecessor_missing", "the sender is not a side of it yet")
    if by is None or to is None or by is to:
        raise NotAcceptable("conversation.not_party", "sender and recipient are not the two sides of it")
    if sending and thread.answerer not in (said.sender, said.recipient):
        raise NotAcceptable("conversation.not_now", "the conversation was redirected to another authority")
    return by


def may_say(table: Table, message_type: str, sender: Address, destination: str | None) -> bool:
    """Whether a message that only one of the two States says comes from that State."""
    if destination is None:
        return True
    at_destination = state_of(sender) == destination
    return message_type not in (table.origin_says if at_destination else table.destination_says)


def _check_state(said: Said, table: Table, destination: str | None) -> None:
    if not may_say(table, said.type, said.sender, destination):
        raise NotAcceptable("conversation.other_state", "only the other State says this about the child")


def _check_reply(thread: Thread, said: Said, by: Party, *, table: Table, sending: bool) -> None:
    if said.in_reply_to is None or said.in_reply_to == said.id:
        raise NotAcceptable(
            "conversation.wrong_reply", "expected in_reply_to: a message of this conversation"
        )
    if thread.entry(said.in_reply_to) is None:
        if sending:
            raise NotAcceptable("conversation.wrong_reply", "in_reply_to is no message of this conversation")
        raise PredecessorMissing("conversation.predecessor_missing", "the message replied to has not come")
    if said.in_reply_to not in _could_reply_to(thread, said.type, by, table=table, sending=sending):
        rule = table.replies.get(said.type)
        expected = rule.to if rule else "an open question of the other side"
        raise NotAcceptable("conversation.wrong_reply", f"expected in_reply_to: {expected}")


def _could_reply_to(
    thread: Thread, move_type: str, by: Party, *, table: Table, sending: bool
) -> tuple[MessageId, ...]:
    if rule := table.replies.get(move_type):
        return tuple(entry.id for entry in (rule.to_say if sending else rule.to_take)(thread, by))
    if move_type == ANSWER:
        # Who was redirected away gets no answer any more; one that was on its way is still taken.
        present = (thread.asker, thread.answerer)
        questions = thread.open_questions(by)
        return tuple(entry.id for entry in questions if not sending or entry.sender in present)
    return tuple(entry.id for entry in thread.entries if entry.type not in NOT_SAID)


def _named(thread: Thread, said: Said, by: Party) -> tuple[str, ...]:
    """Step 7. Judged by what cannot depend on the order of arrival: the terms that the message replied to, or
    the opening one, has set."""
    if said.type == PROGRESS:
        return (_promised(_extended(thread, said, by), said.coded.get(NEW_DATE_FIELD)),)
    if said.type == REDIRECT:
        named = said.coded.get(NEW_ANSWERER_FIELD)
        target = parse_address(named) if isinstance(named, str) else None
        # An authority can speak for its own State's offices only; another State is asked anew.
        if target is None or state_of(target) != state_of(said.sender) or target in thread.answerers:
            raise NotAcceptable(
                "conversation.redirect_target",
                "expected another authority of the redirecting authority's State that has not had it yet",
                field=f"/coded/{NEW_ANSWERER_FIELD}",
            )
        return (target,)
    return _monitored(said)


def _monitored(said: Said) -> tuple[str, ...]:
    """The point in time that a follow-up report is about, or all those that a proposed solution names.

    What these fields may hold is for the message's form to say, which is checked before it comes here.
    """
    terms = said.coded.get("terms")
    monitoring = terms.get("monitoring") if isinstance(terms, Mapping) else None
    visits = [said.coded, *(monitoring if isinstance(monitoring, list | tuple) else ())]
    points = (visit.get(FOLLOW_UP_POINT_FIELD) for visit in visits if isinstance(visit, Mapping))
    return tuple(point for point in points if isinstance(point, str))


def _lifts(said: Said) -> tuple[MessageId, ...]:
    lifts = said.coded.get(LIFTS_FIELD)
    return (
        tuple(MessageId(one) for one in lifts if isinstance(one, str))
        if isinstance(lifts, list | tuple)
        else ()
    )


def _extended(thread: Thread, said: Said, by: Party) -> Terms | None:
    asked = thread.entry(thread.extends(by, said.in_reply_to))
    if asked is not None:
        return asked.terms
    return thread.terms if by is Party.ANSWERER else None


def _promised(terms: Terms | None, value: object) -> str:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    # One spelling only: `fromisoformat` also reads week dates.
    if day and day.isoformat() == value and terms and terms.latest_new_date and day <= terms.latest_new_date:
        due = terms.dues[-1]
        if end_of_day(day, due.timezone) > due.at:
            return day.isoformat()
    raise NotAcceptable(
        "conversation.new_date",
        "expected a date after the deadline and within the longest extension",
        field=f"/coded/{NEW_DATE_FIELD}",
    )


def _apply(thread: Thread, entry: Entry, *, table: Table, sending: bool) -> Advance:
    """Step 8: take the first row that applies."""
    present = entry.by is Party.ASKER or entry.sender == thread.answerer
    candidates = table.at(thread.state, entry.type, entry.by)
    plain = [move for move in candidates if not move.crossing and present]
    crossing = [move for move in candidates if move.crossing and not sending]
    for move in plain + crossing:
        if holds(move.when, thread, entry, table):
            return _take(thread, entry, move, table)
    lacking = what_is_missing(plain[0].when, thread, entry) if plain else ()
    raise NotAcceptable(
        "conversation.not_now",
        f"a {table.procedure} conversation in state {thread.state} does not take this move now",
        missing=lacking,
    )


def _take(thread: Thread, entry: Entry, move: Move, table: Table) -> Advance:
    answerers = thread.answerers
    if entry.type == REDIRECT and entry.named:
        answerers = (*answerers, Address(entry.named[0]))
    said = dataclasses.replace(
        thread,
        state=move.to or thread.state,
        answerers=answerers,
        entries=(*thread.entries, entry),
    )
    said = dataclasses.replace(said, state=table.read(said))
    return Advance(thread=with_clock(said, table), effects=move.effects)


def _other(by: Party) -> Party:
    return Party.ANSWERER if by is Party.ASKER else Party.ASKER
