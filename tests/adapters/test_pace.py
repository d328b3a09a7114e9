"""How long the other side is left alone: as long as it has asked for, and never for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kit.pace import Backoff, asked_to_wait

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 7 ", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("Thu, 26 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Thu, 26 Nov 2026 11:59:00 GMT", timedelta(0)),
        ("86400", HOUR),
        ("9" * 400, HOUR),
        ("Fri, 26 Nov 2027 12:00:00 GMT", HOUR),
        (None, timedelta(0)),
        ("", timedelta(0)),
        ("-5", timedelta(0)),
        ("soon", timedelta(0)),
        ("٧", timedelta(0)),
        ("1 Jan 99999999999999999999 00:00:00 GMT", timedelta(0)),
        ("1 Jan 2027 00:00:00 +9999999", timedelta(0)),
    ],
)
def test_what_the_header_says_is_believed_within_an_hour(header: str | None, wait: timedelta) -> None:
    assert asked_to_wait(header, NOW) == wait


@given(st.text(max_size=60))
def test_nothing_that_comes_as_a_header_stops_an_adapter_or_silences_it(header: str) -> None:
    assert timedelta(0) <= asked_to_wait(header, NOW) <= HOUR


def test_a_first_failure_waits_as_asked_and_a_later_one_at_least_as_long_as_without() -> None:
    backoff = Backoff()
    assert backoff.failure(NOW, retry_after="30") == NOW + timedelta(seconds=30)
    for _ in range(20):
        backoff.failure(NOW)
    assert backoff.failure(NOW, retry_after="1") >= NOW + timedelta(minutes=5)
    assert not backoff.may_try(NOW)
