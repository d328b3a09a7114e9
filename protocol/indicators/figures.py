"""The requests of a year, counted: per pair of States and procedure.

A share has two numbers: how many did, and of how many it can be said. Of a request whose time was not over,
or that had ended otherwise before its time was over, it cannot be said.

**Days to the answer.** The day begun counts as a day. The median and the 90th percentile are taken over those
answered and those that should have been, lapsed or still open: an answer that is not there is longer than any
that is. Declined, withdrawn and concluded requests are left out. Of n sorted durations the p-th percentile is
the one in place ⌈p·n/100⌉ (nearest rank; the lower one of two middles). Where that place belongs to an answer
that is not there, there is none to tell: "not reached". So a State does not look fast by answering a few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from protocol.identifiers import StateCode
from protocol.indicators.requests import Measured, Outcome
from protocol.json_strict import Json

__all__ = ["DEFINITION", "Figures", "Row", "Share", "Tally", "nearest_rank", "year_of"]

DEFINITION: Final = 2
"""Of these figures. A change that makes a node count otherwise counts it up: others are not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`part` of `of`."""

    part: int
    of: int

    @property
    def percent(self) -> int | None:
        """Rounded down: a hundred is all. None of nothing."""
        return self.part * 100 // self.of if self.of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`days_of`: over how many requests the percentiles are taken; None where the place is not reached.
    `paused` requests had the clock stopped, for `paused_seconds` together."""

    requests: int
    accepted_in_seven_days: Share
    accepted_in_time: Share
    answered_in_time: Share
    answered_in_first_time: Share
    days_of: int
    median_days: int | None
    ninetieth_days: int | None
    answered: int
    lapsed: int
    open: int
    declined: int
    withdrawn: int
    concluded: int
    extended: int
    redirected: int
    paused: int
    paused_seconds: int

    def to_json(self) -> Json:
        """Whole numbers by name; one that is not reached is left out."""
        told: Json = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, Share):
                told[name], told[f"{name}_of"] = value.part, value.of
            elif value is not None:
                told[name] = value
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of one procedure, of requests of one State to another."""

    asking: StateCode
    answering: StateCode
    procedure: str
    figures: Figures


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    shares: Counter[tuple[str, bool]] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    paused: timedelta = timedelta()
    # One number for each answer: all that grows with the year.
    days: list[int] = field(default_factory=list)


_SHARES: Final = (
    "accepted_in_seven_days",
    "accepted_in_time",
    "answered_in_time",
    "answered_in_first_time",
)


class Tally:
    """Takes measured requests one by one. What it keeps is the counts, and a number for each answer."""

    def __init__(self) -> None:
        self._counts: dict[tuple[StateCode, StateCode, str], _Counts] = {}

    def add(self, one: Measured) -> None:
        counts = self._counts.setdefault((one.asking, one.answering, one.procedure), _Counts())
        counts.requests += 1
        counts.outcomes[one.outcome] += 1
        for name in _SHARES:
            said: bool | None = getattr(one, name)
            if said is not None:
                counts.shares[name, said] += 1
        counts.flags["extended"] += one.extended
        counts.flags["redirected"] += one.redirected
        counts.flags["paused"] += one.paused > timedelta()
        counts.paused += one.paused
        if one.answered_after is not None:
            counts.days.append(_days_begun(one.answered_after))

    def rows(self) -> tuple[Row, ...]:
        """By asking State, answering State and procedure, in the order of the alphabet."""
        return tuple(self._rows())

    def _rows(self) -> Iterator[Row]:
        for (asking, answering, procedure), counts in sorted(self._counts.items()):
            yield Row(asking=asking, answering=answering, procedure=procedure, figures=_figures(counts))


def _figures(counts: _Counts) -> Figures:
    days = sorted(counts.days)
    missing = counts.outcomes[Outcome.LAPSED] + counts.outcomes[Outcome.OPEN]
    population: Sequence[int | None] = [*days, *[None] * missing]
    share = {
        name: Share(part=counts.shares[name, True], of=counts.shares[name, True] + counts.shares[name, False])
        for name in _SHARES
    }
    return Figures(
        requests=counts.requests,
        accepted_in_seven_days=share["accepted_in_seven_days"],
        accepted_in_time=share["accepted_in_time"],
        answered_in_time=share["answered_in_time"],
        answered_in_first_time=share["answered_in_first_time"],
        days_of=len(population),
        median_days=nearest_rank(population, 50),
        ninetieth_days=nearest_rank(population, 90),
        answered=counts.outcomes[Outcome.ANSWERED],
        lapsed=counts.outcomes[Outcome.LAPSED],
        open=counts.outcomes[Outcome.OPEN],
        declined=counts.outcomes[Outcome.DECLINED],
        withdrawn=counts.outcomes[Outcome.WITHDRAWN],
        concluded=counts.outcomes[Outcome.CONCLUDED],
        extended=counts.flags["extended"],
        redirected=counts.flags["redirected"],
        paused=counts.flags["paused"],
        paused_seconds=int(counts.paused.total_seconds()),
    )


def nearest_rank[T](ordered: Sequence[T], percentile: int) -> T | None:
    """The value in place ⌈percentile·n/100⌉, counted from one; None of nothing."""
    return ordered[-(-percentile * len(ordered) // 100) - 1] if ordered else None


def _days_begun(span: timedelta) -> int:
    return -(-span // timedelta(days=1))


def year_of(year: int) -> tuple[datetime, datetime]:
    """From its first instant to the first of the next, in UTC."""
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
