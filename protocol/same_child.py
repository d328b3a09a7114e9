"""One child under several case references, as `case.alias` says it.

What is said links two references, whoever said it. A claim only ever tightens: whatever forbids something
under one reference forbids it under all of them, and nothing that is known under one makes anything allowed
under another (project choice). So a wrong claim, or a hostile one, can hold a case up and never let it go.
"""

from __future__ import annotations

from collections.abc import Iterable

from protocol.case_file import ProtectionStatus
from protocol.identifiers import CaseReference

__all__ = ["references_of", "strictest"]

_STRICT = (
    ProtectionStatus.NOT_SOUGHT,
    ProtectionStatus.UNKNOWN,
    ProtectionStatus.POSSIBLE,
    ProtectionStatus.SOUGHT,
)


def references_of(
    reference: CaseReference, claims: Iterable[tuple[CaseReference, CaseReference]]
) -> frozenset[CaseReference]:
    """Every reference that these claims lead to from this one, in whatever direction they were made; itself
    too. Claims that lead in a circle lead nowhere new."""
    beside: dict[CaseReference, set[CaseReference]] = {}
    for one, other in claims:
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    found, at_the_edge = {reference}, {reference}
    while at_the_edge:
        at_the_edge = set().union(*(beside.get(one, set()) for one in at_the_edge)) - found
        found |= at_the_edge
    return frozenset(found)


def strictest(statuses: Iterable[ProtectionStatus]) -> ProtectionStatus:
    """Of one child's references where this State is the destination; `not-sought` of none."""
    return max(statuses, key=_STRICT.index, default=ProtectionStatus.NOT_SOUGHT)
