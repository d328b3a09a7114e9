"""What is due, when, and on whose calendar.

A deadline starts at a statement's signed `iat` and is counted on the calendar of the *answering* authority,
as published in the directory entry that the statement cites. Both nodes therefore compute the same instant
from the same bytes. A deadline may lapse or escalate; it never completes anything.

How time is counted (project choices, so that two implementations cannot differ):

- `PT24H`: exactly so many hours after `iat`.
- `P10D`, `P2W`, `P3M`, `P1Y`: calendar days. The day of `iat`, as the answering authority's wall calendar
  shows it, is not counted. A month that is too short ends on its last day (31 January + P1M = 28 or
  29 February). A weekend or holiday at the end moves nothing.
- `P10WD` (ours, ISO 8601 has none): working days. The day of `iat` is not counted, nor are weekend days and
  holidays of the entry.
- What is counted in days is due at the *end* of the last day: `at` is the first instant of the next local
  day, in UTC. Late means `now >= at`.
- A pause adds the time that it lasted; what is counted in days then runs to the end of the local day reached.
- A pause or a new date moves a deadline only where its question or note was signed before that deadline, as
  it stood then. What is overdue stays overdue.
- A statement that cites no directory entry is counted in UTC, Saturday and Sunday free, no holidays.

The lengths are data (`deadlines.json`), each with its basis. Pure given its inputs, with one exception:
`zoneinfo` reads the time-zone database of the machine, so two nodes agree on future instants only while their
databases agree on that zone.
"""

from __future__ import annotations

import calendar as gregorian
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocol import base64url
from protocol.errors import NotAcceptable

__all__ = [
    "UTC_CALENDAR",
    "Calendar",
    "CorridorProfile",
    "Due",
    "Duration",
    "Duty",
    "Limits",
    "Pause",
    "Rule",
    "Terms",
    "after",
    "due_for",
    "duties",
    "duty_due",
    "end_of_day",
    "limits_of",
    "more_urgent",
    "moved",
    "overdue",
    "parse_duration",
    "release_digest",
    "rules",
    "shifted",
    "starts_clock",
    "terms_for",
]

ORDINARY: Final = "ordinary"
"""The urgency whose row holds where another has none."""

_URGENCIES: Final = (ORDINARY, "urgent", "emergency")

_DURATION = re.compile(
    r"P(?:(?P<working>\d{1,4})WD"
    r"|T(?P<hours>\d{1,5})H"
    r"|(?=\d)(?:(?P<years>\d{1,2})Y)?(?:(?P<months>\d{1,3})M)?(?:(?P<weeks>\d{1,3})W)?(?:(?P<days>\d{1,4})D)?)",
    re.ASCII,
)


