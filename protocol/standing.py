"""Whether what was agreed, or concluded, still stands: a view over the file, never stored.

An agreement is in force while every safeguard holds for it on the whole file. It suspends by itself: what it
rests on is fixed in its bytes, so a fact that came later is one that it does not rest on. And it leaves
suspension only by a new version with new signatures: nothing else can change what it rests on. Two agreements
of which neither amends the other leave neither in force.

Once the child was handed over under it, nothing suspends it any more: guardian, appeal, consent and the age
of a report stop mattering, and a new risk is shown as a concern, because a child is with that carer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protocol.agreed import accepted_on_paper, agreed_version, ended, handed_over, rivals, suspensions
from protocol.agreement import ACCEPTANCE
from protocol.case_file import CaseFile, Document
from protocol.currency import ASSESSMENT, superseded
from protocol.material_facts import facts, is_new_risk, row_of, unweighed
from protocol.safeguards import unmet
from protocol.safeguards.asked import Asked, as_version, listed
from protocol.safeguards.decision import weighed_by
from protocol.safeguards.sending import WITHHELD

__all__ = ["AgreementStanding", "Reason", "agreement", "assessment_superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an agreement does not stand, or what worries. `code`: of the vocabulary `suspension-reason`;
    `document`: the digest of the document that causes it, where one does."""

    code: str
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementStanding:
    """`accepted-on-paper`: as in force, and one State has not signed; `on_paper`: also of a suspended one.
    `version`: the message that put what is agreed. `reasons`: why it is suspended; none when in force.
    `concerns`: new risks after the handover."""

    state: Literal["in-force", "accepted-on-paper", "suspended"]
    version: Document
    reasons: tuple[Reason, ...] = ()
    concerns: tuple[Reason, ...] = ()
    on_paper: bool = False


def agreement(file: CaseFile, thread: str, now: datetime) -> AgreementStanding | None:
    """How the agreement of this conversation stands at `now`; None while nothing is agreed, or once it is
    revoked or otherwise ended."""
    version = agreed_version(file, thread)
    if version is None or ended(file, thread):
        return None
    on_paper = accepted_on_paper(file, version) is not None
    stands: Literal["in-force", "accepted-on-paper"] = "accepted-on-paper" if on_paper else "in-force"
    new = _facts_not_known_to(file.together, version)
    if handed_over(file, version):
        concerns = tuple(_reason(fact) for fact in new if is_new_risk(fact))
        return AgreementStanding(state=stands, version=version, concerns=concerns, on_paper=on_paper)
    said = (
        Reason(code=str(one.coded.get("suspension_reason")), document=one.digest)
        for one in suspensions(file, thread)
    )
    beside = (Reason(code="other", document=rival.digest) for rival in rivals(file.together, version))
    found = (*said, *(_reason(fact) for fact in new), *beside, *_safeguards(file, version, now))
    reasons = tuple(dict.fromkeys((*found, *_protection(file))))
    # A safeguard that fails because of a fact is that fact's reason, said once.
    caused = {reason.code for reason in reasons if reason.document is not None}
    reasons = tuple(one for one in reasons if one.document is not None or one.code not in caused)
    return AgreementStanding(
        state="suspended" if reasons else stands, version=version, reasons=reasons, on_paper=on_paper
    )


def assessment_superseded(file: CaseFile, thread: str) -> tuple[Document, ...] | None:
    """What the newest final assessment of this conversation did not weigh, or the one that replaced it; empty
    while it is current, None while there is none."""
    finals = [one for one in file.in_thread(thread) if one.type == ASSESSMENT]
    if not finals:
        return None
    current = [one for one in finals if not superseded(file, one)]
    if not current:
        elsewhere = (one for one in file.of_type(ASSESSMENT) if not superseded(file, one))
        return tuple(sorted(elsewhere, key=lambda one: one.digest)) or tuple(finals)
    newest = max(current, key=lambda one: (one.issued_at, one.digest))
    return unweighed(file.together, listed(newest.coded, "considered"))


def _facts_not_known_to(file: CaseFile, version: Document) -> tuple[Document, ...]:
    """Material facts that neither the version nor a conclusion that it rests on has named."""
    rests_on = as_version(version).rests_on
    known: set[str] = set(listed(rests_on, "social_inquiries"))
    for name in ("risk_assessment", "child_views", "guardian_notice", "best_interests", "identity_result"):
        cited = file.cited(rests_on.get(name))
        if cited is not None:
            known |= {cited.digest, *weighed_by(file, cited)}
    return tuple(fact for fact in facts(file) if fact.digest not in known)


def _safeguards(file: CaseFile, version: Document, now: datetime) -> tuple[Reason, ...]:
    """The safeguards, asked as if the version were accepted now."""
    asked = Asked(
        type=ACCEPTANCE,
        sender=version.recipient,
        recipient=version.sender,
        thread=version.thread,
        in_reply_to=version.id,
        coded={},
        issued_at=now,
    )
    return tuple(Reason(code=row.suspends) for row, _ in unmet(file, asked))


def _protection(file: CaseFile) -> tuple[Reason, ...]:
    """Only the State where the child is has this reason, and only under the code that several share."""
    return (Reason(code=WITHHELD),) if file.withheld else ()


def _reason(fact: Document) -> Reason:
    row = row_of(fact)
    assert row is not None, "only material facts are asked about"
    return Reason(code=row.suspends, document=fact.digest)
