"""Indicators for the public: whole years, once, and no small number.

The two States may see every figure, for they hold every message; others may not, because with few requests on
a corridor a figure is one child's case. What is published follows the first rule of
`protocol.statistics.disclosure`: of each question all requests are told in blocks of at least ten, or nothing
is. The questions are those that do not follow from each other: how the request ended, whether it was accepted
within seven days, extended, redirected. That a deadline for acceptance was kept is left out, because the
difference to the seven days would be a small group. A median is told when at least ten were answered.

A year is published as of one instant, half a year after its end, and what counts as of an instant stays as it
is: so there is no second publication to subtract. Threshold and instant are project choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from protocol.identifiers import CaseReference, StateCode
from protocol.indicators.figures import Row
from protocol.json_strict import Json
from protocol.statistics.dimensions import Dimension
from protocol.statistics.disclosure import THRESHOLD, Block, Placed, telling

__all__ = ["PublishedRow", "Question", "published", "published_as_of", "published_year"]

_OUTCOME: Final = Dimension(
    name="outcome",
    scheme=None,
    categories=(
        "answered-in-time",
        "answered-late",
        "lapsed",
        "open",
        "declined",
        "withdrawn",
        "concluded",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All requests by one question: the count of each block. A block of several categories tells their sum,
    and none of them."""

    name: str
    cells: tuple[tuple[Block, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """`requests` is None, and nothing else is told, where they are fewer than `threshold`."""

    asking: StateCode
    answering: StateCode
    procedure: str
    threshold: int
    requests: int | None
    questions: tuple[Question, ...] = ()
    days_told: bool = False
    median_days: int | None = None
    ninetieth_days: int | None = None

    def to_json(self) -> Json:
        told: Json = {"asking": self.asking, "answering": self.answering, "procedure": self.procedure}
        told["suppressed"] = self.requests is None
        if self.requests is None:
            return told
        told["requests"] = self.requests
        told["questions"] = [
            {
                "question": one.name,
                "cells": [{"categories": list(block), "count": count} for block, count in one.cells],
            }
            for one in self.questions
        ]
        days = {"median_days": self.median_days, "ninetieth_days": self.ninetieth_days}
        return told | {name: value for name, value in days.items() if value is not None}


def published_as_of(year: int) -> datetime:
    """As of when the year is published: the first of July after it."""
    return datetime(year + 1, 7, 1, tzinfo=UTC)


def published_year(latest: datetime) -> int:
    """The newest year that is published when `latest` is the latest instant that has settled."""
    year = latest.astimezone(UTC).year - 1
    return year if published_as_of(year) <= latest else year - 1


def published(row: Row, *, threshold: int = THRESHOLD) -> PublishedRow:
    """What may be told of a row to everybody."""
    figures = row.figures
    if figures.requests < threshold:
        return PublishedRow(
            asking=row.asking,
            answering=row.answering,
            procedure=row.procedure,
            threshold=threshold,
            requests=None,
        )
    in_time = figures.answered_in_time.part
    outcomes = {
        "answered-in-time": in_time,
        "answered-late": figures.answered - in_time,
        "lapsed": figures.lapsed,
        "open": figures.open,
        "declined": figures.declined,
        "withdrawn": figures.withdrawn,
        "concluded": figures.concluded,
    }
    questions = [
        _question(_OUTCOME, outcomes, threshold),
        _yes_or_no("extended", figures.extended, figures.requests, threshold),
        _yes_or_no("redirected", figures.redirected, figures.requests, threshold),
    ]
    # Where acceptance is the answer, the one question would follow from the other.
    if figures.accepted_in_seven_days.of and row.procedure != "case":
        accepted = figures.accepted_in_seven_days.part
        questions.insert(1, _yes_or_no("accepted-in-seven-days", accepted, figures.requests, threshold))
    days = figures.answered >= threshold
    return PublishedRow(
        asking=row.asking,
        answering=row.answering,
        procedure=row.procedure,
        threshold=threshold,
        requests=figures.requests,
        questions=tuple(questions),
        days_told=days,
        median_days=figures.median_days if days else None,
        ninetieth_days=figures.ninetieth_days if days else None,
    )


def _yes_or_no(name: str, yes: int, of: int, threshold: int) -> Question:
    dimension = Dimension(name=name, scheme=None, categories=(name, f"not-{name}"))
    return _question(dimension, {name: yes, f"not-{name}": of - yes}, threshold)


def _question(dimension: Dimension, counts: Mapping[str, int], threshold: int) -> Question:
    # The references only have to be different: nothing was told before that they could be found in.
    placed = [
        Placed(reference=CaseReference(f"{category}-{number}"), category=category)
        for category in dimension.categories
        for number in range(counts[category])
    ]
    blocks = telling(dimension, placed, [], coarsen=False, threshold=threshold) or ()
    return Question(
        name=dimension.name,
        cells=tuple((block, sum(counts[category] for category in block)) for block in blocks),
    )
