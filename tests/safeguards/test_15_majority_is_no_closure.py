"""Safeguard 15: turning 18 never closes a case by itself."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.content import Content
from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import WholeCase, until_decided


def adult() -> WholeCase:
    case = until_decided()
    case.say("age", "age.outcome", thread="notification", age_outcome="adult")
    return case


def closure(case: WholeCase, **fields: Any) -> Content:
    return case.draft("closure", "case.closure", thread="notification", **fields)


def test_majority_is_no_reason() -> None:
    case = until_decided()
    both_refuse(case, closure(case, closure_reason="majority-alone"), 15, "reason_other_than_age")


@pytest.mark.parametrize(
    ("support", "enough"),
    [
        ("arranged", True),
        ("declined-by-young-person", True),
        ("not-arranged", False),
        ("not-applicable", False),
    ],
)
def test_what_comes_after_is_arranged_or_the_young_person_declined(support: str, enough: bool) -> None:
    case = adult()
    fields = {
        "closure_reason": "adult-with-transition",
        "age_outcome": "adult",
        "transition_support": support,
    }
    if enough:
        both_take(case, closure(case, **fields))
    else:
        both_refuse(case, closure(case, **fields), 15, "transition_support")


def test_another_reason_does_not_hide_that_nothing_was_arranged() -> None:
    case = adult()
    fields = {"age_outcome": "adult", "transition_support": "not-arranged"}
    both_refuse(
        case, closure(case, closure_reason="settled-in-destination", **fields), 15, "transition_support"
    )
    both_take(case, closure(case, closure_reason="child-died", **fields))
