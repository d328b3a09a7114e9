"""What is recorded about the child does not contradict itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from protocol.messages import FORMS, validate
from tests.protocol.form_claims import changed, refusal_of
from tests.protocol.sample_contents import SampleContent, sample

NOT_HEARD: dict[str, Any] = {
    "heard_on": None,
    "hearing_method": "not-heard",
    "not_heard_reason": "would-harm",
    "hearing_language": None,
    "interpreter": "not-applicable",
    "heard_by": ["nobody"],
    "views": [{"option": "return", "view": "not-expressed"}],
    "guardian_agrees_with_child": "unknown",
}


def not_heard(**otherwise: Any) -> SampleContent:
    return changed("child-views.record", **(NOT_HEARD | otherwise))


def test_a_child_who_was_not_heard_is_recorded_with_the_reason() -> None:
    validate(not_heard())


@pytest.mark.parametrize(
    "otherwise",
    [
        {"heard_on": "2026-12-03"},
        {"not_heard_reason": None},
        {"hearing_language": "ro"},
        {"interpreter": "independent"},
        {"heard_by": ["judge"]},
        {"views": [{"option": "return", "view": "accepts"}]},
        {"guardian_agrees_with_child": "yes"},
    ],
    ids=lambda otherwise: next(iter(otherwise)),
)
def test_nothing_is_said_of_a_hearing_that_there_was_not(otherwise: dict[str, Any]) -> None:
    refusal = refusal_of(not_heard(**otherwise))
    assert (refusal.code, refusal.field) == ("message.field", "/coded")


@pytest.mark.parametrize(
    "otherwise",
    [
        {"heard_on": None},
        {"not_heard_reason": "not-yet"},
        {"heard_by": ["nobody"]},
        {"interpreter": "not-applicable"},
    ],
    ids=lambda otherwise: next(iter(otherwise)),
)
def test_a_hearing_has_its_day_and_whoever_heard(otherwise: dict[str, Any]) -> None:
    assert refusal_of(changed("child-views.record", **otherwise)).field == "/coded"


def test_nobody_and_somebody_did_not_both_hear_the_child() -> None:
    refusal = refusal_of(changed("child-views.record", heard_by=["nobody", "judge"]))
    assert refusal.field == "/coded/heard_by"


def test_the_child_has_one_view_of_an_option() -> None:
    views = [{"option": "return", "view": "wants"}, {"option": "return", "view": "refuses"}]
    assert refusal_of(changed("child-views.record", views=views)).field == "/coded/views"


def test_silence_about_an_option_is_said_and_never_left_out() -> None:
    assert (
        refusal_of(changed("child-views.record", views=[{"option": "return"}])).field == "/coded/views/0/view"
    )


def test_where_guardian_and_child_disagree_somebody_separate_is_needed() -> None:
    content = changed("child-views.record", guardian_agrees_with_child="no")
    assert refusal_of(content).field == "/coded"
    for known in ("appointed", "requested", "none"):
        validate(
            changed("child-views.record", guardian_agrees_with_child="no", separate_representative=known)
        )


def test_the_best_solution_is_one_that_was_weighed() -> None:
    assert refusal_of(changed("best-interests.summary", best_solution="adoption")).field == "/coded"


@pytest.mark.parametrize("excluded", ["not-in-best-interests", "not-available"])
def test_the_best_solution_is_not_one_that_was_excluded(excluded: str) -> None:
    content = sample("best-interests.summary")
    content.coded["options"][0]["option_assessment"] = excluded
    assert refusal_of(content).field == "/coded"


def test_a_solution_is_weighed_once() -> None:
    content = sample("best-interests.summary")
    content.coded["options"].append(dict(content.coded["options"][0], option_assessment="acceptable"))
    assert refusal_of(content).field == "/coded/options"


@pytest.mark.parametrize(
    "appeal", ["none-lodged", "pending", "dismissed", "upheld", "withdrawn", "not-provided"]
)
def test_a_last_day_for_an_appeal_stands_only_while_one_can_be_lodged(appeal: str) -> None:
    assert refusal_of(changed("best-interests.summary", appeal=appeal)).field == "/coded"
    validate(changed("best-interests.summary", appeal=appeal, appeal_until=None))


def test_no_appeal_ended_before_the_decision() -> None:
    assert refusal_of(changed("best-interests.summary", appeal_until="2026-12-14")).field == "/coded"


def test_the_form_takes_migration_control_so_that_the_safeguard_can_refuse_it_by_its_name() -> None:
    content = sample("best-interests.summary")
    content.coded["options"][0]["decision_reasons"] = ["migration-control"]
    validate(content)


def test_a_best_interests_decision_gives_its_reasons() -> None:
    refusal = refusal_of(dataclasses.replace(sample("best-interests.summary"), narrative=()))
    assert (refusal.code, refusal.field) == ("message.narrative_missing", "/narrative/reasons")


@pytest.mark.parametrize("message_type", ["child-views.record", "best-interests.summary", "age.outcome"])
def test_only_the_state_where_the_child_is_says_it_and_names_nobody(message_type: str) -> None:
    assert FORMS[message_type].said_by == "destination"
    assert FORMS[message_type].identity_model is None


def test_an_adult_has_no_age_of_a_child_and_a_child_has_one() -> None:
    assert refusal_of(changed("age.outcome", age_outcome="adult")).field == "/coded"
    assert refusal_of(changed("age.outcome", age_band=None)).field == "/coded"
    validate(changed("age.outcome", age_outcome="adult", age_band=None))


@pytest.mark.parametrize("band", ["12-14", "15-17", None])
def test_an_age_that_is_undetermined_stays_that_of_a_child(band: str | None) -> None:
    assert refusal_of(changed("age.outcome", age_outcome="undetermined", age_band=band)).field == "/coded"
    validate(changed("age.outcome", age_outcome="undetermined", age_band="unknown-child"))


def test_nobody_is_an_adult_on_a_basis_that_nobody_knows() -> None:
    content = changed("age.outcome", age_outcome="adult", age_band=None, age_basis="unknown")
    assert refusal_of(content).field == "/coded"


@pytest.mark.parametrize(("holder", "reference"), [("child", "carer-1"), ("guardian", "child")])
def test_only_the_child_withdraws_for_the_child(holder: str, reference: str) -> None:
    content = changed("consent.withdrawal", withdrawn_by=holder, reference=reference)
    assert refusal_of(content).field == "/coded"


def test_a_consent_is_withdrawn_without_a_reason() -> None:
    assert FORMS["consent.withdrawal"].narrative_fields == ()
    assert not [name for name in FORMS["consent.withdrawal"].field_names if "reason" in name]


@pytest.mark.parametrize("appeal", ["open-to-appeal", "none-lodged", "not-provided"])
def test_an_appeal_that_nobody_lodged_has_no_notice(appeal: str) -> None:
    assert refusal_of(changed("appeal.notice", appeal=appeal)).field == "/coded"


def test_a_notice_of_appeal_can_leave_open_which_decision_it_is() -> None:
    validate(changed("appeal.notice", appealed_decision="withheld"))
    assert FORMS["appeal.notice"].narrative_fields == ()
    assert FORMS["appeal.notice"].identity_model is None


@pytest.mark.parametrize(
    ("message_type", "name"),
    [("child-views.record", "heard_by"), ("best-interests.summary", "considered")],
)
def test_a_list_says_one_thing_once(message_type: str, name: str) -> None:
    content = sample(message_type)
    content.coded[name] *= 2
    assert refusal_of(content).field == f"/coded/{name}"


def test_a_factor_weighs_once_for_an_option() -> None:
    content = sample("best-interests.summary")
    content.coded["options"][0]["decision_reasons"] *= 2
    assert refusal_of(content).field == "/coded/options/0/decision_reasons"
