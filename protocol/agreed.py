"""What two States have agreed in a conversation, read from the set of what was said there.

A version is agreed when authorities of both its States have accepted it, each for its own State, naming the
same agreement, and nobody refused it. Silence, a deadline that passed, and one State's acceptance give
nothing. The same reading as `protocol.conversations.durable_solution` makes of a thread, here of a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.agreement import ACCEPTANCE, VERSIONS
from protocol.case_file import CaseFile, Document
from protocol.messages.relay_attestation import CONSENT_FORMS, IDENTIFIED

__all__ = [
    "SUSPENSION",
    "acceptances",
    "accepted_on_paper",
    "agreed_version",
    "agreement_of",
    "ended",
    "handed_over",
    "paper_consents",
    "rivals",
    "settled",
    "suspensions",
]

SUSPENSION = "durable-solution.suspension"
_REVOCATION = "durable-solution.revocation"
_HANDOVER = "handover.confirmation"
_ATTESTATION = "relay.attestation"


def acceptances(file: CaseFile, version: Document) -> tuple[Document, ...]:
    """Acceptances of that version by its two States. An international body accepts for no State."""
    return tuple(
        one
        for one in file.in_thread(version.thread)
        if one.type == ACCEPTANCE
        and one.in_reply_to == version.id
        and one.state in version.states
        and one.state != "int"
    )


def agreement_of(file: CaseFile, version: Document) -> str | None:
    """The digest of the agreement that both States accepted; None while they have not."""
    if len(version.states) != 2 or _refused(file, version):
        return None
    named: dict[str, set[str]] = {}
    for one in acceptances(file, version):
        named.setdefault(str(one.coded.get("agreement")), set()).add(one.state)
    return next((digest for digest, states in sorted(named.items()) if states == version.states), None)


def paper_consents(file: CaseFile, version: Document) -> tuple[Document, ...]:
    """Attestations that a State of that version accepted it on paper, each confirmed by two people of the
    other State."""
    return tuple(
        one
        for one in file.in_thread(version.thread)
        if one.type == _ATTESTATION
        and one.via is not None
        and one.in_reply_to == version.id
        and one.state in version.states
        and one.coded.get("agreement") is not None
        and one.coded.get("original_form") in CONSENT_FORMS
        and one.coded.get("authentication") in IDENTIFIED
        and one.digest in file.confirmed
    )


def accepted_on_paper(file: CaseFile, version: Document) -> str | None:
    """The digest of what one State signed and the other accepted on paper; None where both signed, and where
    nothing is settled."""
    if agreement_of(file, version) is not None or len(version.states) != 2 or _refused(file, version):
        return None
    signed = {(one.state, str(one.coded.get("agreement"))) for one in acceptances(file, version)}
    for consent in sorted(paper_consents(file, version), key=lambda one: one.digest):
        (other,) = version.states - {consent.state}
        named = str(consent.coded["agreement"])
        if (other, named) in signed:
            return named
    return None


def settled(file: CaseFile, version: Document) -> str | None:
    """The digest of what is agreed, or accepted on paper: what may be carried out."""
    return agreement_of(file, version) or accepted_on_paper(file, version)


def agreed_version(file: CaseFile, thread: str) -> Document | None:
    """The version that is agreed now, or accepted on paper, and that no other such version amends."""
    agreed = [
        one for one in file.in_thread(thread) if one.type in VERSIONS and settled(file, one) is not None
    ]
    opener = file.message(thread)
    asker = opener.state if opener is not None else ""
    overtaken = {above.id for one in agreed for above in _ancestors(file, one)}
    left = sorted(
        (one for one in agreed if one.id not in overtaken), key=lambda one: (one.state != asker, one.digest)
    )
    return left[0] if left else None


def suspensions(file: CaseFile, thread: str) -> tuple[Document, ...]:
    """Suspensions that nothing agreed has lifted: an agreed version lifts those that it names."""
    version = agreed_version(file, thread)
    lifted: set[str] = set()
    if version is not None:
        for one in (version, *_ancestors(file, version)):
            if settled(file, one) is not None:
                lifted.update(one.coded.get("lifts") or ())
    return tuple(
        sorted(
            (one for one in file.in_thread(thread) if one.type == SUSPENSION and one.id not in lifted),
            key=lambda one: one.digest,
        )
    )


def ended(file: CaseFile, thread: str) -> bool:
    """A side revoked, the asker withdrew, or a version was refused before anything was agreed. An end said by
    either side holds, also against an acceptance that it crossed."""
    opener = file.message(thread)
    for one in file.in_thread(thread):
        if one.type == _REVOCATION:
            return True
        if one.type == "withdraw" and (opener is None or one.state == opener.state):
            return True
        if one.type in VERSIONS and _refused(file, one):
            before = (settled(file, above) for above in _ancestors(file, one))
            if not any(agreement is not None for agreement in before):
                return True
    return False


def rivals(file: CaseFile, version: Document) -> tuple[Document, ...]:
    """What is agreed in other conversations of the case and takes this version's place, or stands beside it:
    a child goes to one place.

    An agreement that amends this one is a rival of it, and not the other way round. One that something else
    has amended in its turn is none. Agreements with two States about the same solution in the same country
    are no rivals.
    """
    threads = {one.thread for one in file.of_type(*VERSIONS)} - {version.thread}
    candidates = (agreed_version(file, thread) for thread in sorted(threads) if not ended(file, thread))
    others = [other for other in candidates if other is not None]
    amended = {str(one.coded.get("amends")) for one in (version, *others)}
    own = settled(file, version)
    return tuple(
        other
        for other in others
        if settled(file, other) not in amended
        and (
            other.coded.get("amends") == own
            or other.states == version.states
            or _place(other) != _place(version)
        )
    )


def _place(version: Document) -> tuple[object, object]:
    terms = version.coded.get("terms") or {}
    return terms.get("solution"), terms.get("receiving_country")


def _refused(file: CaseFile, version: Document) -> bool:
    return any(
        one.type == "durable-solution.refusal" and one.in_reply_to == version.id
        for one in file.in_thread(version.thread)
    )


def handed_over(file: CaseFile, version: Document) -> bool:
    """A handover under this version was confirmed."""
    agreement = settled(file, version)
    return agreement is not None and any(
        one.type == _HANDOVER and one.coded.get("agreement") == agreement
        for one in file.in_thread(version.thread)
    )


def _ancestors(file: CaseFile, version: Document) -> Iterator[Document]:
    seen = {version.id}
    above = file.message(version.in_reply_to)
    while above is not None and above.type in VERSIONS and above.id not in seen:
        seen.add(above.id)
        yield above
        above = file.message(above.in_reply_to)