class AnsweringEntry(Protocol):
    """What a deadline needs of the answering authority's directory entry."""

    @property
    def digest(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def weekend(self) -> tuple[int, ...]: ...
    @property
    def holidays(self) -> tuple[date, ...]: ...


class Started(Protocol):
    """What a deadline needs of the message that starts it."""

    @property
    def type(self) -> str: ...
    @property
    def urgency(self) -> str: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def recipient_entry(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A length of time of one kind: months and days, or working days, or hours."""

    months: int = 0
    days: int = 0
    working_days: int = 0
    hours: int = 0

    @property
    def in_days(self) -> bool:
        """Counted in days, so due at the end of one."""
        return not self.hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Whose days are counted. `weekend` holds ISO weekdays: Monday is 1, Sunday is 7."""

    timezone: str
    weekend: frozenset[int]
    holidays: frozenset[date]

    def works_on(self, day: date) -> bool:
        return day.isoweekday() not in self.weekend and day not in self.holidays


UTC_CALENDAR = Calendar(timezone="UTC", weekend=frozenset({6, 7}), holidays=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The clock stood still from `start` until `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something owed at `at` (aware UTC; late means `now >= at`).

    `basis` is a code, `source` says where the length comes from, in the words of `deadlines.json`.
    """

    obligation: str
    at: datetime
    basis: str
    source: str
    timezone: str
    in_days: bool

    @property
    def last_day(self) -> date:
        """The day at whose end it is due, or in which, on the wall calendar where it is counted."""
        return (self.at - timedelta(microseconds=1)).astimezone(_zone(self.timezone)).date()

    def to_json(self) -> dict[str, Any]:
        return {
            "obligation": self.obligation,
            "at": self.at.isoformat(),
            "basis": self.basis,
            "source": self.source,
            "timezone": self.timezone,
            "in_days": self.in_days,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Due:
        return cls(
            obligation=data["obligation"],
            at=datetime.fromisoformat(data["at"]),
            basis=data["basis"],
            source=data["source"],
            timezone=data["timezone"],
            in_days=data["in_days"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The deadlines that one message starts, in the order in which they are owed, before any pause.

    `latest_new_date`: a new date promised by the answerer may not lie after it; None where none can be given.
    `urgency`: the message's, by which a question may stop these deadlines for longer or shorter. Terms that
    an earlier release stored have none and are ordinary, as they were then.
    """

    start: datetime
    dues: tuple[Due, ...]
    latest_new_date: date | None
    urgency: str = ORDINARY

    def due(self, obligation: str) -> Due | None:
        return next((due for due in self.dues if due.obligation == obligation), None)

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start.isoformat(),
            "dues": [due.to_json() for due in self.dues],
            "latest_new_date": self.latest_new_date and self.latest_new_date.isoformat(),
            "urgency": self.urgency,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Terms:
        latest = data["latest_new_date"]
        return cls(
            start=datetime.fromisoformat(data["start"]),
            dues=tuple(Due.from_json(due) for due in data["dues"]),
            latest_new_date=date.fromisoformat(latest) if latest else None,
            urgency=data.get("urgency", ORDINARY),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: what a message of type `started_by` and this urgency makes its recipient owe, and how soon."""

    started_by: str
    obligation: str
    urgency: str
    duration: Duration
    basis: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a procedure lets time do.

    `pauses` questions may stop the clock, each for at most `pause_at_most` of the urgency of what the clock
    was started by. `extension_at_most` is counted from the deadline it extends. Silence is recorded as
    lapsed `lapses_after` the deadline. An answer is stale `stale_after` it was signed. None: not in this
    procedure.
    """

    procedure: str
    pause_at_most: Mapping[str, timedelta]
    pauses: int
    extension_at_most: Duration | None
    lapses_after: Duration | None
    stale_after: Duration | None
    basis: str
    source: str

    def longest_pause(self, urgency: str) -> timedelta:
        """The ordinary one where there is none for `urgency`; zero where no question stops the clock."""
        return self.pause_at_most.get(urgency, self.pause_at_most.get(ORDINARY, timedelta()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A deadline that an authority has towards the child, not towards a message: it starts at an event
    (`starts_with`) that only this State knows."""

    duty: str
    starts_with: str
    duration: Duration
    basis: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorProfile:
    """Lengths that two States agreed on for messages between them; it wins over `deadlines.json`.

    `durations` maps (message type, obligation, urgency) to a length; `digest` names the co-signed statement.
    """

    digest: str
    durations: Mapping[tuple[str, str, str], Duration]


def parse_duration(text: str) -> Duration:
    """Refuses `deadline.duration` unless `text` is one of the forms in this module's docstring."""
    found = _DURATION.fullmatch(text)
    part = {name: int(value or 0) for name, value in found.groupdict().items()} if found else {}
    if not any(part.values()):
        raise NotAcceptable(
            "deadline.duration", "expected a length of time such as P10D, PT24H, P3M or P10WD"
        )
    return Duration(
        months=part["years"] * 12 + part["months"],
        days=part["weeks"] * 7 + part["days"],
        working_days=part["working"],
        hours=part["hours"],
    )


def calendar_of(entry: AnsweringEntry | None, cited: str | None) -> Calendar:
    """The calendar that a statement citing the entry with digest `cited` is counted on.

    Refuses `deadline.calendar_unknown` when `entry` is not the one cited: counting on another version of the
    entry would give the two nodes two instants.
    """
    if cited is None:
        return UTC_CALENDAR
    if entry is None or entry.digest != cited:
        raise NotAcceptable(
            "deadline.calendar_unknown", "the directory entry that the statement cites is not at hand"
        )
    _zone(entry.timezone)
    return Calendar(
        timezone=entry.timezone, weekend=frozenset(entry.weekend), holidays=frozenset(entry.holidays)
    )


def end_of_day(day: date, timezone: str) -> datetime:
    """The first instant of the day after `day` in `timezone`, as UTC.

    Where clocks go forward at midnight that is 01:00 on the wall; where midnight comes twice, the first.
    """
    after_day = day + timedelta(days=1)
    midnight = datetime(after_day.year, after_day.month, after_day.day, tzinfo=_zone(timezone))
    return midnight.astimezone(UTC)


def after(start: datetime, duration: Duration, calendar: Calendar) -> datetime:
    """The instant at which what was started at `start` is due.

    Refuses `deadline.start` for a start that no clock of ours can have signed.
    """
    if not 2000 <= start.year <= 9000:
        raise NotAcceptable("deadline.start", "the statement's `iat` lies outside the years 2000 to 9000")
    if not duration.in_days:
        return start.astimezone(UTC) + timedelta(hours=duration.hours)
    first = start.astimezone(_zone(calendar.timezone)).date()
    last = _add_months(first, duration.months) + timedelta(days=duration.days)
    return end_of_day(_add_working_days(last, duration.working_days, calendar), calendar.timezone)


def shifted(instant: datetime, duration: Duration, timezone: str) -> datetime:
    """`instant` moved by `duration` at the same time on the local wall clock (hours: exactly)."""
    if not duration.in_days:
        return instant.astimezone(UTC) + timedelta(hours=duration.hours)
    local = instant.astimezone(_zone(timezone))
    day = _add_months(local.date(), duration.months) + timedelta(days=duration.days)
    return local.replace(year=day.year, month=day.month, day=day.day, fold=0).astimezone(UTC)


def moved(due: Due, pauses: Iterable[Pause]) -> datetime:
    """When `due` falls after the clock stood still for `pauses`, each counted once even where two overlap."""
    stood_still = _total(pauses)
    if not stood_still:
        return due.at
    reached = due.at + stood_still
    if not due.in_days:
        return reached
    # `due.at` is already a first instant of a day: landing exactly on one must not add a day.
    return end_of_day(
        (reached - timedelta(microseconds=1)).astimezone(_zone(due.timezone)).date(), due.timezone
    )


def terms_for(
    message: Started,
    *,
    procedure: str,
    answering: AnsweringEntry | None,
    profile: CorridorProfile | None = None,
    urgency: str | None = None,
) -> Terms | None:
    """What `message` makes its recipient owe; None when it owes nothing. `urgency`: what it is counted by, if
    not its own.

    `answering` is the directory entry that the message cites. Refuses `deadline.calendar_unknown` and
    `deadline.time_zone`.
    """
    urgency = urgency or message.urgency
    applying = _applying(message.type, urgency)
    if not applying:
        return None
    calendar = calendar_of(answering, message.recipient_entry)
    dues = tuple(_due(rule, message, urgency, calendar, profile) for rule in applying)
    extension = limits_of(procedure).extension_at_most
    latest = None
    if extension is not None:
        last_day = (dues[-1].at - timedelta(microseconds=1)).astimezone(_zone(calendar.timezone)).date()
        latest = _add_months(last_day, extension.months) + timedelta(days=extension.days)
    return Terms(start=message.issued_at.astimezone(UTC), dues=dues, latest_new_date=latest, urgency=urgency)


def due_for(
    message: Started, answering: AnsweringEntry | None, profile: CorridorProfile | None = None
) -> Due | None:
    """The first thing that `message` makes its recipient owe, or None."""
    applying = _applying(message.type, message.urgency)
    if not applying:
        return None
    return _due(
        applying[0], message, message.urgency, calendar_of(answering, message.recipient_entry), profile
    )


class HasDue(Protocol):
    """Anything with a deadline, such as a conversation."""

    @property
    def due(self) -> Due | None: ...


def overdue[T: HasDue](threads: Iterable[T], now: datetime) -> tuple[T, ...]:
    """Those whose answer is late at `now`, the longest overdue first."""
    late = [(thread.due.at, thread) for thread in threads if thread.due is not None and now >= thread.due.at]
    return tuple(thread for _, thread in sorted(late, key=lambda pair: pair[0]))


def duty_due(duty: Duty, start: datetime, calendar: Calendar) -> Due:
    """When `duty` is due, counted on the calendar of the authority that has it."""
    return Due(
        obligation=duty.duty,
        at=after(start, duty.duration, calendar),
        basis=duty.basis,
        source=duty.source,
        timezone=calendar.timezone,
        in_days=duty.duration.in_days,
    )


def rules() -> tuple[Rule, ...]:
    """Every row of `deadlines.json` that a message starts."""
    return tuple(
        Rule(
            started_by=row["started_by"],
            obligation=row["obligation"],
            urgency=row["urgency"],
            duration=parse_duration(row["duration"]),
            basis=row["basis"],
            source=row["source"],
        )
        for row in _data()["rules"]
    )


def duties() -> tuple[Duty, ...]:
    """Every duty of `deadlines.json`."""
    return tuple(
        Duty(
            duty=row["duty"],
            starts_with=row["from"],
            duration=parse_duration(row["duration"]),
            basis=row["basis"],
            source=row["source"],
        )
        for row in _data()["duties"]
    )


def more_urgent(one: str, other: str) -> str:
    """Of two urgencies; `one` where a code is unknown here."""
    known = one in _URGENCIES and other in _URGENCIES
    return max(one, other, key=_URGENCIES.index) if known else one


def starts_clock(message_type: str) -> bool:
    """A message of that type makes somebody owe something."""
    return bool(_rules_started_by(message_type))


@cache
def release_digest() -> str:
    """SHA-256 of `deadlines.json`, base64url without padding: by which table of lengths is counted here."""
    return base64url.encode(hashlib.sha256(_text().encode()).digest()).decode("ascii")


@cache
def limits_of(procedure: str) -> Limits:
    """The row of `deadlines.json` for `procedure`, which must have one."""
    (row,) = [row for row in _data()["limits"] if row["procedure"] == procedure]
    return Limits(
        procedure=procedure,
        pause_at_most=MappingProxyType(
            {
                urgency: timedelta(hours=parse_duration(text).hours)
                for urgency, text in (row["pause_at_most"] or {}).items()
            }
        ),
        pauses=row["pauses"],
        extension_at_most=_optional(row["extension_at_most"], None),
        lapses_after=_optional(row["lapses_after"], None),
        stale_after=_optional(row["stale_after"], None),
        basis=row["basis"],
        source=row["source"],
    )


def _optional[T](text: str | None, otherwise: T) -> Duration | T:
    return otherwise if text is None else parse_duration(text)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_text())
    return data


def _text() -> str:
    return resources.files("protocol").joinpath("deadlines.json").read_text(encoding="utf-8")


@cache
def _rules_started_by(message_type: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules() if rule.started_by == message_type)


def _applying(message_type: str, urgency: str) -> list[Rule]:
    """One rule per obligation: the row of this urgency, or the ordinary one where there is none."""
    by_obligation: dict[str, Rule] = {}
    for rule in _rules_started_by(message_type):
        if rule.urgency == urgency or (rule.urgency == ORDINARY and rule.obligation not in by_obligation):
            by_obligation[rule.obligation] = rule
    return list(by_obligation.values())


def _due(
    rule: Rule, message: Started, urgency: str, calendar: Calendar, profile: CorridorProfile | None
) -> Due:
    duration, basis, source = rule.duration, rule.basis, rule.source
    agreed = profile and profile.durations.get((message.type, rule.obligation, urgency))
    if profile and agreed:
        duration, basis, source = agreed, "corridor-profile", profile.digest
    return Due(
        obligation=rule.obligation,
        at=after(message.issued_at, duration, calendar),
        basis=basis,
        source=source,
        timezone=calendar.timezone,
        in_days=duration.in_days,
    )


def _total(pauses: Iterable[Pause]) -> timedelta:
    total = timedelta()
    reached: datetime | None = None
    for pause in sorted(pauses, key=lambda pause: (pause.start, pause.end)):
        start = pause.start if reached is None else max(pause.start, reached)
        if pause.end > start:
            total += pause.end - start
            reached = pause.end
    return total


def _add_months(day: date, months: int) -> date:
    if not months:
        return day
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, gregorian.monthrange(year, month + 1)[1]))


def _add_working_days(day: date, count: int, calendar: Calendar) -> date:
    if count and len(calendar.weekend) >= 7:
        raise NotAcceptable("deadline.calendar_unknown", "the directory entry lists no working day")
    while count:
        day += timedelta(days=1)
        if calendar.works_on(day):
            count -= 1
    return day


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NotAcceptable(
            "deadline.time_zone",
            "the time zone of the answering authority's directory entry is not known here",
        ) from error
