"""What must never happen to a child, as conditions that a message has to meet.

Fifteen rows. A row in force has a check; the others say already what they will guard and who evaluates
them, and refuse nothing yet. A check sees presence, freshness and signature; whether what is written there
is true and good for the child is judged by people.

Sources carry the mark of this project's reading: READ (the text itself), PARTLY (a secondary source, or a
part), RECALLED (not verified: never to be shown as a fact), CHOICE (our own).

`check_sending` runs at the sender, `check_receiving` again at the receiver, so that a careless sender is
refused by the other State as well. Safeguard 11 is the exception: only the State where the child is can
know it, only that State evaluates it, when sending, and its refusal never leaves: to the other State a
message that was not sent and one that was never written look the same. No role and no setting overrides 1,
2, 3, 5, 9, 10 or 11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from protocol.errors import Missing, NotAcceptable
from protocol.identifiers import Address, CaseReference, state_of

__all__ = [
    "SAFEGUARDS",
    "CaseFile",
    "EvaluatedBy",
    "Mark",
    "ProtectionStatus",
    "Role",
    "Safeguard",
    "Source",
    "check_receiving",
    "check_sending",
    "guarding",
]


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


class Role(StrEnum):
    """What this node's State is in the case."""

    DESTINATION = "destination"
    ORIGIN = "origin"
    UNKNOWN = "unknown"


class ProtectionStatus(StrEnum):
    """International protection, as known at the State of destination alone. Two people set and lift it."""

    UNKNOWN = "unknown"
    NOT_SOUGHT = "not-sought"
    POSSIBLE = "possible"
    SOUGHT = "sought"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """What one node knows of a case, as far as a safeguard asks. Safeguards still to come add their facts
    here."""

    reference: CaseReference
    role: Role
    protection: ProtectionStatus = ProtectionStatus.UNKNOWN


class Guarded(Protocol):
    """What a check reads of a message: a draft and a content statement both have it."""

    @property
    def type(self) -> str: ...
    @property
    def sender(self) -> Address: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def declares_no_danger(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a safeguard comes from, and whether we have read it there."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguard:
    """One row. `guards`: the message types; empty means every content message. `number` is this project's,
    stable.

    `code` is the refusal; `name` reads as a claim.
    """

    number: int
    name: str
    code: str
    sources: tuple[Source, ...]
    evaluated_by: EvaluatedBy
    guards: frozenset[str]
    in_force: bool = False

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
    in_force: bool = False,
) -> Safeguard:
    return Safeguard(
        number=number,
        name=name,
        code=f"safeguard.{code}",
        sources=tuple(Source(text=text, mark=mark) for text, mark in sources),
        evaluated_by=by,
        guards=frozenset(guards),
        in_force=in_force,
    )


_PROPOSING = ("durable-solution.proposal", "durable-solution.counter-proposal")
_AGREEING = (*_PROPOSING, "durable-solution.acceptance")
_DEPARTING = ("durable-solution.acceptance", "handover.confirmation")

