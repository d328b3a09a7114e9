"""Safeguard 5: the child's view on each option is recorded; a child and guardian who disagree suspend."""

from __future__ import annotations

from typing import Any

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import until_agreed, until_decided

NOT_HEARD: dict[str, Any] = {
    "heard_on": None,
    "hearing_method": "not-heard",
    "hearing_language": None,
    "not_heard_reason": "too-young",
    "separate_representative": "appointed",
    "guardian_agrees_with_child": "unknown",
}
STAYS = {"solution": "local-integration", "receiving_country": "IT", "receiving_carer": None}


def test_views_that_are_not_cited_do_not_exist() -> None:
    case = until_decided()
    both_refuse(case, case.version(rests_on={"child_views": None}), 5, "child_views", beside=(12,))


@pytest.mark.parametrize("left", ["return/to-family", "local-integration"])
def test_each_option_that_was_weighed_has_the_childs_view(left: str) -> None:
    case = until_decided(views={"views": [{"option": left, "view": "accepts"}]})
    both_refuse(case, case.version(), 5, "child_view_on_option")


def test_what_the_child_did_not_say_was_asked_and_what_the_child_refuses_is_for_people_to_weigh() -> None:
    views = [
        {"option": "return/to-family", "view": "refuses"},
        {"option": "local-integration", "view": "not-expressed"},
    ]
    case = until_decided(views={"views": views})
    both_take(case, case.version())


def test_a_child_who_was_not_heard_or_not_told_is_not_moved() -> None:
    both_refuse(case := until_decided(views=NOT_HEARD), case.version(), 5, "child_heard")
    for informed in ("no", "unknown"):
        case = until_decided(views={"child_informed": informed})
        both_refuse(case, case.version(), 5, "child_heard")


def test_a_child_who_was_not_heard_may_stay_for_a_reason() -> None:
    stays = {"best_solution": "local-integration"}
    both_take(case := until_decided(views=NOT_HEARD, decision=stays), case.version(terms=STAYS))
    case = until_decided(views=NOT_HEARD | {"not_heard_reason": None}, decision=stays)
    both_refuse(case, case.version(terms=STAYS), 5, "not_heard_reason")


@pytest.mark.parametrize("agrees", ["no", "unknown"])
@pytest.mark.parametrize("representative", ["requested", "none", "not-needed"])
def test_a_child_and_guardian_who_disagree_need_a_separate_representative(
    agrees: str, representative: str
) -> None:
    views = {"guardian_agrees_with_child": agrees, "separate_representative": representative}
    both_refuse(case := until_decided(views=views), case.version(), 5, "separate_representative")
    both_take(case := until_decided(views=views | {"separate_representative": "appointed"}), case.version())


def test_the_newest_record_counts() -> None:
    case = until_agreed()
    case.say("second-views", "child-views.record", thread="notification")
    both_refuse(case, case.acceptance(), 5, "child_views_newest", beside=(1, 8))
    both_refuse(case, case.handover(), 5, "child_views_newest", beside=(1, 8))
