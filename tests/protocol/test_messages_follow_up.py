"""What the forms from the handover to the end of a case refuse because it contradicts itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from protocol.messages import form, validate
from protocol.vocabularies import scheme
from tests.protocol.form_claims import changed, refusal_of
from tests.protocol.sample_contents import Json, sample

CODED_ONLY = ("alert.danger", "alert.missing-child", "case.reopening")


@pytest.mark.parametrize("message_type", CODED_ONLY)
def test_what_must_not_wait_for_a_translation_is_coded_only(message_type: str) -> None:
    assert form(message_type).narrative_fields == ()
    assert form(message_type).identity_model is None


@pytest.mark.parametrize(
    ("message_type", "said_by"),
    [("handover.confirmation", "origin"), ("follow-up.report", "origin"), ("case.closure", "destination")],
)
def test_only_the_state_that_can_know_says_it(message_type: str, said_by: str) -> None:
    assert form(message_type).said_by == said_by


LISTS = [
    (message_type, field.name)
    for message_type in ("handover.confirmation", "follow-up.report", "alert.danger", "alert.missing-child")
    for field in form(message_type).coded_fields
    if field.many and field.kind != "group"
]


@pytest.mark.parametrize(("message_type", "name"), LISTS)
def test_nothing_is_said_twice_in_a_list(message_type: str, name: str) -> None:
    twice = [*sample(message_type).coded[name], sample(message_type).coded[name][0]]
    assert refusal_of(changed(message_type, **{name: twice})).field == f"/coded/{name}"


# Handover and follow-up.


@pytest.mark.parametrize("reference", ["child", "place-1"])
def test_a_child_is_handed_over_to_a_person_other_than_the_child(reference: str) -> None:
    assert refusal_of(changed("handover.confirmation", reference=reference)).code == "message.field"


def test_a_child_may_be_handed_over_to_a_facility() -> None:
    validate(
        changed("handover.confirmation", recipient_kind="adequate-reception-facility", reference="place-1")
    )


def test_the_police_are_no_recipient_of_a_child() -> None:
    assert not [code for code in scheme("handover-recipient").concepts if "police" in code]


@pytest.mark.parametrize("said", ["no", "unknown"])
def test_a_new_risk_is_named_exactly_when_there_is_one(said: str) -> None:
    assert refusal_of(changed("follow-up.report", new_risk=said)).code == "message.field"
    assert refusal_of(changed("follow-up.report", new_risks=[])).code == "message.field"
    validate(changed("follow-up.report", new_risk=said, new_risks=[]))


def test_a_child_whom_nobody_saw_is_not_reported_as_safe() -> None:
    unseen = {"child_choice": "child-not-seen"}
    assert refusal_of(changed("follow-up.report", **unseen, safety="safe")).code == "message.field"
    validate(changed("follow-up.report", **unseen, safety="unknown"))


@pytest.mark.parametrize("visited_on", [[], ["2027-04-15", "2027-04-15"]])
def test_a_follow_up_report_names_each_visit_once_and_at_least_one(visited_on: list[str]) -> None:
    assert refusal_of(changed("follow-up.report", visited_on=visited_on)).field == "/coded/visited_on"


def test_a_follow_up_asks_what_the_child_wants_and_to_move_is_no_failure() -> None:
    assert refusal_of(changed("follow-up.report", child_choice=None)).field == "/coded/child_choice"
    validate(changed("follow-up.report", moved="yes", safety="safe"))


def test_a_visit_outside_the_plan_can_be_reported() -> None:
    validate(changed("follow-up.report", follow_up_point="unplanned", agreement=None))


# Alerts.


@pytest.mark.parametrize("message_type", ["alert.danger", "alert.missing-child"])
def test_measures_are_taken_or_none_are(message_type: str) -> None:
    both = changed(message_type, measures_taken=["none-yet", "police-informed"])
    assert refusal_of(both).field == "/coded/measures_taken"
    validate(changed(message_type, measures_taken=["none-yet"]))


def test_an_alert_names_a_danger() -> None:
    assert refusal_of(changed("alert.danger", dangers=[])).field == "/coded/dangers"


@pytest.mark.parametrize(
    ("status", "found_on"),
    [("missing", "2027-04-23"), ("found-safe", None), ("found-harmed", None), ("found-safe", "2027-04-20")],
)
def test_a_missing_child_is_found_on_a_day_after_it_was_missing(status: str, found_on: str | None) -> None:
    alert = changed("alert.missing-child", missing_status=status, found_on=found_on)
    assert refusal_of(alert).code == "message.field"


def test_a_child_is_reported_missing_without_a_day_of_finding() -> None:
    validate(changed("alert.missing-child", missing_status="missing", found_on=None))


# Closure, reopening, alias.


CLOSURES_THAT_CONTRADICT_THEMSELVES: dict[str, Json] = {
    "completed, with visits left": {"follow_up_complete": "no"},
    "completed, and nobody knows of the visits": {"follow_up_complete": "unknown"},
    "not a victim, and confirmed": {"closure_reason": "victim-status-excluded"},
    "not a victim, and presumed": {
        "closure_reason": "victim-status-excluded",
        "trafficking_status": "presumed",
    },
    "an adult, and found to be a child": {
        "closure_reason": "adult-with-transition",
        "transition_support": "arranged",
    },
    "a transition, and none arranged": {
        "closure_reason": "adult-with-transition",
        "age_outcome": "adult",
        "transition_support": "not-arranged",
    },
    "a transition that does not apply": {"closure_reason": "adult-with-transition", "age_outcome": "adult"},
    "support for a child who died": {"closure_reason": "child-died", "transition_support": "arranged"},
}


@pytest.mark.parametrize(
    "coded", CLOSURES_THAT_CONTRADICT_THEMSELVES.values(), ids=CLOSURES_THAT_CONTRADICT_THEMSELVES
)
def test_a_closure_that_contradicts_itself_is_refused(coded: dict[str, Any]) -> None:
    assert refusal_of(changed("case.closure", **coded)).code == "message.field"


@pytest.mark.parametrize("support", ["arranged", "declined-by-young-person"])
def test_a_young_adult_leaves_with_support_or_declines_it(support: str) -> None:
    validate(
        changed(
            "case.closure",
            closure_reason="adult-with-transition",
            age_outcome="adult",
            transition_support=support,
        )
    )


@pytest.mark.parametrize("reason", ["majority-alone", "no-cooperation-with-police"])
def test_the_reasons_that_a_safeguard_refuses_by_name_can_be_written_down(reason: str) -> None:
    validate(changed("case.closure", closure_reason=reason))
    assert "refuse it by name" in str(scheme("closure-reason").concepts[reason].definition)


@pytest.mark.parametrize(
    "same_as",
    ["K7QM-3XPT-9V2D-7", "k7qm-3xpt-9v2d-6", "K7QM3XPT9V2D6", "KO7M-3XPT-9V2D-6", "EX/0001/2027", ""],
)
def test_a_case_reference_has_one_spelling_and_a_check_character(same_as: str) -> None:
    refusal = refusal_of(changed("case.alias", same_as=same_as))
    assert (refusal.code, refusal.field) == ("message.field", "/coded/same_as")
    assert not same_as or same_as not in str(refusal)


def test_the_other_case_is_named_exactly_when_the_child_was_referred_twice() -> None:
    assert refusal_of(changed("case.alias", same_as=None)).code == "message.field"
    assert refusal_of(changed("case.alias", alias_kind="court-file")).code == "message.field"
    validate(changed("case.alias", alias_kind="court-file", same_as=None))


def test_a_file_number_may_identify_the_child_and_is_sealed() -> None:
    alias = sample("case.alias")
    assert refusal_of(dataclasses.replace(alias, identity=None)).code == "message.identity_missing"
    coded = {field.name for field in form("case.alias").coded_fields}
    assert coded == {"alias_kind", "same_as"}


# Relay.


@pytest.mark.parametrize("strength", ["seen-and-identified", "known-correspondent"])
def test_what_anybody_with_a_link_could_write_is_never_authenticated(strength: str) -> None:
    reply = changed("relay.attestation", original_form="web-reply", authentication=strength)
    assert refusal_of(reply).code == "message.field"


@pytest.mark.parametrize("original", ["e-mail", "telephone", "fax"])
def test_nobody_is_seen_from_afar(original: str) -> None:
    assert refusal_of(changed("relay.attestation", original_form=original)).code == "message.field"
    validate(changed("relay.attestation", original_form=original, authentication="known-correspondent"))


def test_an_attestation_belongs_to_whichever_procedure_its_conversation_has() -> None:
    assert form("relay.attestation").procedure is None
    assert not form("relay.attestation").opens_thread
