"""Which version of a document counts: the one that no later one says it replaces.

Replacing is said, not read off clocks. Only the State that said something can replace it. Where one State
said the same kind of thing twice without saying that the second replaces the first, both stand: each may
forbid, and only the newest may be relied on. That order is by one State's own signed times, then by digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from protocol.case_file import CaseFile, Document

__all__ = ["newest", "standing_versions", "superseded"]

ASSESSMENT = "risk-assessment.final"
_DISPUTE = "risk-assessment.dispute"


def superseded(file: CaseFile, document: Document) -> bool:
    """A later document of the same type and State says that it replaces this one."""
    return any(
        document.id in _replaced_by(file, later)
        for later in file.of_type(document.type)
        if later.state == document.state and later.digest != document.digest
    )


def standing_versions(file: CaseFile, document_type: str, states: Iterable[str] = ()) -> tuple[Document, ...]:
    """Documents of that type that nothing replaces, oldest first; only those between `states`, where given.

    A statement to one State does not reach another: what two States agree on rests on what they told each
    other.
    """
    between = frozenset(states)
    return tuple(
        sorted(
            (
                one
                for one in file.of_type(document_type)
                if (not between or one.states == between) and not superseded(file, one)
            ),
            key=lambda one: (one.issued_at, one.digest),
        )
    )


def newest(file: CaseFile, document_type: str, states: Iterable[str] = ()) -> Document | None:
    versions = standing_versions(file, document_type, states)
    return versions[-1] if versions else None


def _replaced_by(file: CaseFile, later: Document) -> Iterator[str]:
    replaces = later.coded.get("replaces")
    if replaces is not None:
        yield replaces
    if later.type != ASSESSMENT or later.in_reply_to is None:
        return
    # A new conclusion in answer to the old one, or to a dispute of it, takes its place without saying so.
    yield later.in_reply_to
    answered = file.message(later.in_reply_to)
    if answered is not None and answered.type == _DISPUTE:
        disputed = file.cited(answered.coded.get("final_assessment"))
        if disputed is not None:
            yield disputed.id
