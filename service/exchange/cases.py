"""A case at this node: opened, looked at, its protection status settled by two people, its guardian
recorded."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select
from sqlmodel import Session

from protocol import conversations, standing
from protocol.directory import Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import (
    Address,
    CaseReference,
    MessageId,
    ThreadId,
    new_case_reference,
    state_of,
)
from protocol.retention import closed_since
from protocol.safeguards import ProtectionStatus
from service.access import journal, pairs, people
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import Forbidden
from service.exchange import case_files, clocks, consents, views, withholding
from service.exchange.covered import MayRead
from service.exchange.relayed import via_view
from service.exchange.telling import directory_or_none
from service.exchange.views import (
    CaseView,
    DueView,
    GuardianView,
    ProtectionView,
    StandingReason,
    StandingView,
    ThreadView,
    TimelineEntry,
    TimelineView,
)
from service.node import Node
from service.notices import tell
from service.store import cases
from service.store.cases import KnownCase
from service.store.tables import ACCESS_JOURNAL, CLOCK_DIFFERENCE, EVIDENCE, MESSAGE, THREAD

__all__ = ["case_timeline", "open_case", "record_guardian", "set_protection"]

CHILDHOOD = timedelta(days=6_575)
"""No child was given a guardian longer before its case was opened: 18 years, a project choice. It keeps out
mistyped decades, and no true day: a true one that is refused would leave the duty open."""


async def open_case(
    node: Node,
    actor: Actor,
    id: MessageId | None = None,  # noqa: A002 (as the API has it)
) -> CaseView:
    """Issue a reference for a child that was found here. Its protection status is unknown, and unknown
    blocks.

    Every authority that the actor acts for takes part in the case. Asked again by the same authority with the
    same `id`: the same case, as it is now. Another authority's same id is another case.
    """
    own = sorted(authority for authority in actor.authorities if state_of(authority) == node.state)
    if not own:
        raise Forbidden("access.not_your_authority", "a case is opened by an authority of this State")
    reference = new_case_reference(node.random.bytes)
    now = node.clock.now()

    def work(session: Session) -> CaseView:
        connection = session.connection()
        if id is not None and (opened := cases.find_opened(connection, own[0], id)) is not None:
            return _case_view(session, actor, opened)
        cases.add_case(
            connection,
            reference,
            role="destination",
            opened_by=own[0],
            opened_at=now,
            protection=ProtectionStatus.UNKNOWN,
            opening_id=id,
        )
        cases.add_parties(connection, reference, own[1:])
        clocks.to_be_notified(session, reference, own[0], now)
        journal.note(session, actor, "case-opened", reference, at=now)
        case = cases.load_case(connection, reference)
        assert case is not None
        return _case_view(session, actor, case)

    return await node.store.write(work)


async def case_timeline(node: Node, actor: Actor, reference: CaseReference) -> TimelineView:
    """What happened on a case, oldest first, as far as the actor's authorities took part in it."""
    now = node.clock.now()
    directory = directory_or_none(node)

    def work(session: Session) -> TimelineView:
        case = case_files.own_case(session.connection(), actor, reference)
        threads = session.connection().execute(
            select(THREAD)
            .where(THREAD.c.case_reference == reference)
            .order_by(THREAD.c.opened_at, THREAD.c.id)
        )
        every = [
            thread
            for thread in (
                consents.thread_of(session.connection(), ThreadId(row.id), directory) for row in threads
            )
            if thread is not None
        ]
        own = [thread for thread in every if actor.acts_for(thread.asker, *thread.answerers)]
        may_read = MayRead(node, session, actor)
        entries = _entries(session, actor, may_read, case.row)
        return TimelineView(
            case=_case_view(session, actor, case, closed_at=closed_since(every)),
            threads=tuple(
                thread_view(
                    thread,
                    now,
                    # What stands is read out of coded parts.
                    stands=_standing(session, case, thread, now, may_read, directory)
                    if may_read.conversation(thread)
                    else None,
                )
                for thread in own
            ),
            entries=tuple(sorted(entries, key=lambda entry: entry.at)),
        )

    return await node.store.read(work)


