"""Safeguards 3, 4 and 5: the carer, the guardian and the child itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from protocol import vocabularies
from protocol.agreement import VERSIONS
from protocol.case_file import CaseFile, Document
from protocol.currency import newest, standing_versions
from protocol.deadlines import limits_of, shifted
from protocol.errors import Missing
from protocol.safeguards.asked import ABSENT, Asked, Version, day, lacking, listed, to_come, version_of
from protocol.safeguards.closing import known_adult
from protocol.safeguards.rows import Safeguard

__all__ = ["NOT_ABOUT_CARE", "carer_agreed", "child_heard", "guardian_without_conflict"]

REPORT = "social-inquiry.report"
NOTICE = "guardian.notice"
VIEWS = "child-views.record"
NOT_ABOUT_CARE = frozenset({"contact", "tracing", "information-sharing"})
"""What a consent can be withdrawn to without touching where the child will live. Anything else does, also
`other` and what a newer vocabulary names."""
_REPRESENTED = frozenset({"appointed", "appointed-provisionally", "replaced", "conflict-resolved"})


def carer_agreed(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The carer or agency that would receive the child is named, and a report of another State than the one
    that wants the child received shows that this carer has agreed and is able (A/RES/64/142 para 148(b)).

    Asked of a move to another State, of adoption and of kafala, before departure: on acceptance and handover.
    A proposal may leave the carer open, for the other State to name; one that it names must be shown. The
    report is not older than `stale_after` of deadlines.json at the message's signed time, counted from the
    day on which the inquiry was concluded. A later report of the same State on a carer of that reference must
    not say otherwise, and nothing is said ahead of its day (project choices). A withdrawal is overcome only
    by a later day of agreement.
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None or not (version.moves(file) or version.permanent_new_family):
        return
    there = version.supplier(file)
    carer = version.terms.get("receiving_carer")
    if not isinstance(carer, Mapping):
        if asked.type not in VERSIONS:
            yield lacking(row, "missing.carer_named", there)
        return
    report = file.cited(carer.get("agreement_shown_in"))
    if report is None:
        yield lacking(row, ABSENT, "sender")
        return
    reference = str(carer.get("reference"))
    shown = _entries(report, reference)
    if version.moves(file) and (report.type != REPORT or file.from_destination(report)):
        shown = ()  # nobody finds out about a household of another State by itself
    # What the same State found out about that carer afterwards counts as well.
    told = (*shown, *(entry for later in _later(file, report) for entry in _entries(later, reference)))
    early = any(to_come(entry.get("agreed_on"), report.issued_at) for entry in shown)
    if not shown or early or any(entry.get("agreed") != "yes" for entry in told):
        yield lacking(row, "missing.carer_agreement", "carer")
    if not shown or any(entry.get("able") != "yes" for entry in told):
        yield lacking(row, "missing.carer_able", there)
    concluded = day(report.coded.get("concluded_on"))
    unfinished = to_come(report.coded.get("concluded_on"), report.issued_at)
    if concluded is None or unfinished or _stale_on(concluded) < asked.day:
        yield lacking(row, "missing.report_recent", there)
    if _withdrew(file, reference, day(shown[0].get("agreed_on")) if shown else None):
        yield lacking(row, "missing.carer_consent_again", "carer")


def guardian_without_conflict(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The version cites the newest guardian notice; it says that somebody represents the child and has no
    conflict of interest (Directive 2011/36/EU art 14(2)). So does the newest one to any State: what was told
    to a third one is known here.

    Whether there is a conflict must be known: unknown forbids, because a guardian in conflict is worse than
    one who is awaited (project choice). A person found to be an adult, with no appeal open, has no guardian.
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None or known_adult(file):
        return
    digest = version.rests_on.get("guardian_notice")
    if digest is None:
        yield lacking(row, "missing.guardian_notice", "destination")
        return
    if file.cited(digest) is None:
        yield lacking(row, ABSENT, "sender")
        return
    latest = newest(file, NOTICE, version.states)
    if latest is None or latest.digest != digest:
        yield lacking(row, "missing.guardian_notice_newest", "sender")
    said = [{} if one is None else one.coded for one in (latest, newest(file, NOTICE))]
    not_yet = any(to_come(coded.get("effective_on"), asked.issued_at) for coded in said)
    if not_yet or any(coded.get("guardian_event") not in _REPRESENTED for coded in said):
        yield lacking(row, "missing.guardian_appointed", "court")
    if any(coded.get("guardian_in_conflict") != "no" for coded in said):
        yield lacking(row, "missing.guardian_of_no_conflict", "court")


def child_heard(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The version cites the newest record of the child's views; it has a view on each option that the
    best-interests decision weighed and on the solution proposed (GC6, as quoted in the thematic paper).

    Where guardian and child disagree, or nobody knows whether they do, a separate representative is appointed
    first (Directive (EU) 2024/1346 art 27; suspension: a Spanish rule, partly read). A child who was not
    heard: the reason is recorded, and it never counts as heard for a move to another State (project choice).
    A child who was not told what the options mean was not heard either. `not-expressed` is a view: the child
    was asked.
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None:
        return
    digest = version.rests_on.get("child_views")
    if digest is None:
        yield lacking(row, "missing.child_views", "destination")
        return
    record = file.cited(digest)
    if record is None or record.type != VIEWS:
        yield lacking(row, ABSENT, "sender")
        return
    latest = newest(file, VIEWS, version.states)
    if latest is None or latest.digest != digest:
        yield lacking(row, "missing.child_views_newest", "sender")
    method = record.coded.get("hearing_method")
    heard = method != "not-heard" and method in vocabularies.scheme("hearing-method").concepts
    early = to_come(record.coded.get("heard_on"), record.issued_at)
    if early or (version.moves(file) and record.coded.get("child_informed") != "yes"):
        yield lacking(row, "missing.child_heard", "child")
    if heard:
        on = {view.get("option") for view in listed(record.coded, "views")}
        if not _options(file, version) <= on:
            yield lacking(row, "missing.child_view_on_option", "child")
    elif version.moves(file):
        yield lacking(row, "missing.child_heard", "child")
    elif record.coded.get("not_heard_reason") is None:
        yield lacking(row, "missing.not_heard_reason", "destination")
    if any(
        one.coded.get("guardian_agrees_with_child") != "yes"
        and one.coded.get("separate_representative") != "appointed"
        for one in {*standing_versions(file, VIEWS, version.states), record, newest(file, VIEWS) or record}
    ):
        yield lacking(row, "missing.separate_representative", "court")


def _options(file: CaseFile, version: Version) -> set[str]:
    decision = file.cited(version.rests_on.get("best_interests"))
    weighed = () if decision is None else listed(decision.coded, "options")
    return {version.solution} | {str(option.get("option")) for option in weighed}


def _stale_on(concluded: date) -> date:
    """The last day on which an inquiry concluded on that day is fresh."""
    age = limits_of("social-inquiry").stale_after
    assert age is not None, "deadlines.json says how long an inquiry is fresh"
    return shifted(datetime(concluded.year, concluded.month, concluded.day, tzinfo=UTC), age, "UTC").date()


def _entries(report: Document, reference: str) -> tuple[Mapping[str, Any], ...]:
    carers = listed(report.coded, "candidate_carers")
    return tuple(one for one in carers if one.get("reference") == reference)


def _later(file: CaseFile, report: Document) -> Iterator[Document]:
    """By one State's own signed times."""
    return (
        one
        for one in file.of_type(REPORT)
        if one.state == report.state and (one.issued_at, one.digest) > (report.issued_at, report.digest)
    )


def _withdrew(file: CaseFile, carer: str, agreed_on: date | None) -> bool:
    return any(
        one.coded.get("withdrawn_by") not in ("child", "guardian")
        and one.coded.get("reference") == carer
        and one.coded.get("consent_to") not in NOT_ABOUT_CARE
        and (agreed_on is None or (day(one.coded.get("withdrawn_on")) or date.max) >= agreed_on)
        for one in file.of_type("consent.withdrawal")
    )
