"""A calendar for an authority's entry, as the `holidays` library knows it: proposed, and never taken.

The State confirms what is proposed by publishing it as any entry (`focalpoint directory publish`). Deadlines
are counted on what is published, by both sides, whether or not the library agrees. Days that follow the moon
are estimates there, and the State may know its own days better: each is marked, for a person to look at.

What the library does not know is left as the entry has it: working hours, and the time zone of a State that
has several. Working hours on what becomes a day of the weekend are taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Any

import holidays

from protocol.directory import AuthorityEntry, Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, StateCode

__all__ = ["ENDS_SOON", "Proposed", "ending", "propose"]

ENDS_SOON = timedelta(days=183)
"""How far ahead an entry's holidays reach at least, or people are told: about six months (project choice)."""
_ESTIMATED = "estimated"
_FACTS = (
    "role",
    "names",
    "jurisdiction",
    "competences",
    "languages",
    "working_hours",
    "timezone",
    "weekend",
    "holidays",
    "contacts",
    "escalation",
    "node",
    "vocabulary_releases",
    "routing",
)
"""What an entry's metadata has, of what the API shows of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """`facts`: the entry's metadata as it would be. `changes`: in words, one each. `names`: of the days, as
    the library has them, for whoever confirms."""

    facts: Mapping[str, Any] = field(hash=False)
    changes: tuple[str, ...]
    names: Mapping[date, str] = field(hash=False)


def propose(
    entry: Mapping[str, Any], state: StateCode, years: Sequence[int], *, subdivision: str | None = None
) -> Proposed:
    """What of `entry` (as the API shows it) would change for `years`. Days of other years stay.

    Refuses `directory.malformed` for a State, subdivision or year that the library does not know.
    """
    try:
        known = holidays.country_holidays(
            state.upper(), subdiv=subdivision, years=list(years), language="en_US"
        )
    except (NotImplementedError, KeyError, ValueError):
        raise NotAcceptable(
            "directory.malformed", "no calendar is known for that State or part of it"
        ) from None
    if not known or {day.year for day in known} != set(years):
        raise NotAcceptable("directory.malformed", "no calendar is known for one of these years")
    before = {date.fromisoformat(day) for day in entry["holidays"]}
    kept = {day for day in before if day.year not in years}
    weekend = sorted(day + 1 for day in known.weekend)  # the library counts from Monday as 0
    zones = _zones(state)
    zone = zones[0] if len(zones) == 1 else entry["timezone"]
    hours = [
        {**one, "days": [day for day in one["days"] if day not in weekend]} for one in entry["working_hours"]
    ]
    facts = {name: entry[name] for name in _FACTS if name in entry} | {
        "holidays": [day.isoformat() for day in sorted(kept | set(known))],
        "weekend": weekend,
        "timezone": zone,
        "working_hours": [one for one in hours if one["days"]],
    }
    return Proposed(
        facts=facts,
        changes=tuple(_changes(entry, facts, before, kept, known, zones)),
        names={day: str(name) for day, name in sorted(known.items())},
    )


def ending(directory: Directory, state: StateCode, now: datetime) -> tuple[tuple[Address, date | None], ...]:
    """This State's authorities whose holidays end within `ENDS_SOON`, or that list none, with the last day
    listed."""
    soon = (now + ENDS_SOON).date()
    return tuple(
        (entry.address, last)
        for entry in directory.authorities()
        if entry.state == state and ((last := _last(entry)) is None or last < soon)
    )


def _last(entry: AuthorityEntry) -> date | None:
    return max(entry.holidays, default=None)


def _changes(
    entry: Mapping[str, Any],
    facts: Mapping[str, Any],
    before: set[date],
    kept: set[date],
    known: Mapping[date, str],
    zones: Sequence[str],
) -> Iterable[str]:
    for day in sorted(set(known) - before):
        mark = "  (an estimate: look it up)" if _ESTIMATED in known[day].lower() else ""
        yield f"+ {day.isoformat()}  {known[day]}{mark}"
    for day in sorted(before - kept - set(known)):
        yield f"- {day.isoformat()}  not known to the library: keep it in the file if it is right"
    if facts["weekend"] != sorted(entry["weekend"]):
        yield f"weekend: {sorted(entry['weekend'])} becomes {facts['weekend']} (ISO weekdays, Monday is 1)"
    if facts["timezone"] != entry["timezone"]:
        yield f"timezone: {entry['timezone']} becomes {facts['timezone']}"
    elif len(zones) > 1:
        yield f"timezone: stays {entry['timezone']}; the State has several: {', '.join(zones)}"
    if facts["working_hours"] != list(entry["working_hours"]):
        yield "working_hours: days of the weekend are taken out"


def _zones(state: StateCode) -> tuple[str, ...]:
    """The State's zones, as the time-zone database lists them."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return tuple(row[2] for row in rows if row[0] == state.upper())
