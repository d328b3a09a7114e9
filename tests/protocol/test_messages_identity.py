"""A question about identity names the child; a result says nothing that its outcome denies."""

from __future__ import annotations

import dataclasses

import pytest

from protocol.messages import FORMS, validate
from tests.protocol.form_claims import changed, refusal_of
from tests.protocol.sample_contents import sample


def test_identity_is_not_asked_about_nobody() -> None:
    refusal = refusal_of(dataclasses.replace(sample("identity.request"), identity=None))
    assert refusal.code == "message.identity_missing"


@pytest.mark.parametrize("persons", [[], ["carer-1"]])
def test_a_request_names_the_child_among_the_persons(persons: list[str]) -> None:
    content = sample("identity.request")
    assert content.identity is not None
    content.identity["persons"] = [
        person for person in content.identity["persons"] if person["reference"] in persons
    ]
    refusal = refusal_of(content)
    assert (refusal.code, refusal.field) == ("message.field", "/identity")


def test_a_result_needs_no_identity_part() -> None:
    assert validate(dataclasses.replace(sample("identity.result"), identity=None)).identity is None


@pytest.mark.parametrize("document", ["issued", "will-be-issued"])
def test_no_travel_document_is_promised_to_a_child_who_is_no_national(document: str) -> None:
    content = changed("identity.result", identity_outcome="not-national", travel_document=document)
    assert refusal_of(content).field == "/coded"
    validate(changed("identity.result", identity_outcome="permanent-resident", travel_document=document))


@pytest.mark.parametrize("outcome", ["verified", "permanent-resident", "not-national"])
def test_nothing_is_established_without_a_check(outcome: str) -> None:
    content = changed(
        "identity.result",
        identity_outcome=outcome,
        verification_methods=["none"],
        travel_document="undecided",
    )
    assert refusal_of(content).field == "/coded"
    content.coded["identity_outcome"] = "inconclusive"
    validate(content)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("verification_methods", ["none", "civil-register"]),
        ("verification_methods", ["dna", "dna"]),
        ("limitations", ["none", "records-missing"]),
    ],
)
def test_a_result_does_not_say_both_something_and_nothing(name: str, said: list[str]) -> None:
    assert refusal_of(changed("identity.result", **{name: said})).field == f"/coded/{name}"


def test_either_state_may_ask() -> None:
    assert FORMS["identity.request"].said_by is None
    assert FORMS["identity.request"].procedure == "identity"


@pytest.mark.parametrize("name", ["identity_questions", "documents_seen"])
def test_a_request_asks_and_shows_one_thing_once(name: str) -> None:
    content = sample("identity.request")
    content.coded[name] *= 2
    assert refusal_of(content).field == f"/coded/{name}"
