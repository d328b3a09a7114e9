"""What one State's node tells the other's: its figures for their requests to each other. And the difference.

They travel in a reconciliation, which the node signs. `SETTLES_AFTER` their instant, so that what was signed
before it has had the time to arrive with its evidence on both sides. What is still different then is a
finding: a message or evidence that one side has and the other has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from protocol.claims import Claims, seconds_of
from protocol.identifiers import StateCode
from protocol.indicators.figures import DEFINITION, Figures, Row
from protocol.json_strict import Json

__all__ = ["MAX_ROWS", "SETTLES_AFTER", "Difference", "Key", "Told", "differences", "read_told", "settled"]

SETTLES_AFTER: Final = timedelta(days=2)
MAX_ROWS: Final = 64
"""Procedures in both directions; there are ten today."""
_MOST: Final = 2**53 - 1

type Key = tuple[StateCode, StateCode, str]
"""Asking State, answering State, procedure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The figures of one year as of an instant, as a node tells them: whole numbers by name.

    `definition`: of the figures. `rows`: empty where the definition is not ours.
    """

    definition: int
    year: int
    as_of: datetime
    rows: Mapping[Key, Mapping[str, int]] = field(hash=False)

    @classmethod
    def of(cls, year: int, as_of: datetime, rows: Iterable[Row]) -> Told:
        return cls(
            definition=DEFINITION,
            year=year,
            as_of=as_of,
            rows={(row.asking, row.answering, row.procedure): row.figures.to_json() for row in rows},
        )

    def to_json(self) -> Json:
        return {
            "definition": self.definition,
            "year": self.year,
            "as_of": seconds_of(self.as_of),
            "rows": [
                {"asking": asking, "answering": answering, "procedure": procedure, "figures": dict(figures)}
                for (asking, answering, procedure), figures in sorted(self.rows.items())
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A figure that two nodes count differently. None: not reached, or no such request at all."""

    asking: StateCode
    answering: StateCode
    procedure: str
    figure: str
    ours: int | None
    theirs: int | None


def read_told(claims: Claims) -> Told:
    """What a peer tells. Refuses as `Claims` does; figures that we do not know are left out."""
    definition, year = claims.integer("definition"), claims.integer("year", least=2000)
    as_of = claims.moment("as_of")
    rows: dict[Key, Mapping[str, int]] = {}
    if definition == DEFINITION:
        for one in claims.each("rows"):
            figures = one.inside("figures")
            key = (StateCode(one.text("asking")), StateCode(one.text("answering")), one.text("procedure"))
            rows[key] = {name: _whole(figures, name) for name in sorted(_NAMES) if name in figures}
    if len(rows) > MAX_ROWS or year > 8999:
        raise claims.wrong("rows", f"at most {MAX_ROWS} rows of a year")
    return Told(definition=definition, year=year, as_of=as_of, rows=rows)


def differences(ours: Told, theirs: Told) -> tuple[Difference, ...] | None:
    """Every figure in which the two part; None where they cannot be compared: another year, another instant,
    another definition."""
    if (ours.definition, ours.year, ours.as_of) != (theirs.definition, theirs.year, theirs.as_of):
        return None
    found = []
    for key in sorted(ours.rows.keys() | theirs.rows.keys()):
        here, there = ours.rows.get(key, {}), theirs.rows.get(key, {})
        found += [
            Difference(
                asking=key[0],
                answering=key[1],
                procedure=key[2],
                figure=name,
                ours=here.get(name),
                theirs=there.get(name),
            )
            for name in _ORDER
            if here.get(name) != there.get(name)
        ]
    return tuple(found)


def settled(now: datetime) -> datetime:
    """The latest instant as of which figures are told: the beginning of a day, in UTC."""
    before = now.astimezone(UTC) - SETTLES_AFTER
    return datetime(before.year, before.month, before.day, tzinfo=UTC)


def _whole(figures: Claims, name: str) -> int:
    value = figures.integer(name)
    if value > _MOST:
        raise figures.wrong(name, "a whole number")
    return value


def _names() -> tuple[str, ...]:
    shares = ("accepted_in_seven_days", "accepted_in_time", "answered_in_time", "answered_in_first_time")
    return tuple(
        name
        for field_name in Figures.__dataclass_fields__
        for name in ((field_name, f"{field_name}_of") if field_name in shares else (field_name,))
    )


_ORDER: Final = _names()
_NAMES: Final = frozenset(_ORDER)
