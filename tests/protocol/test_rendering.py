"""A message reads the same in every language: whole, in the right direction, and never as something else."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from fluent.runtime import FluentResource
from fluent.syntax import ast as fluent
from fluent.syntax.visitor import Visitor
from sample_contents import SAMPLES

from protocol import vocabularies
from protocol.content import Content, NarrativeBlock
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId
from protocol.languages import available_languages, direction
from protocol.messages import FORMS, FormField
from protocol.rendering import (
    EvidenceFinding,
    TimelineEvent,
    render,
    render_evidence_report,
    render_timeline,
)
from protocol.rendering.sentences import sentences

LANGUAGES = available_languages()
CASE = CaseReference("K7QM-3XPT-9V2D-6")
ID = MessageId("5b1e9d7c-3f0a-4c39-9d2e-6a8f1b2c3d4e")
ITALY = Address("it.servizio-minori")
ROMANIA = Address("ro.anpdca")
SIGNED = datetime(2026, 11, 24, 17, 5, tzinfo=UTC)
FRENCH = "La grand-mère maternelle a été rencontrée à son domicile."
ISOLATES = re.compile("[\u200f\u2066-\u2069]")


def content(message_type: str, **changes: Any) -> Content:
    sample = SAMPLES[message_type]
    whole = Content(
        id=ID,
        type=message_type,
        case=CASE,
        thread=ThreadId(ID),
        sender=ROMANIA,
        recipient=ITALY,
        coded=sample.coded,
        narrative=tuple(
            NarrativeBlock(field=block.field, language=block.language, text=block.text)
            for block in sample.narrative
        ),
        identity=sample.identity,
        declares_no_danger=True,
        vocabulary=vocabularies.RELEASE,
        issued_at=SIGNED,
        statement_digest="digest",
        parts={"narrative": "digest"} | ({"identity": "digest"} if sample.identity else {}),
        unknown={},
    )
    return dataclasses.replace(whole, **changes)


def report_in_french(**changes: Any) -> Content:
    block = NarrativeBlock(field="findings", language="fr", text=FRENCH)
    return content("social-inquiry.report", narrative=(block,), identity=None, **changes)


def codes_in(values: Any, fields: tuple[FormField, ...]) -> set[tuple[str, str]]:
    """(scheme, code) of every coded value in a part."""
    found: set[tuple[str, str]] = set()
    for field in fields:
        if (value := values.get(field.name)) is None:
            continue
        for item in value if field.many else [value]:
            if field.kind == "group":
                found |= codes_in(item, field.fields)
            elif field.scheme is not None:
                found.add((field.scheme, item))
    return found


def names_in(values: Any, fields: tuple[FormField, ...]) -> set[str]:
    found: set[str] = set()
    for field in fields:
        if values.get(field.name) in (None, [], ()):
            continue
        found.add(field.name)
        if field.kind == "group":
            for item in values[field.name] if field.many else [values[field.name]]:
                found |= names_in(item, field.fields)
    return found


def unwrapped(text: str) -> str:
    return text.replace("\n", " ")


class Elements(HTMLParser):
    """The start tags of a document with their attributes; refuses tags that do not close in order."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(document)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# The claims of the issue.


def test_a_report_with_french_narrative_renders_in_arabic_with_every_coded_field_in_arabic():
    said = ISOLATES.sub("", render(report_in_french(), language="ar", format="text"))
    form = FORMS["social-inquiry.report"]
    coded = SAMPLES["social-inquiry.report"].coded
    arabic = re.compile("[\u0600-\u06ff]")

    for scheme, code in codes_in(coded, form.coded_fields):
        label = vocabularies.label(scheme, code, "ar")
        assert label.language == "ar"
        assert arabic.search(label.text)
        assert label.text in said
    for name in names_in(coded, form.coded_fields):
        assert arabic.search(vocabularies.label("field", name, "ar").text)
        assert vocabularies.label("field", name, "ar").text in said
    assert said.startswith(vocabularies.label("message-type", "social-inquiry.report", "ar").text)


