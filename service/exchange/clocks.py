"""Both nodes compute the same instants from the same message, and say so: what the recipient's node counted
travels in its evidence, and the sender's node compares (ADR 0027). Where it counts otherwise it says so in
evidence of its own, `clock-differs`, and the recipient's node compares too (ADR 0036).

The facts of `content-consigned`, for a message that starts a clock, and of `clock-differs` for what differs:

    due.<obligation>   the instant, before any pause
    calendar           digest of the directory entry that it was counted on
    profile            digest of the corridor profile, where one is cited
    deadlines          digest of the table of lengths
    time_zones         release of the time-zone database

Where they differ the earlier instant holds, people are told on both sides, and each clock goes on. Whoever
owes the answer is hurried by the other's word by a day at most. A node that says nothing of it is of an
earlier release, and one that does not know `clock-differs` leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from protocol import deadlines as lengths
from protocol.content import Content, read_content
from protocol.conversations import Thread
from protocol.deadlines import Calendar, Terms
from protocol.directory import Directory
from protocol.errors import Refused
from protocol.evidence import Evidence
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId
from service import time_zones
from service.exchange import proof
from service.exchange.message_row import stored_statement
from service.node import Node
from service.notices import tell
from service.store import cases, deadlines, mailbox

__all__ = [
    "DIFFERS",
    "calendar_of",
    "compare",
    "counted",
    "guardian_provided",
    "guardian_taken_back",
    "keep_duties",
    "protection_settled",
    "take_difference",
    "tell_of_escalation",
    "to_be_notified",
]

DIFFERS = "clock-differs"
"""Kind of the evidence by which the sender's node says that it counts otherwise."""
LONGEST = timedelta(days=3_653)
"""No instant further from its message is a count of a deadline: ten years, a project choice."""
_DUE = "due."
_CAUSES = (
    ("calendar", "calendar"),
    ("profile", "corridor-profile"),
    ("deadlines", "deadline-release"),
    ("time_zones", "time-zone-database"),
)
"""Facts that explain a difference, in the order in which they are looked at."""

NOTIFICATION = "case-notification"
GUARDIAN = "guardian-notice"
APPLICATION = "protection-application"
"""What starts the second duty of a guardian, in `deadlines.json`. It is written in no row, told to nobody."""
_BESIDE = ("", APPLICATION)
_DUTIES = {NOTIFICATION: "case.notification", GUARDIAN: "guardian.notice"}


def counted(thread: Thread, content: Content) -> Mapping[str, str]:
    """What this node counted for the clock that `content` starts, as facts of evidence; none where it starts
    none."""
    terms = _terms(thread, content.id)
    if terms is None:
        return {}
    facts = {f"{_DUE}{due.obligation}": _written(due.at) for due in terms.dues}
    facts |= {"deadlines": lengths.release_digest(), "time_zones": time_zones.release()}
    if content.recipient_entry is not None:
        facts["calendar"] = content.recipient_entry
    if content.corridor_profile is not None:
        facts["profile"] = content.corridor_profile
    return facts


def compare(node: Node, session: Session, row: Row[Any], receipt: Evidence, now: datetime) -> None:
    """Theirs with ours, for one of our messages. What differs is told here, and to their node once."""
    ours, found = _compared(node, session, row, receipt, now)
    if found:
        proof.issue(
            node,
            session,
            kind=DIFFERS,
            sender=node.code,
            message=MessageId(row.id),
            statement_digest=row.statement_digest,
            facts={
                name: text
                for name, text in ours.items()
                if not name.startswith(_DUE) or name.removeprefix(_DUE) in found
            },
            directory=node.directory.current(),
            now=now,
            to=NodeCode(receipt.issuer),
        )


