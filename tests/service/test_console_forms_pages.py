"""The pages of all forms: whole HTML, nothing without a label, and a browser posts what was said."""

from __future__ import annotations

import pytest
from form_pages import PICKER, drawn, read_page

from protocol.messages import FORMS
from service.console.forms import Facts, as_posted, blank, describe, options, parse
from service.console.forms.parsing import FORM_PATH
from service.console.words import words
from tests.protocol.sample_contents import sample

TYPES = sorted(FORMS)
SCRIPT = "<script>alert(1)</script> \"quoted\" & 'single'"


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("type_", TYPES)
def test_every_input_has_a_label_and_every_id_is_there_once(type_: str, language: str) -> None:
    form = FORMS[type_]
    for entered in (blank(form), blank(form, full=True)):
        page = read_page(drawn(describe(form, language, entered)))
        check_whole(page)
        assert page.posted().count(("do", "check")) == 0


def check_whole(page: object) -> None:
    from form_pages import Page

    assert isinstance(page, Page)
    assert len(page.ids) == len(set(page.ids))
    assert len(page.labelled) == len(set(page.labelled))
    for one in page.inputs:
        assert one["name"]
        assert one.get("type") == "hidden" or one.get("id") in page.labelled, one
    assert set(page.labelled) <= set(page.ids)
    assert set(page.described) <= set(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


@pytest.mark.parametrize("type_", TYPES)
def test_a_browser_posts_what_the_page_shows(type_: str) -> None:
    """Not the view but the HTML is read here, as a browser would."""
    form, content = FORMS[type_], sample(type_)
    parsed = parse(form, as_posted(form, content), "en")
    page = read_page(drawn(describe(form, "en", parsed.entered)))
    again = parse(form, page.posted(), "en")
    assert again.errors == ()
    assert again.content is not None
    assert parsed.content is not None
    assert again.content.narrative == parsed.content.narrative
    assert again.content.coded.keys() == parsed.content.coded.keys()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("type_", TYPES)
def test_a_form_with_errors_links_each_to_its_place(type_: str, language: str) -> None:
    form = FORMS[type_]
    parsed = parse(form, [("coded.nowhere", "x")], language)
    page = read_page(drawn(describe(form, language, parsed.entered, parsed.errors)))
    check_whole(page)
    assert len(page.links) == len(describe(form, language, parsed.entered, parsed.errors).errors)
    assert f"#{FORM_PATH}" in page.links


def test_what_was_typed_is_text_and_never_markup() -> None:
    form = FORMS["social-inquiry.request"]
    pairs = [
        ("coded.child_informed", SCRIPT),
        ("narrative.reasons.0.text", f"\n{SCRIPT}</textarea>"),
        ("narrative.reasons.0.language", SCRIPT),
        ("identity.persons.0.names.0.full", SCRIPT),
        ("identity.addresses.0.address_lines.0", SCRIPT),
    ]
    parsed = parse(form, pairs, "en")
    html = drawn(describe(form, "en", parsed.entered, parsed.errors))
    assert "<script" not in html
    page = read_page(html)
    check_whole(page)
    posted = dict(page.posted())
    for name, value in pairs[1:]:
        assert posted[name] == value, name


def test_a_typed_day_that_is_none_is_shown_beside_its_empty_box() -> None:
    form = FORMS["nudge"]
    parsed = parse(form, [("coded.was_due_on", "26.11.26")], "en")
    page = read_page(drawn(describe(form, "en", parsed.entered, parsed.errors)))
    assert "26.11.26" in page.text


def test_a_text_says_its_language_and_direction() -> None:
    form = FORMS["social-inquiry.request"]
    pairs = [("narrative.reasons.0.text", "نص"), ("narrative.reasons.0.language", "ar")]
    page = read_page(drawn(describe(form, "en", parse(form, pairs, "en").entered)))
    area = next(one for one in page.inputs if one["tag"] == "textarea" and one["value"])
    assert (area["lang"], area["dir"]) == ("ar", "rtl")
    assert area["spellcheck"] == "false"


def test_enter_presses_the_button_that_changes_nothing() -> None:
    """The first submit button is the default one (HTML, "implicit submission")."""
    for type_ in TYPES:
        page = read_page(drawn(describe(FORMS[type_], "en", blank(FORMS[type_], full=True))))
        assert page.buttons[0] == ("do", "check")
        assert {name for name, _ in page.buttons[1:]} <= {"add", "remove"}


def test_a_long_vocabulary_is_searched_and_a_short_one_read() -> None:
    form = FORMS["risk-assessment.final"]
    page = read_page(drawn(describe(form, "en", blank(form, full=True))))
    searched = [one for one in page.inputs if one.get("type") == "search"]
    assert [one["hx-target"] for one in searched] == [
        "#f-coded-assessed_country",
        "#f-coded-risks-0-mitigations-0-responsible_state",
    ]
    assert all(one["hx-get"] == PICKER and one["name"] == "search" for one in searched)
    assert searched[0]["hx-vals"] == '{"scheme": "country"}'
    # Without JavaScript the list alone has everything.
    assert sum('value="RO"' in line for line in drawn(describe(form, "en")).splitlines()) == 1


def test_the_answer_to_a_search_keeps_what_is_chosen() -> None:
    view = describe(FORMS["nudge"], "en")
    found = drawn(view, template="forms/options.html", choices=options("country", "rom", "en", "IT"))
    assert 'value="RO"' in found
    assert '<option value="IT" selected>' in found
    nothing = drawn(view, template="forms/options.html", choices=options("country", "zzzz", "en"))
    assert words("en").say("forms-nothing-found") in nothing


def test_nothing_offered_is_still_an_input() -> None:
    form = FORMS["durable-solution.revocation"]
    case = Facts(case=sample_reference())
    page = read_page(drawn(describe(form, "en", facts=case)))
    assert next(one for one in page.inputs if one["name"] == "coded.agreement")["type"] == "text"


def sample_reference() -> object:
    from protocol.identifiers import new_case_reference

    return new_case_reference(lambda count: bytes(range(count)))
