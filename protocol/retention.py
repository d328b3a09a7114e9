"""How long the erasable parts of a case are kept, as data (`retention.json`), and what is due when.

    closed ──────────────── kept ────────────────┬── blocked ──┬ erased
                                     `blocked_days` before     `months` after the closure

A corridor may lengthen or shorten a period; beyond the rule's limits the limit counts. Where several
corridors meet in a case the shortest counts: who was promised an erasure gets it, and what has to be kept
longer is for a legal hold. All periods are project choices.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal, cast

from protocol.conversations import Thread
from protocol.conversations.case import CLOSURE, REOPENING
from protocol.deadlines import Duration, parse_duration

__all__ = [
    "ERASABLE",
    "DueParts",
    "ErasablePart",
    "RetentionRule",
    "agreed_rules",
    "closed_since",
    "default_rules",
    "due_dates",
]

type ErasablePart = Literal["identity", "narrative"]

ERASABLE: tuple[ErasablePart, ...] = ("identity", "narrative")

_OPEN_STATES = frozenset({"notified", "accepted", "redirected"})
_MONTH = 31
"""Days, for comparing lengths alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """`months`, and `days`, after the closure the part is erased; for the last `blocked_days` of them nobody
    reads it."""

    part: ErasablePart
    months: int
    blocked_days: int
    days: int = 0
    least_months: int
    most_months: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueParts:
    """When a part is blocked and when it is erased."""

    part: ErasablePart
    blocked_from: datetime
    erased_from: datetime


@cache
def default_rules() -> Mapping[ErasablePart, RetentionRule]:
    """By part; what is kept for good is not among them."""
    text = resources.files("protocol").joinpath("retention.json").read_text("utf-8")
    rows = [row for row in json.loads(text)["rules"] if row["months"] is not None]
    return MappingProxyType({row["part"]: _rule(row) for row in rows})


def agreed_rules(corridors: Iterable[str]) -> Mapping[ErasablePart, RetentionRule]:
    """The rules with what corridors agreed on, as lengths (`P24M`): the shortest where they differ.

    Refuses `deadline.duration` for what is no length.
    """
    agreed = min((parse_duration(text) for text in corridors), key=_about, default=None)
    if agreed is None:
        return default_rules()
    rules = {}
    for part, rule in default_rules().items():
        months, days = agreed.months, agreed.days
        if _about(agreed) < rule.least_months * _MONTH:
            months, days = rule.least_months, 0
        elif _about(agreed) > rule.most_months * _MONTH:
            months, days = rule.most_months, 0
        rules[part] = replace(rule, months=months, days=days)
    return MappingProxyType(rules)


def closed_since(threads: Iterable[Thread]) -> datetime | None:
    """Since when a case is closed: the signed date of its last closure. None while one of its `case`
    conversations goes on, or none was closed."""
    of_case = [thread for thread in threads if thread.procedure == "case"]
    if any(thread.state in _OPEN_STATES for thread in of_case):
        return None
    return max((at for thread in of_case for at in _closures(thread)), default=None)


def due_dates(closed_at: datetime, rules: Mapping[ErasablePart, RetentionRule]) -> tuple[DueParts, ...]:
    """When each part is due, in the order of `ERASABLE`."""
    found = []
    for part in ERASABLE:
        rule = rules[part]
        erased = _months_after(closed_at, rule.months) + timedelta(days=rule.days)
        blocked = max(closed_at, erased - timedelta(days=rule.blocked_days))
        found.append(DueParts(part=part, blocked_from=blocked, erased_from=erased))
    return tuple(found)


def _about(length: Duration) -> int:
    return length.months * _MONTH + length.days + length.working_days * 7 // 5


def _closures(thread: Thread) -> Iterable[datetime]:
    reopened = {entry.in_reply_to for entry in thread.said(REOPENING)}
    return (entry.at for entry in thread.said(CLOSURE) if entry.id not in reopened)


def _months_after(moment: datetime, months: int) -> datetime:
    """The same day of a later month; the last one where that month is shorter."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def _rule(row: Mapping[str, Any]) -> RetentionRule:
    return RetentionRule(
        part=cast("ErasablePart", row["part"]),
        months=row["months"],
        blocked_days=row["blocked_days"],
        least_months=row["least_months"],
        most_months=row["most_months"],
        reason=row["reason"],
    )