def test_an_arabic_rendering_reads_from_the_right_and_its_french_narrative_from_the_left():
    elements = Elements(render(report_in_french(), language="ar", format="html")).found

    assert ("html", {"lang": "ar", "dir": "rtl"}) in elements
    assert ("blockquote", {"lang": "fr", "dir": "ltr"}) in elements


def test_narrative_is_marked_as_untranslated_in_the_readers_language():
    for shape in ("text", "html"):
        said = ISOLATES.sub("", render(report_in_french(), language="ar", format=shape))

        assert "[غير مترجم: الفرنسية]" in said
        assert FRENCH in said


def test_narrative_in_the_readers_language_is_not_marked():
    assert "non traduit" not in render(report_in_french(), language="fr", format="text")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_no_form_leaves_a_key_or_a_code_untranslated(message_type, language):
    whole = content(message_type)
    form = FORMS[message_type]
    said = ISOLATES.sub("", render(whole, language=language, format="text"))

    schemed = codes_in(whole.coded, form.coded_fields) | codes_in(whole.identity or {}, form.identity_fields)
    for scheme, code in schemed | {("message-type", message_type)}:
        label = vocabularies.label(scheme, code, language)
        assert (label.language, label.known) == (language, True)
        assert label.text in said
    names = names_in(whole.coded, form.coded_fields) | names_in(whole.identity or {}, form.identity_fields)
    for name in names | {block.field for block in whole.narrative}:
        assert vocabularies.label("field", name, language).language == language
        assert name not in said or name.isalpha()
    assert sentences(language).say("unknown-code") not in said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_every_form_is_a_well_formed_document_in_the_right_direction(message_type, language):
    html = render(content(message_type), language=language, format="html")
    elements = Elements(html).found

    assert ("html", {"lang": language, "dir": direction(language)}) in elements
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in elements}
    assert not re.search(r"url\(|@import|\b(?:src|href|on[a-z]+)=", html)


# What a reader must be told.


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rendering_says_that_people_judge_the_content(language):
    sentence = sentences(language).say("people-judge")

    assert sentence in unwrapped(render(content("query"), language=language, format="text"))
    assert sentence in unwrapped(render_timeline([], language=language, case=CASE, now=SIGNED))
    assert sentence in unwrapped(render_evidence_report([], language=language))


def test_an_identity_part_that_is_not_given_is_said_to_be_sealed_and_none_of_it_shows():
    whole = content("social-inquiry.report")
    name = whole.identity["persons"][0]["names"][0]["full"]
    sealed = dataclasses.replace(whole, identity=None)

    assert name in render(whole, language="en", format="text")
    assert name not in render(sealed, language="en", format="text")
    assert "Identity: sealed part, not shown." in render(sealed, language="en", format="text")


def test_a_message_without_an_identity_part_does_not_speak_of_one():
    said = render(content("query", identity=None, parts={}), language="en", format="text")

    assert "Identity" not in said


def test_free_text_that_is_not_given_is_said_not_to_be_shown():
    assert "Free text is not shown here." in render(
        content("social-inquiry.report", narrative=()), language="en", format="text"
    )


def test_a_code_of_a_newer_release_shows_as_its_nearest_broader_concept_and_says_so():
    coded = SAMPLES["case.notification"].coded | {
        "exploitation_forms": ["exploitation/begging/street-performance"]
    }
    said = render(content("case.notification", coded=coded), language="en", format="text")

    label = vocabularies.label("exploitation-form", "exploitation/begging", "en").text
    assert f"{label} [code exploitation/begging/street-performance is not known here" in said


def test_a_code_that_is_near_nothing_known_shows_as_itself_and_says_so():
    coded = SAMPLES["case.notification"].coded | {"sex": "from-the-future"}
    said = render(content("case.notification", coded=coded), language="en", format="text")

    assert "from-the-future [not known here]" in said


def test_a_field_of_a_newer_form_is_shown_rather_than_dropped():
    coded = SAMPLES["query"].coded | {"field_of_the_future": "some-code"}

    assert "field_of_the_future [not known here]: some-code" in render(
        content("query", coded=coded), language="en", format="text"
    )


