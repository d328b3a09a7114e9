"""Safeguard 4: the guardian is appointed and has no conflict of interest."""

from __future__ import annotations

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import until_agreed, until_decided


@pytest.mark.parametrize("event", ["ended", "conflict-declared"])
def test_nobody_who_represents_the_child_forbids(event: str) -> None:
    case = until_decided(guardian={"guardian_event": event})
    both_refuse(case, case.version(), 4, "guardian_appointed")


@pytest.mark.parametrize("conflict", ["yes", "unknown"])
def test_a_conflict_forbids_and_so_does_not_knowing(conflict: str) -> None:
    case = until_decided(guardian={"guardian_in_conflict": conflict})
    both_refuse(case, case.version(), 4, "guardian_of_no_conflict")


def test_a_guardian_is_named_in_what_the_version_rests_on() -> None:
    case = until_decided()
    both_refuse(case, case.version(rests_on={"guardian_notice": None}), 4, "guardian_notice")


def test_the_newest_notice_counts_and_another_guardian_needs_a_new_version() -> None:
    case = until_agreed()
    case.say("other", "guardian.notice", thread="notification")
    both_refuse(case, case.acceptance(), 4, "guardian_notice_newest")
    both_refuse(case, case.handover(), 4, "guardian_notice_newest")
    both_take(case, case.version("second", rests_on={"guardian_notice": case.digest("other")}))


def test_it_is_asked_of_a_child_who_stays_as_well() -> None:
    case = until_decided(
        guardian={"guardian_in_conflict": "yes"}, decision={"best_solution": "local-integration"}
    )
    stays = {"solution": "local-integration", "receiving_country": "IT", "receiving_carer": None}
    both_refuse(case, case.version(terms=stays), 4, "guardian_of_no_conflict")


def test_an_adult_beyond_doubt_has_no_guardian() -> None:
    case = until_decided(guardian={"guardian_event": "ended"})
    case.say("age", "age.outcome", thread="notification", age_outcome="adult")
    case.assess("final")
    case.decide("decision")
    both_take(case, case.version())
