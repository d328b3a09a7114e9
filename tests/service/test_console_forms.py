"""Forms of the console: every field of every form has its input, and what is posted becomes the content."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from protocol import messages, vocabularies
from protocol.messages import FORMS, MAX_NARRATIVE_LENGTH, Form
from protocol.messages.form import fields_of
from service.console import posted as console_posted
from service.console.forms import (
    MOST_CHARACTERS,
    MOST_FIELDS,
    Entered,
    FieldError,
    FormView,
    Parsed,
    as_posted,
    blank,
    describe,
    enter,
    parse,
    rearrange,
)
from service.console.forms.entering import is_blank
from service.console.forms.language_names import language_names, shown_language, tag_of
from service.console.forms.parsing import FORM_PATH, rule_key
from service.console.forms.shape import Shape, leaves, shape_of
from service.console.forms.view import FieldView, GroupView, Node, RowsView, element_id
from service.console.words import words
from tests.protocol.sample_contents import SAMPLES, NarrativeBlock, SampleContent, sample

ROOT = Path(__file__).resolve().parents[2]
TYPES = sorted(FORMS)


def model_leaves(model: type[BaseModel], path: str) -> Iterator[str]:
    """Read from the models alone, not by the code under test."""
    for one in fields_of(model):
        if any(getattr(rule, "max_length", None) == 0 for rule in model.model_fields[one.name].metadata):
            continue  # a list that has to be empty is nothing to fill in
        if one.kind == "group":
            hint = model.model_fields[one.name].annotation
            yield from model_leaves(group_model(hint), f"{path}.{one.name}")
        else:
            yield f"{path}.{one.name}"


def group_model(annotation: Any) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(
        group_model(one)
        for one in annotation.__args__
        if one is not type(None) and one is not Ellipsis and not isinstance(one, str)
    )


def nodes_in(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, GroupView):
            yield from nodes_in(node.nodes)
        elif isinstance(node, RowsView):
            for row in node.rows:
                yield from nodes_in(row.nodes)


def every_node(view: FormView) -> list[Node]:
    return [node for part in view.parts for node in nodes_in(part.nodes)]


def every_input(view: FormView) -> list[FieldView]:
    return [node for node in every_node(view) if isinstance(node, FieldView)]


def without_numbers(path: str) -> str:
    return re.sub(r"\.\d+", "", path)


def good(type_: str) -> tuple[Form, SampleContent, Parsed]:
    form, content = FORMS[type_], sample(type_)
    return form, content, parse(form, as_posted(form, content), "en")


def errors_of(form: Form, *pairs: tuple[str, str], language: str = "en") -> dict[str, str]:
    return {one.path: one.sentence for one in parse(form, pairs, language).errors}


def changed(content: SampleContent, **coded: Any) -> SampleContent:
    return replace(content, coded={**content.coded, **coded})


# -- every field, once


@pytest.mark.parametrize("type_", TYPES)
def test_each_leaf_of_each_model_has_exactly_one_input(type_: str) -> None:
    form = FORMS[type_]
    expected = list(model_leaves(form.model, "coded"))
    if form.identity_model is not None:
        expected += model_leaves(form.identity_model, "identity")
    for name in form.narrative_fields:
        expected += [f"narrative.{name}.text", f"narrative.{name}.language"]
    view = describe(form, "en", blank(form, full=True))
    assert Counter(without_numbers(one.path) for one in every_input(view)) == Counter(expected)
    assert all(count == 1 for count in Counter(expected).values())


def test_there_are_forms_enough_to_speak_of_every_form() -> None:
    assert len(FORMS) == 39
    assert SAMPLES.keys() == FORMS.keys()


def test_no_form_is_special_cased_by_its_name() -> None:
    """Its type stands nowhere in the code that makes the page, but in the table of what a field may cite."""
    for path in (ROOT / "service" / "console" / "forms").glob("*.py"):
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        named = texts & FORMS.keys()
        if path.name == "drafting.py":
            assert named <= cited_types(path)
        else:
            assert not named, path


def cited_types(path: Path) -> set[str]:
    from service.console.forms import drafting

    return {type_ for types in drafting._CITES.values() for type_ in types}


@pytest.mark.parametrize("type_", TYPES)
def test_names_and_ids_are_stable_and_follow_from_the_path(type_: str) -> None:
    view = describe(FORMS[type_], "ar", blank(FORMS[type_], full=True))
    for one in every_node(view):
        assert one.id == element_id(one.path)
        assert re.fullmatch(r"(coded|narrative|identity)(\.[a-z_]+|\.\d+)+", one.path)


@pytest.mark.parametrize("language", vocabularies.LANGUAGES)
def test_every_label_is_that_of_the_renderings(language: str) -> None:
    for form in FORMS.values():
        for one in every_input(describe(form, language, blank(form, full=True))):
            name = [step for step in one.path.split(".") if not step.isdecimal()][-1]
            if one.path.startswith("narrative."):
                name = one.path.split(".")[1]
            assert vocabularies.label("field", name, language).text in one.label


def test_a_note_against_confusion_stands_beside_its_code() -> None:
    form = FORMS["case.notification"]
    status = field_at(describe(form, "en"), "coded.trafficking_status")
    noted = [
        code
        for code in vocabularies.scheme("trafficking-status").concepts
        if vocabularies.label("trafficking-status", code, "en").note
    ]
    assert noted
    assert len(status.notes) == len(noted)


def field_at(view: FormView, path: str) -> FieldView:
    return next(one for one in every_input(view) if one.path == path)


# -- nothing is decided for the person


@pytest.mark.parametrize("type_", TYPES)
def test_a_form_that_nobody_filled_in_says_nothing(type_: str) -> None:
    form = FORMS[type_]
    for one in every_input(describe(form, "en", blank(form, full=True))):
        assert one.values == ()
        assert not any(choice.chosen for choice in one.choices)
        # The language of a text alone is proposed: the reader's own.
        assert one.value == (
            "English"
            if one.path.endswith(".0.language")
            and one.kind == "language"
            and one.path.startswith("narrative.")
            else ""
        )
    parsed = parse(form, [(one.path, "") for one in every_input(describe(form, "en"))], "en")
    assert parsed.content is None or (parsed.content.coded, parsed.content.narrative) == ({}, ())


def test_unknown_is_chosen_and_never_assumed() -> None:
    form, content, _ = good("case.notification")
    pairs = [(name, value) for name, value in as_posted(form, content) if name != "coded.immediate_danger"]
    parsed = parse(form, pairs, "en")
    assert parsed.content is None
    assert [one.path for one in parsed.errors] == ["coded.immediate_danger"]
    said = parse(form, [*pairs, ("coded.immediate_danger", "unknown")], "en")
    assert said.content is not None
    assert said.content.coded["immediate_danger"] == "unknown"
    options = field_at(describe(form, "en"), "coded.immediate_danger")
    assert options.kind == "radios"
    assert [one.value for one in options.choices] == ["yes", "no", "unknown"]


def test_optional_may_be_left_out() -> None:
    form, content, _ = good("accept")
    pairs = [(name, value) for name, value in as_posted(form, content) if name != "coded.expected_on"]
    parsed = parse(form, pairs, "en")
    assert parsed.content is not None
    assert "expected_on" not in parsed.content.coded


# -- there and back


@pytest.mark.parametrize("type_", TYPES)
def test_a_content_survives_the_browser(type_: str) -> None:
    form, content, parsed = good(type_)
    assert parsed.errors == ()
    assert parsed.content is not None
    assert said(parsed.content.coded) == said(content.coded)
    assert said(parsed.content.identity) == said(content.identity)
    order = form.narrative_fields.index
    blocks = sorted(content.narrative, key=lambda one: order(one.field))
    assert [(one.field, one.language, one.text) for one in parsed.content.narrative] == [
        (one.field, one.language, one.text) for one in blocks
    ]
    checked = messages.validate(
        replace(
            content,
            coded=parsed.content.coded,
            identity=parsed.content.identity,
            narrative=tuple(
                NarrativeBlock(field=one.field, language=one.language, text=one.text)
                for one in parsed.content.narrative
            ),
        )
    )
    before = messages.validate(content)
    assert (checked.coded, checked.identity) == (before.coded, before.identity)


def said(value: Any) -> Any:
    """Without members that say nothing: an empty list is a list that is left out."""
    if isinstance(value, dict):
        return {name: said(one) for name, one in value.items() if one not in (None, [], ())}
    return [said(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("language", vocabularies.LANGUAGES)
def test_what_is_shown_again_is_posted_again(language: str) -> None:
    """Whatever the page shows of what was typed is read as the same, in every language."""
    for type_ in TYPES:
        form, _, parsed = good(type_)
        view = describe(form, language, parsed.entered)
        again = parse(form, list(shown(view)), language)
        assert again.content is not None
        assert parsed.content is not None
        # Boxes that are ticked come in the order of the page.
        assert in_any_order(again.content.coded) == in_any_order(parsed.content.coded), type_
        assert in_any_order(again.content.identity) == in_any_order(parsed.content.identity), type_
        assert again.content.narrative == parsed.content.narrative


def in_any_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: in_any_order(one) for name, one in value.items()}
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return sorted(value)
    return [in_any_order(one) for one in value] if isinstance(value, list) else value


def shown(view: FormView) -> Iterator[tuple[str, str]]:
    for one in every_input(view):
        if one.kind == "checks" or one.choices:
            yield from ((one.path, choice.value) for choice in one.choices if choice.chosen)
        else:
            yield one.path, one.value


# -- what is wrong, where


@pytest.mark.parametrize("type_", TYPES)
def test_every_error_leads_to_an_input_and_keeps_what_was_typed(type_: str) -> None:
    form = FORMS[type_]
    nonsense = "zz-9-plural-z-alpha"
    pairs = [
        (one.path, nonsense)
        for one in every_input(describe(form, "en", blank(form, full=True)))
        if one.kind != "signed"
    ]
    parsed = parse(form, pairs, "en")
    assert parsed.content is None
    view = describe(form, "en", parsed.entered, parsed.errors)
    sets = [one.path for one in every_input(view) if one.kind == "checks"]
    there = {one.path for one in parsed.errors}
    # Errors of several boxes of one set are one line.
    there = {next((path for path in sets if one.startswith(f"{path}.")), one) for one in there}
    assert {one.href for one in view.errors} == {element_id(path) for path in there}
    assert len(view.errors) == len(there)
    ids = {one.id for one in every_node(view)} | {part.id for part in view.parts} | {FORM_PATH}
    assert {one.href for one in view.errors} <= ids
    shown_again = Counter(value for _, value in shown(view))
    assert shown_again[nonsense] == len(pairs)
    assert not any(nonsense in one.sentence or nonsense in one.label for one in view.errors)


def test_a_date_is_iso_and_nothing_else() -> None:
    form = FORMS["nudge"]
    for typed in ("26.11.2026", "2026-11-31", "20261126", "2026-W48-4", "٢٠٢٦-١١-٢٦", "yesterday"):
        errors = errors_of(form, ("coded.was_due_on", typed), ("coded.due_basis", "project-choice"))
        assert errors.keys() == {"coded.was_due_on"}
        assert "2026-11-26" in errors["coded.was_due_on"]
        assert typed not in errors["coded.was_due_on"]
    assert not errors_of(form, ("coded.was_due_on", "2026-11-12"), ("coded.due_basis", "project-choice"))


def test_a_number_in_any_digits_is_a_number() -> None:
    form, content, _ = good("social-inquiry.report")
    name = "coded.candidate_carers.0.children_in_household"
    for typed, expected in (("3", 3), ("٣", 3), (" 3 ", 3)):
        parsed = parse(form, put(as_posted(form, content), name, typed), "en")
        assert parsed.content is not None
        assert parsed.content.coded["candidate_carers"][0]["children_in_household"] == expected
    for typed in ("-1", "1001", "3.5", "three", "9" * 400):
        errors = parse(form, put(as_posted(form, content), name, typed), "en").errors
        assert [one.path for one in errors] == [name]


def put(pairs: Any, name: str, value: str) -> list[tuple[str, str]]:
    return [*((one, known) for one, known in pairs if one != name), (name, value)]


def test_a_rule_about_several_fields_is_said_at_the_field_it_names() -> None:
    form, content, _ = good("age.outcome")
    pairs = put(put(as_posted(form, content), "coded.age_outcome", "adult"), "coded.age_band", "12-14")
    assert [one.path for one in parse(form, pairs, "en").errors] == ["coded.age_band"]


def test_an_error_in_the_second_row_stands_in_the_second_row() -> None:
    form, content, _ = good("social-inquiry.report")
    pairs = put(as_posted(form, content), "coded.home_risks.1.risk", "no-such-code")
    errors = parse(form, pairs, "en").errors
    assert [one.path for one in errors] == ["coded.home_risks.1.risk"]


def test_rows_that_nobody_typed_into_are_no_rows() -> None:
    form, content, parsed = good("social-inquiry.report")
    moved = [
        (name.replace("home_risks.1.", "home_risks.7."), value) for name, value in as_posted(form, content)
    ]
    empty = [("coded.home_risks.3.risk", ""), ("coded.home_risks.3.concerning", "")]
    assert parse(form, [*moved, *empty], "en").content == parsed.content


def test_a_list_that_needs_an_entry_asks_for_its_fields() -> None:
    form, content, _ = good("social-inquiry.report")
    pairs = [pair for pair in as_posted(form, content) if not pair[0].startswith("coded.home_risks.")]
    paths = {one.path for one in parse(form, pairs, "en").errors}
    assert "coded.home_risks.0.risk" in paths
    assert all(path.startswith("coded.home_risks.0.") for path in paths)


def test_more_entries_than_the_form_takes_are_reported_and_kept() -> None:
    form, content, _ = good("query")
    codes = list(vocabularies.scheme("country").concepts)[:65]
    form, content, _ = good("case.notification")
    parsed = parse(form, as_posted(form, changed(content, exploitation_countries=codes)), "en")
    assert [one.path for one in parsed.errors] == ["coded.exploitation_countries"]
    assert "64" in parsed.errors[0].sentence
    assert parsed.entered.coded["exploitation_countries"] == codes


def test_an_optional_group_that_is_begun_has_to_be_finished() -> None:
    form, content, _ = good("durable-solution.proposal")
    terms = {name: one for name, one in content.coded["terms"].items() if name != "receiving_carer"}
    pairs = as_posted(form, changed(content, terms=terms))
    empty = [("coded.terms.receiving_carer.carer_kind", "")]
    without = parse(form, [*pairs, *empty], "en")
    assert without.content is not None
    assert "receiving_carer" not in without.content.coded["terms"]
    begun = parse(form, [*pairs, ("coded.terms.receiving_carer.carer_kind", "family-member")], "en")
    assert "coded.terms.receiving_carer.reference" in {one.path for one in begun.errors}


def test_an_empty_identity_part_is_none() -> None:
    form, content, _ = good("case.notification")
    pairs = [pair for pair in as_posted(form, content) if not pair[0].startswith("identity.")]
    parsed = parse(form, [*pairs, ("identity.persons.0.sex", "")], "en")
    assert parsed.content is not None
    assert parsed.content.identity is None


def test_a_required_identity_part_is_asked_for() -> None:
    form, content, _ = good("identity.request")
    pairs = [pair for pair in as_posted(form, content) if not pair[0].startswith("identity.")]
    assert [one.path for one in parse(form, pairs, "en").errors] == ["identity.persons"]


def test_the_signature_is_the_nodes_to_add() -> None:
    form, content, _ = good("durable-solution.acceptance")
    pairs = [("coded.agreement", content.coded["agreement"])]
    parsed = parse(form, pairs, "en")
    assert parsed.content is not None
    assert parsed.content.coded == {"agreement": content.coded["agreement"]}
    assert field_at(describe(form, "en"), "coded.signature").kind == "signed"
    assert "coded.signature" in errors_of(form, *pairs, ("coded.signature", "mine"))


# -- free text


def test_required_free_text_is_missed_where_it_stands() -> None:
    form, content, _ = good("social-inquiry.request")
    pairs = [pair for pair in as_posted(form, content) if not pair[0].startswith("narrative.")]
    assert [one.path for one in parse(form, pairs, "en").errors] == ["narrative.reasons.0.text"]


def test_a_text_needs_its_language_and_a_language_alone_is_no_text() -> None:
    form, _, _ = good("decline")
    pairs = [("coded.decline_reason", "no-jurisdiction")]
    text = ("narrative.explanation.0.text", "Familia locuiește în alt stat.")
    for language in ("", "klingonese", "e"):
        typed = [*pairs, text, ("narrative.explanation.0.language", language)]
        errors = parse(form, typed, "en").errors
        assert [one.path for one in errors] == ["narrative.explanation.0.language"]
        missing = words("en").say("forms-error-text-language")
        assert (errors[0].sentence == missing) == (language == "")
    alone = parse(form, [*pairs, ("narrative.explanation.0.language", "ro")], "en")
    assert alone.content is not None
    assert alone.content.narrative == ()


def test_two_texts_of_one_field_in_two_languages() -> None:
    form, _, _ = good("decline")
    pairs = [
        ("coded.decline_reason", "no-jurisdiction"),
        ("narrative.explanation.0.language", "Romanian"),
        ("narrative.explanation.0.text", "Familia\r\n\r\nlocuiește"),
        ("narrative.explanation.1.language", "en"),
        ("narrative.explanation.1.text", "  The family lives elsewhere. "),
    ]
    parsed = parse(form, pairs, "en")
    assert parsed.content is not None
    assert [(one.language, one.text) for one in parsed.content.narrative] == [
        ("ro", "Familia\n\nlocuiește"),
        ("en", "  The family lives elsewhere. "),
    ]


@pytest.mark.parametrize("text", ["x" * (MAX_NARRATIVE_LENGTH + 1), "nul \x00", "half \ud83d"])
def test_a_text_that_cannot_be_sent_is_kept(text: str) -> None:
    form, content, _ = good("social-inquiry.request")
    parsed = parse(form, put(as_posted(form, content), "narrative.reasons.0.text", text), "en")
    assert [one.path for one in parsed.errors] == ["narrative.reasons.0.text"]
    assert parsed.entered.narrative["reasons"][0]["text"] == text


@pytest.mark.parametrize("language", vocabularies.LANGUAGES)
def test_languages_are_called_by_their_names(language: str) -> None:
    names = language_names(language)
    assert len(names) > 150
    assert len({name for _, name in names}) == len(names)
    for tag in ("ro", "ar", "fr", "zh", "rom", "ckb"):
        assert tag_of(shown_language(tag, language), language) == tag
    assert all(tag_of(name, language) == tag for tag, name in names)
    assert tag_of("română", language) == tag_of("Romana", language) == "ro"
    assert tag_of("zh-Hant", language) == "zh-Hant"


# -- bounds and strangers


def test_more_than_a_form_can_hold_is_not_read() -> None:
    form = FORMS["nudge"]
    for pairs in ([("coded.x", "")] * (MOST_FIELDS + 1), [("coded.was_due_on", "x" * MOST_CHARACTERS)]):
        parsed = parse(form, pairs, "en")
        assert [one.path for one in parsed.errors] == [FORM_PATH]
        assert rearrange(form, [*pairs, ("add", "narrative.x")]) is None


def test_the_limits_are_those_of_the_consoles_pages() -> None:
    assert MOST_FIELDS == console_posted.MAX_FIELDS
    assert MOST_CHARACTERS <= console_posted.MAX_FORM


def test_a_part_larger_than_the_protocol_lets_through_is_reported() -> None:
    form, content, _ = good("social-inquiry.request")
    pairs = [pair for pair in as_posted(form, content) if not pair[0].startswith("narrative.")]
    for number in range(5):
        pairs.append((f"narrative.reasons.{number}.language", "it"))
        pairs.append((f"narrative.reasons.{number}.text", "x" * MAX_NARRATIVE_LENGTH))
    assert [one.path for one in parse(form, pairs, "en").errors] == ["narrative"]


@pytest.mark.parametrize(
    "name", ["coded", "coded.nothing", "coded.was_due_on.0", "narrative.reasons.0.text", "identity.persons"]
)
def test_what_has_no_place_is_never_dropped_in_silence(name: str) -> None:
    form, content, _ = good("nudge")
    errors = parse(form, [*as_posted(form, content), (name, "typed")], "en").errors
    assert [one.path for one in errors] == [FORM_PATH]


def test_fields_of_the_page_are_not_the_forms() -> None:
    form, content, parsed = good("nudge")
    pairs = [("_csrf", "x"), ("search", "rom"), ("urgency", "urgent"), *as_posted(form, content)]
    assert parse(form, pairs, "en").content == parsed.content


# -- without JavaScript: one more, one less


@pytest.mark.parametrize("type_", TYPES)
def test_a_form_can_be_filled_to_its_end_by_buttons_alone(type_: str) -> None:
    """From the blank form, pressing "add" wherever there is one reaches every input."""
    form = FORMS[type_]
    entered = blank(form)
    for _ in range(60):
        view = describe(form, "en", entered)
        more = [
            one.path
            for one in every_node(view)
            if (isinstance(one, RowsView) and not one.rows)
            or (isinstance(one, GroupView) and one.optional and not one.present)
        ]
        if not more:
            break
        pressed = rearrange(form, [*typed(view), ("add", more[0])])
        assert pressed is not None
        entered, focus = pressed
        assert describe(form, "en", entered, focus=focus).focus in {
            one.id for one in every_input(describe(form, "en", entered))
        }
    everything = describe(form, "en", blank(form, full=True))
    assert {one.path for one in every_input(describe(form, "en", entered))} == {
        one.path for one in every_input(everything)
    }


def typed(view: FormView) -> Iterator[tuple[str, str]]:
    """As a browser posts it: boxes that are not ticked are not there."""
    for one in every_input(view):
        if one.kind in ("checks", "radios"):
            yield from ((one.path, choice.value) for choice in one.choices if choice.chosen)
        else:
            yield one.path, one.value


def test_one_more_and_one_less_keep_everything_else() -> None:
    form, content, parsed = good("risk-assessment.final")
    pairs = as_posted(form, content)
    more = rearrange(form, [*pairs, ("add", "coded.risks")])
    assert more is not None
    assert more[1] == f"coded.risks.{len(content.coded['risks'])}"
    assert len(more[0].coded["risks"]) == len(content.coded["risks"]) + 1
    view = describe(form, "en", more[0], focus=more[1])
    again = parse(form, list(typed(view)), "en")
    assert again.content == parsed.content
    less = rearrange(form, [*typed(view), ("remove", more[1])])
    assert less is not None
    assert less[0].coded == parsed.entered.coded
    inner = rearrange(form, [*pairs, ("add", "coded.risks.0.mitigations")])
    assert inner is not None
    assert is_blank(inner[0].coded["risks"][0]["mitigations"][-1])


@pytest.mark.parametrize(
    "path",
    ["", "coded", "coded.was_due_on", "identity.persons", "narrative.reasons", "coded.0", "form", "coded..x"],
)
def test_a_button_for_what_is_not_there_does_nothing(path: str) -> None:
    for act in ("add", "remove"):
        assert rearrange(FORMS["nudge"], [(act, path)]) is None


def test_a_list_takes_no_more_than_its_most() -> None:
    form, content, _ = good("case.notification")
    codes = list(vocabularies.scheme("country").concepts)[:64]
    full = as_posted(form, changed(content, exploitation_countries=codes))
    assert rearrange(form, [*full, ("add", "coded.exploitation_countries")]) is None
    view = describe(form, "en", enter(form, full))
    rows = next(one for one in every_node(view) if one.path == "coded.exploitation_countries")
    assert isinstance(rows, RowsView)
    assert not rows.addable


def test_every_repeated_or_optional_group_has_a_field_that_is_needed_and_one_that_is_always_posted() -> None:
    """So that an empty row says nothing, and that a row which nobody typed into yet is still a row."""

    def groups(shapes: tuple[Shape, ...]) -> Iterator[Shape]:
        for one in shapes:
            if one.kind == "group":
                yield one
                yield from groups(one.fields)

    for form in FORMS.values():
        shape = shape_of(form)
        for one in groups((*shape.coded, *(shape.identity or ()))):
            if one.many or not one.required:
                assert any(inner.required for inner in one.fields), one.name
                posted = [
                    inner
                    for _, inner in leaves(one.fields)
                    if not inner.many and inner.scheme != "yes-no-unknown"
                ]
                assert posted, one.name


# -- words


def test_every_rule_of_the_models_has_its_sentence_in_every_language() -> None:
    rules = set()
    for path in (ROOT / "protocol" / "messages").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PydanticCustomError":
                assert isinstance(node.args[1], ast.Constant)
                rules.add(str(node.args[1].value))
    assert len(rules) > 50
    for language in vocabularies.LANGUAGES:
        lacking = {rule for rule in rules if not words(language).knows(rule_key(rule))}
        assert not lacking, language
    text = (ROOT / "service" / "console" / "locales" / "en" / "forms.ftl").read_text("utf-8")
    known = set(re.findall(r"^(forms-rule-[a-z0-9-]+) =", text, re.MULTILINE))
    assert known <= {rule_key(rule) for rule in rules}, "a sentence for a rule that no form has"


@pytest.mark.parametrize("language", [one for one in vocabularies.LANGUAGES if one != "en"])
def test_no_english_is_left_over(language: str) -> None:
    def sentences(one: str) -> dict[str, str]:
        text = (ROOT / "service" / "console" / "locales" / one / "forms.ftl").read_text("utf-8")
        return dict(re.findall(r"^(forms-[a-z0-9-]+) = (.+)$", text, re.MULTILINE))

    english, there = sentences("en"), sentences(language)
    assert english.keys() == there.keys()
    same = {key for key in english if english[key] == there[key]}
    # The first line of a sentence with plural forms has no words.
    assert same <= {"forms-document", "forms-errors"}


@pytest.mark.parametrize("language", vocabularies.LANGUAGES)
def test_errors_are_in_the_readers_language(language: str) -> None:
    for form in FORMS.values():
        for one in parse(form, (), language).errors:
            assert one.sentence
            if language in ("ar", "ru", "zh"):
                assert not re.search("[a-z]{4,}", one.sentence), one.sentence


def test_what_the_protocol_alone_refuses_is_still_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last guard: a rule that this package does not know of."""
    form, content, _ = good("nudge")
    monkeypatch.setattr(messages, "MAX_NARRATIVE_BLOCKS", -1)
    errors = parse(form, as_posted(form, content), "en").errors
    assert [one.path for one in errors] == [FORM_PATH]
    assert errors[0].sentence


def test_what_was_typed_and_does_not_exist_is_offered_again_where_it_was_typed() -> None:
    form, content, _ = good("risk-assessment.final")
    pairs = put(as_posted(form, content), "coded.assessed_country", "ATLANTIS")
    parsed = parse(form, pairs, "en")
    view = describe(form, "en", parsed.entered, parsed.errors)
    country = field_at(view, "coded.assessed_country")
    assert [one.value for one in country.choices if one.chosen] == ["ATLANTIS"]
    assert country.error is not None
    assert isinstance(parsed.entered, Entered)
    assert isinstance(parsed.errors[0], FieldError)