def take_difference(node: Node, session: Session, row: Row[Any], receipt: Evidence, now: datetime) -> bool:
    """What the sender's node says that it counts otherwise, for a message that it sent us. True when it told
    anything new; what is no difference, not owed, or no instant is left out and counted."""
    said = sum(name.startswith(_DUE) for name in receipt.facts)
    _, found = _compared(node, session, row, receipt, now)
    if len(found) < max(said, 1):
        left_out = max(said, 1) - len(found)
        node.metrics.clock_claims_left_out(receipt.issuer, left_out)
        node.log.warning("clock.claim_left_out", peer=receipt.issuer, id=row.id, count=left_out)
    return bool(found)


def _compared(
    node: Node, session: Session, row: Row[Any], said: Evidence, now: datetime
) -> tuple[Mapping[str, str], frozenset[str]]:
    """What we counted, and the obligations of which it was not known that they count otherwise."""
    theirs = {
        name.removeprefix(_DUE): at
        for name, text in said.facts.items()
        if name.startswith(_DUE) and (at := _read(text))
    }
    thread = mailbox.load_thread(session.connection(), ThreadId(row.thread)) if theirs else None
    terms = _terms(thread, MessageId(row.id)) if thread else None
    if thread is None or terms is None:
        return {}, frozenset()
    ours = counted(thread, read_content(stored_statement(row), None, None))
    cause = next((code for fact, code in _CAUSES if _differs(ours, said.facts, fact)), "unexplained")
    told = row.direction == "in"
    found = set()
    for due in terms.dues:
        at = theirs.get(due.obligation)
        if at is None or at == due.at or not timedelta(0) < at - terms.start <= LONGEST:
            continue
        values = {
            "message": row.id,
            "obligation": due.obligation,
            "thread": row.thread,
            "case_reference": row.case_reference,
            "peer": said.issuer,
            "ours_at": due.at,
            "theirs_at": at,
            "cause": cause,
        }
        holds_at = deadlines.differ(session.connection(), values, state=node.state, told=told, now=now)
        if holds_at is not None:
            found.add(due.obligation)
            node.metrics.clock_differs(cause)
            node.log.warning("clock.differs", peer=said.issuer, id=row.id, code=cause)
            office = Address(row.recipient if told else row.sender)
            _tell_of_difference(session, office, row.id, due.obligation, holds_at, now)
    return ours, frozenset(found)


def tell_of_escalation(
    node: Node, session: Session, content: Content, directory: Directory, now: datetime
) -> None:
    """An `escalate` came: the supervisor of the office that owes learns of it, and at that level this State's
    focal point, of the office and of no case."""
    if content.type != "escalate":
        return
    key = f"escalated/{content.sender}/{content.id}"
    about = {"due_at": None, "now": now}
    tell(
        session,
        "escalated",
        authority=content.recipient,
        audience="supervisor",
        subject=content.id,
        key=key,
        **about,  # type: ignore[arg-type]
    )
    focal_point = directory.focal_point(node.state)
    if (
        content.coded.get("escalation_level") == "focal-point"
        and focal_point is not None
        and focal_point.address != content.recipient
    ):
        tell(
            session,
            "escalated",
            authority=focal_point.address,
            audience="supervisor",
            subject=content.recipient,
            key=f"{key}/focal-point",
            **about,  # type: ignore[arg-type]
        )


def to_be_notified(session: Session, case: CaseReference, by: Address, opened_at: datetime) -> None:
    """A case was opened for a child that was found here: the other State is to be told, once that is known to
    be safe; and the child has a guardian, whether or not anybody else is ever told."""
    for code, starts_with in ((NOTIFICATION, "child-found"), (GUARDIAN, "child-identified")):
        _duty(session, case, code, starts_with, by, lengths.UTC_CALENDAR, since=opened_at, now=opened_at)


def protection_settled(
    session: Session,
    case: CaseReference,
    by: Address,
    *,
    sought: bool,
    directory: Directory | None,
    now: datetime,
) -> None:
    """Two people settled whether the child seeks protection. While it does, the duty of an applicant's
    representative runs too, from now on the calendar of `by`; that of the child found here stays as it is.

    It is known at this node alone: neither a message nor evidence follows from it.
    """
    if sought:
        _duty(session, case, GUARDIAN, APPLICATION, by, calendar_of(directory, by), since=now, now=now)
    else:
        deadlines.drop_duty(session.connection(), case, GUARDIAN, APPLICATION)


