"""Safeguard 3: a named carer or agency has agreed and is able, before departure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import IT, WholeCase, report, until_decided, until_proposed

NO_CARER = {"receiving_carer": None}


def carer(**changes: Any) -> dict[str, Any]:
    return {"candidate_carers": [report()["candidate_carers"][0] | changes]}


def test_a_proposal_may_leave_the_carer_open_and_an_acceptance_may_not() -> None:
    case = until_decided()
    both_take(case, case.version(terms=NO_CARER))
    case.propose(terms=NO_CARER)
    both_refuse(case, case.acceptance(), 3, "carer_named")
    case.agree()
    both_refuse(case, case.handover(), 3, "carer_named")


@pytest.mark.parametrize("answer", ["no", "unknown"])
@pytest.mark.parametrize(("question", "code"), [("agreed", "carer_agreement"), ("able", "carer_able")])
def test_agreed_and_able_are_two_questions_and_unknown_answers_neither(
    question: str, code: str, answer: str
) -> None:
    case = until_decided(report=carer(**{question: answer}))
    both_refuse(case, case.version(), 3, code)
    case.propose()
    both_refuse(case, case.acceptance(), 3, code)


def test_willing_is_not_agreed_and_another_carer_is_not_this_one() -> None:
    case = until_decided(report=carer(reference="carer-2"))
    both_refuse(case, case.version(), 3, "carer_agreement", "carer_able")


def test_the_state_where_the_child_is_cannot_vouch_for_a_household_abroad() -> None:
    case = until_decided()
    case.said["report"] = case.draft("report", "social-inquiry.report", IT, thread="inquiry", **report())
    both_refuse(case, case.version(), 3, "carer_agreement", "carer_able")


def on(day: str) -> WholeCase:
    return until_proposed(report={"concluded_on": day})


def test_a_report_is_fresh_for_six_months() -> None:
    both_take(case := on("2026-07-10"), case.acceptance())
    both_refuse(case := on("2026-07-09"), case.acceptance(), 3, "report_recent")


@pytest.mark.parametrize(
    ("withdrawn_on", "stands"), [("2026-12-17", False), ("2026-12-18", True), ("2027-01-09", True)]
)
def test_a_withdrawal_is_overcome_by_a_later_agreement_alone(withdrawn_on: str, stands: bool) -> None:
    case = WholeCase()
    case.say("withdrawal", "consent.withdrawal", thread="notification", withdrawn_on=withdrawn_on)
    whole = until_decided()
    case.said |= whole.said
    case.assess("final")
    case.decide("decision")
    case.propose()
    if stands:
        both_refuse(case, case.acceptance(), 3, "carer_consent_again")
    else:
        both_take(case, case.acceptance())