SAFEGUARDS: tuple[Safeguard, ...] = (
    _row(
        1,
        "A return agreement rests on a final risk assessment newer than the last material fact",
        "risk_assessment_current",
        ("A/RES/64/142, para 148(a)", Mark.READ),
        ("CRC General Comment 6, as quoted in the thematic paper", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
    ),
    _row(
        2,
        "A foreseeable risk that is not mitigated forbids return",
        "risk_outstanding",
        ("A/RES/64/142, para 148(a)", Mark.READ),
        ("CRC General Comment 6, para 84", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_AGREEING,
    ),
    _row(
        3,
        "A named carer or agency has agreed and is able, before departure",
        "carer_agreed",
        ("A/RES/64/142, para 148(b)", Mark.READ),
        ("UNICEF Reference Guide, ch. 10", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_DEPARTING,
    ),
    _row(
        4,
        "The guardian is appointed and has no conflict of interest",
        "guardian_without_conflict",
        ("Directive 2011/36/EU, art 14(2)", Mark.READ),
        by=EvaluatedBy.EACH_ON_ITS_FILE,
        guards=_AGREEING,
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
        guards=("case.notification", "case.closure"),
    ),
    _row(
        8,
        "At least two solutions were considered, and migration control is no reason",
        "solutions_considered",
        ("A/79/213, para 13", Mark.READ),
        ("CRC General Comment 6, para 86", Mark.RECALLED),
        by=EvaluatedBy.BOTH,
        guards=("best-interests.summary", *_PROPOSING),
    ),
    _row(
        9,
        "Silence or lapse never becomes consent, and nothing is placed without consent",
        "consent_given",
        ("Regulation (EU) 2019/1111, recital 83 and art 82(5)", Mark.READ),
        by=EvaluatedBy.BOTH,
        guards=_DEPARTING,
    ),
    _row(
        10,
        "The sender declares that sending does not endanger the life or liberty of child or family",
        "no_danger_declaration",
        ("Hague Convention of 1996, art 37", Mark.READ),
        by=EvaluatedBy.BOTH,
        in_force=True,
    ),
    _row(
        11,
        "Nothing leaves while international protection is sought, possible or not yet settled",
        "international_protection",
        ("A/RES/64/142, para 150", Mark.READ),
        ("Asylum Procedures Directive, art 30", Mark.RECALLED),
        by=EvaluatedBy.DESTINATION,
        in_force=True,
    ),
    _row(
        12,
        "An agreement between the two States in general is no basis for one child",
        "individual_basis",
        ("Spanish Supreme Court, 2024", Mark.PARTLY),
        by=EvaluatedBy.BOTH,
        guards=_PROPOSING,
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
        guards=_PROPOSING,
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
    """The safeguards in force for messages of that type."""
    return tuple(row for row in SAFEGUARDS if row.in_force and (not row.guards or message_type in row.guards))


def check_sending(case_file: CaseFile, draft: Guarded) -> None:
    """Refuses with the code of the first safeguard that `draft` does not meet; `missing` lists all that it
    lacks.

    The order is that of the table, except that safeguard 11 comes first: until it is met there is nothing to
    prepare.
    """
    _refuse(draft, sorted(guarding(draft.type), key=lambda row: row.number != 11), case_file)


def check_receiving(case_file: CaseFile | None, content: Guarded) -> None:
    """What the receiver checks again. `case_file` is None while the case is not known here.

    Never evaluates safeguard 11: what one State knows of protection is no matter of what the other one says.
    """
    rows = [row for row in guarding(content.type) if row.evaluated_by is not EvaluatedBy.DESTINATION]
    _refuse(content, rows, case_file)


def _refuse(content: Guarded, rows: list[Safeguard], case_file: CaseFile | None) -> None:
    unmet = [(row, missing) for row in rows if (missing := _CHECKS[row.number](row, case_file, content))]
    if unmet:
        first, _ = unmet[0]
        raise NotAcceptable(
            first.code,
            first.name,
            missing=tuple(entry for _, entries in unmet for entry in entries),
        )


def _no_danger_declared(row: Safeguard, case_file: CaseFile | None, content: Guarded) -> tuple[Missing, ...]:
    del case_file
    if content.declares_no_danger:
        return ()
    return (Missing(code="missing.no_danger_declaration", supplier="sender", source=row.cited),)


def _protection_settled(row: Safeguard, case_file: CaseFile | None, content: Guarded) -> tuple[Missing, ...]:
    # Only the State of origin is free of it. A file whose role nobody has settled is treated as destination.
    if case_file is not None and case_file.role == Role.ORIGIN:
        return ()
    # Two international bodies share no State that the message could stay within.
    state = state_of(content.sender)
    leaves = state != state_of(content.recipient) or state == "int"
    settled = case_file is not None and case_file.protection == ProtectionStatus.NOT_SOUGHT
    if settled or not leaves:
        return ()
    return (Missing(code="missing.protection_settled", supplier="destination", source=row.cited),)


type _Check = Callable[[Safeguard, CaseFile | None, Guarded], tuple[Missing, ...]]

_CHECKS: Mapping[int, _Check] = MappingProxyType({10: _no_danger_declared, 11: _protection_settled})