def keep_duties(session: Session, thread: Thread, now: datetime) -> None:
    """What our own part of a case's conversation begins and ends."""
    if thread.procedure != "case":
        return
    connection = session.connection()
    deadlines.drop_duty(connection, thread.case, NOTIFICATION)
    # That a notification was declined or withdrawn gives the child no guardian.
    if any(thread.said("guardian.notice")):
        deadlines.end_duty(connection, thread.case, GUARDIAN, by="notice")
    elif thread.state != "closed" and len(thread.entries) == 1 and not _recorded(session, thread.case):
        # Of a case that was opened here it is listed already, since that moment, or was ended.
        _duty(
            session,
            thread.case,
            GUARDIAN,
            "child-identified",
            thread.asker,
            lengths.UTC_CALENDAR,
            since=thread.opened_at,
            now=now,
        )
    if thread.state == "closed":
        for beside in _BESIDE:
            deadlines.end_duty(connection, thread.case, GUARDIAN, beside, by="closed")


def guardian_provided(session: Session, case: CaseReference) -> bool:
    """Somebody recorded that the child has a guardian or representative: what is owed of that now ends. True
    when anything was owed.

    One who is there before protection is sought need not be the applicant's representative: that duty begins
    all the same when it is settled, and ends when somebody records again.
    """
    connection = session.connection()
    if not deadlines.duties_of(connection, case, GUARDIAN):
        return False
    for beside in _BESIDE:
        deadlines.end_duty(connection, case, GUARDIAN, beside, by="recorded")
    return True


def guardian_taken_back(session: Session, case: CaseReference, now: datetime) -> None:
    """It was recorded by mistake: what it had ended is owed again, and due when it was."""
    deadlines.resume_duty(session.connection(), case, GUARDIAN, now)


def _recorded(session: Session, case: CaseReference) -> bool:
    known = cases.load_case(session.connection(), case)
    return known is not None and known.row.guardian_provided_on is not None


def _duty(
    session: Session,
    case: CaseReference,
    code: str,
    starts_with: str,
    by: Address,
    calendar: Calendar,
    *,
    since: datetime,
    now: datetime,
) -> None:
    (row,) = [one for one in lengths.duties() if (one.duty, one.starts_with) == (_DUTIES[code], starts_with)]
    due = lengths.duty_due(row, since, calendar)
    deadlines.add_duty(
        session.connection(),
        case,
        code,
        "" if starts_with != APPLICATION else APPLICATION,
        owed_by=by,
        due_at=due.at,
        basis=due.basis,
        now=now,
    )


def calendar_of(directory: Directory | None, authority: Address) -> Calendar:
    """Its own; the one in UTC where the directory does not know it, so that the duty has a date all the
    same."""
    try:
        entry = None if directory is None else directory.authority(authority)
    except Refused:
        entry = None
    return lengths.UTC_CALENDAR if entry is None else lengths.calendar_of(entry, entry.digest)


def _tell_of_difference(
    session: Session, ours: Address, message: str, obligation: str, holds: datetime, now: datetime
) -> None:
    for authority, audience in ((ours, "officer"), (None, "operator")):
        tell(
            session,
            "clock-differs",
            authority=authority,
            audience=audience,  # type: ignore[arg-type]
            subject=message,
            due_at=holds,
            key=f"clock-differs/{message}/{obligation}/{audience}",
            now=now,
        )


def _terms(thread: Thread, message: MessageId) -> Terms | None:
    entry = thread.entry(message)
    if entry is None:
        return None
    return thread.terms if entry == thread.entries[0] else entry.terms


def _differs(ours: Mapping[str, str], theirs: Mapping[str, str], fact: str) -> bool:
    return fact in theirs and ours.get(fact) != theirs[fact]


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
