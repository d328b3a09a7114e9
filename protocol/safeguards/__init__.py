"""What must never happen to a child, as conditions that a message has to meet.

    rows.py      the fifteen rows: name, sources, messages, who evaluates
    risks.py     1, 2             the risk assessment
    people.py    3, 4, 5          carer, guardian, child
    closing.py   6, 7, 15         age, status, how a case ends
    decision.py  8, 12, 13, 14    best interests and what a proposal answers
    consent.py   9                acceptance and handover
    sending.py   10, 11           before anything is said at all

A check sees presence, freshness and signature; whether what is written there is true and good for the child
is judged by people. Each yields all that is missing, with who can supply it and its source.

`check_sending` runs at the sender, `check_receiving` again at the receiver, on all that it has: a fact that
it knows and the sender could not forbids as well, and its signed refusal says so. Safeguard 11 is the
exception: only the State where the child is can know it, only that State evaluates it, when sending, and its
refusal never leaves: to the other State a message that was not sent and one that was never written look the
same. No role and no setting overrides any row.

A child that was referred twice has one set of safeguards: each is asked of the case's file alone, and again
with what is known under the other references (`protocol.same_child`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from protocol.agreed import SUSPENSION
from protocol.agreement import ACCEPTANCE, VERSIONS
from protocol.case_file import CaseFile, ProtectionStatus, Role
from protocol.conversations import PredecessorMissing
from protocol.errors import Missing, NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.safeguards import closing, consent, decision, people, risks, sending
from protocol.safeguards.asked import ABSENT, HANDOVER, Asked, Guarded
from protocol.safeguards.draft import prospective
from protocol.safeguards.rows import SAFEGUARDS, EvaluatedBy, Mark, Safeguard, Source, guarding

__all__ = [
    "CHECKS",
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
    "needs_documents",
    "ready",
    "ready_reads_documents",
    "unmet",
]

type Check = Callable[[Safeguard, CaseFile, Asked], Iterator[Missing]]

CHECKS: Mapping[int, Check] = MappingProxyType(
    {
        1: risks.assessment_current,
        2: risks.no_risk_outstanding,
        3: people.carer_agreed,
        4: people.guardian_without_conflict,
        5: people.child_heard,
        6: closing.age_presumed,
        7: closing.presumed_protected,
        8: decision.solutions_considered,
        9: consent.consent_given,
        10: sending.no_danger_declared,
        11: sending.protection_settled,
        12: decision.individual_basis,
        13: decision.causes_answered,
        14: decision.tracing_exhausted,
        15: closing.majority_is_no_closure,
    }
)
_WITHOUT_DOCUMENTS = frozenset({7, 10, 15})
_PROTECTION = 11
_RESTS_ON_OTHERS = frozenset({*VERSIONS, ACCEPTANCE, HANDOVER})
"""What is put, accepted or carried out: others must have supplied what it rests on before it is written."""


def needs_documents(message_type: str, *, withheld: bool) -> bool:
    """Whether the safeguards of such a message look into the file, so that it has to be loaded."""
    if message_type == SUSPENSION:
        return withheld
    return any(row.number not in _WITHOUT_DOCUMENTS | {_PROTECTION} for row in guarding(message_type))


def check_sending(case_file: CaseFile, content: Guarded) -> None:
    """Refuses with the code of the first safeguard that `content` does not meet; `missing` lists all that it
    lacks.

    The order is that of the table, except that safeguard 11 comes first: until it is met there is nothing to
    prepare.
    """
    asked = Asked.of(content)
    _refuse(_unmet(case_file, asked, _protection_first(guarding(content.type))))


def check_receiving(case_file: CaseFile | None, content: Guarded) -> None:
    """What the receiver checks again. `case_file` is None while the case is not known here.

    Never evaluates safeguard 11: what one State knows of protection is no matter of what the other one says.
    Raises `PredecessorMissing` where a document that the message names has not come: it may be on its way.
    """
    if case_file is None:
        case_file = CaseFile(reference=CaseReference(""), role=Role.UNKNOWN)
    rows = tuple(row for row in guarding(content.type) if row.evaluated_by is not EvaluatedBy.DESTINATION)
    found = _unmet(case_file, Asked.of(content), rows)
    by_itself = any(row.number in _WITHOUT_DOCUMENTS for row, _ in found)
    if not by_itself and any(entry.code == ABSENT for _, entries in found for entry in entries):
        raise PredecessorMissing(
            "conversation.predecessor_missing", "a document that the message rests on has not come"
        )
    _refuse(found)


def ready(
    case_file: CaseFile,
    message_type: str,
    now: datetime,
    *,
    sender: Address,
    recipient: Address,
    thread: ThreadId | None = None,
    in_reply_to: MessageId | None = None,
) -> NotAcceptable | None:
    """What would be refused at `now` before anybody has written the message: by the same checks, on what
    others must have supplied. None: nothing is missing that is known to be needed."""
    asked = prospective(
        case_file,
        message_type,
        now,
        sender=sender,
        recipient=recipient,
        thread=thread,
        in_reply_to=in_reply_to,
    )
    try:
        _refuse(_unmet(case_file, asked, _protection_first(guarding(message_type))))
    except NotAcceptable as refusal:
        return refusal
    return None


def ready_reads_documents(message_type: str, *, withheld: bool) -> bool:
    """Whether what `ready` says of such a message depends on the file's documents. Of other messages whose
    safeguards look into the file (an outcome, a decision, a closure) they ask what is written in them."""
    if message_type == SUSPENSION:
        return withheld
    return message_type in _RESTS_ON_OTHERS


def unmet(case_file: CaseFile, asked: Asked) -> tuple[tuple[Safeguard, tuple[Missing, ...]], ...]:
    """Every safeguard of such a message that does not hold on this file, and what is missing for it;
    protection aside."""
    rows = (row for row in guarding(asked.type) if row.evaluated_by is not EvaluatedBy.DESTINATION)
    return _unmet(case_file, asked, tuple(rows))


def _protection_first(rows: tuple[Safeguard, ...]) -> tuple[Safeguard, ...]:
    return tuple(sorted(rows, key=lambda row: row.number != _PROTECTION))


def _unmet(
    file: CaseFile, asked: Asked, rows: tuple[Safeguard, ...]
) -> tuple[tuple[Safeguard, tuple[Missing, ...]], ...]:
    found = (
        (
            row,
            tuple(
                dict.fromkeys(lack for view in file.views for lack in CHECKS[row.number](row, view, asked))
            ),
        )
        for row in rows
    )
    return tuple((row, missing) for row, missing in found if missing)


def _refuse(found: tuple[tuple[Safeguard, tuple[Missing, ...]], ...]) -> None:
    if found:
        first, _ = found[0]
        raise NotAcceptable(first.code, first.name, missing=_each_once(found))


def _each_once(found: tuple[tuple[Safeguard, tuple[Missing, ...]], ...]) -> tuple[Missing, ...]:
    """What several safeguards lack is named once, with the sources of all of them."""
    sources: dict[tuple[str, str], list[str]] = {}
    for entry in (entry for _, entries in found for entry in entries):
        sources.setdefault((entry.code, entry.supplier), []).append(entry.source)
    return tuple(
        Missing(code=code, supplier=supplier, source="; ".join(dict.fromkeys(cited)))
        for (code, supplier), cited in sources.items()
    )
