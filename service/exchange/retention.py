"""How long a case's narrative and identity are kept: what is due, blocked, held and erased, and by whom.

    block       nobody reads them, and nothing is attached; taken back with a reason        one person
    hold        nothing is erased, whatever is due (court, complaint)                       one person
    lift-hold   likewise                                                                    two administrators
    erase       the keys are destroyed; only of what is blocked, and never of what is held  two administrators

An administrator does this for any case without seeing what is in it; a supervisor blocks and holds cases of
their own authorities. What is due, `Retention` (the worker) and `run_retention` block, and propose to
erase, or erase where the node's setting says so.

Nothing happens by rule without a directory that counts now: what two States agreed on is in it, and a clock
that went wrong makes it expire. Nothing is erased without a person before

    it was blocked for as long as the rule has it       a clock that jumps makes nothing old
    it was seen so on `LOOKS` days one after another    nor does one that jumps again and again
    the case is younger than the last restore           what was lost may have been a hold
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, select
from sqlmodel import Session

from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, CaseReference, StateCode, ThreadId, state_of
from protocol.retention import (
    ERASABLE,
    DueParts,
    ErasablePart,
    agreed_rules,
    closed_since,
    default_rules,
    due_dates,
)
from protocol.vocabularies import scheme
from service.access import journal, pairs
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import Conflict, Malformed, NotFound
from service.exchange import case_files, proof, restraints
from service.exchange.erasure import erase
from service.exchange.restraints import BY_ITSELF, BY_RULE
from service.exchange.views import RetentionAct, RetentionDue, RetentionPart, RetentionRun, RetentionView
from service.node import Node
from service.store import approvals, cases, mailbox, restoration, retention
from service.store.cases import KnownCase
from service.store.tables import THREAD

__all__ = [
    "BY_RULE",
    "ERASURE",
    "LOOKS",
    "REASONS",
    "case_retention",
    "change_retention",
    "due_for_retention",
    "run_retention",
]

ERASURE: Final = "erasure"
"""The kind of approval."""
REASONS: Final = "retention-reason"
"""The vocabulary: what stands in the journal for good is words that everybody reads alike."""
LOOKED_AT: Final = 100
"""Closed cases for one page: to look at one is to read all of its conversations."""
LOOKS: Final = 20
"""On so many days a case was seen blocked before anything of it is erased without a person (project choice:
of 30 blocked days, ten may pass while the node is off)."""
_A_DAY: Final = timedelta(hours=20)
"""Between two looks that count, so that one an hour late does not cost a day."""
_SET_RIGHT: Final = timedelta(hours=1)
"""A clock that goes back further than this had been wrong, and what was counted by it does not count."""
_EVER: Final = datetime.min.replace(tzinfo=UTC)


async def case_retention(node: Node, actor: Actor, reference: CaseReference) -> RetentionView:
    """Until when the parts of a case are kept, and what stands in the way."""
    return await node.store.read(
        lambda session: _view(node, session, _known(session, actor, reference), node.clock.now())
    )


async def change_retention(
    node: Node, actor: Actor, reference: CaseReference, act: RetentionAct, reason: str
) -> RetentionView:
    """Block, unblock or hold at once; propose to lift a hold or to erase.

    `reason`: a code of `retention-reason`, else Malformed `retention.reason`. Conflict `retention.held`,
    `retention.not_blocked`, `retention.erased`, `retention.proposed`; Forbidden `access.scope` for whoever
    may not propose an erasure.
    """
    if reason not in scheme(REASONS).concepts:
        raise Malformed("retention.reason", "expected a code of `retention-reason`", field="/reason")
    now = node.clock.now()

    def work(session: Session) -> RetentionView:
        case = _known(session, actor, reference)
        row = retention.of_case(session.connection(), reference)
        _check(session, reference, row, act)
        if act in ("erase", "lift-hold"):
            _propose(node, session, actor, reference, act, reason, now)
        else:
            _carry_out(node, session, actor, reference, act, reason, now)
        return _view(node, session, case, now)

    return await node.store.write(work)


async def due_for_retention(node: Node, actor: Actor, after: CaseReference | None = None) -> RetentionDue:
    """What a run would do now, and does not do: the cases in which something is due, in the order of their
    references. It looks at `LOOKED_AT` closed cases, behind `after`, and says where to go on."""
    now = node.clock.now()

    def work(session: Session) -> RetentionDue:
        closed = retention.closed_cases(session.connection(), after, LOOKED_AT + 1)
        views = _views(node, session, actor, closed[:LOOKED_AT], now)
        return RetentionDue(
            cases=tuple(view for view in views if view.next_act is not None),
            after=closed[LOOKED_AT - 1] if len(closed) > LOOKED_AT else None,
        )

    return await node.store.read(work)


async def run_retention(node: Node, actor: Actor | None = None) -> RetentionRun:
    """Do what is due: block, and propose to erase or erase. As the node itself when no actor is named. What
    the actor may not propose waits for an administrator, or for the node's own run."""
    by, now = actor or BY_ITSELF, node.clock.now()
    loop = asyncio.get_running_loop()

    def work(session: Session) -> RetentionRun:
        done: dict[str, list[CaseReference]] = {"block": [], "propose": [], "erase": [], "wait": []}
        for view in _closed(node, session, by, now):
            if by is BY_ITSELF and view.blocked_at is not None:
                _count_look(session, view.reference, now)
            match view.next_act:
                case "propose" | "erase" if not by.may(Scope.ADMIN):
                    done["wait"].append(view.reference)
                    continue
                case "block":
                    _carry_out(node, session, by, view.reference, "block", BY_RULE, now)
                case "propose":
                    _propose(node, session, by, view.reference, "erase", BY_RULE, now, parts=_due(view, now))
                case "erase":
                    _erase(node, session, by, view.reference, _due(view, now), BY_RULE, now)
                    loop.call_soon_threadsafe(node.wake.erased.notify)
                case _:
                    continue
            done[view.next_act].append(view.reference)
        return RetentionRun(
            blocked=tuple(done["block"]),
            proposed=tuple(done["propose"]),
            erased=tuple(done["erase"]),
            waiting=tuple(done["wait"]),
        )

    return await node.store.write(work)


