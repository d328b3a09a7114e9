"""Safeguards 8, 12, 13 and 14: the best-interests decision and what a proposal has to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from protocol import vocabularies
from protocol.case_file import CaseFile, Document
from protocol.currency import newest, standing_versions
from protocol.errors import Missing
from protocol.material_facts import unweighed
from protocol.safeguards.asked import ABSENT, Asked, Version, lacking, listed, version_of
from protocol.safeguards.people import REPORT
from protocol.safeguards.rows import Safeguard

__all__ = ["causes_answered", "individual_basis", "solutions_considered", "tracing_exhausted", "weighed_by"]

SUMMARY = "best-interests.summary"
_STANDS = frozenset({"none-lodged", "open-to-appeal", "dismissed", "withdrawn", "not-provided"})
"""Appeal statuses of a decision that may be carried out. One that a newer vocabulary names is none."""
_GOOD_ENOUGH = frozenset({"in-best-interests", "acceptable"})
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "conflict": "conflict-or-disaster",
        "natural-disaster": "conflict-or-disaster",
        "armed-groups": "conflict-or-disaster",
        "death-in-family": "loss-of-carer",
        "abandonment": "loss-of-carer",
        "family-violence": "domestic-violence",
        "poverty": "poverty",
    }
)
"""Separation causes of a notification that are the same fact as a causal factor. What has no certain match is
left out, never guessed (project choice)."""


def solutions_considered(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The decision weighed at least two solutions, none for the sake of migration control, and what is
    proposed is one that it found best or acceptable (A/79/213 para 13).

    Two kinds of return are one solution. The decision is the newest one between the two States; it weighed
    every material fact, itself or through an assessment that it considered, and for a move to another State
    the assessment that is cited; no appeal against a decision about the child is pending, unless it suspends
    nothing (project choices).
    """
    if asked.type == SUMMARY:
        if asked.written:
            yield from _weighing(row, asked.coded)
        return
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None:
        return
    digest = version.rests_on.get("best_interests")
    if digest is None:
        yield lacking(row, "missing.best_interests", "destination")
        return
    decision = file.cited(digest)
    if decision is None or decision.type != SUMMARY:
        yield lacking(row, ABSENT, "sender")
        return
    latest = newest(file, SUMMARY, version.states)
    if latest is None or latest.digest != digest or not file.from_destination(decision):
        yield lacking(row, "missing.best_interests_newest", "destination")
    yield from _weighing(row, decision.coded)
    if _found(decision).get(version.solution) not in _GOOD_ENOUGH:
        yield lacking(row, "missing.solution_in_best_interests", "destination")
    considered = weighed_by(file, decision)
    assessed = version.rests_on.get("risk_assessment")
    if unweighed(file, considered) or (version.moves(file) and assessed not in considered):
        yield lacking(row, "missing.best_interests_weigh_fact", "destination")
    told_last = newest(file, SUMMARY)
    elsewhere = {} if told_last is None else _found(told_last)
    if version.solution in elsewhere and elsewhere[version.solution] not in _GOOD_ENOUGH:
        yield lacking(row, "missing.solution_in_best_interests", "destination")
    if decision.coded.get("appeal") not in _STANDS or _appealed(file):
        yield lacking(row, "missing.appeal_decided", "court")


