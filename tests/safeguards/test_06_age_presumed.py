"""Safeguard 6: who may be a child is treated as one until the age is known."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.safeguards.closing import known_adult
from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import WholeCase, until_decided

ADULT = {"age_outcome": "adult", "age_basis": "document", "appeal": "none-lodged"}
CLOSED = {
    "closure_reason": "adult-with-transition",
    "age_outcome": "adult",
    "transition_support": "arranged",
}


def with_age(**fields: Any) -> WholeCase:
    case = until_decided()
    case.say("age", "age.outcome", thread="notification", **(ADULT | fields))
    return case


@pytest.mark.parametrize("appeal", ["pending", "upheld"])
def test_nobody_is_an_adult_while_an_appeal_is_open_or_was_won(appeal: str) -> None:
    case = until_decided()
    outcome = case.draft("age", "age.outcome", thread="notification", **ADULT | {"appeal": appeal})
    both_refuse(case, outcome, 6, "age_appeal_decided")


@pytest.mark.parametrize("basis", ["estimate", "unknown"])
def test_nobody_is_an_adult_on_a_guess(basis: str) -> None:
    case = until_decided()
    outcome = case.draft("age", "age.outcome", thread="notification", **ADULT | {"age_basis": basis})
    both_refuse(case, outcome, 6, "age_basis")


@pytest.mark.parametrize("outcome", ["child", "undetermined"])
def test_that_somebody_is_or_may_be_a_child_can_always_be_said(outcome: str) -> None:
    case = until_decided()
    fields = {"age_outcome": outcome, "appeal": "pending", "age_basis": "estimate"}
    both_take(case, case.draft("age", "age.outcome", thread="notification", **fields))


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({}, True),
        ({"appeal": "dismissed"}, True),
        ({"appeal": "open-to-appeal"}, False),
        ({"age_outcome": "undetermined"}, False),
        ({"age_outcome": "child"}, False),
    ],
)
def test_a_case_is_closed_as_that_of_an_adult_only_when_the_age_is_known(
    fields: dict[str, str], known: bool
) -> None:
    case = with_age(**fields)
    assert known_adult(case.file("it")) is known_adult(case.file("ro")) is known
    closure = case.draft("closure", "case.closure", thread="notification", **CLOSED)
    if known:
        both_take(case, closure)
    else:
        both_refuse(case, closure, 6, "age_outcome")


def test_without_any_outcome_everybody_is_a_child() -> None:
    case = until_decided()
    both_refuse(
        case, case.draft("closure", "case.closure", thread="notification", **CLOSED), 6, "age_outcome"
    )


def test_a_second_outcome_that_says_otherwise_is_doubt() -> None:
    case = with_age()
    case.say("again", "age.outcome", thread="notification", age_outcome="undetermined")
    assert not known_adult(case.file("it"))


def test_an_age_band_of_an_adult_is_not_notified_before_the_age_is_known() -> None:
    case = WholeCase()
    notification = case.draft("notification", "case.notification", age_band="18-and-over")
    both_refuse(case, notification, 6, "age_outcome")
    both_take(case, case.draft("notification", "case.notification", age_band="unknown-child"))
