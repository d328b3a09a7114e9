"""What the forms about a durable solution refuse because it contradicts itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from protocol.messages import form, validate
from tests.protocol.form_claims import changed, refusal_of
from tests.protocol.sample_contents import Json, SampleContent, sample
from tests.protocol.sample_solutions import AGREEMENT, digest

VERSIONS = ("durable-solution.proposal", "durable-solution.counter-proposal")


def terms_changed(message_type: str = VERSIONS[0], **terms: Any) -> SampleContent:
    content = sample(message_type)
    content.coded["terms"].update(terms)
    return content


def without(content: SampleContent, *path: str) -> SampleContent:
    part: Json = content.coded
    for step in path[:-1]:
        part = part[step]
    del part[path[-1]]
    return content


def test_a_counter_proposal_is_a_whole_proposal() -> None:
    proposal, counter = (form(name) for name in VERSIONS)
    assert proposal.coded_fields == counter.coded_fields
    assert (proposal.opens_thread, counter.opens_thread) == (True, False)


def test_what_binds_a_state_needs_a_second_pair_of_eyes() -> None:
    assert form("durable-solution.acceptance").supervised
    assert form("durable-solution.revocation").supervised
    assert not form("durable-solution.suspension").supervised, "to stop must be quick"


def test_a_return_can_be_written_without_a_carer_so_that_the_safeguard_can_name_the_gap() -> None:
    content = without(sample(VERSIONS[0]), "terms", "receiving_carer")
    assert content.coded["terms"]["solution"] == "return/to-family"
    validate(content)


def test_a_proposal_may_rest_on_nothing_yet() -> None:
    validate(changed(VERSIONS[0], rests_on={}, lifts=[], amends=None))


CONTRADICTIONS: dict[str, Json] = {
    "the last day of travel before the first": {"travel_not_after": "2027-02-28"},
    "no journey, with days of travel": {"escort": "no-travel", "solution": "local-integration"},
    "a return without a journey": {
        "escort": "no-travel",
        "travel_not_before": None,
        "travel_not_after": None,
    },
    "one point of follow-up twice": {
        "monitoring": [
            {"follow_up_point": "month-1", "monitoring_authority": "ro.anpdca"},
            {"follow_up_point": "month-1", "monitoring_authority": "ro.dgaspc-example"},
        ]
    },
    "monitoring that no day belongs to": {
        "monitoring": [{"follow_up_point": "unplanned", "monitoring_authority": "ro.anpdca"}]
    },
    "no monitoring": {"monitoring": []},
    "one service of one State twice": {
        "reintegration": [
            {"service": "school", "responsible_state": "RO", "funded": "yes"},
            {"service": "school", "responsible_state": "RO", "funded": "no"},
        ]
    },
    "something and nothing arranged": {"contingencies": ["none-arranged", "come-back"]},
    "one contingency twice": {"contingencies": ["come-back", "come-back"]},
    "one cause answered twice": {
        "causes": [{"cause": "debt", "answered": "yes"}, {"cause": "debt", "answered": "no"}]
    },
    "one measure against a cause twice": {
        "causes": [{"cause": "debt", "cause_measures": ["debt-relief", "debt-relief"], "answered": "yes"}]
    },
    "one legal basis twice": {"legal_bases": ["crc-1989", "crc-1989"]},
}


@pytest.mark.parametrize("terms", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
@pytest.mark.parametrize("message_type", VERSIONS)
def test_terms_that_contradict_themselves_are_refused(message_type: str, terms: Json) -> None:
    refusal = refusal_of(terms_changed(message_type, **copy.deepcopy(terms)))
    assert refusal.code == "message.field"
    assert str(refusal.field).startswith("/coded/terms")


def test_one_day_of_travel_is_a_journey() -> None:
    validate(terms_changed(travel_not_after="2027-03-01"))


@pytest.mark.parametrize(
    "carer",
    [
        {"reference": "child"},
        {"family_relation": None},
        {"family_relation": "not-related"},
        {"carer_kind": "agency"},
        {"carer_kind": "reception-facility"},
    ],
)
def test_a_carer_that_contradicts_itself_is_refused(carer: Json) -> None:
    content = sample(VERSIONS[0])
    content.coded["terms"]["receiving_carer"].update(carer)
    assert refusal_of(content).field == "/coded/terms/receiving_carer"


def test_an_agency_may_receive_the_child_and_is_no_relative() -> None:
    content = sample(VERSIONS[0])
    content.coded["terms"]["receiving_carer"] |= {"carer_kind": "agency", "family_relation": None}
    validate(content)


def test_a_document_and_a_suspension_are_named_once() -> None:
    content = sample(VERSIONS[0])
    content.coded["rests_on"]["social_inquiries"] *= 2
    assert refusal_of(content).field == "/coded/rests_on/social_inquiries"
    content = sample(VERSIONS[0])
    content.coded["lifts"] *= 2
    assert refusal_of(content).field == "/coded/lifts"


def test_a_refusal_gives_each_reason_once_and_at_least_one() -> None:
    for reasons in ([], ["withheld", "withheld"]):
        assert (
            refusal_of(changed("durable-solution.refusal", refusal_reasons=reasons)).code == "message.field"
        )


def test_a_reason_that_is_withheld_names_no_document() -> None:
    suspension = changed("durable-solution.suspension", suspension_reason="withheld")
    assert refusal_of(suspension).code == "message.field"
    validate(changed("durable-solution.suspension", suspension_reason="withheld", caused_by=None))


def test_a_suspension_has_no_place_where_a_cause_could_be_let_slip() -> None:
    suspension = form("durable-solution.suspension")
    assert suspension.narrative_fields == ()
    assert suspension.identity_model is None
    assert {field.name for field in suspension.coded_fields} == {"suspension_reason", "caused_by"}


def test_every_reason_may_also_be_withheld_so_that_withholding_says_nothing() -> None:
    for message_type, field in (
        ("durable-solution.refusal", "refusal_reasons"),
        ("durable-solution.suspension", "suspension_reason"),
        ("durable-solution.revocation", "revocation_reason"),
    ):
        given = ["withheld"] if field == "refusal_reasons" else "withheld"
        nothing_else = {"caused_by": None} if message_type.endswith("suspension") else {}
        validate(changed(message_type, **{field: given}, **nothing_else))


@pytest.mark.parametrize("signature", ["", "h..s", f"{'h' * 40}.cGF5.{'s' * 86}", f"{'h' * 40}..{'s' * 85}"])
def test_an_acceptance_carries_a_signature_detached_from_what_both_sides_hold(signature: str) -> None:
    refusal = refusal_of(changed("durable-solution.acceptance", signature=signature))
    assert refusal.field == "/coded/signature"


def test_an_acceptance_names_the_exact_agreement() -> None:
    assert refusal_of(changed("durable-solution.acceptance", agreement=AGREEMENT[:-1])).field == (
        "/coded/agreement"
    )
    assert digest("A") == AGREEMENT
