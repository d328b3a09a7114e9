"""From what was said on cases to distinct cases with one category in each dimension.

A case counts once, by its case reference, however often it was notified and to how many States, and once
too where `case.alias` says that a child was referred twice. A child who was found not to be a victim of
trafficking is not counted; a presumed victim is. The newest notification is what counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from protocol.identifiers import Address, CaseReference, StateCode, state_of
from protocol.statistics.dimensions import AGE, CORRIDOR, FORM, REACH, SEVERAL, SEX, Dimension

__all__ = ["COUNTED_TYPES", "CountedCase", "Told", "counted_cases"]

COUNTED_TYPES: Final = (
    "case.notification",
    "age.outcome",
    "case.alias",
    "case.closure",
    "case.reopening",
)
"""The message types that statistics read: their coded parts alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message that was said or taken at a node, by its coded part."""

    case: CaseReference
    type: str
    sender: Address
    recipient: Address
    recorded_at: datetime
    coded: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCase:
    """One child. `references`: usually one; `known_since`: when the first notification was recorded here.

    `role`: this State's in the case that came first. `values`: its category by dimension.
    """

    reference: CaseReference
    references: frozenset[CaseReference]
    known_since: datetime
    role: Literal["destination", "origin"]
    open: bool
    values: Mapping[str, str]


@dataclass(slots=True)
class _Kept:
    """What is known of one reference so far."""

    first: Told | None = None
    newest: Told | None = None
    trafficking_status: str | None = None
    age_outcome: Mapping[str, Any] = field(default_factory=dict)
    closed: bool = False


def counted_cases(told: Iterable[Told], *, state: StateCode) -> tuple[CountedCase, ...]:
    """The distinct cases, in the order in which this node, of `state`, came to know of them.

    `told` is in the order of recording; types that are not of `COUNTED_TYPES` say nothing here.
    """
    kept: dict[CaseReference, _Kept] = {}
    same: list[tuple[CaseReference, CaseReference]] = []
    for one in told:
        case = kept.setdefault(one.case, _Kept())
        match one.type:
            case "case.notification":
                case.first = case.first or one
                case.newest = one
                case.trafficking_status = one.coded.get("trafficking_status")
            case "age.outcome":
                case.age_outcome = one.coded
            case "case.alias" if one.coded.get("same_as") is not None:
                same.append((one.case, CaseReference(one.coded["same_as"])))
            case "case.closure":
                case.closed = True
                case.trafficking_status = one.coded.get("trafficking_status")
            case "case.reopening":
                case.closed = False
    children = _one_child_each([reference for reference, one in kept.items() if one.first is not None], same)
    counted = (_counted({one: kept[one] for one in child}, state) for child in children)
    return tuple(sorted((one for one in counted if one is not None), key=lambda one: one.known_since))


def _one_child_each(
    notified: list[CaseReference], same: Iterable[tuple[CaseReference, CaseReference]]
) -> list[list[CaseReference]]:
    """References that stand for one child. One that was never notified here joins nothing."""
    child = {reference: [reference] for reference in notified}
    for one, other in same:
        if one in child and other in child and child[one] is not child[other]:
            joined = child[one] + child[other]
            for reference in joined:
                child[reference] = joined
    return list({id(references): references for references in child.values()}.values())


def _counted(child: Mapping[CaseReference, _Kept], state: StateCode) -> CountedCase | None:
    told = [(reference, one, one.first) for reference, one in child.items() if one.first is not None]
    reference, _, first = min(told, key=lambda one: (one[2].recorded_at, one[0]))
    _, kept, newest = max(
        ((reference, one, one.newest or first) for reference, one, first in told),
        key=lambda one: (one[2].recorded_at, one[0]),
    )
    if kept.trafficking_status == "not-a-victim":
        return None
    destination, origin = state_of(newest.sender), state_of(newest.recipient)
    return CountedCase(
        reference=reference,
        references=frozenset(child),
        known_since=first.recorded_at,
        role="destination" if state_of(first.sender) == state else "origin",
        open=not all(one.closed for one in child.values()),
        values=MappingProxyType(
            {
                SEX.name: _known(SEX, newest.coded.get(SEX.name)),
                AGE.name: _age(newest.coded, kept.age_outcome),
                FORM.name: _form(newest.coded.get(FORM.name, ())),
                REACH.name: _known(REACH, newest.coded.get(REACH.name)),
                CORRIDOR: f"{destination}-{origin}",
            }
        ),
    )


def _known(dimension: Dimension, code: object) -> str:
    return code if isinstance(code, str) and code in dimension.categories else dimension.residual


def _age(coded: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """The band when first trafficked, as far as an age procedure leaves it standing.

    Nobody was older then than now: a lower band takes its place. Where the child was found to be an adult
    the notified band rested on a presumption that is gone, and nothing is known of the age then.
    """
    band = _known(AGE, coded.get(AGE.name))
    if outcome.get("age_outcome") == "adult":
        return AGE.residual
    now = _known(AGE, outcome.get("age_band"))
    if AGE.residual in (band, now):
        return band
    return min(band, now, key=AGE.categories.index)


def _form(codes: Iterable[str]) -> str:
    broad = {"/".join(code.split("/")[:2]) for code in codes}
    named = {code for code in broad if code in FORM.categories and code != FORM.residual}
    if len(named) > 1:
        return SEVERAL
    return named.pop() if named else FORM.residual
