"""A risk assessment that contradicts itself is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from protocol import vocabularies
from protocol.messages import FORMS
from tests.protocol.form_claims import changed, refusal_of
from tests.protocol.sample_contents import SampleContent, sample


def with_first_risk(message_type: str = "risk-assessment.final", **said: Any) -> SampleContent:
    content = sample(message_type)
    content.coded["risks"][0] |= said
    return content


@pytest.mark.parametrize("residual", ["mitigated", "partly-mitigated"])
@pytest.mark.parametrize("message_type", ["risk-assessment.final", "risk-assessment.contribution"])
def test_a_risk_is_not_answered_by_nothing(message_type: str, residual: str) -> None:
    refusal = refusal_of(with_first_risk(message_type, residual=residual, mitigations=[]))
    assert (refusal.code, refusal.field) == ("message.field", "/coded/risks/0")


@pytest.mark.parametrize("foreseeable", ["yes", "unknown"])
def test_a_risk_that_may_come_is_never_nothing_to_mitigate(foreseeable: str) -> None:
    refusal = refusal_of(with_first_risk(residual="nothing-to-mitigate", foreseeable=foreseeable))
    assert refusal.field == "/coded/risks/0"


@pytest.mark.parametrize("name", ["foreseeable", "severity", "likelihood", "residual", "information_source"])
def test_what_was_not_found_out_about_a_risk_cannot_be_left_out(name: str) -> None:
    content = sample("risk-assessment.contribution")
    del content.coded["risks"][0][name]
    assert refusal_of(content).field == f"/coded/risks/0/{name}"


def test_a_risk_is_assessed_once_for_whom_it_concerns() -> None:
    content = sample("risk-assessment.final")
    content.coded["risks"].append(dict(content.coded["risks"][0], foreseeable="no"))
    assert refusal_of(content).field == "/coded/risks"


def test_a_measure_stands_once_for_the_state_that_takes_it() -> None:
    content = sample("risk-assessment.final")
    measures = content.coded["risks"][0]["mitigations"]
    measures.append(dict(measures[0], in_place="no"))
    assert refusal_of(content).field == "/coded/risks/0/mitigations"


def test_an_assessment_says_of_each_risk_something_and_has_no_code_for_no_risk() -> None:
    assert refusal_of(changed("risk-assessment.final", risks=[])).field == "/coded/risks"
    assert "none-identified" not in vocabularies.scheme("risk-category").concepts


@pytest.mark.parametrize("silent", ["not-received", "not-requested"])
def test_the_silence_of_the_state_of_origin_makes_no_return_possible(silent: str) -> None:
    refusal = refusal_of(changed("risk-assessment.final", origin_contribution=silent))
    assert (refusal.code, refusal.field) == ("message.field", "/coded")


def test_a_response_to_a_dispute_replaces_the_assessment_that_was_disputed() -> None:
    assert refusal_of(changed("risk-assessment.final", replaces=None)).field == "/coded"


@pytest.mark.parametrize("day", ["2026-12-10", "2026-12-09"])
def test_an_assessment_is_made_again_later_than_it_was_made(day: str) -> None:
    assert refusal_of(changed("risk-assessment.final", reassess_on=day)).field == "/coded"


def test_a_point_is_disputed_once() -> None:
    content = sample("risk-assessment.dispute")
    content.coded["disputed_points"] *= 2
    assert refusal_of(content).field == "/coded/disputed_points"


@pytest.mark.parametrize(
    ("message_type", "name"),
    [
        ("risk-assessment.request", "assessment_purposes"),
        ("risk-assessment.request", "risk_categories"),
        ("risk-assessment.final", "considered"),
    ],
)
def test_a_list_says_one_thing_once(message_type: str, name: str) -> None:
    content = sample(message_type)
    content.coded[name] *= 2
    assert refusal_of(content).field == f"/coded/{name}"


@pytest.mark.parametrize("said", [["none", "language"], ["language", "language"]])
def test_no_limitation_stands_beside_none_or_itself(said: list[str]) -> None:
    refusal = refusal_of(changed("risk-assessment.contribution", limitations=said))
    assert refusal.field == "/coded/limitations"


@pytest.mark.parametrize(
    ("message_type", "name"),
    [
        ("risk-assessment.request", "reasons"),
        ("risk-assessment.final", "reasoning"),
        ("risk-assessment.dispute", "reasoning"),
    ],
)
def test_a_request_a_conclusion_and_a_dispute_give_their_reasons(message_type: str, name: str) -> None:
    refusal = refusal_of(dataclasses.replace(sample(message_type), narrative=()))
    assert (refusal.code, refusal.field) == ("message.narrative_missing", f"/narrative/{name}")


def test_the_state_where_the_child_is_concludes_and_the_other_corroborates_or_disputes() -> None:
    said_by = {name: form.said_by for name, form in FORMS.items() if form.procedure == "risk-assessment"}
    assert said_by == {
        "risk-assessment.request": "destination",
        "risk-assessment.contribution": None,
        "risk-assessment.final": "destination",
        "risk-assessment.corroboration": "origin",
        "risk-assessment.dispute": "origin",
    }


def test_who_the_child_fears_is_named_in_an_identity_part_alone() -> None:
    assert FORMS["risk-assessment.final"].identity_model is None
    assert FORMS["risk-assessment.contribution"].identity_model is not None


@pytest.mark.parametrize(
    ("message_type", "group"),
    [("risk-assessment.final", "risks"), ("risk-assessment.dispute", "disputed_points")],
)
def test_a_document_is_evidence_once(message_type: str, group: str) -> None:
    content = sample(message_type)
    content.coded[group][0]["evidence_documents"] *= 2
    assert refusal_of(content).field == f"/coded/{group}/0/evidence_documents"