async def _decided(node: Node, row: Row[Any]) -> pairs.Work:
    """Two people are agreed: erase, or lift the hold."""
    facts, now = pairs.facts_of(row), node.clock.now()
    reference = CaseReference(row.subject)
    loop = asyncio.get_running_loop()

    def work(session: Session) -> None:
        act: RetentionAct = "lift-hold" if facts.get("act") == "lift-hold" else "erase"
        _check(session, reference, retention.of_case(session.connection(), reference), act)
        by = pairs.proposer_of(row)
        if act == "lift-hold":
            _carry_out(node, session, by, reference, act, row.reason, now)
        else:
            parts = tuple(part for part in ERASABLE if part in facts.get("parts", "").split())
            _erase(node, session, by, reference, parts, row.reason, now)
            # A hint that may come before the commit; whoever wakes asks the writer, and so comes after it.
            loop.call_soon_threadsafe(node.wake.erased.notify)

    return work


pairs.ACTS[ERASURE] = _decided


def _known(session: Session, actor: Actor, reference: CaseReference) -> KnownCase:
    """The case: any for an administrator, else one of the actor's own. NotFound `request.not_found`."""
    if not actor.may(Scope.ADMIN):
        return case_files.own_case(session.connection(), actor, reference)
    case = cases.load_case(session.connection(), reference)
    if case is None:
        raise NotFound("request.not_found", "no such case at this node")
    return case