async def set_protection(
    node: Node, actor: Actor, reference: CaseReference, wanted: views.ProtectionStatus, reason: str
) -> ProtectionView:
    """Propose a protection status, or confirm what another person proposed.

    Two people set it and two people lift it. What blocks takes effect already with the first of them: when in
    doubt, nothing leaves. Anything of the case that nobody has answered for is then held
    (`withholding`).
    Confirming refuses as `pairs.require_both`.
    """
    now = node.clock.now()
    status = ProtectionStatus(wanted)
    directory = directory_or_none(node)

    def work(session: Session) -> ProtectionView:
        connection = session.connection()
        row = case_files.own_case(connection, actor, reference).row
        if row.role != "destination":
            raise Forbidden(
                "case.not_destination", "only the State where the child is settles the protection status"
            )
        journal.note(session, actor, f"protection-{status}", reference, at=now, reason=reason)
        first = row.protection_proposed_by
        # Whoever was disabled since may be back under another name: theirs is no other person's proposal.
        waits = first is not None and not people.has_gone(session, first)
        if waits and row.protection_proposed == status:
            pairs.require_both(session, actor, first)
            cases.change_protection(connection, reference, status, now)
            clocks.protection_settled(
                session,
                reference,
                Address(row.opened_by),
                sought=status is ProtectionStatus.SOUGHT,
                directory=directory,
                now=now,
            )
            _tell(session, "approval-decided", row, now)
        else:
            in_effect = case_files.protection_in_effect(row)
            if in_effect != row.protection:
                # One person's doubt blocks. Another proposal replaces it, but not its effect: that stands
                # until two people lift it, or one alone could brush the doubt aside.
                cases.change_protection(connection, reference, in_effect, now)
            cases.propose_protection(connection, reference, status, actor.person)
            _tell(session, "approval-waiting", row, now)
        withholding.apply(node, session, reference, now)
        return _protection_view(connection, case_files.own_case(connection, actor, reference).row)

    view = await node.store.write(work)
    node.wake.outbox_ready.notify()
    node.wake.notices.notify()
    return view


async def record_guardian(
    node: Node, actor: Actor, reference: CaseReference, provided_on: date | None
) -> GuardianView:
    """Record that the child has had a guardian or representative since that day, or take that back (None).

    It ends what this State owes the child of that (`clocks.guardian_provided`); taken back, it is owed again
    and due when it was. Known at this node alone. One person does it, by name in the journal: it lets nothing
    leave, binds nobody, and can be taken back. To wait for a colleague would only keep an alarm up over a
    child that has a guardian.

    The same day again changes nothing, unless something is owed again. Refuses `case.not_destination`, and
    `case.guardian_date` for a day that has not begun at the authority or is longer than `CHILDHOOD` before
    the case.
    """
    now = node.clock.now()
    directory = directory_or_none(node)

    def work(session: Session) -> GuardianView:
        connection = session.connection()
        row = case_files.own_case(connection, actor, reference).row
        if row.role != "destination":
            raise Forbidden("case.not_destination", "only the State where the child is records the guardian")
        before = row.guardian_provided_on
        if provided_on is None:
            if before is not None:
                cases.record_guardian(connection, reference, None)
                clocks.guardian_taken_back(session, reference, now)
                journal.note(session, actor, "guardian-taken-back", reference, at=now)
            return GuardianView(recorded=False)
        here = ZoneInfo(clocks.calendar_of(directory, Address(row.opened_by)).timezone)
        if not (row.opened_at - CHILDHOOD).date() <= provided_on <= now.astimezone(here).date():
            raise NotAcceptable(
                "case.guardian_date",
                "expected a day that has begun, and none longer ago than a childhood",
                field="provided_on",
            )
        ended = clocks.guardian_provided(session, reference)
        if ended or before != provided_on.isoformat():
            cases.record_guardian(connection, reference, provided_on)
            journal.note(
                session, actor, "guardian-provided", reference, at=now, reason=provided_on.isoformat()
            )
        return GuardianView(recorded=True, provided_on=provided_on)

    return await node.store.write(work)