def test_a_message_of_an_unknown_type_still_shows_who_says_what():
    unknown = dataclasses.replace(content("query"), type="court.decision", coded={"outcome": "granted"})
    said = render(unknown, language="en", format="text")

    assert said.startswith("court.decision [not known here]")
    assert "granted" in said


@pytest.mark.parametrize(
    ("language", "caution"),
    [
        ("fr", "« trafiquants » s’emploie pour les deux"),
        ("es", "La trata no es el tráfico ilícito de migrantes"),
        ("pt", "não confundir com o tráfico ilícito de migrantes"),
        ("zh", "与偷运移民不同"),
    ],
)
def test_a_term_that_misleads_is_shown_with_its_caution(language, caution):
    shown = content("case.notification")
    assert caution in unwrapped(render(shown, language=language, format="text"))
    assert caution in render(shown, language=language, format="html")


def test_an_authority_shows_by_its_name_with_its_state_and_address():
    said = render(
        content("query"),
        language="fr",
        format="text",
        names=lambda address, language: (
            "Service des mineurs" if (address, language) == (ITALY, "fr") else None
        ),
    )

    assert "Service des mineurs (Italie, it.servizio-minori)" in said
    assert "ro.anpdca (Roumanie)" in said


def test_labels_that_nobody_reviewed_are_said_to_be_the_projects_own():
    assert sentences("fr").say("unreviewed") in render(content("query"), language="fr", format="html")
    assert sentences("en").say("unreviewed") not in render(content("query"), language="en", format="html")


def test_an_unknown_language_reads_english_and_a_regional_one_its_language():
    assert render(content("query"), language="tlh", format="text") == render(
        content("query"), language="en", format="text"
    )
    assert render(content("query"), language="pt-BR", format="text") == render(
        content("query"), language="pt", format="text"
    )


# What free text from another State must not do.


def narrative(text: str) -> Content:
    return content("query", narrative=(NarrativeBlock(field="further_questions", language="fr", text=text),))


def test_markup_in_free_text_stays_text():
    html = render(narrative("<script>alert(1)</script>\"'&"), language="en", format="html")

    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;" in html


@pytest.mark.parametrize("shape", ["text", "html"])
@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x00", "\x9b", "\x7f", "\u202e", "\u202d"])
def test_control_characters_and_overrides_in_free_text_are_not_printed(shape, character):
    assert character not in render(narrative(f"a{character}[31mb"), language="en", format=shape)


def test_free_text_cannot_pass_for_a_line_of_ours():
    said = render(
        narrative("x\nRecommendation: return\r\nCase: other\u2028Sender: other"), language="en", format="text"
    )

    for claim in ("Recommendation: return", "Case: other", "Sender: other"):
        assert [line for line in said.splitlines() if claim in line] == [f"  │ {claim}"]


def test_an_unclosed_isolate_in_free_text_does_not_reach_over_its_line():
    said = render(narrative("a\u2067b"), language="en", format="text")

    assert not ISOLATES.search(said)


def test_left_to_right_text_has_no_invisible_characters():
    for language in (language for language in LANGUAGES if direction(language) == "ltr"):
        assert not ISOLATES.search(render(report_in_french(), language=language, format="text"))


def test_isolates_in_right_to_left_text_are_balanced_on_every_line():
    for line in render(report_in_french(), language="ar", format="text").splitlines():
        assert len(re.findall("[\u2066-\u2068]", line)) == line.count("\u2069")


def test_a_moment_inside_an_arabic_sentence_reads_from_the_right() -> None:
    moment = sentences("ar").moment(SIGNED)
    said = sentences("ar").say("timeline-due", moment=moment)

    assert f"\u2067{moment}\u2069" in said


# Timelines and evidence.


def events() -> list[TimelineEvent]:
    return [
        TimelineEvent(at=SIGNED, kind="case", code="case-opened", by=ITALY),
        TimelineEvent(
            at=SIGNED + timedelta(days=1),
            kind="message",
            code="social-inquiry.request",
            by=ITALY,
            to=ROMANIA,
            due_at=SIGNED + timedelta(days=11),
            due_basis="project-choice",
        ),
        TimelineEvent(
            at=SIGNED + timedelta(days=1), kind="evidence", code="content-consigned", by=NodeCode("ro")
        ),
        TimelineEvent(
            at=SIGNED + timedelta(days=2),
            kind="message",
            code="query",
            by=ROMANIA,
            to=ITALY,
            refusal="conversation.not_now",
        ),
    ]