def _check(session: Session, reference: CaseReference, row: Row[Any] | None, act: RetentionAct) -> None:
    """Whether the act is possible as things stand."""
    blocked, held = (
        row is not None and row.blocked_at is not None,
        row is not None and row.held_at is not None,
    )
    gone = retention.erased_parts(session.connection(), reference)
    if len(gone) == len(ERASABLE):
        raise Conflict("retention.erased", "the parts of this case were erased; there is nothing left to do")
    match act:
        case "erase" if held:
            raise Conflict("retention.held", "a legal hold stands; lift it first")
        case "erase" if not blocked:
            raise Conflict("retention.not_blocked", "block the case first, so that somebody can object")
        case "unblock" if not blocked:
            raise Conflict("retention.not_blocked", "the case is not blocked")
        case "lift-hold" if not held:
            raise Conflict("retention.not_held", "no legal hold stands")
        case _:
            return


def _propose(
    node: Node,
    session: Session,
    actor: Actor,
    reference: CaseReference,
    act: RetentionAct,
    reason: str,
    now: datetime,
    *,
    parts: Iterable[ErasablePart] = ERASABLE,
) -> None:
    if _is_proposed(session, reference, now):
        raise Conflict("retention.proposed", "an erasure or the lifting of a hold waits for a second person")
    pairs.propose(
        node,
        session,
        actor,
        ERASURE,
        reference,
        {"act": act, "parts": " ".join(parts)},
        now,
        reason=reason,
    )


def _is_proposed(session: Session, reference: CaseReference, now: datetime) -> bool:
    rows = approvals.of_subject(session.connection(), reference, [ERASURE])
    return any(pairs.state_at(row, now) == "proposed" for row in rows)


_WORDS: Final = {
    "block": "retention-blocked",
    "unblock": "retention-unblocked",
    "hold": "retention-held",
    "lift-hold": "retention-hold-lifted",
}


def _carry_out(
    node: Node,
    session: Session,
    actor: Actor,
    reference: CaseReference,
    act: RetentionAct,
    reason: str | None,
    now: datetime,
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "block": {"blocked_at": now, "block_reason": reason, "looks": None, "looked_at": None},
        "unblock": {"blocked_at": None, "block_reason": None},
        "hold": {"held_at": now, "hold_reason": reason},
        "lift-hold": {"held_at": None, "hold_reason": None},
    }
    restraints.note(node, reference, act, reason, now)
    retention.change(session.connection(), reference, **changes[act])
    journal.note(session, actor, _WORDS[act], reference, at=now, reason=reason)
    node.log.info("retention.changed", state=act)


def _erase(
    node: Node,
    session: Session,
    actor: Actor,
    reference: CaseReference,
    parts: Iterable[ErasablePart],
    reason: str | None,
    now: datetime,
) -> None:
    for part in erase(node, session, reference, tuple(parts), now):
        journal.note(session, actor, f"{part}-erased", reference, at=now, reason=reason)
    node.log.info("retention.erased")


def _closed(node: Node, session: Session, actor: Actor, now: datetime) -> Iterable[RetentionView]:
    return _views(node, session, actor, retention.closed_cases(session.connection()), now)


def _views(
    node: Node, session: Session, actor: Actor, references: Iterable[CaseReference], now: datetime
) -> Iterable[RetentionView]:
    connection = session.connection()
    for reference in references:
        case = cases.load_case(connection, reference)
        if case is not None and (actor.may(Scope.ADMIN) or not actor.authorities.isdisjoint(case.parties)):
            yield _view(node, session, case, now)


def _view(node: Node, session: Session, case: KnownCase, now: datetime) -> RetentionView:
    connection = session.connection()
    reference = CaseReference(case.row.reference)
    row = retention.of_case(connection, reference)
    gone = retention.erased_parts(connection, reference)
    threads = connection.execute(select(THREAD.c.id).where(THREAD.c.case_reference == reference)).scalars()
    loaded = [mailbox.load_thread(connection, ThreadId(id_)) for id_ in threads.all()]
    closed_at = closed_since(thread for thread in loaded if thread is not None)
    dates = {} if closed_at is None else {one.part: one for one in _dates(node, case, closed_at, now)}
    blocked_at = row.blocked_at if row is not None else None
    held_at = row.held_at if row is not None else None
    proposed = _is_proposed(session, reference, now)
    parts = tuple(
        RetentionPart(
            part=part,
            state=_state(part in gone, blocked_at is not None),
            blocked_from=dates[part].blocked_from if part in dates else None,
            erased_from=dates[part].erased_from if part in dates else None,
            erased_at=gone.get(part),
        )
        for part in ERASABLE
    )
    return RetentionView(
        reference=reference,
        closed_at=closed_at,
        parts=parts,
        blocked_at=blocked_at,
        block_reason=row.block_reason if row is not None else None,
        held_at=held_at,
        hold_reason=row.hold_reason if row is not None else None,
        proposed=proposed,
        next_act=_next(
            node,
            parts,
            now,
            held=held_at is not None,
            proposed=proposed,
            by_itself=_by_itself(session, case, row, parts, now),
        ),
    )


