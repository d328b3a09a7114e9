"""Ways around a safeguard that were tried: what is called by another name, told elsewhere, told later, or
said in words of a vocabulary that this node does not have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol import standing
from protocol.identifiers import Address
from tests.safeguards.claims import both_refuse, both_take, sender_refuses
from tests.safeguards.whole_case import (
    AGREEMENT,
    IT,
    RO,
    WholeCase,
    report,
    risk,
    until_agreed,
    until_decided,
    until_proposed,
)

FR = Address("fr.protection-enfance")
NEWER = "a-newer-vocabulary"
"""A code that a newer release may have: well formed, and unknown here."""
HOME_RISK = {"risk": "domestic-violence", "foreseeable": "yes", "information_source": "observation"}


def missing_of(case: WholeCase, content: Any) -> set[str]:
    return {entry.code.removeprefix("missing.") for entry in sender_refuses(case, content).missing}


# Called by another name.


def test_the_country_that_the_child_comes_from_is_no_third_country() -> None:
    weighed = {"options": _options("third-country"), "best_solution": "third-country"}
    views = {"views": [{"option": one, "view": "wants"} for one in ("third-country", "local-integration")]}
    case = until_decided(decision=weighed, views=views, final={"origin_contribution": "not-requested"})
    both_refuse(case, case.version(terms={"solution": "third-country"}), 1, "origin_contribution")


def test_a_solution_that_nobody_here_knows_is_a_move() -> None:
    weighed = {"options": _options(NEWER), "best_solution": NEWER}
    views = {"views": [{"option": one, "view": "wants"} for one in (NEWER, "local-integration")]}
    case = until_decided(decision=weighed, views=views)
    terms = {"solution": NEWER, "receiving_country": "IT", "receiving_carer": None}
    assert "risk_assessment" in missing_of(
        case, case.version(terms=terms, rests_on={"risk_assessment": None})
    )


@pytest.mark.parametrize("terms", [{"custody_arrangement": "kafala-act"}, "care"])
def test_kafala_by_custody_or_care_comes_after_the_search_as_well(terms: Any) -> None:
    case = until_decided(report={"family_traced": "not-attempted"})
    if terms == "care":
        terms = {
            "receiving_carer": case.version().coded["terms"]["receiving_carer"]
            | {"care_arrangement": "kafala"}
        }
    both_refuse(case, case.version(terms=terms), 14, "tracing_exhausted")


# Told elsewhere.


def test_a_conclusion_told_to_another_state_forbids_as_well() -> None:
    case = until_decided()
    case.assess("to-fr", to=FR, outcome="return-excluded")
    assert missing_of(case, case.version()) == {"risk_assessment_supports"}


def test_a_risk_told_to_another_state_is_outstanding() -> None:
    case = until_decided()
    case.assess("to-fr", to=FR, risks=[risk(residual="not-mitigated")])
    assert missing_of(case, case.version()) == {"risk_mitigated"}


def test_a_decision_told_last_to_another_state_counts() -> None:
    case = until_decided()
    case.decide("to-fr", to=FR, options=_options("return/to-family", "not-in-best-interests"))
    assert missing_of(case, case.version()) == {"solution_in_best_interests"}


def test_a_guardian_lost_or_a_disagreement_told_to_another_state_counts() -> None:
    guardian = {"guardian_event": "ended"}
    case = until_decided()
    case.say("to-fr", "guardian.notice", to=FR, thread="fr", **guardian)
    case.assess("again", replaces=case.said["final"].id)
    case.decide("decision-again")
    rests_on = {"risk_assessment": case.digest("again"), "best_interests": case.digest("decision-again")}
    assert "guardian_appointed" in missing_of(case, case.version(rests_on=rests_on))

    case = until_decided()
    case.say("to-fr", "child-views.record", to=FR, thread="fr", guardian_agrees_with_child="no")
    case.assess("again", replaces=case.said["final"].id)
    case.decide("decision-again")
    assert missing_of(case, case.version(rests_on=rests_on)) == {"separate_representative"}


# Told before or later.


@pytest.mark.parametrize("source", ["inquiry", "follow-up"])
def test_a_risk_that_was_reported_and_not_assessed_is_outstanding(source: str) -> None:
    case = WholeCase()
    if source == "follow-up":
        reported = {"new_risk": "yes", "new_risks": ["domestic-violence"]}
        case.say("follow-up", "follow-up.report", RO, thread="earlier", **reported)
    case.said |= until_decided(report={"home_risks": [HOME_RISK]} if source == "inquiry" else {}).said
    case.assess()
    case.decide()
    both_refuse(case, case.version(), 2, "risk_answered")
    case.assess(risks=[risk(), risk(risk="domestic-violence")])
    both_take(case, case.version())


def test_a_measure_that_is_not_in_place_mitigates_nothing() -> None:
    measure = risk()["mitigations"][0]
    for in_place in ("no", "unknown"):
        planned = risk(mitigations=[measure | {"in_place": in_place}])
        case = until_decided(final={"risks": [planned]})
        both_refuse(case, case.version(), 2, "mitigation_named")


@pytest.mark.parametrize(("question", "code"), [("agreed", "carer_agreement"), ("able", "carer_able")])
def test_a_later_report_on_the_same_carer_counts(question: str, code: str) -> None:
    case = until_decided()
    later = report()
    later["candidate_carers"] = [later["candidate_carers"][0] | {question: "no"}]
    case.say("later", "social-inquiry.report", RO, thread="second-inquiry", **later)
    case.assess()
    case.decide()
    both_refuse(case, case.version(), 3, code)


def test_a_decision_that_was_quashed_is_weighed_anew() -> None:
    case = until_decided()
    quashed = {"appealed_decision": "best-interests", "appeal": "upheld"}
    case.say("quashed", "appeal.notice", thread="notification", **quashed)
    assert missing_of(case, case.version()) == {"fact_considered", "best_interests_weigh_fact"}


def test_one_state_cannot_say_that_the_others_appeal_is_over() -> None:
    case = WholeCase()
    for name, by, status in (("pending", IT, "pending"), ("over", RO, "withdrawn")):
        appeal = {"appealed_decision": "placement", "appeal": status, "suspensive": "yes"}
        case.say(name, "appeal.notice", by, thread="notification", **appeal)
    case.said |= until_decided().said
    case.assess()
    case.decide()
    both_refuse(case, case.version(), 8, "appeal_decided")


def test_an_agreement_that_another_conversation_amends_is_not_in_force() -> None:
    case = until_agreed()
    case.propose(name="instead", amends=AGREEMENT, terms={"solution": "return/to-family", "escort": "carer"})
    for by in (IT, RO):
        case.said[f"instead-{by}"] = case.draft(
            f"instead-{by}",
            "durable-solution.acceptance",
            by,
            thread="instead",
            in_reply_to="instead",
            agreement="B" * 43,
        )
    both_refuse(case, case.handover(), 9, "agreement_in_force")
    old, new = (
        standing.agreement(case.file("it"), case.said[name].thread, case.now)
        for name in ("proposal", "instead")
    )
    assert old is not None
    assert old.state == "suspended"
    assert new is not None
    assert new.state == "in-force"


@pytest.mark.parametrize(
    ("step", "fields", "number", "code"),
    [
        ("report", {"concluded_on": "2027-01-12"}, 3, "report_recent"),
        ("views", {"heard_on": "2027-01-12"}, 5, "child_heard"),
        ("guardian", {"effective_on": "2027-01-12"}, 4, "guardian_appointed"),
        ("report", "agreed_on", 3, "carer_agreement"),
    ],
)
def test_what_is_still_to_come_has_not_happened(step: str, fields: Any, number: int, code: str) -> None:
    if fields == "agreed_on":
        fields = {"candidate_carers": [report()["candidate_carers"][0] | {"agreed_on": "2027-01-12"}]}
    case = until_decided(**{step: fields})
    both_refuse(case, case.version(), number, code)


# Bound by others, or not carried out.


def test_no_return_is_accepted_without_both_the_state_of_the_child_and_the_receiving_one() -> None:
    case = until_decided()
    for name, by, to in (("without-ro", IT, FR), ("without-it", RO, FR)):
        case.said[name] = case.version(name, by=by, to=to)
        acceptance = case.draft(
            f"yes-{name}", "durable-solution.acceptance", FR, to=by, thread=name, in_reply_to=name
        )
        assert "acceptance_by_state" in missing_of(case, acceptance)


def test_a_child_is_handed_over_to_the_carer_agreed_and_not_before_the_day() -> None:
    case = until_agreed()
    both_take(case, case.handover())
    both_refuse(case, case.handover(reference="carer-2"), 9, "handover_to_agreed_carer")
    for days, taken in ((1, True), (2, False)):
        # In the east a day begins 14 hours before it does in UTC.
        case.now = case.now.replace(hour=11)
        later = case.handover(handed_over_on=(case.now + timedelta(days=days)).date().isoformat())
        if taken:
            both_take(case, later)
        else:
            both_refuse(case, later, 9, "handover_made")


def test_a_child_who_stays_is_not_handed_over() -> None:
    case = until_decided(decision={"best_solution": "local-integration"})
    case.propose(terms={"solution": "local-integration", "receiving_country": "IT", "receiving_carer": None})
    case.agree()
    assert "agreement_in_force" in missing_of(case, case.handover())


# Words that this node does not have.


@pytest.mark.parametrize(
    ("step", "fields", "code"),
    [
        ("decision", {"appeal": NEWER}, "appeal_decided"),
        ("views", {"hearing_method": NEWER}, "child_heard"),
        ("views", {"hearing_method": "not-heard/refused"}, "child_heard"),
        (
            "views",
            {"separate_representative": NEWER, "guardian_agrees_with_child": "no"},
            "separate_representative",
        ),
        ("guardian", {"guardian_event": NEWER}, "guardian_appointed"),
        ("final", {"outcome": NEWER}, "risk_assessment_supports"),
        ("final", {"risks": [risk(residual=NEWER)]}, "risk_mitigated"),
        ("final", {"origin_contribution": NEWER}, "origin_contribution"),
        ("final", {"risks": [risk(foreseeable=NEWER, residual=NEWER)]}, "risk_mitigated"),
        ("report", {"home_risks": [HOME_RISK | {"risk": NEWER}]}, "risk_answered"),
    ],
)
def test_what_nobody_here_can_read_supports_no_return(step: str, fields: dict[str, Any], code: str) -> None:
    case = until_decided(**{step: fields})
    assert code in missing_of(case, case.version())


def test_a_legal_basis_that_nobody_here_knows_carries_no_return() -> None:
    case = until_decided()
    terms = {"legal_bases": ["bilateral-agreement/readmission", NEWER]}
    both_refuse(case, case.version(terms=terms), 12, "individual_legal_basis")


def test_a_narrower_word_for_migration_control_is_the_same_reason() -> None:
    options = _options("return/to-family")
    options[1]["decision_reasons"] = ["migration-control/border"]
    case = until_decided(decision={"options": options})
    both_refuse(case, case.version(), 8, "reason_other_than_migration")


@pytest.mark.parametrize("field", ["consent_to", "withdrawn_by"])
def test_a_withdrawal_in_unknown_words_is_one(field: str) -> None:
    case = WholeCase()
    given = {"withdrawn_by": "carer", "consent_to": "care", "withdrawn_on": "2027-01-09", field: NEWER}
    case.say("withdrawal", "consent.withdrawal", RO, thread="notification", **given)
    case.said |= until_decided().said
    case.assess()
    case.decide()
    both_refuse(case, case.version(), 3, "carer_consent_again")


def test_an_adult_by_unknown_means_is_no_adult() -> None:
    case = until_decided()
    outcome = {"age_outcome": "adult", "age_band": "adult", "appeal": "none-lodged", "age_basis": NEWER}
    outcome_said = case.draft("age", "age.outcome", thread="notification", **outcome)
    both_refuse(case, outcome_said, 6, "age_basis")
    appealed = case.draft(
        "b", "age.outcome", thread="a", **outcome | {"age_basis": "document", "appeal": NEWER}
    )
    both_refuse(case, appealed, 6, "age_appeal_decided")


@pytest.mark.parametrize(
    ("fields", "number", "code"),
    [
        ({"closure_reason": NEWER}, 7, "reason_other_than_cooperation"),
        ({"closure_reason": "no-cooperation-with-police/silent"}, 7, "reason_other_than_cooperation"),
        ({"closure_reason": "victim-status-excluded/court"}, 7, "status_decided"),
        ({"closure_reason": "majority-alone/presumed"}, 15, "reason_other_than_age"),
    ],
)
def test_no_case_closes_for_a_reason_that_nobody_here_knows(
    fields: dict[str, Any], number: int, code: str
) -> None:
    case = until_proposed()
    beside = (7,) if number != 7 else ()
    closure = case.draft("closure", "case.closure", thread="notification", **fields)
    both_refuse(case, closure, number, code, beside=beside)


def test_transition_support_that_does_not_apply_to_an_adult_is_none() -> None:
    case = until_proposed()
    adult = {"age_outcome": "adult", "age_band": "adult", "appeal": "none-lodged", "age_basis": "document"}
    case.say("age", "age.outcome", thread="notification", **adult)
    settled = {"closure_reason": "settled-in-destination", "age_outcome": "adult"}
    for support in ("not-applicable", NEWER):
        closure = case.draft(
            "closure", "case.closure", thread="notification", transition_support=support, **settled
        )
        both_refuse(case, closure, 15, "transition_support")


def _options(solution: str, found: str = "in-best-interests") -> list[dict[str, Any]]:
    return [
        {"option": solution, "option_assessment": found, "decision_reasons": ["safety"]},
        {
            "option": "local-integration",
            "option_assessment": "acceptable",
            "decision_reasons": ["integration"],
        },
    ]
