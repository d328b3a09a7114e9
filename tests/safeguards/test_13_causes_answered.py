"""Safeguard 13: a return to the same situation answers each cause that was listed for leaving it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import risk, until_agreed, until_decided, until_proposed

POVERTY = {"cause": "poverty", "cause_measures": ["case-worker"], "answered": "yes"}
"""The notification of the sample gives poverty as a cause of the separation."""


def same(*causes: dict[str, Any], situation: str = "yes") -> dict[str, Any]:
    return {"same_situation": situation, "causes": list(causes)}


@pytest.mark.parametrize("situation", ["yes", "unknown"])
def test_back_to_the_same_place_or_perhaps_lists_each_known_cause(situation: str) -> None:
    case = until_decided()
    both_refuse(case, case.version(terms=same(situation=situation)), 13, "cause_listed")
    other = POVERTY | {"cause": "debt"}
    both_refuse(case, case.version(terms=same(other, situation=situation)), 13, "cause_listed")
    both_take(case, case.version(terms=same(POVERTY, situation=situation)))


def test_another_place_asks_for_no_causes() -> None:
    case = until_decided()
    both_take(case, case.version(terms=same(situation="no")))


@pytest.mark.parametrize("change", [{"answered": "no"}, {"answered": "unknown"}, {"cause_measures": []}])
def test_each_listed_cause_is_answered_by_a_measure(change: dict[str, Any]) -> None:
    case = until_decided()
    both_refuse(case, case.version(terms=same(POVERTY | change)), 13, "cause_answered")


def test_a_foreseeable_risk_that_is_a_cause_is_listed_too() -> None:
    case = until_decided(final={"risks": [risk(), risk(risk="domestic-violence")]})
    both_refuse(case, case.version(terms=same(POVERTY)), 13, "cause_listed")
    both_take(case, case.version(terms=same(POVERTY, POVERTY | {"cause": "domestic-violence"})))


def test_an_unknown_cause_is_no_list() -> None:
    case = until_decided(notification={"separation_causes": None})
    both_refuse(case, case.version(terms=same(POVERTY | {"cause": "unknown"})), 13, "cause_listed")


def test_it_is_asked_again_of_the_acceptance_and_of_the_handover() -> None:
    case = until_proposed()
    case.propose(terms=same())
    both_refuse(case, case.acceptance(), 13, "cause_listed")
    case = until_agreed()
    case.propose(terms=same())
    both_refuse(case, case.handover(), 13, "cause_listed")
