"""A PDF says what the text says, to everybody who may have to read it, and is the same file everywhere."""

from __future__ import annotations

import dataclasses
import io
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import IndirectObject

from protocol import vocabularies
from protocol.content import NarrativeBlock
from protocol.errors import NotAcceptable
from protocol.evidence import ShownRendering
from protocol.identifiers import NodeCode
from protocol.languages import available_languages, direction
from protocol.messages import FORMS
from protocol.rendering import (
    EvidenceFinding,
    TimelineEvent,
    evidence_words,
    message_words,
    printed,
    timeline_words,
)
from protocol.rendering import pdf as pdf_printer
from protocol.rendering.coverage import STAND_IN, Shown, characters_of, font_files, shown
from protocol.rendering.pdf import to_pdf
from protocol.rendering.sentences import sentences
from protocol.rendering.words import Document, Fact, Group, Narrative, Remark, Section, Value

from test_rendering import CASE, ID, ITALY, SIGNED, content, messages_of, report_in_french  # isort: skip

LANGUAGES = available_languages()
LONG = "social-inquiry.report"


def pdf_of(message_type: str, language: str, **changes: Any) -> bytes:
    return printed(message_words(content(message_type, **changes), language=language), "pdf").content


def read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf), strict=True)


def bare(text: str) -> str:
    """Letters and digits alone: what a page breaks, orders and joins anew does not count.

    Compatibility forms are undone, since a font joins letters; a page keeps right-to-left text as it reads.
    """
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text)))


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in read(pdf).pages)


def words_in(document: Document) -> set[str]:
    """Every label, value, note, mark and line of free text."""
    found = {document.title}

    def walk(blocks: Any) -> None:
        for block in blocks:
            match block:
                case Fact(label=label, values=values):
                    found.add(label)
                    for value in values:
                        found.update((value.text, *value.notes))
                        if value.detail:
                            found.add(value.detail)
                case Group(label=label, blocks=inner):
                    found.add(label)
                    walk(inner)
                case Narrative(label=label, mark=mark, text=text):
                    found.update((label, *text.split("\n")))
                    if mark:
                        found.add(mark)
                case Remark(text=text):
                    found.add(text)

    for section in document.sections:
        found.add(section.heading or "")
        walk(section.blocks)
    return found - {""}


def tags_of(pdf: bytes) -> list[str]:
    """The tags of the structure tree, in reading order."""
    found: list[str] = []

    def walk(node: Any) -> None:
        node = node.get_object() if isinstance(node, IndirectObject) else node
        if isinstance(node, list):
            for inner in node:
                walk(inner)
        elif isinstance(node, dict):
            if "/S" in node:
                found.append(str(node["/S"]))
            if "/K" in node:
                walk(node["/K"])

    walk(read(pdf).trailer["/Root"]["/StructTreeRoot"]["/K"])
    return found


def languages_of(pdf: bytes) -> set[str]:
    """The languages that its runs of text are marked with."""
    drawn = b"".join(page.get_contents().get_data() for page in read(pdf).pages)  # type: ignore[union-attr]
    return {tag.decode() for tag in re.findall(rb"/Lang\s*\(([A-Za-z-]+)\)", drawn)}


