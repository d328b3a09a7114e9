"""Safeguard 14: adoption or kafala is no first option before tracing is exhausted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import IT, WholeCase, coded, report, until_decided


def placed(solution: str, **reported: Any) -> WholeCase:
    options = coded("best-interests.summary")["options"]
    views = coded("child-views.record")["views"]
    return until_decided(
        report=reported,
        decision={
            "options": [options[0] | {"option": solution}, options[1]],
            "best_solution": solution,
        },
        views={"views": [*views, {"option": solution, "view": "accepts"}]},
    )


@pytest.mark.parametrize("country", ["RO", "IT"])
@pytest.mark.parametrize("solution", ["adoption", "kafala"])
@pytest.mark.parametrize(
    ("traced", "completeness", "exhausted"),
    [
        ("not-traced", "complete", True),
        ("traced", "complete", True),
        ("not-traced", "partial", False),
        ("partly-traced", "complete", False),
        ("not-attempted", "complete", False),
        ("unknown", "complete", False),
    ],
)
def test_a_new_family_comes_after_the_search_for_the_old_one(
    solution: str, country: str, traced: str, completeness: str, exhausted: bool
) -> None:
    case = placed(solution, family_traced=traced, completeness=completeness)
    version = case.version(terms={"solution": solution, "receiving_country": country})
    if exhausted:
        both_take(case, version)
    else:
        both_refuse(case, version, 14, "tracing_exhausted")


def test_a_search_by_the_state_where_the_child_is_is_not_one() -> None:
    case = placed("adoption")
    case.said["report"] = case.draft("report", "social-inquiry.report", IT, thread="inquiry", **report())
    version = case.version(terms={"solution": "adoption"})
    both_refuse(case, version, 14, "tracing_exhausted", beside=(3,))


def test_it_is_asked_again_of_the_acceptance_and_of_the_handover() -> None:
    case = placed("kafala", family_traced="not-attempted")
    case.propose(terms={"solution": "kafala"})
    both_refuse(case, case.acceptance(), 14, "tracing_exhausted")
    case.agree()
    both_refuse(case, case.handover(), 14, "tracing_exhausted")
