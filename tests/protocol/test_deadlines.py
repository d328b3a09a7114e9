"""When something is due: the same instant at both nodes, from the same bytes."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from two_nodes import OFFICES, START, message, opening

from protocol.conversations import SOCIAL_INQUIRY, advance
from protocol.deadlines import (
    UTC_CALENDAR,
    Calendar,
    CorridorProfile,
    Due,
    Pause,
    after,
    due_for,
    duties,
    duty_due,
    end_of_day,
    limits_of,
    moved,
    overdue,
    parse_duration,
    rules,
    shifted,
    terms_for,
)
from protocol.errors import NotAcceptable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """As much of a directory entry as a calendar needs."""

    digest: str = "entry-1"
    timezone: str = "Europe/Bucharest"
    weekend: tuple[int, ...] = (6, 7)
    holidays: tuple[date, ...] = ()


def calendar(timezone: str, weekend: tuple[int, ...] = (6, 7), holidays: tuple[date, ...] = ()) -> Calendar:
    return Calendar(timezone=timezone, weekend=frozenset(weekend), holidays=frozenset(holidays))


def at(text: str, timezone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone))


COUNTED = {
    "hours run exactly": ("2026-03-28T22:30", "PT24H", "Europe/Rome", "2026-03-29T23:30"),
    "the first day is not counted": ("2026-03-02T00:00", "P1D", "UTC", "2026-03-04T00:00"),
    "nor its last minute": ("2026-03-02T23:59", "P1D", "UTC", "2026-03-04T00:00"),
    "a weekend at the end moves nothing": ("2026-03-06T10:00", "P1D", "UTC", "2026-03-08T00:00"),
    "weeks are seven days": ("2026-03-02T10:00", "P2W", "UTC", "2026-03-17T00:00"),
    "31 January plus a month": ("2026-01-31T10:00", "P1M", "UTC", "2026-03-01T00:00"),
    "31 January plus a month, leap year": ("2028-01-31T10:00", "P1M", "UTC", "2028-03-01T00:00"),
    "three months over new year": ("2026-11-30T10:00", "P3M", "UTC", "2027-03-01T00:00"),
    "29 February plus a year": ("2028-02-29T10:00", "P1Y", "UTC", "2029-03-01T00:00"),
    "months, then days": ("2026-01-31T10:00", "P1M1D", "UTC", "2026-03-02T00:00"),
    "working days skip the weekend": ("2026-03-06T10:00", "P1WD", "UTC", "2026-03-10T00:00"),
    "started on a Saturday": ("2026-03-07T10:00", "P1WD", "UTC", "2026-03-10T00:00"),
    "ten working days": ("2026-03-02T10:00", "P10WD", "UTC", "2026-03-17T00:00"),
}


@pytest.mark.parametrize(("start", "length", "zone", "due"), COUNTED.values(), ids=COUNTED)
def test_counting(start: str, length: str, zone: str, due: str) -> None:
    begun = at(start, zone)
    assert after(begun, parse_duration(length), calendar(zone)) == at(due, zone)


def test_the_day_is_the_answering_authoritys_day() -> None:
    """22:30 UTC is already the next day in Bucharest, and still the same day in New York."""
    start = at("2026-03-02T22:30")
    ten = parse_duration("P10D")
    assert after(start, ten, calendar("Europe/Bucharest")) == at("2026-03-14T00:00", "Europe/Bucharest")
    assert after(start, ten, calendar("America/New_York")) == at("2026-03-13T00:00", "America/New_York")


def test_holidays_and_a_friday_weekend_are_the_answering_states_own() -> None:
    own = calendar("Africa/Algiers", weekend=(5, 6), holidays=(date(2026, 3, 8),))
    # From Thursday 5 March: Friday and Saturday are free, Sunday is a holiday, Monday is the first day.
    assert after(at("2026-03-05T10:00"), parse_duration("P1WD"), own) == at(
        "2026-03-10T00:00", "Africa/Algiers"
    )


def test_days_that_begin_at_one_or_twice() -> None:
    """Beirut's clocks went from 24:00 on 29 March 2025 to 01:00; Havana's fall back from 01:00 to 00:00."""
    assert end_of_day(date(2025, 3, 29), "Asia/Beirut") == datetime(2025, 3, 29, 22, tzinfo=UTC)
    assert end_of_day(date(2025, 11, 1), "America/Havana") == datetime(2025, 11, 2, 4, tzinfo=UTC)


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Rome", "Asia/Beirut", "America/Havana", "Pacific/Apia", "Asia/Kathmandu"]),
    length=st.sampled_from(["P1D", "P10D", "P3M", "P10WD", "P1Y"]),
)
def test_what_is_counted_in_days_ends_with_a_local_day(start: datetime, zone: str, length: str) -> None:
    due = after(start, parse_duration(length), calendar(zone))
    assert due > start
    before = (due - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
    assert before < due.astimezone(ZoneInfo(zone)).date()
    assert due == end_of_day(before, zone)


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1", "10D", "P-1D", "P1.5D", "P1DT2H", "PT5M", "P1D ", "p1d", "P0D", "PT0H", "P١D"],
)
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        parse_duration(text)
    assert refusal.value.code == "deadline.duration"


def test_a_pause_adds_the_time_that_it_lasted_up_to_the_end_of_that_day() -> None:
    due = due_for(opening(SOCIAL_INQUIRY), None)
    assert due
    assert due.at == at("2026-03-13T00:00")
    an_hour = Pause(start=START, end=START + timedelta(hours=1))
    three_days = Pause(start=START, end=START + timedelta(days=3))
    assert moved(due, []) == due.at
    assert moved(due, [an_hour]) == at("2026-03-14T00:00")
    assert moved(due, [three_days]) == at("2026-03-16T00:00")
    assert moved(due, [three_days, an_hour]) == at("2026-03-16T00:00"), "overlapping pauses count once"
    exact = dataclasses.replace(due, in_days=False)
    assert moved(exact, [an_hour]) == due.at + timedelta(hours=1)


def test_both_nodes_count_on_the_entry_that_the_statement_cites_and_on_no_other() -> None:
    request = opening(SOCIAL_INQUIRY, recipient_entry="entry-1")
    due = due_for(request, Entry())
    assert due
    assert due.at == at("2026-03-13T00:00", "Europe/Bucharest")
    for entry in (None, Entry(digest="entry-2")):
        with pytest.raises(NotAcceptable) as refusal:
            advance(None, request, table=SOCIAL_INQUIRY, sending=False, answering=entry)
        assert refusal.value.code == "deadline.calendar_unknown"
    # No entry cited: UTC at both nodes, whatever one of them may know.
    assert due_for(opening(SOCIAL_INQUIRY), Entry()) == due_for(opening(SOCIAL_INQUIRY), None)


def test_an_entry_with_an_impossible_calendar_is_refused() -> None:
    request = opening(SOCIAL_INQUIRY, recipient_entry="entry-1")
    for zone in ("Europe/Atlantis", "../etc/passwd", ""):
        with pytest.raises(NotAcceptable) as refusal:
            due_for(request, Entry(timezone=zone))
        assert refusal.value.code == "deadline.time_zone"
    with pytest.raises(NotAcceptable, match="calendar_unknown"):
        after(START, parse_duration("P1WD"), calendar("UTC", weekend=(1, 2, 3, 4, 5, 6, 7)))


def test_a_time_that_nobody_can_have_signed_is_refused() -> None:
    for year in (1970, 9999):
        with pytest.raises(NotAcceptable) as refusal:
            due_for(opening(SOCIAL_INQUIRY, at=datetime(year, 12, 31, tzinfo=UTC)), None)
        assert refusal.value.code == "deadline.start"


def test_urgency_shortens_and_a_corridor_profile_wins() -> None:
    lengths = [
        terms.dues[-1].at - START
        for urgency in ("ordinary", "urgent", "emergency")
        if (
            terms := terms_for(
                opening(SOCIAL_INQUIRY, urgency=urgency), procedure="social-inquiry", answering=None
            )
        )
    ]
    assert lengths == sorted(lengths, reverse=True)
    agreed = CorridorProfile(
        digest="profile-1",
        durations={("social-inquiry.request", "acceptance", "ordinary"): parse_duration("P5WD")},
    )
    due = due_for(opening(SOCIAL_INQUIRY), None, agreed)
    assert due
    assert (due.at, due.basis, due.source) == (at("2026-03-10T00:00"), "corridor-profile", "profile-1")


def test_a_question_is_answered_within_the_time_that_it_stops_the_clock() -> None:
    question = message("query", "q", sender=OFFICES[0], recipient=OFFICES[1], in_reply_to=None)
    for urgency in ("ordinary", "urgent", "emergency"):
        due = due_for(dataclasses.replace(question, urgency=urgency), None)
        assert due
        for procedure in ("social-inquiry", "identity", "risk-assessment", "durable-solution"):
            assert due.at == START + limits_of(procedure).longest_pause(urgency)
    assert limits_of("case").longest_pause("ordinary") == timedelta()
    assert due_for(dataclasses.replace(question, type="nudge"), None) is None


def test_the_longest_overdue_come_first() -> None:
    threads = [
        advance(
            None, opening(SOCIAL_INQUIRY, at=START + timedelta(days=days)), table=SOCIAL_INQUIRY, sending=True
        ).thread
        for days in (5, 0, 400)
    ]
    late = overdue(threads, START + timedelta(days=30))
    assert [thread.opened_at for thread in late] == [START, START + timedelta(days=5)]
    assert late[0].due
    assert overdue(threads, late[0].due.at) == (late[0],), "late from the due instant on"
    assert overdue(threads, late[0].due.at - timedelta(microseconds=1)) == ()


def test_every_length_has_a_basis_and_nothing_unverified_is_stated_as_law() -> None:
    for row in rules():
        assert row.basis == "project-choice"
        assert row.source.startswith("project choice")
    assert {duty.basis for duty in duties()} == {"project-choice", "seed-paper", "directive-2024-1346"}


def test_a_duty_towards_the_child_is_counted_at_home() -> None:
    (found,) = [duty for duty in duties() if duty.duty == "case.notification"]
    assert duty_due(found, START, UTC_CALENDAR).at == START + timedelta(hours=72)


def test_a_due_date_survives_storage() -> None:
    due = due_for(opening(SOCIAL_INQUIRY), None)
    assert due
    assert Due.from_json(json.loads(json.dumps(due.to_json()))) == due


def test_the_same_time_of_day_months_later() -> None:
    assert shifted(at("2026-08-31T12:00", "Europe/Rome"), parse_duration("P6M"), "Europe/Rome") == at(
        "2027-02-28T12:00", "Europe/Rome"
    )
