"""What a record of a Primero says, and what is not certain enough to say."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.kit import Unfit
from adapters.kit.crosswalks import crosswalk
from adapters.primero.client import Transition
from adapters.primero.mapping import (
    FIELDS,
    IDENTITY_FIELDS,
    message_in,
    note_of,
    status_of,
    understand,
)
from protocol.vocabularies.crosswalk import Mark
from protocol.vocabularies.crosswalk import crosswalk as codes_of
from tests.adapters.primero_stage import CONSOLE, PROFILE, RECORD, SECRET, Json
from tests.adapters.primero_stand_in import ACCOUNT, WORKER


def transition(**changes: Any) -> Transition:
    facts: Json = {
        "kind": "referrals",
        "id": "1",
        "record": "2",
        "status": "inprogress",
        "to": ACCOUNT,
        "by": WORKER,
        "created_at": datetime(2026, 11, 3, tzinfo=UTC),
    }
    return Transition(**(facts | changes))


def coded(**changes: Any) -> Json:
    found: Json = understand(RECORD | changes, transition(), PROFILE).submission["coded"]
    return found


@pytest.mark.parametrize("row", codes_of("primero").mappings, ids=lambda row: f"{row.field}-{row.value}")
def test_a_value_of_primero_is_ours_where_that_is_certain_and_unknown_by_name_where_not(row: Any) -> None:
    at = {
        "protection_concerns": ("protection_concerns", [row.value], "exploitation_forms"),
        "separation_cause": ("separation_cause", row.value, "separation_causes"),
        "care_arrangements_type": (
            "care_arrangements_section",
            [{"care_arrangements_type": row.value}],
            "care_arrangement",
        ),
    }[row.field]
    understood = understand(RECORD | {at[0]: at[1]}, transition(), PROFILE)
    found = understood.submission["coded"].get(at[2])
    if row.mark in (Mark.EXACT, Mark.BROADER) and row.code is not None:
        assert found in (row.code, [row.code])
        assert row.field not in understood.unknown
    else:
        assert found in ("unknown", ["unknown"], None)
        assert row.field in understood.unknown


def test_trafficked_or_smuggled_is_not_taken_for_either() -> None:
    with pytest.raises(Unfit, match="trafficking_status_missing"):
        coded(protection_concerns=["trafficked_smuggled"], focalpoint_trafficking_status=None)
    assert coded(protection_concerns=["trafficked_smuggled"])["exploitation_forms"] == ["unknown"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age": 18}, "adult"),
        ({"nationality": []}, "country_missing"),
        ({"nationality": ["romanian", "bulgarian"]}, "country_several"),
        ({"nationality": ["martian"]}, "country_unknown"),
        ({"nationality": ["italian"]}, "country_own"),
        ({"nationality": ["bulgarian"]}, "recipient_unknown"),
        ({"focalpoint_country": "Romania"}, "country_unknown"),
        ({"focalpoint_first_contact_on": None, "registration_date": "2026-11-02"}, "first_contact_missing"),
        ({"focalpoint_trafficking_status": "trafficked"}, "trafficking_status_missing"),
    ],
)
def test_what_is_not_certain_stops_the_record_and_is_not_guessed(changes: Json, code: str) -> None:
    with pytest.raises(Unfit) as refused:
        coded(**changes)
    assert refused.value.code == f"primero.{code}"


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"sex": "Female"}, "sex", "unknown"),
        ({"sex": None}, "sex", "unknown"),
        ({"age": 17}, "age_band", "15-17"),
        ({"age": 0}, "age_band", "0-5"),
        ({"age": None}, "age_band", "unknown-child"),
        ({"age": "13"}, "age_band", "unknown-child"),
        ({"age": 19, "estimated": True}, "age_band", "unknown-child"),
        ({"age": 19, "estimated": None}, "age_band", "unknown-child"),
        ({"estimated": True}, "age_basis", "estimate"),
        ({"focalpoint_immediate_danger": "perhaps"}, "immediate_danger", "unknown"),
        ({"focalpoint_separation_status": "unaccompanied"}, "separation_status", "unaccompanied"),
        ({"care_arrangements_section": []}, "care_arrangement", "unknown"),
        (
            {
                "care_arrangements_section": [
                    {"care_arrangements_type": "kafala", "care_arrangement_started_date": "2026-01-02"},
                    {"care_arrangements_type": "parent_s", "care_arrangement_started_date": "2025-01-02"},
                ]
            },
            "care_arrangement",
            "kafala",
        ),
        (
            {
                "care_arrangements_section": [
                    {"care_arrangements_type": "kafala", "care_arrangement_started_date": "2026-01-02"},
                    {"care_arrangements_type": "parent_s"},
                ]
            },
            "care_arrangement",
            "unknown",
        ),
    ],
)
def test_a_field_says_what_the_record_certainly_says(changes: Json, field: str, expected: Any) -> None:
    assert coded(**changes)[field] == expected


def test_no_danger_is_declared_by_a_person_or_not_at_all() -> None:
    for value in (None, False, "true", 1):
        record = RECORD | {"focalpoint_no_danger_declared": value}
        assert understand(record, transition(), PROFILE).submission["declares_no_danger"] is False


INQUIRY: Json = {
    "focalpoint_inquiry_questions": ["housing", "carer-willing"],
    "focalpoint_inquiry_legal_bases": ["hague-1996"],
    "focalpoint_inquiry_reasons": "Si chiede se la nonna può accogliere la bambina.",
    "focalpoint_inquiry_language": "it",
    "focalpoint_nobody_not_to_contact": True,
    "focalpoint_child_informed": "yes",
}


def test_a_service_decides_what_is_sent_and_an_inquiry_says_whom_not_to_contact() -> None:
    asked = transition(service="focalpoint_inquiry", notes=SECRET)
    understood = understand(RECORD | INQUIRY, asked, PROFILE)
    assert understood.submission["type"] == "social-inquiry.request"
    assert understood.submission["coded"]["child_view_of_contact"] == "unknown"
    assert SECRET not in json.dumps(understood.submission)
    for left_out in INQUIRY:
        if left_out != "focalpoint_child_informed":
            with pytest.raises(Unfit):
                understand(RECORD | INQUIRY | {left_out: None}, asked, PROFILE)
    with pytest.raises(Unfit, match="service_unknown"):
        understand(RECORD, transition(service="food"), PROFILE)


def test_a_hidden_name_is_not_sent_whatever_the_settings_say() -> None:
    profile = dataclasses.replace(PROFILE, identity_legal_basis="hague-1996")
    shown = understand(RECORD, transition(), profile).submission
    assert shown["identity"]["persons"][0]["names"] == [
        {"full": f"{SECRET} Popescu", "given": SECRET, "family": "Popescu"}
    ]
    assert shown["identity"]["persons"][0]["born"] == "2013-04-05"
    assert "identity" not in understand(RECORD | {"hidden_name": True}, transition(), profile).submission
    estimated = understand(RECORD | {"estimated": True}, transition(), profile).submission
    assert "born" not in estimated["identity"]["persons"][0]
    with pytest.raises(Unfit, match="no_consent"):
        understand(RECORD | {"disclosure_other_orgs": None}, transition(), profile)


def test_what_was_read_is_not_shown_by_accident() -> None:
    understood = understand(RECORD, transition(notes=SECRET), PROFILE)
    assert "romanian" not in repr(understood)
    assert SECRET not in repr(transition(notes=SECRET, rejected_reason=SECRET))


@pytest.mark.parametrize("language", ["en", "fr", "es", "pt", "ru", "ar", "zh"])
def test_a_note_is_known_again_in_every_language(language: str) -> None:
    told = {
        "id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a",
        "case": "K7QM-3XPT-9V2D-6",
        "type": "query",
        "due": {"at": "2026-12-01T12:00:00Z"},
        "content": {"narrative": SECRET},
    }
    note = note_of(told, console=CONSOLE, language=language)
    assert message_in(note) == told["id"]
    assert "2026-12-01T12:00:00Z" in note
    assert SECRET not in note


def test_what_the_node_refuses_is_told_without_what_it_knows() -> None:
    assert status_of("primero.no_consent") == "focalpoint-refused:no_consent"
    assert status_of("node.safeguard.international_protection") == "focalpoint-waits:people-at-node"
    assert status_of("node.safeguard.no_danger_declaration") == "focalpoint-waits:people-at-node"
    assert status_of("node.access.second_person") == "focalpoint-waits:second-person"
    assert status_of("node.message.field") == "focalpoint-refused:by-node"


def test_the_crosswalk_says_something_of_every_field_of_both_sides() -> None:
    told = crosswalk("adapters.primero")
    assert told.silent_about({*FIELDS, *IDENTITY_FIELDS, *RECORD} - {"module_id"}) == ()
    assert told.silent_about({"shoe_size"}) == ("shoe_size",)
    from protocol.messages.case_notification import CaseNotification
    from protocol.messages.social_inquiry_request import SocialInquiryRequest

    for name, model in (
        ("case.notification", CaseNotification),
        ("social-inquiry.request", SocialInquiryRequest),
    ):
        assert told.silent_about_ours(f"{name}/coded/{field}" for field in model.model_fields) == ()
