"""A release: one population, told once, as it then was. The same request again gives the same release.

A population is the cases of one role of this State, in

- a **period**: the cases that became known to this node in a calendar year that is over. One that was found
  too late for its own year's release counts in a later year that is not released yet: a year that was told is
  never told with other cases;
- or the **stock** of a past day: the cases that were known and not closed when the day ended (UTC).

Years share no case, so that they cannot be subtracted; a stock shares cases with years and other stocks, and
is refused, or told more coarsely, where a subtraction would reveal a small group (`disclosure`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from protocol import vocabularies
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference
from protocol.statistics.counting import CountedCase
from protocol.statistics.dimensions import CORRIDOR, DIMENSIONS, OTHER, SEX, Dimension, corridors
from protocol.statistics.disclosure import THRESHOLD, Block, Earlier, Placed, block_name, telling

__all__ = [
    "Cell",
    "Population",
    "Release",
    "Released",
    "Role",
    "Table",
    "population",
    "release",
    "release_from_json",
]

type Role = Literal["destination", "origin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Which cases. `year` for a period, `day` for a stock. `by_sex`: each table again within each sex."""

    role: Role
    year: int | None = None
    day: date | None = None
    by_sex: bool = False

    @property
    def id(self) -> str:
        """The release's name, such as `destination-period-2026-by-sex`."""
        when = f"stock-{self.day}" if self.year is None else f"period-{self.year}"
        return f"{self.role}-{when}{'-by-sex' if self.by_sex else ''}"

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        if self.year is not None:
            return datetime(self.year + 1, 1, 1, tzinfo=UTC)
        assert self.day is not None
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """How many cases. `codes`: by dimension, one category, or those that are hidden and told as one sum."""

    codes: tuple[Block, ...]
    count: int

    @property
    def suppressed(self) -> bool:
        return any(len(block) > 1 for block in self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    dimensions: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What leaves the node. No reference, no case, no name in it. `total` is None under the threshold."""

    population: Population
    made_at: datetime
    total: int | None
    tables: tuple[Table, ...]
    threshold: int = THRESHOLD
    vocabulary: str = vocabularies.RELEASE

    def to_json(self) -> dict[str, Any]:
        of = self.population
        return {
            "id": of.id,
            "role": of.role,
            "kind": "stock" if of.year is None else "period",
            **({"day": str(of.day)} if of.year is None else {"year": of.year}),
            "by_sex": of.by_sex,
            "made_at": self.made_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "threshold": self.threshold,
            "vocabulary": self.vocabulary,
            **({} if self.total is None else {"total": self.total}),
            "tables": [
                {
                    "dimensions": list(table.dimensions),
                    "cells": [
                        {
                            "codes": [list(block) for block in cell.codes],
                            "count": cell.count,
                            "suppressed": cell.suppressed,
                        }
                        for cell in table.cells
                    ],
                }
                for table in self.tables
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A release, and what the node remembers of it: each case counted, with the blocks that told of it.

    `counted` stays at the node: later releases are compared with it.
    """

    release: Release
    counted: Earlier


def release_from_json(made: Mapping[str, Any]) -> Release:
    """What `Release.to_json` wrote, from our own store."""
    day = made.get("day")
    return Release(
        population=Population(
            role=made["role"],
            year=made.get("year"),
            day=None if day is None else date.fromisoformat(day),
            by_sex=made["by_sex"],
        ),
        made_at=datetime.fromisoformat(made["made_at"]),
        total=made.get("total"),
        tables=tuple(
            Table(
                dimensions=tuple(table["dimensions"]),
                cells=tuple(
                    Cell(codes=tuple(tuple(block) for block in cell["codes"]), count=cell["count"])
                    for cell in table["cells"]
                ),
            )
            for table in made["tables"]
        ),
        threshold=made["threshold"],
        vocabulary=made["vocabulary"],
    )


def population(
    wanted: Population,
    cases: Iterable[CountedCase],
    released_years: Mapping[int, Collection[CaseReference]],
) -> tuple[CountedCase, ...]:
    """Those of `cases` that are in it. `released_years`: what was counted in each year of the same role.

    For a stock, `cases` are counted from what was told before its end. A year that was released already, and
    is wanted in another shape, has the cases that it had.
    """
    of_role = [case for case in cases if case.role == wanted.role]
    if wanted.year is None:
        return tuple(case for case in of_role if case.open and case.known_since < wanted.ends)
    if wanted.year in released_years:
        before = released_years[wanted.year]
        return tuple(case for case in of_role if not case.references.isdisjoint(before))
    told = {reference for references in released_years.values() for reference in references}

    def belongs(case: CountedCase) -> bool:
        assert wanted.year is not None
        year = case.known_since.astimezone(UTC).year
        late = year < wanted.year and year in released_years
        return told.isdisjoint(case.references) and (year == wanted.year or late)

    return tuple(case for case in of_role if belongs(case))


def release(
    wanted: Population,
    cases: Sequence[CountedCase],
    earlier: Sequence[Earlier],
    *,
    now: datetime,
    coarsen: bool = False,
    dimensions: Sequence[Dimension] = DIMENSIONS,
    threshold: int = THRESHOLD,
) -> Released:
    """Tell of `cases`, which are the population wanted. `earlier`: every release that told anything.

    `coarsen`: hide more where an earlier release makes it necessary. Refuses `statistics.would_reveal` where
    a number of this release, added to and subtracted from those of earlier ones, could be that of a small
    group; `statistics.period_open` for a time that is not over.
    """
    if wanted.ends > now:
        raise NotAcceptable("statistics.period_open", "expected a year or a day that is over")
    empty = Release(population=wanted, made_at=now, total=None, tables=(), threshold=threshold)
    if len(cases) < threshold:
        return Released(release=empty, counted={case.reference: {} for case in cases})
    if wanted.year is not None and all(one.name != CORRIDOR for one in dimensions):
        dimensions = (*dimensions, corridors(case.values[CORRIDOR] for case in cases))
    tables: list[Table] = []
    counted: dict[CaseReference, dict[str, str]] = {case.reference: {} for case in cases}
    sexes: dict[str, Block] = {}
    for dimension in dimensions:
        crossed = wanted.by_sex and bool(sexes) and dimension.name != CORRIDOR
        placed = [
            Placed(
                reference=case.reference,
                category=case.values[dimension.name],
                within=block_name(sexes[case.values[SEX.name]]) if crossed else "",
            )
            for case in cases
        ]
        blocks = telling(dimension, placed, earlier, coarsen=coarsen, threshold=threshold)
        if blocks is None:
            raise NotAcceptable(
                "statistics.would_reveal", f"a small group could be worked out, by {dimension.name}"
            )
        block_of = {category: block for block in blocks for category in block}
        if dimension.name == SEX.name:
            sexes = block_of
        for one in placed:
            counted[one.reference][dimension.name] = block_name(block_of[one.category], one.within)
        if dimension.name == CORRIDOR:
            # Which pairs are hidden is not told either: one that is named has had a child.
            blocks = tuple(block if len(block) == 1 else (OTHER,) for block in blocks)
            block_of = {code: (code,) if (code,) in blocks else (OTHER,) for code in dimension.categories}
        tables.append(_table((dimension.name,), [(block_of[one.category],) for one in placed], [blocks]))
        if crossed:
            of_sex = tuple(dict.fromkeys(sexes.values()))
            cells = [(sexes[case.values[SEX.name]], block_of[case.values[dimension.name]]) for case in cases]
            tables.append(_table((SEX.name, dimension.name), cells, [of_sex, blocks]))
    return Released(release=replace(empty, total=len(cases), tables=tuple(tables)), counted=counted)


def _table(
    dimensions: tuple[str, ...], told: Sequence[tuple[Block, ...]], blocks: Sequence[Sequence[Block]]
) -> Table:
    order = [{block: place for place, block in enumerate(of)} for of in blocks]
    codes = sorted(
        set(told), key=lambda cell: [places[block] for places, block in zip(order, cell, strict=True)]
    )
    return Table(
        dimensions=dimensions, cells=tuple(Cell(codes=cell, count=told.count(cell)) for cell in codes)
    )