def _tell(session: Session, kind: str, case: Row[Any], now: datetime) -> None:
    tell(
        session,
        kind,
        authority=Address(case.opened_by),
        audience="officer",
        subject=case.reference,
        due_at=None,
        key=f"{kind}/protection/{case.reference}/{now.isoformat()}",
        now=now,
    )


def _case_view(
    session: Session, actor: Actor, case: KnownCase, *, closed_at: datetime | None = None
) -> CaseView:
    row, connection = case.row, session.connection()
    reference = CaseReference(row.reference)
    others = sorted(case_files.same_child(connection, reference) - {reference})
    own = (
        one
        for one in others
        if (known := cases.load_case(connection, one)) and actor.acts_for(*known.parties)
    )
    return CaseView(
        reference=CaseReference(row.reference),
        role=row.role,
        opened_at=row.opened_at,
        parties=tuple(sorted(case.parties)),
        protection=_protection_view(connection, row) if row.role == "destination" else None,
        guardian=_guardian_view(row) if row.role == "destination" else None,
        closed_at=closed_at,
        same_child=tuple(own),
    )


def _guardian_view(row: Row[Any]) -> GuardianView:
    on = row.guardian_provided_on
    return GuardianView(recorded=on is not None, provided_on=None if on is None else date.fromisoformat(on))


def _protection_view(connection: Connection, row: Row[Any]) -> ProtectionView:
    return ProtectionView(
        status=row.protection,
        state="proposed" if row.protection_proposed else "settled",
        proposed=row.protection_proposed,
        proposed_by=row.protection_proposed_by,
        changed_at=row.protection_changed_at,
        held_elsewhere=case_files.held_elsewhere(connection, row),
    )


def _standing(
    session: Session,
    case: KnownCase,
    thread: conversations.Thread,
    now: datetime,
    may_read: MayRead,
    directory: Directory | None,
) -> StandingView | None:
    """How it stands is read out of the whole case, so that nothing is shown as in force that is not. Why is
    told as far as the reader may read the documents that are the reason."""
    if thread.procedure not in ("durable-solution", "risk-assessment"):
        return None
    between = {state_of(party) for party in (thread.asker, *thread.answerers)}
    file = case_files.whole_file(session.connection(), case.row, directory, between=between)
    known = may_read.readable(file, case.parties)

    def told(document: str | None) -> bool:
        return known.whole if document is None else known.file.together.cited(document) is not None

    if thread.procedure == "risk-assessment":
        later = standing.assessment_superseded(file, thread.id)
        if later is None:
            return None
        return StandingView(
            state="superseded" if later else "current",
            reasons=tuple(
                StandingReason(code="assessment-superseded", document=one.digest)
                for one in later
                if told(one.digest)
            ),
        )
    agreed = standing.agreement(file, thread.id, now)
    if agreed is None:
        return None
    reasons, concerns = (
        tuple(StandingReason(code=one.code, document=one.document) for one in several if told(one.document))
        for several in (agreed.reasons, agreed.concerns)
    )
    return StandingView(
        state=agreed.state,
        message=agreed.version.id,
        reasons=reasons,
        concerns=concerns,
        on_paper=agreed.on_paper,
    )


def thread_view(
    thread: conversations.Thread, now: datetime, *, stands: StandingView | None = None
) -> ThreadView:
    table = conversations.table_for(thread.procedure)
    first = next((owed for owed in thread.owed if owed.main), None)
    return ThreadView(
        id=thread.id,
        procedure=thread.procedure,
        state=conversations.state_at(thread, now, table=table),
        asker=thread.asker,
        answerer=thread.answerer,
        opened_at=thread.opened_at,
        due=DueView(
            at=first.due.at,
            basis=first.due.basis,
            paused=now < first.due.at and conversations.stopped(thread, first, table=table),
        )
        if first
        else None,
        overdue=bool(first and now >= first.due.at),
        standing=stands,
    )


