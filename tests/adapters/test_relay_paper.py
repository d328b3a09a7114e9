"""The form that an authority without a system gets, and what is read of it when it comes back."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, String

from adapters.kit import Unfit
from adapters.kit.passwords import made_password
from adapters.relay import filled as reading
from adapters.relay.filled import parse, read_filled
from adapters.relay.mapping import EXTRA, offered, questions, read_reply, usual_reply
from adapters.relay.paper import ANSWERS, Sheet, one_file, protected, sheet_of
from adapters.relay.words import LOCALES, language_of, words
from protocol import vocabularies
from protocol.languages import available_languages
from protocol.messages import FORMS
from tests.adapters.relay_stage import filled_in

pytestmark = pytest.mark.anyio
MESSAGE = "3f1d9a52-6c4e-4f0a-9b7d-2a8e5c1b0d94"
REPLY = "social-inquiry.report"
WHOLE = {
    "completeness": "complete",
    "concluded_on": "2026-11-20",
    "inquiry_methods=home-visit": "Yes",
    "family_traced": "traced",
    "family_wants_contact": "yes",
    "home_risks:1:risk": "trafficker-contact",
    "home_risks:1:foreseeable": "unknown",
    "home_risks:1:information_source": "police",
    "trafficker_link": "unknown",
    "limitations=none": "Yes",
    "recommendation": "no-recommendation",
}


def sheet(language: str = "en", **changes: Any) -> Sheet:
    given_: dict[str, Any] = {"message": MESSAGE, "language": language, "return_to": "Office", "reply": REPLY}
    return Sheet(**(given_ | changes))


def values_of(file: bytes) -> dict[str, str]:
    with pikepdf.open(io.BytesIO(file)) as pdf:
        return {str(one.T): str(one.get("/V", "")) for one in pdf.Root.AcroForm.Fields}


def whole() -> dict[str, str]:
    """`WHOLE` with codes that there are."""
    codes = {
        "family_traced": "tracing-result",
        "home_risks:1:risk": "home-risk",
        "home_risks:1:information_source": "information-source",
        "recommendation": "inquiry-recommendation",
    }
    first = {name: next(iter(vocabularies.scheme(scheme).concepts)) for name, scheme in codes.items()}
    ticks = {
        f"inquiry_methods={next(iter(vocabularies.scheme('inquiry-method').concepts))}": "Yes",
        f"limitations={next(iter(vocabularies.scheme('report-limitation').concepts))}": "Yes",
    }
    kept = {name: value for name, value in WHOLE.items() if "=" not in name}
    kept["completeness"] = next(iter(vocabularies.scheme("inquiry-completeness").concepts))
    return {**kept, **first, **ticks}


# --- the form ---------------------------------------------------------------------------------------------


def test_nothing_that_binds_a_state_is_ever_offered() -> None:
    for form in FORMS.values():
        if (
            form.supervised
            or form.type.startswith("durable-solution.acc")
            or form.type == "relay.attestation"
        ):
            assert not offered(form.type), form.type
    assert all(offered(one) for one in ("accept", "decline", "answer", "query", REPLY))


@pytest.mark.parametrize("language", available_languages())
def test_the_form_has_a_field_for_each_question_and_labels_in_its_language(language: str) -> None:
    file = sheet_of(sheet(language))
    asked = questions(REPLY, narrative=True)
    with pikepdf.open(io.BytesIO(file)) as pdf:
        fields = {str(one.T): one for one in pdf.Root.AcroForm.Fields}
        assert set(fields) == {*(one.name for one in asked), *EXTRA, ANSWERS}
        assert str(pdf.Root.Lang) == language
        for one in asked:
            if one.kind == "code":
                labels = {str(code): str(label) for code, label in fields[one.name].Opt}
                assert tuple(code for code in labels if code) == one.options
                code = one.options[0]
                assert vocabularies.label(one.scheme or "", code, language).text in labels[code]
        # Each lies on a page, inside it, and on no other.
        for page in pdf.pages:
            boxes = [[float(x) for x in one.Rect] for one in page.Annots if str(one.T) != ANSWERS]
            assert all(0 <= x1 < x2 <= 596 and 0 <= y1 < y2 <= 842 for x1, y1, x2, y2 in boxes)
            for (a1, b1, a2, b2), (c1, d1, c2, d2) in itertools.combinations(boxes, 2):
                assert a2 <= c1 or c2 <= a1 or b2 <= d1 or d2 <= b1
    assert values_of(file)[ANSWERS] == MESSAGE


def test_every_language_says_everything_and_no_english_is_left_over() -> None:
    def messages(language: str) -> dict[str, str]:
        lines = (LOCALES / f"{language}.ftl").read_text("utf-8").splitlines()
        return dict(line.split(" = ", 1) for line in lines)

    english = messages("en")
    for language in available_languages():
        told = messages(language)
        assert told.keys() == english.keys(), language
        same = {name for name, text in told.items() if language != "en" and text == english[name]}
        assert same <= {"numbered"}, (language, same)


def test_a_version_has_no_field_for_its_acceptance() -> None:
    file = sheet_of(sheet(reply=None, agreement="A" * 43))
    assert set(values_of(file)) == {ANSWERS}


def test_the_paper_says_that_it_is_no_consent(tmp_path: Path) -> None:
    for language in ("en", "ar"):
        (tmp_path / "form.pdf").write_bytes(sheet_of(sheet(language)))
        said = subprocess.run(
            ["/usr/bin/pdftotext", str(tmp_path / "form.pdf"), "-"], capture_output=True, check=True
        ).stdout.decode()
        if language == "en":
            assert words(language).say("no-consent")[:40] in said.replace("\n", " ")
        assert MESSAGE in said


def test_a_protected_file_opens_with_its_password_alone() -> None:
    file = one_file(_plain_page(), sheet_of(sheet()))
    password = made_password()
    secret = protected(file, password)
    assert b"Reply form" not in secret
    for wrong in ("", "wrong"):
        with pytest.raises(pikepdf.PasswordError):
            pikepdf.open(io.BytesIO(secret), password=wrong)
    with pikepdf.open(io.BytesIO(secret), password=password) as pdf:
        assert (pdf.encryption.R, pdf.encryption.bits) == (6, 256)
        assert str(pdf.encryption.stream_method).lower().endswith("aesv3")
        assert len(pdf.Root.AcroForm.Fields) == len(questions(REPLY, narrative=True)) + len(EXTRA) + 1
    assert len({made_password() for _ in range(50)}) == 50


def test_the_language_is_the_first_of_its_own_that_there_is() -> None:
    assert language_of(["ro", "ru", "en"]) == "ru"
    assert language_of(["ro"]) == "en"
    assert language_of(["pt-BR"]) == "pt"


# --- what comes back --------------------------------------------------------------------------------------


async def test_what_was_filled_in_comes_back_as_it_was_meant() -> None:
    values = whole()
    found = await read_filled(filled_in(sheet_of(sheet("ar")), values))
    read = read_reply(REPLY, {k: v for k, v in found.values.items() if k in values}, language="ar")
    assert read.complete, [one for one in read.fields if one.outcome == "missing"]
    assert read.coded["home_risks"][0]["foreseeable"] == "unknown"
    assert "candidate_carers" not in read.coded
    FORMS[REPLY].model.model_validate(dict(read.coded))


def test_what_is_not_exactly_an_answer_is_left_out_and_named() -> None:
    bad = {
        "completeness": "Complete-ish",
        "concluded_on": "20/11/2026",
        "trafficker_link": "ja",
        "candidate_carers:1:children_in_household": "many",
        "candidate_carers:1:reference": "Maria",
    }
    read = read_reply(REPLY, {**bad, "unasked": "x", "name of the child": "y"}, language="en")
    outcomes = {(one.name, one.outcome) for one in read.fields}
    assert {(name, "not-understood") for name in bad} <= outcomes
    assert read.coded == {}
    assert {("unasked", "not-asked"), ("(another field)", "not-asked")} <= outcomes
    assert "name of the child" not in {name for name, _ in outcomes}


def test_an_empty_field_is_no_unknown() -> None:
    read = read_reply(REPLY, whole() | {"trafficker_link": ""}, language="en")
    assert "trafficker_link" not in read.coded
    assert ("trafficker_link", "missing") in [(one.name, one.outcome) for one in read.fields]
    assert not read.complete


def test_a_label_counts_when_it_can_mean_one_thing() -> None:
    label = vocabularies.label("yes-no-unknown", "unknown", "fr").text
    read = read_reply(REPLY, {"trafficker_link": label}, language="fr")
    assert read.coded == {"trafficker_link": "unknown"}
    assert read_reply(REPLY, {"trafficker_link": label}, language="ar").coded == {}


def test_digits_of_any_writing_are_a_day() -> None:
    assert read_reply(REPLY, {"concluded_on": "٢٠٢٦-١١-٢٠"}, language="ar").coded == {
        "concluded_on": "2026-11-20"
    }


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.one_of(
            st.sampled_from([one.name for one in questions(REPLY, narrative=True)]), st.text(max_size=20)
        ),
        st.text(max_size=40),
        max_size=12,
    )
)
def test_whatever_is_typed_only_codes_of_the_vocabulary_come_out(values: dict[str, str]) -> None:
    read = read_reply(REPLY, values, language="en")
    leaves: list[Any] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)
        else:
            leaves.append(value)

    walk(dict(read.coded))
    known = {code for one in questions(REPLY, narrative=True) for code in one.options}
    assert all(isinstance(one, int) or one in known or len(str(one)) == 10 for one in leaves)
    # A field is named by us: what somebody else called theirs is in no report.
    named = {one.name for one in read.fields}
    assert all(name.isascii() for name in named)


# --- a file from outside ----------------------------------------------------------------------------------


def hostile(change: Any) -> bytes:
    with pikepdf.open(io.BytesIO(sheet_of(sheet()))) as pdf:
        change(pdf)
        made = io.BytesIO()
        pdf.save(made)
        return made.getvalue()


def scripted(pdf: pikepdf.Pdf) -> None:
    script = Dictionary(S=Name.JavaScript, JS=String("app.launchURL('https://example')"))
    pdf.Root.OpenAction = script
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("x"), script])))
    pdf.Root.AcroForm.XFA = String("<xdp/>")
    pdf.pages[0].Annots[0].AA = Dictionary(K=script)
    pdf.attachments["evil.exe"] = b"MZ"


async def test_scripts_files_and_other_forms_are_left_alone_and_named() -> None:
    found = await read_filled(hostile(scripted))
    assert found.ignored == ("action", "file", "other-form", "script")


async def test_two_fields_of_one_name_are_not_believed() -> None:
    def twice(pdf: pikepdf.Pdf) -> None:
        for value in ("yes", "no"):
            field = Dictionary(FT=Name.Tx, T=String("trafficker_link"), V=String(value))
            pdf.Root.AcroForm.Fields.append(pdf.make_indirect(field))

    assert (await read_filled(hostile(twice))).values.get("trafficker_link") == ""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"MZ", "relay.pdf_unreadable"),
        (b"%PDF-1.7 and nothing", "relay.pdf_unreadable"),
        (b"%PDF-" + bytes(reading.MOST_BYTES), "relay.pdf_too_large"),
        (protected(sheet_of(sheet()), "password"), "relay.pdf_unreadable"),
    ],
)
async def test_what_cannot_be_read_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Unfit) as unfit:
        await read_filled(data)
    assert unfit.value.code == code


async def test_more_pages_or_fields_than_a_form_has_are_refused() -> None:
    def pages(pdf: pikepdf.Pdf) -> None:
        for _ in range(reading.MOST_PAGES):
            pdf.add_blank_page()

    def fields(pdf: pikepdf.Pdf) -> None:
        for number in range(reading.MOST_FIELDS):
            pdf.Root.AcroForm.Fields.append(
                pdf.make_indirect(Dictionary(FT=Name.Tx, T=String(f"f{number}"), V=String("x")))
            )

    for change in (pages, fields):
        with pytest.raises(Unfit, match=r"relay\.pdf_too_large"):
            await read_filled(hostile(change))


async def test_a_form_that_contains_itself_ends() -> None:
    def loop(pdf: pikepdf.Pdf) -> None:
        one = pdf.make_indirect(Dictionary(T=String("a"), V=String("x")))
        one.Kids = Array([one, one])
        pdf.Root.AcroForm.Fields = Array([one])
        for page in pdf.pages:
            del page.obj.Annots

    assert set((await read_filled(hostile(loop))).values.values()) == {"x"}


async def test_a_reader_that_is_made_to_die_takes_nothing_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unfit, match=r"relay\.pdf_hostile"):
        await read_filled(sheet_of(sheet()))


async def test_a_reader_that_runs_on_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr(reading, "SECONDS", 0.2)
    with pytest.raises(Unfit, match=r"relay\.pdf_hostile"):
        await read_filled(sheet_of(sheet()))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_broken_file_gives_fields_or_a_code_and_nothing_else(data: Any) -> None:
    file = bytearray(_FORM)
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    told = parse(bytes(file))
    assert set(told) in ({"code"}, {"values", "pages", "ignored"})
    json.dumps(told)


_FORM = sheet_of(sheet())


def _plain_page() -> bytes:
    made = io.BytesIO()
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.save(made)
    return made.getvalue()


def test_the_usual_reply_is_one_that_may_be_passed_on() -> None:
    for form in FORMS:
        usual = usual_reply(form)
        assert usual is None or offered(usual)