def individual_basis(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The version rests on this child's own documents and on more than an agreement between the two States
    (Spanish Supreme Court 2024, partly read).

    For every solution the child's views and the decision on its best interests; for a move to another State
    a social inquiry report and a risk assessment as well.
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None:
        return
    rests_on = version.rests_on
    if rests_on.get("child_views") is None:
        yield lacking(row, "missing.child_views", "destination")
    if rests_on.get("best_interests") is None:
        yield lacking(row, "missing.best_interests", "destination")
    reports = listed(rests_on, "social_inquiries")
    if version.moves(file):
        if rests_on.get("risk_assessment") is None:
            yield lacking(row, "missing.risk_assessment", "destination")
        if not reports:
            yield lacking(row, "missing.social_inquiry", version.supplier(file))
    found = [file.cited(digest) for digest in reports]
    if any(report is None or report.type != REPORT for report in found):
        yield lacking(row, ABSENT, "sender")
    if asked.written and not _own_bases() & {*listed(version.terms, "legal_bases")}:
        yield lacking(row, "missing.individual_legal_basis", "sender")


def causes_answered(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """A child who goes back to what it left, or perhaps does, goes back to something that was changed: each
    cause is listed and answered with a measure (thematic paper l.1746).

    Listed must be at least the causes of separation of the notification and the foreseeable risks of the
    assessment cited, where they are the same word or the same fact (`CAUSES`), and one at least.
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None or not version.moves(file) or not asked.written:
        return
    if version.terms.get("same_situation") == "no":
        return
    causes = listed(version.terms, "causes")
    named = {cause.get("cause") for cause in causes}
    if not named - {"unknown"} or _known_causes(file, version) - named:
        yield lacking(row, "missing.cause_listed", "sender")
    if any(cause.get("answered") != "yes" or not cause.get("cause_measures") for cause in causes):
        yield lacking(row, "missing.cause_answered", version.supplier(file))


def tracing_exhausted(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """Neither adoption nor kafala before a complete inquiry of another State has ended with the family found
    or not found (A/RES/64/142 para 152).

    `partly-traced`, `not-attempted` and `unknown` are not exhausted, nor is a report that calls itself
    partial. Where the family was found, whether it can care for the child is for people to weigh. Looking for
    the family can endanger the child: that no inquiry was made for this reason is no message yet, so such a
    case is not let through (project choice).
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None or not version.permanent_new_family:
        return
    reports = [file.cited(digest) for digest in listed(version.rests_on, "social_inquiries")]
    if not any(
        report is not None
        and report.type == REPORT
        and not file.from_destination(report)
        and report.coded.get("completeness") == "complete"
        and report.coded.get("family_traced") in ("traced", "not-traced")
        for report in reports
    ):
        yield lacking(row, "missing.tracing_exhausted", version.supplier(file))


def _weighing(row: Safeguard, coded: Mapping[str, Any]) -> Iterator[Missing]:
    options = _options(coded)
    if len({str(option.get("option")).split("/")[0] for option in options}) < 2:
        yield lacking(row, "missing.two_solutions", "destination")
    reasons = (str(one) for option in options for one in listed(option, "decision_reasons"))
    # A narrower code of a newer vocabulary is the same reason.
    if any(reason.split("/")[0] == "migration-control" for reason in reasons):
        yield lacking(row, "missing.reason_other_than_migration", "destination")


def _found(decision: Document) -> dict[str, Any]:
    """What it says of each option."""
    return {str(one.get("option")): one.get("option_assessment") for one in _options(decision.coded)}


def _options(coded: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return listed(coded, "options")


def weighed_by(file: CaseFile, decision: Document) -> set[str]:
    """What it names, and what an assessment that it names has named."""
    own = set(listed(decision.coded, "considered"))
    assessments = (file.cited(digest) for digest in own)
    through = (
        listed(one.coded, "considered")
        for one in assessments
        if one is not None and one.type == "risk-assessment.final"
    )
    return own.union(*through)


def _own_bases() -> frozenset[str]:
    """Legal bases that can carry a decision about one child, as far as they are known here."""
    known = vocabularies.scheme("legal-basis").concepts
    return frozenset(code for code in known if code.split("/")[0] != "bilateral-agreement")


def _appealed(file: CaseFile) -> bool:
    """By each State's newest notice on each decision appealed against: only who said that an appeal is
    pending can say that it is over. One that was won is a fact that a new decision has to weigh."""
    latest: dict[tuple[str, str], Document] = {}
    for notice in standing_versions(file, "appeal.notice"):  # oldest first
        latest[notice.state, str(notice.coded.get("appealed_decision"))] = notice
    return any(
        notice.coded.get("appeal") not in _STANDS | {"upheld"} and notice.coded.get("suspensive") != "no"
        for notice in latest.values()
    )


def _known_causes(file: CaseFile, version: Version) -> set[str]:
    factors = set(vocabularies.scheme("causal-factor").concepts) - {"other", "unknown"}
    of_notice = {
        CAUSES[cause]
        for notice in file.of_type("case.notification")
        for cause in listed(notice.coded, "separation_causes")
        if cause in CAUSES
    }
    final = file.cited(version.rests_on.get("risk_assessment"))
    risks = () if final is None else listed(final.coded, "risks")
    of_assessment = {
        str(risk.get("risk")).split("/")[-1] for risk in risks if risk.get("foreseeable") == "yes"
    }
    return of_notice | (of_assessment & factors)
