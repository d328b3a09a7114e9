"""Facts after which an earlier conclusion about the child no longer stands by itself.

A conclusion is newer than a fact when it says that it weighed it (`considered`), not when its clock says so:
two States' clocks differ, and what crossed on its way was not weighed.

The rows are a project choice. Their ground: no return without an assessment of the present risk (A/RES/64/142
paragraph 148(a)), and assessment that is repeated, not made once (thematic paper, l.1543-1552).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.case_file import CaseFile, Document

__all__ = ["ROWS", "MaterialFact", "facts", "is_new_risk", "row_of", "unweighed"]

type Coded = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialFact:
    """One row: a message of `type` whose coded part meets `when` is a material fact.

    `suspends`: the code of the vocabulary `suspension-reason` under which an agreement that did not know of
    it is shown as suspended. `new_risk`: it stays a concern after the child was handed over.
    """

    type: str
    says: str
    suspends: str
    when: Callable[[Coded], bool] = lambda _: True
    new_risk: bool = False


def _guardian_lost(coded: Coded) -> bool:
    # An event that a newer vocabulary names may be a loss.
    appointed = ("appointed", "appointed-provisionally", "replaced", "conflict-resolved")
    return coded.get("guardian_event") not in appointed or coded.get("guardian_in_conflict") != "no"


def _appeal_unsettled(coded: Coded) -> bool:
    """Pending, or won: what was decided does not stand. A status of a newer vocabulary counts as such."""
    return coded.get("appeal") not in ("none-lodged", "open-to-appeal", "dismissed", "withdrawn")


def _follow_up_worries(coded: Coded) -> bool:
    return coded.get("new_risk") != "no" or coded.get("child_choice") == "wants-to-leave"


ROWS: tuple[MaterialFact, ...] = (
    MaterialFact(type="alert.danger", says="danger was seen", suspends="danger", new_risk=True),
    MaterialFact(
        type="alert.missing-child",
        says="the child is or was missing",
        suspends="child-missing",
        new_risk=True,
    ),
    MaterialFact(
        type="guardian.notice",
        says="the guardian was lost or is or may be in conflict",
        suspends="guardian",
        when=_guardian_lost,
    ),
    MaterialFact(type="consent.withdrawal", says="consent was withdrawn", suspends="carer-consent"),
    MaterialFact(
        type="appeal.notice",
        says="an appeal is pending or was won",
        suspends="appeal",
        when=_appeal_unsettled,
    ),
    MaterialFact(
        type="risk-assessment.contribution",
        says="a State contributed to the risk assessment",
        suspends="assessment-superseded",
    ),
    MaterialFact(
        type="risk-assessment.dispute",
        says="a State disputes the risk assessment",
        suspends="assessment-superseded",
    ),
    MaterialFact(
        type="social-inquiry.report",
        says="a social inquiry was reported",
        suspends="assessment-superseded",
    ),
    MaterialFact(type="identity.result", says="identity was examined", suspends="assessment-superseded"),
    MaterialFact(type="child-views.record", says="the child was heard", suspends="assessment-superseded"),
    MaterialFact(type="age.outcome", says="the age was decided", suspends="assessment-superseded"),
    MaterialFact(
        type="follow-up.report",
        says="follow-up found or could not rule out a new risk, or the child wants to leave",
        suspends="danger",
        when=_follow_up_worries,
        new_risk=True,
    ),
)

_BY_TYPE = {row.type: row for row in ROWS}


def row_of(document: Document) -> MaterialFact | None:
    """The row that makes this document a material fact."""
    row = _BY_TYPE.get(document.type)
    return row if row is not None and row.when(document.coded) else None


def facts(file: CaseFile) -> tuple[Document, ...]:
    """Every material fact of the file, in the order of their digests."""
    return tuple(
        sorted((one for one in file.documents if row_of(one) is not None), key=lambda one: one.digest)
    )


def unweighed(file: CaseFile, considered: Iterable[str]) -> tuple[Document, ...]:
    """The material facts that a conclusion with these `considered` did not weigh."""
    weighed = frozenset(considered)
    return tuple(fact for fact in facts(file) if fact.digest not in weighed)


def is_new_risk(document: Document) -> bool:
    row = row_of(document)
    return row is not None and row.new_risk