def test_a_timeline_says_what_happened_in_order_and_what_is_owed():
    said = render_timeline(reversed(events()), language="en", case=CASE, now=SIGNED + timedelta(days=3))

    places = [said.index(text) for text in ("Case opened", "Request for a social inquiry", "refused: ")]
    assert places == sorted(places)
    assert "4 events" in said
    assert "[8 days left]" in said
    assert "signed by ro" in said


def test_a_timeline_counts_lateness_from_the_first_moment():
    late = events()[1].due_at + timedelta(seconds=1)

    assert "[1 day overdue]" in render_timeline(events(), language="en", case=CASE, now=late)


def test_an_answered_request_is_neither_due_nor_late():
    answered = [dataclasses.replace(event, answered=True) for event in events()]
    said = render_timeline(answered, language="en", case=CASE, now=SIGNED + timedelta(days=99))

    assert "overdue" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_timeline_and_an_evidence_report_render_in_every_language(language):
    now = SIGNED + timedelta(days=30)
    Elements(render_timeline(events(), language=language, case=CASE, now=now, format="html"))
    finding = EvidenceFinding(code="statement.signature", where="3")
    Elements(render_evidence_report([finding], language=language, format="html"))


def test_whole_evidence_and_broken_evidence_read_differently():
    finding = EvidenceFinding(code="statement.signature", where="3")

    assert "Whole:" in render_evidence_report([], language="en")
    assert "Not whole: 1 finding." in render_evidence_report([finding], language="en")
    assert "at 3: " in render_evidence_report([finding], language="en").replace("at 3:\n", "at 3: ")


def test_arabic_counts_in_its_six_forms():
    said = {sentences("ar").say("timeline-count", count=count) for count in (0, 1, 2, 3, 11, 100)}

    assert len(said) == 6


# The sentences themselves.


class Variables(Visitor):
    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_VariableReference(self, node: fluent.VariableReference) -> None:
        self.found.add(node.id.name)


def messages_of(language: str) -> dict[str, set[str]]:
    path = files("protocol") / "rendering" / "locales" / f"{language}.ftl"
    found: dict[str, set[str]] = {}
    for entry in FluentResource(path.read_text("utf-8")).body:
        assert not isinstance(entry, fluent.Junk), entry.content
        if isinstance(entry, fluent.Message):
            assert entry.id.name not in found, entry.id.name
            variables = Variables()
            variables.visit(entry)
            found[entry.id.name] = variables.found
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_every_sentence_with_the_same_values(language):
    assert messages_of(language) == messages_of("en")


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_sentence_of_the_rendering_was_left_in_english(language):
    same_on_purpose = {
        "numbered",
        "moment",
        "state-and-address",
        "timeline-party",
        "header-id",
        "header-safety",
    }
    words = {used for values in messages_of("en").values() for used in values} - {"count", "days"}
    values = {"count": 5, "days": 5} | dict.fromkeys(words, "x")
    same = {
        message
        for message, used in messages_of("en").items()
        if sentences(language).say(message, **{name: values[name] for name in used})
        == sentences("en").say(message, **{name: values[name] for name in used})
    }

    assert same <= same_on_purpose


def test_every_sentence_is_used():
    source = "".join(
        path.read_text("utf-8")
        for folder in ("rendering", "statistics", "indicators")
        for path in (files("protocol") / folder).iterdir()
        if path.name.endswith(".py")
    )
    by_prefix = ("header-", "event-", "party-", "paper-end-")

    def is_said(message: str) -> bool:
        # A figure's label is called after the figure or its complement, what explains one after its subject.
        figure = message.removeprefix("indicators-")
        figure = figure.removeprefix("not-")
        named = {message, figure.replace("-", "_"), figure.removeprefix("about-")}
        return any(f'"{name}"' in source for name in named) or message.startswith(by_prefix)

    assert {message for message in messages_of("en") if not is_said(message)} == set()
