"""Safeguards 6, 7 and 15: age, status, and how a case may end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from protocol import vocabularies
from protocol.case_file import CaseFile, Document
from protocol.currency import standing_versions
from protocol.errors import Missing
from protocol.safeguards.asked import Asked, lacking
from protocol.safeguards.rows import Safeguard

__all__ = ["age_presumed", "known_adult", "majority_is_no_closure", "presumed_protected"]

OUTCOME = "age.outcome"
_CHILD_BANDS = frozenset({"0-5", "6-11", "12-14", "15-17", "unknown-child"})
_SETTLED_APPEALS = frozenset({"none-lodged", "dismissed", "withdrawn", "not-provided"})
_GROUNDED = frozenset({"document", "child-statement", "family-statement", "age-assessment"})
_SUPPORTED = ("arranged", "declined-by-young-person")
_ENDS_BY_ITSELF = frozenset(
    {"opened-in-error", "duplicate-case", "child-died", "child-untraceable", "victim-status-excluded"}
)


def known_adult(file: CaseFile) -> bool:
    """Every standing outcome on the age says adult, on more than a guess, and no appeal is open. Anybody else
    is a child in every rule (Directive 2011/36/EU art 13(2))."""
    outcomes = standing_versions(file, OUTCOME)
    return bool(outcomes) and all(_adult(outcome) for outcome in outcomes)


def age_presumed(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """Nobody is notified, decided or closed as an adult before the age is known.

    An outcome `adult` needs more than an estimate and no pending or successful appeal. A notification with an
    age band that is no child's, and a closure that says or supposes an adult, need such an outcome in the
    file, one against which no appeal is open any more. `undetermined` is a child.
    """
    if not asked.written:
        return
    coded = asked.coded
    if asked.type == OUTCOME:
        if coded.get("age_outcome") != "adult":
            return
        if coded.get("appeal") not in _SETTLED_APPEALS | {"open-to-appeal"}:
            yield lacking(row, "missing.age_appeal_decided", "court")
        if coded.get("age_basis") not in _GROUNDED:
            yield lacking(row, "missing.age_basis", "destination")
    elif asked.type == "case.notification":
        if coded.get("age_band", "unknown-child") not in _CHILD_BANDS and not known_adult(file):
            yield lacking(row, "missing.age_outcome", "destination")
    elif (
        coded.get("age_outcome") == "adult" or _reason(asked) == "adult-with-transition"
    ) and not known_adult(file):
        yield lacking(row, "missing.age_outcome", "destination")


def presumed_protected(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """No case ends because the child did not help the police, and none as "not a victim" while the status is
    possible, presumed or confirmed (Directive 2011/36/EU art 11(2)-(3)). A reason that a newer vocabulary
    names closes nothing here: nobody can tell that it is another one.

    That a presumed child is notified as fully as a confirmed one needs no check: the form has one set of
    required fields for every status.
    """
    del file
    if not asked.written:
        return
    reason = _reason(asked)
    if reason == "no-cooperation-with-police" or reason not in _known_reasons():
        yield lacking(row, "missing.reason_other_than_cooperation", "destination")
    if reason == "victim-status-excluded" and asked.coded.get("trafficking_status") != "not-a-victim":
        yield lacking(row, "missing.status_decided", "destination")


def majority_is_no_closure(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """Turning 18 closes nothing: the reason is another one, or the support for the time after is arranged or
    the young person declined it (thematic paper l.1776; Directive 2011/36/EU art 14(1)).

    Asked of an adult under every reason that ends support for somebody who is there to receive it: a case of
    an adult that is closed as settled is closed at majority all the same (project choice).
    """
    del file
    if not asked.written:
        return
    reason, support = _reason(asked), asked.coded.get("transition_support")
    if reason == "majority-alone":
        yield lacking(row, "missing.reason_other_than_age", "destination")
    if reason == "adult-with-transition":
        if support not in _SUPPORTED:
            yield lacking(row, "missing.transition_support", "destination")
    elif (
        asked.coded.get("age_outcome") == "adult"
        and reason not in _ENDS_BY_ITSELF
        and support not in _SUPPORTED
    ):
        yield lacking(row, "missing.transition_support", "destination")


def _reason(asked: Asked) -> str:
    """Why the case is closed, as broad as these safeguards ask: a narrower reason is no other one."""
    return str(asked.coded.get("closure_reason")).split("/")[0]


def _known_reasons() -> Mapping[str, object]:
    return vocabularies.scheme("closure-reason").concepts


def _adult(outcome: Document) -> bool:
    return (
        outcome.coded.get("age_outcome") == "adult"
        and outcome.coded.get("appeal") in _SETTLED_APPEALS
        and outcome.coded.get("age_basis") in _GROUNDED
    )
