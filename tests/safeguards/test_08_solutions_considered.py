"""Safeguard 8: at least two solutions were considered, and migration control is no reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import RO, coded, until_agreed, until_decided

OPTIONS = coded("best-interests.summary")["options"]


def options(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"options": [option | change for option, change in zip(OPTIONS, changes, strict=False)]}


@pytest.mark.parametrize(
    "weighed",
    [options({}), options({}, {"option": "return/to-alternative-care"})],
    ids=["one", "two-returns"],
)
def test_one_solution_is_no_choice_and_two_kinds_of_return_are_one(weighed: dict[str, Any]) -> None:
    case = until_decided()
    summary = case.draft("again", "best-interests.summary", thread="notification", **weighed)
    both_refuse(case, summary, 8, "two_solutions")


@pytest.mark.parametrize("place", [0, 1])
def test_migration_control_is_a_reason_for_or_against_nothing(place: int) -> None:
    changes: list[dict[str, Any]] = [{}, {}]
    changes[place] = {"decision_reasons": ["views-of-the-child", "migration-control"]}
    case = until_decided()
    summary = case.draft("again", "best-interests.summary", thread="notification", **options(*changes))
    both_refuse(case, summary, 8, "reason_other_than_migration")


def test_a_decision_that_came_all_the_same_carries_no_proposal() -> None:
    case = until_decided(decision=options({"decision_reasons": ["migration-control"]}, {}))
    both_refuse(case, case.version(), 8, "reason_other_than_migration")


@pytest.mark.parametrize("found", ["not-in-best-interests", "not-available"])
def test_only_what_was_found_best_or_acceptable_is_proposed(found: str) -> None:
    case = until_decided(decision=options({"option_assessment": found}, {}))
    both_refuse(case, case.version(), 8, "solution_in_best_interests")
    both_take(
        case := until_decided(decision=options({"option_assessment": "acceptable"}, {})), case.version()
    )


def test_what_was_not_weighed_is_not_proposed() -> None:
    views = coded("child-views.record")["views"] + [{"option": "return/to-other-family", "view": "accepts"}]
    case = until_decided(views={"views": views})
    both_refuse(
        case, case.version(terms={"solution": "return/to-other-family"}), 8, "solution_in_best_interests"
    )


def test_a_proposal_cites_the_newest_decision_of_the_state_where_the_child_is() -> None:
    case = until_decided()
    both_refuse(case, case.version(rests_on={"best_interests": None}), 8, "best_interests", beside=(12,))
    case.decide("second-decision")
    both_refuse(case, case.version(), 8, "best_interests_newest")
    case = until_decided()
    case.said["decision"] = case.draft(
        "decision", "best-interests.summary", RO, considered=case.digests(*case.said), appeal="none-lodged"
    )
    both_refuse(case, case.version(), 8, "best_interests_newest")


def test_a_decision_weighs_every_material_fact_and_the_assessment() -> None:
    case = until_decided(decision={"considered": []})
    both_refuse(case, case.version(), 8, "best_interests_weigh_fact")
    case = until_decided()
    case.say("danger", "alert.danger", RO, thread="notification")
    both_refuse(case, case.version(), 8, "best_interests_weigh_fact", beside=(1,))


def test_a_child_who_stays_has_a_decision_that_weighs_every_fact_too() -> None:
    case = until_decided(decision={"best_solution": "local-integration"})
    case.say("missing", "alert.missing-child", thread="notification")
    stays = {"solution": "local-integration", "receiving_country": "IT", "receiving_carer": None}
    both_refuse(case, case.version(terms=stays), 8, "best_interests_weigh_fact")


def test_a_pending_appeal_forbids_unless_it_suspends_nothing() -> None:
    both_refuse(case := until_decided(decision={"appeal": "pending"}), case.version(), 8, "appeal_decided")
    for suspensive in ("yes", "unknown", "no"):
        case = until_decided()
        case.say("appeal", "appeal.notice", thread="notification", suspensive=suspensive)
        case.assess("final")
        case.decide("decision")
        if suspensive == "no":
            both_take(case, case.version())
        else:
            both_refuse(case, case.version(), 8, "appeal_decided")
            case.say("dismissed", "appeal.notice", thread="notification", appeal="dismissed")
            both_take(case, case.version())


def test_it_is_asked_again_of_the_acceptance_and_of_the_handover() -> None:
    case = until_agreed()
    case.decide("second-decision")
    both_refuse(case, case.acceptance(), 8, "best_interests_newest")
    both_refuse(case, case.handover(), 8, "best_interests_newest")
