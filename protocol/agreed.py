"""What two States have agreed in a conversation, read from the set of what was said there.

A version is agreed when authorities of both its States have accepted it, each for its own State, and name the
same agreement. Silence, a deadline that passed, and one State's acceptance give nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol.agreement import ACCEPTANCE, VERSIONS
from protocol.case_file import CaseFile, Document

__all__ = [
    "SUSPENSION",
    "acceptances",
    "agreed_version",
    "agreement_of",
    "handed_over",
    "revoked",
    "suspensions",
]

SUSPENSION = "durable-solution.suspension"
_REVOCATION = "durable-solution.revocation"
_HANDOVER = "handover.confirmation"


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
    if len(version.states) != 2:
        return None
    named: dict[str, set[str]] = {}
    for one in acceptances(file, version):
        named.setdefault(str(one.coded.get("agreement")), set()).add(one.state)
    return next((digest for digest, states in sorted(named.items()) if states == version.states), None)


def agreed_version(file: CaseFile, thread: str) -> Document | None:
    """The version that is agreed now: agreed, and no agreed version amends it."""
    agreed = [
        one for one in file.in_thread(thread) if one.type in VERSIONS and agreement_of(file, one) is not None
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
            if agreement_of(file, one) is not None:
                lifted.update(one.coded.get("lifts") or ())
    return tuple(
        sorted(
            (one for one in file.in_thread(thread) if one.type == SUSPENSION and one.id not in lifted),
            key=lambda one: one.digest,
        )
    )


def revoked(file: CaseFile, thread: str) -> bool:
    return any(one.type == _REVOCATION for one in file.in_thread(thread))


def handed_over(file: CaseFile, version: Document) -> bool:
    """A handover under this version was confirmed."""
    agreement = agreement_of(file, version)
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
