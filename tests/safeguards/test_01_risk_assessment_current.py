"""Safeguard 1: a return rests on a final risk assessment newer than the last material fact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol import safeguards
from protocol.identifiers import Address
from protocol.material_facts import ROWS
from protocol.safeguards.asked import Asked
from tests.safeguards.claims import both_refuse, both_take, receiver_refuses
from tests.safeguards.whole_case import INT, IT, RO, WholeCase, message_id, risk, until_agreed, until_decided

LATER_FACTS: dict[str, dict[str, Any]] = {
    "alert.danger": {"by": RO},
    "alert.missing-child": {},
    "guardian.notice": {"guardian_event": "ended", "guardian_in_conflict": "unknown"},
    "consent.withdrawal": {"withdrawn_by": "carer", "consent_to": "contact"},
    "appeal.notice": {"appeal": "pending", "suspensive": "no"},
    "risk-assessment.contribution": {"by": RO, "risks": []},
    "risk-assessment.dispute": {"by": RO, "final_assessment": "Z" * 43},
    "social-inquiry.report": {"by": RO},
    "identity.result": {"by": RO},
    "child-views.record": {},
    "age.outcome": {},
    "follow-up.report": {"by": RO, "new_risk": "unknown"},
}


@pytest.mark.parametrize("message_type", LATER_FACTS)
def test_a_fact_that_the_assessment_did_not_weigh_forbids(message_type: str) -> None:
    case = until_decided()
    case.say("fact", message_type, thread="elsewhere", **LATER_FACTS[message_type])
    # Risk, carer, guardian, views and the decision on the best interests are other safeguards' matter.
    both_refuse(case, case.version(), 1, "fact_considered", beside=(2, 3, 4, 5, 8))


def test_each_row_of_the_material_facts_is_claimed_above() -> None:
    assert {row.type for row in ROWS} == LATER_FACTS.keys()


@pytest.mark.parametrize(
    ("message_type", "fields"),
    [
        ("guardian.notice", {"guardian_in_conflict": "no"}),
        ("appeal.notice", {"appeal": "dismissed"}),
        ("follow-up.report", {"by": RO, "new_risk": "no", "child_choice": "wants-to-stay"}),
        ("best-interests.summary", {}),
    ],
)
def test_what_changes_nothing_for_the_child_is_no_material_fact(message_type: str, fields: Any) -> None:
    case = until_decided()
    case.say("fact", message_type, thread="elsewhere", **fields)
    rows = {row.number for row, _ in safeguards.unmet(case.file("it"), _asked(case))}
    assert 1 not in rows


def test_a_new_assessment_that_weighs_it_lets_go_on() -> None:
    case = until_decided()
    case.say("danger", "alert.danger", RO, thread="notification")
    case.assess("second-final", replaces=case.said["final"].id)
    case.decide("second-decision", replaces=case.said["decision"].id)
    rests_on = {
        "risk_assessment": case.digest("second-final"),
        "best_interests": case.digest("second-decision"),
    }
    both_take(case, case.version(rests_on=rests_on))


def test_being_later_by_the_clock_is_not_having_weighed_it() -> None:
    case = until_decided()
    case.say("danger", "alert.danger", RO, thread="notification")
    considered = [case.digest(name) for name in case.said if name != "danger"]
    case.assess("second-final", replaces=case.said["final"].id, considered=considered)
    rests_on = {"risk_assessment": case.digest("second-final")}
    both_refuse(case, case.version(rests_on=rests_on), 1, "fact_considered", beside=(8,))


def test_an_assessment_that_was_replaced_is_not_the_current_one() -> None:
    case = until_decided()
    case.assess("second-final", replaces=case.said["final"].id)
    both_refuse(case, case.version(), 1, "risk_assessment_newest")


def test_only_the_state_that_concluded_can_replace_its_conclusion() -> None:
    case = until_decided()
    case.say(
        "foreign-final", "risk-assessment.final", RO, thread="assessment", replaces=case.said["final"].id
    )
    both_take(case, case.version())


@pytest.mark.parametrize("outcome", ["return-excluded", "return-not-considered", "insufficient-information"])
def test_only_a_conclusion_that_a_return_is_possible_carries_one(outcome: str) -> None:
    case = until_decided(final={"outcome": outcome})
    both_refuse(case, case.version(), 1, "risk_assessment_supports")


def test_a_second_conclusion_does_not_set_the_first_aside_in_silence() -> None:
    case = until_decided(final={"outcome": "return-excluded"})
    case.assess("second-final")
    case.decide("second-decision", replaces=case.said["decision"].id)
    rests_on = {
        "risk_assessment": case.digest("second-final"),
        "best_interests": case.digest("second-decision"),
    }
    both_refuse(case, case.version(rests_on=rests_on), 1, "risk_assessment_supports")


def test_no_assessment_or_one_of_another_country_is_none() -> None:
    case = until_decided()
    both_refuse(case, case.version(rests_on={"risk_assessment": None}), 1, "risk_assessment", beside=(8, 12))
    case = until_decided(final={"assessed_country": "MD"})
    both_refuse(case, case.version(), 1, "risk_assessment_newest")


def test_an_assessment_that_is_due_again_is_not_current() -> None:
    case = until_decided(final={"reassess_on": case_day(0)})
    both_take(case, case.version())
    both_refuse(until_decided(final={"reassess_on": case_day(-1)}), case.version(), 1, "reassessment")


def case_day(days: int) -> str:
    return (WholeCase().now + timedelta(days=days)).date().isoformat()


@pytest.mark.parametrize("said", ["not-received", "not-requested", "attested-by-relay", "contributed"])
def test_a_return_needs_what_the_state_of_origin_contributed(said: str) -> None:
    case = until_decided(final={"origin_contribution": said})
    if said == "contributed":
        both_take(case, case.version())
        del case.said["contribution"]
        del case.said["final"], case.said["decision"]
        case.assess()
        case.decide()
    both_refuse(case, case.version(), 1, "origin_contribution")


def attested(by: Address = INT, typed: str = "typed", **changes: str) -> WholeCase:
    """The State of origin wrote on paper; somebody typed it and attests it."""
    case = until_decided()
    del case.said["contribution"], case.said["final"], case.said["decision"]
    case.say("typed", "risk-assessment.contribution", by, thread="assessment", risks=[risk()])
    given = {"on_behalf_of": "ro.anpdca", "attested_message": message_id(typed)} | changes
    case.say("attestation", "relay.attestation", by, thread="assessment", **given)
    case.assess(origin_contribution="attested-by-relay")
    case.decide()
    return case


def test_no_state_attests_for_another_and_paper_that_is_no_contribution_is_none() -> None:
    for case in (attested(by=IT), attested(typed="report"), attested(typed="nothing")):
        both_refuse(case, case.version(), 1, "origin_contribution")


@pytest.mark.parametrize(
    ("authentication", "enough"),
    [("seen-and-identified", True), ("known-correspondent", True), ("unauthenticated", False)],
)
def test_a_relay_may_attest_the_contribution_unless_nobody_knows_whose_it_is(
    authentication: str, enough: bool
) -> None:
    case = attested(authentication=authentication)
    if enough:
        both_take(case, case.version())
    else:
        both_refuse(case, case.version(), 1, "origin_contribution")


def test_a_second_original_makes_the_contribution_no_surer_than_the_first() -> None:
    case = attested(authentication="unauthenticated")
    del case.said["final"], case.said["decision"]
    given = {"on_behalf_of": "ro.anpdca", "attested_message": message_id("typed")}
    case.say("again", "relay.attestation", INT, thread="assessment", original_digest="B" * 43, **given)
    case.assess(origin_contribution="attested-by-relay")
    case.decide()
    both_refuse(case, case.version(), 1, "origin_contribution")


def test_a_fact_that_only_the_receiver_knows_forbids_as_well() -> None:
    case = until_decided()
    case.say("danger", "alert.danger", RO, thread="notification", kept_from="it")
    proposal = case.version()
    safeguards.check_sending(case.file("it"), proposal)
    assert receiver_refuses(case, proposal).code == "safeguard.risk_assessment_current"


def test_it_is_asked_again_of_the_acceptance_and_of_the_handover() -> None:
    case = until_agreed()
    case.say("danger", "alert.danger", RO, thread="notification")
    both_refuse(case, case.acceptance(), 1, "fact_considered", beside=(8,))
    both_refuse(case, case.handover(), 1, "fact_considered", beside=(8,))


def test_what_became_known_after_the_handover_could_not_forbid_it() -> None:
    case = until_agreed()
    handover = case.handover()
    case.now += timedelta(days=2)
    case.say("danger", "alert.danger", RO, thread="notification")
    both_take(case, handover)


def _asked(case: WholeCase) -> Asked:
    return Asked.of(case.version())