def _state(erased: bool, blocked: bool) -> str:
    return "erased" if erased else "blocked" if blocked else "kept"


def _next(
    node: Node,
    parts: tuple[RetentionPart, ...],
    now: datetime,
    *,
    held: bool,
    proposed: bool,
    by_itself: str | None,
) -> str | None:
    """What a rule asks for now. Blocked comes first, if only for the time until the next look. `by_itself`:
    what may be done without a person, of what is due to be erased."""
    if not _agreed_is_known(node):
        return None
    left = [part for part in parts if part.erased_at is None]
    if any(part.state == "kept" and part.blocked_from and now >= part.blocked_from for part in left):
        return "block"
    if held or proposed or not any(part.erased_from and now >= part.erased_from for part in left):
        return None
    return by_itself if node.settings.erasure == "when-due" else "propose"


def _agreed_is_known(node: Node) -> bool:
    """Whether there is a directory that counts now."""
    try:
        node.directory.current()
    except (Refused, NotAcceptable):
        return False
    return True


def _by_itself(
    session: Session, case: KnownCase, row: Row[Any] | None, parts: tuple[RetentionPart, ...], now: datetime
) -> str | None:
    """Where the node erases by itself: "erase", None to wait, and "propose" for a case from before a
    restore, which a person has to look at."""
    restored_at = restoration.restored_at(session.connection(), _EVER)
    # Until then peers send again what was lost, and it is opened anew.
    if restored_at is not None and case.row.opened_at < restored_at + proof.RESTORED_FOR:
        return "propose"
    periods = [
        part.erased_from - part.blocked_from for part in parts if part.erased_from and part.blocked_from
    ]
    if row is None or row.blocked_at is None or not periods:
        return None
    seen = (row.looks or 0) >= LOOKS and now >= row.looked_at - _SET_RIGHT
    return "erase" if seen and now >= row.blocked_at + max(periods) else None


def _count_look(session: Session, reference: CaseReference, now: datetime) -> None:
    """The case is seen blocked. At most one look a day counts, however often the clock is set forward; after
    it was set back they are counted anew."""
    row = retention.of_case(session.connection(), reference)
    assert row is not None
    if row.looked_at is None or now < row.looked_at - _SET_RIGHT:
        retention.change(session.connection(), reference, looks=1, looked_at=now)
    elif now >= row.looked_at + _A_DAY:
        retention.change(session.connection(), reference, looks=(row.looks or 0) + 1, looked_at=now)


def _due(view: RetentionView, now: datetime) -> tuple[ErasablePart, ...]:
    return tuple(
        part.part
        for part in view.parts
        if part.erased_at is None and part.erased_from is not None and now >= part.erased_from
    )


def _dates(node: Node, case: KnownCase, closed_at: datetime, now: datetime) -> tuple[DueParts, ...]:
    """By what the corridors between this State and the others of the case say; by the rules where they say
    nothing, or nothing that can be read."""
    others = {state_of(Address(party)) for party in case.parties} - {node.state}
    try:
        directory = node.directory.known()
        agreed = [
            entry.facts.terms.retention
            for other in sorted(others)
            if (entry := directory.corridor_profile(node.state, StateCode(other), now)) is not None
        ]
        rules = agreed_rules(agreed)
    except (Refused, NotAcceptable):
        rules = default_rules()
    return due_dates(closed_at, rules)
