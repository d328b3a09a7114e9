"""Safeguard 2: a foreseeable risk that is not mitigated forbids return."""

from __future__ import annotations

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import RO, risk, until_agreed, until_decided

_ABOUT_SOMETHING_ELSE = {step: {"risks": [risk(risk="no-schooling")]} for step in ("contribution", "final")}


@pytest.mark.parametrize("foreseeable", ["yes", "unknown"])
@pytest.mark.parametrize("residual", ["partly-mitigated", "not-mitigated", "unknown"])
def test_a_foreseeable_risk_that_is_not_mitigated_forbids(foreseeable: str, residual: str) -> None:
    case = until_decided(final={"risks": [risk(foreseeable=foreseeable, residual=residual)]})
    both_refuse(case, case.version(), 2, "risk_mitigated")


def test_a_risk_that_nobody_foresees_and_one_that_is_mitigated_forbid_nothing() -> None:
    harmless = risk(risk="stigma", foreseeable="no", residual="nothing-to-mitigate", mitigations=[])
    case = until_decided(final={"risks": [risk(), harmless]})
    both_take(case, case.version())


def test_mitigated_by_nothing_is_not_mitigated() -> None:
    case = until_decided(final={"risks": [risk(mitigations=[])]})
    both_refuse(case, case.version(), 2, "mitigation_named")


def test_a_risk_that_a_contribution_names_and_the_assessment_passes_over_is_outstanding() -> None:
    case = until_decided(contribution={"risks": [risk(), risk(risk="stigma")]})
    both_refuse(case, case.version(), 2, "risk_answered")


@pytest.mark.parametrize("link", ["yes", "unknown", "of-a-later-release"])
def test_where_a_link_to_traffickers_is_not_ruled_out_the_assessment_speaks_of_them(link: str) -> None:
    silent = until_decided(report={"trafficker_link": link}, **_ABOUT_SOMETHING_ELSE)
    both_refuse(silent, silent.version(), 2, "risk_answered")
    spoken = until_decided(
        report={"trafficker_link": link}, final={"risks": [risk(risk="trafficker-contact")]}
    )
    both_take(spoken, spoken.version())
    ruled_out = until_decided(report={"trafficker_link": "no"}, **_ABOUT_SOMETHING_ELSE)
    both_take(ruled_out, ruled_out.version())


def test_a_disputed_assessment_forbids_until_a_newer_one_answers() -> None:
    case = until_decided()
    case.say(
        "dispute",
        "risk-assessment.dispute",
        RO,
        thread="assessment",
        final_assessment=case.digest("final"),
    )
    both_refuse(case, case.version(), 2, "dispute_answered", beside=(1, 8))
    case.assess("second-final", replaces=case.said["final"].id, dispute_response="maintained-with-reasons")
    case.decide("second-decision", replaces=case.said["decision"].id)
    rests_on = {
        "risk_assessment": case.digest("second-final"),
        "best_interests": case.digest("second-decision"),
    }
    both_take(case, case.version(rests_on=rests_on))


def test_it_is_asked_again_of_the_acceptance_and_of_the_handover() -> None:
    case = until_agreed(final={"risks": [risk(residual="not-mitigated")]})
    both_refuse(case, case.acceptance(), 2, "risk_mitigated")
    both_refuse(case, case.handover(), 2, "risk_mitigated")
