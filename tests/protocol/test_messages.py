"""What a form accepts and refuses, and what a refusal may say."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages, vocabularies
from protocol.errors import NotAcceptable, Refused
from protocol.messages import FORMS, FormField, form, validate
from tests.protocol.form_claims import changed, refusal_of
from tests.protocol.sample_contents import SAMPLES, NarrativeBlock, sample

PLANTED = "PLANTED-Maria-Exampleova"

FORMS_OF_THIS_RELEASE = {
    "case.notification",
    "guardian.notice",
    "social-inquiry.request",
    "social-inquiry.report",
    "identity.request",
    "identity.result",
    "risk-assessment.request",
    "risk-assessment.contribution",
    "risk-assessment.final",
    "risk-assessment.corroboration",
    "risk-assessment.dispute",
    "child-views.record",
    "best-interests.summary",
    "age.outcome",
    "consent.withdrawal",
    "appeal.notice",
    "accept",
    "decline",
    "query",
    "answer",
    "progress",
    "redirect",
    "withdraw",
    "nudge",
    "escalate",
    "durable-solution.proposal",
    "durable-solution.counter-proposal",
    "durable-solution.acceptance",
    "durable-solution.refusal",
    "durable-solution.suspension",
    "durable-solution.revocation",
    "handover.confirmation",
    "follow-up.report",
    "alert.danger",
    "alert.missing-child",
    "case.alias",
    "case.closure",
    "case.reopening",
    "relay.attestation",
}


def walk(fields: tuple[FormField, ...]) -> Iterator[FormField]:
    for field in fields:
        yield field
        yield from walk(field.fields)


def test_the_forms_are_those_of_the_release() -> None:
    assert set(FORMS) == FORMS_OF_THIS_RELEASE == set(SAMPLES)


DENIED_BY_ANOTHER = {
    "child-views.record": {"not_heard_reason"},
    "relay.attestation": {"agreement"},
}
"""Fields that a full example leaves out: another field of it denies them."""


@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_a_full_example_of_each_form_is_accepted(message_type: str) -> None:
    content = sample(message_type)
    checked = validate(content)
    assert checked.form is form(message_type)
    assert checked.coded.model_dump(mode="json", exclude_none=True) == content.coded
    left_out = DENIED_BY_ANOTHER.get(message_type, set())
    names = {field.name for field in checked.form.coded_fields}
    assert names - set(content.coded) == left_out, "the example is full"


@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_no_coded_part_has_room_for_free_text(message_type: str) -> None:
    assert all(field.kind != "text" for field in walk(form(message_type).coded_fields))


@pytest.mark.parametrize("message_type", [name for name in sorted(FORMS) if not FORMS[name].identity_model])
def test_a_form_without_an_identity_part_refuses_one(message_type: str) -> None:
    content = dataclasses.replace(sample(message_type), identity={"persons": []})
    assert refusal_of(content).code == "message.identity_not_allowed"


def test_a_notification_needs_no_identity_part() -> None:
    assert validate(dataclasses.replace(sample("case.notification"), identity=None)).identity is None


ENRICHMENT = (
    *("means_of_control", "recruitment_methods", "recruiter_relation"),
    *("separation_causes", "health_needs", "urgent_needs"),
)


def test_a_notification_needs_nothing_of_what_was_added_to_it() -> None:
    content = changed("case.notification", **dict.fromkeys(ENRICHMENT))
    assert content.form == 1
    assert not set(ENRICHMENT) & set(content.coded)
    validate(content)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("health_needs", ["none-known", "injury"]),
        ("health_needs", ["injury", "injury"]),
        ("urgent_needs", ["guardian", "guardian"]),
        ("urgent_needs", ["none", "guardian"]),
        ("means_of_control", ["threats", "threats"]),
        ("recruitment_methods", ["family", "family"]),
        ("separation_causes", ["poverty", "poverty"]),
    ],
)
def test_a_notification_does_not_say_one_thing_twice_or_nothing_beside_something(
    name: str, said: list[str]
) -> None:
    assert refusal_of(changed("case.notification", **{name: said})).field == f"/coded/{name}"


REVIEWED_WORDS = {
    # The one code that names migration control, so that safeguard 8 can refuse it by its name.
    ("best-interests-factor", "migration-control"),
    # Why a family was separated, not why anybody decides.
    ("separation-cause", "migration"),
}


def test_no_form_has_a_place_for_an_asylum_claim_or_for_migration_control() -> None:
    forbidden = (
        *("asylum", "refugee", "protection_status", "international_protection"),
        *("migra", "removal_order"),
    )
    for declared in FORMS.values():
        for field in (*walk(declared.coded_fields), *walk(declared.identity_fields)):
            codes = vocabularies.scheme(field.scheme).concepts if field.scheme else ()
            assert field.scheme != "protection-status"
            assert not [
                (word, name)
                for word in forbidden
                for name in (field.name, *codes)
                if word in name.lower().replace("-", "_") and (field.scheme, name) not in REVIEWED_WORDS
            ]


def test_an_unknown_type_is_refused() -> None:
    content = dataclasses.replace(sample("accept"), type=PLANTED)
    refusal = refusal_of(content)
    assert refusal.code == "message.unknown_type"
    assert PLANTED not in everything_said(refusal)


def test_another_version_of_a_form_is_refused() -> None:
    assert refusal_of(dataclasses.replace(sample("accept"), form=2)).code == "message.form_version"


REFUSED_FIELDS = {
    "a field is missing": (
        "progress",
        {"progress_reason": "translation"},
        "message.field",
        "/coded/new_due_on",
    ),
    "a date in another spelling": (
        "progress",
        {"progress_reason": "translation", "new_due_on": "20270301"},
        "message.field",
        "/coded/new_due_on",
    ),
    "a day that does not exist": (
        "progress",
        {"progress_reason": "translation", "new_due_on": "2027-02-30"},
        "message.field",
        "/coded/new_due_on",
    ),
    "a date with a time": (
        "progress",
        {"progress_reason": "translation", "new_due_on": "2027-03-01T00:00:00"},
        "message.field",
        "/coded/new_due_on",
    ),
    "a number for a code": ("withdraw", {"withdraw_reason": 1}, "message.field", "/coded/withdraw_reason"),
    "a code of another vocabulary": (
        "withdraw",
        {"withdraw_reason": "no-jurisdiction"},
        "message.unknown_code",
        "/coded/withdraw_reason",
    ),
    "a broken code in a list": (
        "query",
        {"query_questions": ["last-address", PLANTED]},
        "message.unknown_code",
        "/coded/query_questions/1",
    ),
    "an empty list": ("query", {"query_questions": []}, "message.field", "/coded/query_questions"),
    "a list that never ends": (
        "query",
        {"query_questions": ["other"] * 65},
        "message.field",
        "/coded/query_questions",
    ),
    "an address that is none": (
        "redirect",
        {"redirect_reason": "family-elsewhere", "redirected_to": PLANTED},
        "message.field",
        "/coded/redirected_to",
    ),
    "a field that the form lacks": (
        "withdraw",
        {"withdraw_reason": "replaced", PLANTED: 1},
        "message.field",
        "/coded",
    ),
    "a list for a form": ("withdraw", [PLANTED], "message.field", "/coded"),
}


@pytest.mark.parametrize(
    ("message_type", "coded", "code", "pointer"), REFUSED_FIELDS.values(), ids=REFUSED_FIELDS
)
def test_a_wrong_field_is_named_and_its_value_is_not(
    message_type: str, coded: Any, code: str, pointer: str
) -> None:
    refusal = refusal_of(dataclasses.replace(sample(message_type), coded=coded))
    assert (refusal.code, refusal.field) == (code, pointer)
    assert PLANTED not in everything_said(refusal)


def test_a_refusal_inside_a_group_names_the_way_to_it() -> None:
    content = sample("social-inquiry.report")
    content.coded["candidate_carers"][0]["willing"] = "perhaps"
    refusal = refusal_of(content)
    assert refusal.code == "message.unknown_code"
    assert refusal.field == "/coded/candidate_carers/0/willing"
    assert refusal.facts["scheme"] == "yes-no-unknown"


def test_an_unknown_field_inside_a_group_is_placed_but_not_named() -> None:
    content = sample("social-inquiry.report")
    content.coded["candidate_carers"][0][PLANTED] = "x"
    refusal = refusal_of(content)
    assert refusal.field == "/coded/candidate_carers/0"
    assert PLANTED not in everything_said(refusal)


def test_a_name_in_an_identity_part_never_reaches_the_refusal() -> None:
    content = sample("social-inquiry.request")
    assert content.identity is not None
    content.identity["persons"][0]["names"][0]["full"] = f"{PLANTED}\n"
    refusal = refusal_of(content)
    assert refusal.field == "/identity/persons/0/names/0/full"
    assert PLANTED not in everything_said(refusal)


def test_a_name_may_not_turn_its_own_reading_direction_over() -> None:
    content = sample("social-inquiry.request")
    assert content.identity is not None
    content.identity["persons"][0]["names"][0]["full"] = "Example \u202edlihC"
    assert refusal_of(content).field == "/identity/persons/0/names/0/full"


def test_a_newer_sender_may_use_codes_that_are_unknown_here() -> None:
    content = changed("case.notification", exploitation_forms=["exploitation/begging/street"])
    assert refusal_of(content).code == "message.unknown_code"
    checked = validate(dataclasses.replace(content, vocabulary="2027.05"))
    assert checked.coded.model_dump()["exploitation_forms"] == ("exploitation/begging/street",)


@pytest.mark.parametrize("value", [PLANTED * 10, "a b", "", "ex\u200bploitation", "../refusal"])
def test_a_newer_sender_may_not_write_free_text_in_place_of_a_code(value: str) -> None:
    content = dataclasses.replace(changed("withdraw", withdraw_reason=value), vocabulary="2027.05")
    assert refusal_of(content).code == "message.unknown_code"


def test_an_older_sender_may_not() -> None:
    content = dataclasses.replace(changed("withdraw", withdraw_reason="brand-new"), vocabulary="2020.01")
    assert refusal_of(content).code == "message.unknown_code"


def test_a_vocabulary_release_that_is_none_is_refused() -> None:
    refusal = refusal_of(dataclasses.replace(sample("withdraw"), vocabulary="9999.99.9"))
    assert (refusal.code, refusal.field) == ("message.field", "/vocabulary")


NARRATIVES = {
    "in a field that the form lacks": ("recommendation", "fr", "Texte", "/narrative/0/field"),
    "with nothing in it": ("findings", "fr", " \n", "/narrative/0/text"),
    "without end": ("findings", "fr", "x" * 30_001, "/narrative/0/text"),
    "in a language that is none": ("findings", PLANTED, "Texte", "/narrative/0/language"),
}


@pytest.mark.parametrize(("name", "language", "text", "pointer"), NARRATIVES.values(), ids=NARRATIVES)
def test_free_text_is_refused(name: str, language: str, text: str, pointer: str) -> None:
    block = NarrativeBlock(field=name, language=language, text=text)
    refusal = refusal_of(dataclasses.replace(sample("social-inquiry.report"), narrative=(block,)))
    assert (refusal.code, refusal.field) == ("message.narrative_field", pointer)
    assert PLANTED not in everything_said(refusal)


def test_a_request_for_a_social_inquiry_gives_its_reasons() -> None:
    refusal = refusal_of(dataclasses.replace(sample("social-inquiry.request"), narrative=()))
    assert (refusal.code, refusal.field) == ("message.narrative_missing", "/narrative/reasons")


def test_an_acceptance_names_two_different_offices() -> None:
    content = sample("accept")
    content.coded["alternate_contact"] = dict(content.coded["case_contact"])
    assert refusal_of(content).code == "message.field"


@pytest.mark.parametrize(("agreed", "day"), [("yes", None), ("unknown", "2026-11-18"), ("no", "2026-11-18")])
def test_a_carer_has_agreed_on_a_day_or_has_not_agreed(agreed: str, day: str | None) -> None:
    content = sample("social-inquiry.report")
    carer = content.coded["candidate_carers"][0]
    carer |= {"agreed": agreed, "agreed_on": day}
    assert refusal_of(content).field == "/coded/candidate_carers/0"


def test_each_candidate_carer_stands_once() -> None:
    content = sample("social-inquiry.report")
    content.coded["candidate_carers"] *= 2
    assert refusal_of(content).code == "message.field"


def test_what_was_not_found_out_cannot_be_left_out() -> None:
    for name in ("willing", "able", "agreed"):
        content = sample("social-inquiry.report")
        del content.coded["candidate_carers"][0][name]
        assert refusal_of(content).field == f"/coded/candidate_carers/0/{name}"


def test_a_checked_content_cannot_be_changed() -> None:
    checked = validate(sample("withdraw"))
    with pytest.raises(ValueError, match="frozen"):
        checked.coded.withdraw_reason = "replaced"  # type: ignore[attr-defined]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(message_type=st.sampled_from(sorted(FORMS)), data=st.data())
def test_arbitrary_values_are_refused_and_raise_nothing_else(message_type: str, data: st.DataObject) -> None:
    content = sample(message_type)
    name = data.draw(st.sampled_from(sorted(content.coded)))
    content.coded[name] = data.draw(json_values)
    if content.identity is not None:
        content.identity[data.draw(st.sampled_from(sorted(content.identity)))] = data.draw(json_values)
    with contextlib.suppress(Refused):
        validate(content)


def test_a_new_form_is_found_by_being_a_module_of_the_package(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "drill.py").write_text(
        "from typing import Annotated\n"
        "from protocol.messages.form import CodedPart, Coded, Form\n"
        "class Drill(CodedPart):\n"
        "    sex: Annotated[str, Coded('sex')]\n"
        "FORM = Form(type='drill', procedure=None, opens_thread=False, model=Drill)\n",
        "utf-8",
    )
    monkeypatch.setattr(messages, "__path__", [*messages.__path__, str(tmp_path)])
    found = messages._forms()
    assert set(found) == FORMS_OF_THIS_RELEASE | {"drill"}
    assert [(field.name, field.scheme) for field in found["drill"].coded_fields] == [("sex", "sex")]


def everything_said(refusal: NotAcceptable) -> str:
    """All that can reach a log, a problem document or a traceback."""
    context: BaseException | None = refusal
    said = [str(refusal.field), str(dict(refusal.facts)), str(refusal.missing)]
    while context is not None:
        said += [str(context), repr(context), str(context.args)]
        context = context.__cause__ or context.__context__
    return "\n".join(said)