def _entries(session: Session, actor: Actor, may_read: MayRead, case: Row[Any]) -> list[TimelineEntry]:
    connection = session.connection()
    entries = [TimelineEntry(at=case.opened_at, kind="case-opened", actor=None)]
    messages = connection.execute(
        select(MESSAGE).where(MESSAGE.c.case_reference == case.reference).order_by(MESSAGE.c.cursor)
    ).all()
    own = [row for row in messages if actor.acts_for(row.sender, row.recipient)]
    entries += [
        TimelineEntry(
            at=row.recorded_at,
            kind="message",
            id=MessageId(row.id),
            type=row.type,
            direction=row.direction,
            sender=row.sender,
            recipient=row.recipient,
            thread=ThreadId(row.thread),
            status=row.status,
            due=DueView(at=row.due_at, basis=row.due_basis) if row.due_at else None,
            via=via_view(session, row, may_read),
        )
        for row in own
    ]
    for row in own:
        entries += [
            TimelineEntry(
                # It is dated in whole seconds, and often by another clock: never before its message.
                at=max(proof.issued_at, row.recorded_at),
                kind="evidence",
                id=MessageId(row.id),
                evidence=proof.kind,
                issuer=proof.issuer,
                digest=proof.digest,
                code=proof.code,
            )
            for proof in connection.execute(
                select(EVIDENCE)
                .where(EVIDENCE.c.sender_node == row.sender_node, EVIDENCE.c.id == row.id)
                .order_by(EVIDENCE.c.position)
            )
        ]
    entries += [
        TimelineEntry(
            at=row.found_at,
            kind="clock-differs",
            id=MessageId(row.message),
            thread=ThreadId(row.thread),
            state=row.obligation,
            issuer=row.peer,
            code=row.cause,
            due=DueView(at=row.holds_at or min(row.ours_at, row.theirs_at), basis="project-choice"),
        )
        for row in connection.execute(
            select(CLOCK_DIFFERENCE).where(CLOCK_DIFFERENCE.c.case_reference == case.reference)
        )
        if row.message in {one.id for one in own}
    ]
    entries += _journalled(session, actor, case, {row.id for row in own})
    return entries


_RETENTION = {
    "retention-blocked": "blocked",
    "retention-unblocked": "unblocked",
    "retention-held": "held",
    "retention-hold-lifted": "hold-lifted",
    "identity-erased": "identity-erased",
    "narrative-erased": "narrative-erased",
}
"""By what the journal calls them, as the timeline does: facts of the case, without who."""


def _journalled(session: Session, actor: Actor, case: Row[Any], ids: set[str]) -> list[TimelineEntry]:
    """What people did here: what they settled of protection and recorded of a guardian, for the destination's
    own, and releases of identity."""
    rows = session.connection().execute(
        select(ACCESS_JOURNAL)
        .where(ACCESS_JOURNAL.c.subject.in_([case.reference, *ids]))
        .order_by(ACCESS_JOURNAL.c.position)
    )
    entries = []
    for row in rows:
        if row.action == "identity-released":
            entries.append(
                TimelineEntry(
                    at=row.at,
                    kind="identity-released",
                    id=MessageId(row.subject),
                    actor=row.actor,
                    reason=row.reason,
                )
            )
        elif row.action in _RETENTION:
            entries.append(
                TimelineEntry(at=row.at, kind="retention", state=_RETENTION[row.action], reason=row.reason)
            )
        elif row.action.startswith("guardian-") and actor.may(Scope.PROTECTION_WRITE):
            entries.append(
                TimelineEntry(
                    at=row.at,
                    kind="guardian",
                    state=row.action.removeprefix("guardian-"),
                    actor=row.actor,
                    reason=row.reason,
                )
            )
        elif row.action.startswith("protection-") and actor.may(Scope.PROTECTION_WRITE):
            entries.append(
                TimelineEntry(
                    at=row.at,
                    kind="protection",
                    state=row.action.removeprefix("protection-"),
                    actor=row.actor,
                )
            )
    return entries
