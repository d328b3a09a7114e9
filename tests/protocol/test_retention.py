"""When the erasable parts of a case are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.retention import ERASABLE, agreed_rules, default_rules, due_dates

CLOSED = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_identity_and_free_text_are_erased_two_years_after_the_closure() -> None:
    for one in due_dates(CLOSED, default_rules()):
        assert one.erased_from == datetime(2028, 11, 26, 12, 0, tzinfo=UTC)
        assert one.blocked_from == one.erased_from - timedelta(days=30)


def test_codes_and_evidence_are_kept() -> None:
    assert set(default_rules()) == set(ERASABLE) == {"identity", "narrative"}


def test_a_month_that_is_shorter_ends_with_its_last_day() -> None:
    closed = datetime(2026, 8, 31, tzinfo=UTC)
    (identity, _) = due_dates(closed, agreed_rules(["P6M"]))
    assert identity.erased_from == datetime(2027, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("corridors", "months"),
    [([], 24), (["P36M"], 36), (["P3Y", "P1Y"], 12), (["P1M"], 6), (["P50Y"], 120)],
)
def test_a_corridor_lengthens_or_shortens_within_limits_and_the_shortest_counts(
    corridors: list[str], months: int
) -> None:
    assert {rule.months for rule in agreed_rules(corridors).values()} == {months}


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1)),
    st.integers(min_value=1, max_value=200),
)
def test_nothing_is_erased_before_it_was_blocked_nor_before_the_shortest_period(
    closed: datetime, months: int
) -> None:
    closed = closed.replace(tzinfo=UTC)
    for one in due_dates(closed, agreed_rules([f"P{months}M"])):
        assert closed <= one.blocked_from <= one.erased_from
        assert one.erased_from - closed >= timedelta(days=6 * 28)
