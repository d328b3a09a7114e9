"""The fifteen safeguards as rows: name, refusal, sources, the messages that each guards, who evaluates it.

Sources carry the mark of this project's reading: READ (the text itself), PARTLY (a secondary source, or a
part), RECALLED (not verified: never to be shown as a fact), CHOICE (our own).

Which rows ask about which solution is a project choice:

    4, 5, 8, 9, 12     every solution
    1, 2, 3, 13        a move to another State; 3 also adoption and kafala wherever they are
    14                 adoption and kafala

A child who stays needs no assessment of a return. Everything else that is done for a child who may leave is
done for a child who stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["SAFEGUARDS", "EvaluatedBy", "Mark", "Safeguard", "Source", "guarding"]


class Mark(StrEnum):
    """How far a source was verified."""

    READ = "read"
    PARTLY = "partly"
    RECALLED = "recalled"
    CHOICE = "project choice"


class EvaluatedBy(StrEnum):
    """Where a safeguard is evaluated."""

    BOTH = "sender, and again by the receiver"
    EACH_ON_ITS_FILE = "State of destination on its file, State of origin on what it was notified of"
    DESTINATION = "State of destination only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a safeguard comes from, and whether we have read it there."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguard:
    """One row. `guards`: the message types; empty means every content message. `number` is this project's,
    stable. `code` is the refusal; `name` reads as a claim. `suspends`: the code of the vocabulary
    `suspension-reason` under which an agreement that no longer meets it is shown as suspended.
    """

    number: int
    name: str
    code: str
    sources: tuple[Source, ...]
    evaluated_by: EvaluatedBy
    guards: frozenset[str]
    suspends: str = "other"

    @property
    def cited(self) -> str:
        """The sources that may be shown as such, on one line; what is only recalled is left out."""
        shown = [source.text for source in self.sources if source.mark in (Mark.READ, Mark.PARTLY)]
        return "; ".join(shown) or Mark.CHOICE.value


def _row(
    number: int,
    name: str,
    code: str,
    *sources: tuple[str, Mark],
    by: EvaluatedBy,
    guards: tuple[str, ...] = (),
    suspends: str = "other",
) -> Safeguard:
    return Safeguard(
        number=number,
        name=name,
        code=f"safeguard.{code}",
        sources=tuple(Source(text=text, mark=mark) for text, mark in sources),
        evaluated_by=by,
        guards=frozenset(guards),
        suspends=suspends,
    )


_PROPOSING = ("durable-solution.proposal", "durable-solution.counter-proposal")
_DEPARTING = ("durable-solution.acceptance", "handover.confirmation")
_AGREEING = (*_PROPOSING, *_DEPARTING)
"""A version is looked at when it is put, when it is accepted, and when the child is handed over under it."""

SAFEGUARDS: tuple[Safeguard, ...] = (
    _row(
        1,
        "A return agreement rests on a final risk assessment newer than the last material fact",
        "risk_assessment_current",
        ("A/RES/64/142, para 148(a)", Mark.READ),
        ("CRC General Comment 6, as quoted in the thematic paper", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
        suspends="assessment-superseded",
    ),
    _row(
        2,
        "A foreseeable risk that is not mitigated forbids return",
        "risk_outstanding",
        ("A/RES/64/142, para 148(a)", Mark.READ),
        ("CRC General Comment 6, para 84", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
        suspends="assessment-superseded",
    ),
    _row(
        3,
        "A named carer or agency has agreed and is able, before departure",
        "carer_agreed",
        ("A/RES/64/142, para 148(b)", Mark.READ),
        ("UNICEF Reference Guide, ch. 10", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
        suspends="carer-consent",
    ),
    _row(
        4,
        "The guardian is appointed and has no conflict of interest",
        "guardian_without_conflict",
        ("Directive 2011/36/EU, art 14(2)", Mark.READ),
        by=EvaluatedBy.EACH_ON_ITS_FILE,
        guards=_AGREEING,
        suspends="guardian",
    ),
    _row(
        5,
        "The child's view on each option is recorded; a child and guardian who disagree suspend",
        "child_heard",
        ("CRC General Comment 6, as quoted in the thematic paper", Mark.READ),
        ("Directive (EU) 2024/1346, art 27", Mark.READ),
        ("suspension: a Spanish rule", Mark.PARTLY),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
    ),
    _row(
        6,
        "Who may be a child is treated as one until the age is known",
        "age_presumed",
        ("Directive 2011/36/EU, art 13(2)", Mark.READ),
        ("Council of Europe Trafficking Convention, art 10(3)", Mark.PARTLY),
        by=EvaluatedBy.EACH_ON_ITS_FILE,
        guards=("case.notification", "age.outcome", "case.closure"),
    ),
    _row(
        7,
        "A presumed victim has the same protection as a confirmed one, whether or not they help the police",
        "presumed_protected",
        ("Directive 2011/36/EU, art 11(2)-(3)", Mark.READ),
        by=EvaluatedBy.EACH_ON_ITS_FILE,
        guards=("case.closure",),
    ),
    _row(
        8,
        "At least two solutions were considered, and migration control is no reason",
        "solutions_considered",
        ("A/79/213, para 13", Mark.READ),
        ("CRC General Comment 6, para 86", Mark.RECALLED),
        by=EvaluatedBy.BOTH,
        guards=("best-interests.summary", *_AGREEING),
    ),
    _row(
        9,
        "Silence or lapse never becomes consent, and nothing is placed without consent",
        "consent_given",
        ("Regulation (EU) 2019/1111, recital 83 and art 82(5)", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_DEPARTING,
        suspends="carer-consent",
    ),
    _row(
        10,
        "The sender declares that sending does not endanger the life or liberty of child or family",
        "no_danger_declaration",
        ("Hague Convention of 1996, art 37", Mark.READ),
        by=EvaluatedBy.BOTH,
    ),
    _row(
        11,
        "Nothing leaves while international protection is sought, possible or not yet settled",
        "international_protection",
        ("A/RES/64/142, para 150", Mark.READ),
        ("Asylum Procedures Directive, art 30", Mark.RECALLED),
        by=EvaluatedBy.DESTINATION,
    ),
    _row(
        12,
        "An agreement between the two States in general is no basis for one child",
        "individual_basis",
        ("Spanish Supreme Court, 2024", Mark.PARTLY),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
    ),
    _row(
        13,
        "A return to the same situation answers each cause that was listed for leaving it",
        "causes_answered",
        ("thematic paper, l.1746", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
    ),
    _row(
        14,
        "Adoption or kafala is no first option before tracing is exhausted",
        "tracing_exhausted",
        ("A/RES/64/142, para 152", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
    ),
    _row(
        15,
        "Turning 18 never closes a case by itself",
        "majority_is_no_closure",
        ("thematic paper, l.1776", Mark.READ),
        ("Directive 2011/36/EU, art 14(1)", Mark.READ),
        by=EvaluatedBy.EACH_ON_ITS_FILE,
        guards=("case.closure",),
    ),
)


def guarding(message_type: str) -> tuple[Safeguard, ...]:
    """The safeguards for messages of that type, in the table's order."""
    return tuple(row for row in SAFEGUARDS if not row.guards or message_type in row.guards)