# What the file claims to be.


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_an_archive_file_and_an_accessible_one_in_its_language(language: str) -> None:
    reader = read(pdf_of("case.notification", language))
    root = reader.trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()

    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert root["/Lang"] == language
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 (pypdf's own boolean)
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712
    assert reader.metadata is not None
    assert reader.metadata.title == vocabularies.label("message-type", "case.notification", language).text
    assert reader.metadata.creation_date == SIGNED
    assert "/OutputIntents" in root


def test_its_tags_tell_headings_in_order_and_the_language_of_free_text() -> None:
    pdf = pdf_of(LONG, "ar")
    tags = tags_of(pdf)
    levels = [int(tag[2:]) for tag in tags if re.fullmatch("/H[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert set(tags) >= {"/Document", "/H1", "/H2", "/H3", "/P", "/L"}
    assert languages_of(pdf) >= {"ar"} | {block.language for block in content(LONG).narrative}


def test_nothing_in_it_runs_or_reaches_out() -> None:
    pdf = pdf_of(LONG, "en")

    for name in (b"/JavaScript", b"/JS", b"/OpenAction", b"/URI", b"/EmbeddedFile", b"/Launch", b"/AcroForm"):
        assert name not in pdf


def test_it_is_written_in_the_shipped_fonts_and_carries_them() -> None:
    used: set[str] = set()
    for language in ("en", "ar", "zh"):
        for page in read(pdf_of(LONG, language)).pages:
            for font in page["/Resources"]["/Font"].values():
                (inner,) = font["/DescendantFonts"]
                used.add(str(font["/BaseFont"]).split("+")[1])
                assert {"/FontFile2", "/FontFile3"} & set(inner["/FontDescriptor"])

    assert {re.split("-Identity", name)[0].removesuffix("-Identity-H") for name in used} <= {
        "NotoSans-Regular",
        "NotoSans-Bold",
        "NotoNaskhArabic-Regular",
        "NotoNaskhArabic-Bold",
        "DroidSansFallback",
    }


# The same bytes.


def test_another_process_elsewhere_at_another_time_makes_the_same_bytes(tmp_path: Any) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from test_rendering_pdf import pdf_of\n"
        "sys.stdout.buffer.write(pdf_of('social-inquiry.report', 'ar'))\n"
    )
    here = str(files("protocol") / "..")
    made = subprocess.run(
        [sys.executable, "-c", program, here, str(files("protocol") / ".." / "tests" / "protocol")],
        cwd=tmp_path,
        env={"TZ": "Asia/Tokyo", "LANG": "C", "SOURCE_DATE_EPOCH": "1", "HOME": str(tmp_path)},
        capture_output=True,
        check=True,
    )

    assert made.stdout == pdf_of(LONG, "ar")


def test_words_without_a_time_of_their_own_make_the_same_bytes_too() -> None:
    words = evidence_words([], language="en")

    assert words.as_of is None
    assert to_pdf(words) == to_pdf(words)
    assert read(to_pdf(words)).metadata.creation_date.year == 2000  # type: ignore[union-attr]


def test_a_moment_of_a_real_clock_is_printed_to_the_second() -> None:
    at = datetime(2026, 11, 26, 12, 40, 33, 686_673, tzinfo=UTC)
    printed = read(to_pdf(dataclasses.replace(evidence_words([], language="en"), as_of=at)))
    assert printed.metadata.creation_date == at.replace(microsecond=0)  # type: ignore[union-attr]


def test_a_rendering_says_the_digest_of_its_bytes() -> None:
    one, other = (
        printed(message_words(content("query"), language=language), "pdf") for language in ("en", "fr")
    )

    assert (one.media_type, one.language, one.format) == ("application/pdf", "en", "pdf")
    assert len(one.digest) == 43
    assert one.digest != other.digest


# Every form in every language: the words of all are read as text in test_rendering.py. A printer takes the
# words as they are, so that here each form is a PDF in Arabic and two more languages, in turn.


@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_every_form_is_printed_whole_in_its_turn_of_languages(message_type: str) -> None:
    turn = sorted(FORMS).index(message_type)
    for language in {LANGUAGES[turn % len(LANGUAGES)], LANGUAGES[(turn + 3) % len(LANGUAGES)]} - {"ar"}:
        words = message_words(content(message_type), language=language)
        said = bare(text_of(to_pdf(words)))
        missing = {word for word in words_in(words) if bare(word) not in said}

        assert missing == set()
        assert sentences(language).say("unknown-code") not in said
        assert bare(sentences(language).say("not-shown", count=1))[1:30] not in said


@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_every_form_is_printed_in_arabic_from_the_right(message_type: str) -> None:
    words = message_words(content(message_type), language="ar")
    pdf = to_pdf(words)
    # What takes text out of a file orders Arabic lines anew, each in its own way: no letter is missing.
    wanted = Counter(bare("".join(words_in(words))))

    assert wanted - Counter(bare(text_of(pdf))) == Counter()
    assert STAND_IN not in text_of(pdf)
    assert place_of("Focalpoint", pdf) > 400
    assert direction("ar") == "rtl"


def test_a_latin_page_begins_at_the_left() -> None:
    assert place_of("Focalpoint", pdf_of("query", "fr")) < 100


def place_of(word: str, pdf: bytes) -> float:
    """Where it is drawn on the first page: points from the left edge of the sheet."""
    places: list[float] = []

    def visit(text: str, matrix: Any, _text_matrix: Any, _font: Any, _size: float) -> None:
        if word in text:
            places.append(matrix[4])

    read(pdf).pages[0].extract_text(visitor_text=visit)
    return places[0]


def test_a_french_block_in_an_arabic_page_keeps_its_words_in_order() -> None:
    said = text_of(printed(message_words(report_in_french(), language="ar"), "pdf").content)

    assert "La grand-mère maternelle a été rencontrée à son domicile." in said.replace("\n", " ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_names_the_case_the_message_its_number_and_who_judges(language: str) -> None:
    pages = read(pdf_of(LONG, language)).pages

    assert len(pages) > 1
    for page in pages:
        said = page.extract_text()
        assert "Focalpoint" in said
        assert CASE in said
        assert ID in said
        if language != "ar":
            assert bare(sentences(language).say("people-judge")) in bare(said)
            of = sentences(language).say("page-of", page=str(page.page_number + 1), pages=str(len(pages)))
            assert bare(of) in bare(said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_timeline_and_an_evidence_report_are_printed_in_every_language(language: str) -> None:
    proof = ShownRendering(digest="d" * 43, language="ar", format="pdf", release="1")
    events = [
        TimelineEvent(
            at=SIGNED, kind="message", code="query", by=ITALY, to=ITALY, due_at=SIGNED + timedelta(days=3)
        ),
        TimelineEvent(at=SIGNED, kind="evidence", code="content-retrieved", by=NodeCode("it"), shown=proof),
    ]
    timeline = timeline_words(events, language=language, case=CASE, now=SIGNED)
    report = evidence_words(
        [EvidenceFinding(code="evidence.missing", where="messages/1")],
        language=language,
        proven=events,
        case=CASE,
        as_of=SIGNED,
    )
    for words in (timeline, report):
        said = bare(text_of(to_pdf(words)))
        assert "d" * 36 in said
        if language != "ar":
            assert {word for word in words_in(words) if bare(word) not in said} == set()


# What the fonts have, and what they lack.


def test_the_fonts_have_every_character_of_every_label_and_sentence_in_both_weights() -> None:
    said: set[str] = set()
    for root in ("vocabularies", "rendering/locales"):
        for path in (files("protocol") / root).rglob("*"):  # type: ignore[attr-defined]
            if path.suffix in (".json", ".ftl"):
                said.update(path.read_text("utf-8"))
    for language in LANGUAGES:
        for code in ("it", "ro", "ci"):
            said.update(sentences(language).state(code), sentences(language).moment(SIGNED))

    fonts = {name: characters_of(data) for name, data in font_files().items()}
    for bold in (False, True):
        able = set().union(*(has for name, has in fonts.items() if bold is ("Bold" in name)))
        # The Chinese font has one weight, and the layout draws it twice as strong.
        able |= fonts["DroidSansFallbackFull.ttf"]
        assert {char for char in said if ord(char) not in able and char != "\n"} == set()


def test_bold_and_regular_have_the_same_characters() -> None:
    fonts = {name: characters_of(data) for name, data in font_files().items()}

    for name, has in fonts.items():
        if "Bold" in name:
            assert has == fonts[name.replace("Bold", "Regular")]


def test_the_licence_of_every_font_lies_beside_it() -> None:
    folder = files("protocol") / "rendering" / "fonts"
    told = (folder / "README.md").read_text("utf-8")

    for name in font_files():
        assert f"`{name}`" in told
    for licence in re.findall(r"`(LICENSE-[^`]+)`", told):
        assert (folder / licence).is_file()


@pytest.mark.parametrize(
    "text", ["ሰላም ለዓለም", "สวัสดี", "→ ✓", "😀", "中\u0301", "\ue000", "\ud800", "\ufffe", "\U0010ffff"]
)
def test_what_no_font_has_is_counted_and_said_at_the_head_of_the_page(text: str) -> None:
    block = NarrativeBlock(field="further_questions", language="am", text=f"Avant {text} après.")
    words = message_words(content("query", narrative=(block,)), language="en")
    lacking = shown(text).lacking
    said = text_of(to_pdf(words)).replace("\n", " ")

    assert lacking > 0
    assert bare(sentences("en").say("not-shown", count=lacking)) in bare(said)
    assert said.index(STAND_IN) < said.index("Avant")
    assert "Avant" in said
    assert "après." in said


def test_a_byte_order_mark_is_left_out() -> None:
    assert shown("a\ufeffb").text == "ab"
    assert "ab" in free_text("a\ufeffb")


def test_a_fault_of_the_printer_does_not_quote_what_it_was_to_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_printer, "shown", lambda text: Shown(text=text, lacking=0))

    with pytest.raises(RuntimeError) as fault:
        free_text("ሰላም")
    assert "ሰላም" not in str(fault.value)
    assert fault.value.__suppress_context__


def test_no_font_of_the_machine_takes_part() -> None:
    known = [font.path for font in pdf_printer._typst_fonts().fonts()]

    assert {Path(path).name for path in known if path} == set(font_files())
    assert len(known) == len(font_files())


def test_what_every_font_has_is_not_spoken_of() -> None:
    assert STAND_IN not in text_of(pdf_of(LONG, "zh"))


def test_marks_that_a_letter_may_carry_stay_with_it() -> None:
    for text in (
        "x\u0301",
        "Việt Nam",
        "e\u0301\u0323",
        "مُحَمَّد",
        "ё й",
        "日本語の",
        "體",
        "Ștefăniță",
        "پیگھٹ",
    ):
        assert shown(text).lacking == 0
        assert shown(text).text == text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["fr", "ar", "zh", "tlh", "x-private", ""]))
def test_no_free_text_whatever_stops_the_printer(text: str, language: str) -> None:
    block = NarrativeBlock(field="further_questions", language=language, text=text)

    assert pdf_of("query", "en", narrative=(block,)).startswith(b"%PDF-1.7")


# What free text from another State must not do.


def free_text(text: str) -> str:
    block = NarrativeBlock(field="further_questions", language="en", text=text)
    return text_of(pdf_of("query", "en", narrative=(block,)))


@pytest.mark.parametrize(
    "text",
    [
        "#panic()",
        '#read("page.typ")',
        "= Heading",
        "*bold* _slanted_",
        "$x^2$",
        "@label <label>",
        "\\ // /* `",
    ],
)
def test_markup_in_free_text_stays_text(text: str) -> None:
    assert text in free_text(text)


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x00", "\x9b", "\u202e", "\u2067"])
def test_control_characters_and_overrides_are_not_printed(character: str) -> None:
    assert character not in free_text(f"a{character}b")


def test_a_word_longer_than_a_line_stays_on_the_page() -> None:
    pdf = pdf_of(
        "query", "en", narrative=(NarrativeBlock(field="further_questions", language="en", text="w" * 400),)
    )
    drawn = [line.replace("\u200b", "") for line in text_of(pdf).split("\n")]
    pieces = [line for line in drawn if re.fullmatch("w{20,}", line)]

    assert sum(map(len, pieces)) == 400
    assert max(map(len, pieces)) < 100


def test_a_document_too_long_for_paper_is_refused_and_nothing_is_set() -> None:
    block = NarrativeBlock(field="further_questions", language="en", text="a\n" * 60_000)

    with pytest.raises(NotAcceptable) as refused:
        pdf_of("query", "en", narrative=(block,))
    assert refused.value.code == "rendering.too_large"


def test_the_longest_free_text_of_a_message_is_printed() -> None:
    block = NarrativeBlock(field="further_questions", language="en", text="Words of ten. " * 9_300)

    assert len(read(pdf_of("query", "en", narrative=(block,))).pages) > 20


def test_any_words_are_printed_in_any_format() -> None:
    words = Document(
        title="Agreement",
        language="en",
        direction="ltr",
        sections=(Section(heading="Parties", blocks=(Fact(label="One", values=(Value(text="Italy"),)),)),),
    )

    for form in ("text", "html", "pdf"):
        assert printed(words, form).content
    assert "Italy" in text_of(printed(words, "pdf").content)
    assert dataclasses.replace(words, as_of=datetime(2026, 1, 1, tzinfo=UTC)) != words


def test_every_sentence_of_the_page_is_in_every_language() -> None:
    assert {"page-of", "not-shown", "report-proven", "report-shown", "report-as-of"} <= set(messages_of("en"))
