"""Every code has a name in every language, and a trap of the field says so where it stands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import protocol
from protocol import vocabularies
from protocol.conversations import PROCEDURES
from protocol.messages import FORMS, FormField
from protocol.safeguards import SAFEGUARDS, ProtectionStatus, Role
from protocol.vocabularies import LANGUAGES, label, nearest_known, scheme, schemes

SAME_AS_ENGLISH: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "same_as_english.json").read_text("utf-8")
)
"""By language and `scheme/code`: why the label is rightly the English word. Reviewed by hand."""

SCRIPTS = {"ru": r"[\u0400-\u04ff]", "ar": r"[\u0600-\u06ff]", "zh": r"[\u4e00-\u9fff]"}

OURS = [name for name in schemes() if name not in ("country", "refusal", "remedy")]


def all_fields(fields: tuple[FormField, ...]) -> list[FormField]:
    return [inner for field in fields for inner in (field, *all_fields(field.fields))]


def test_nothing_is_missing_in_any_language() -> None:
    assert vocabularies.check() == ()


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_a_label_equals_the_english_one_only_where_that_was_reviewed(language: str) -> None:
    same = {
        f"{name}/{code}"
        for name in OURS
        for code in scheme(name).concepts
        if label(name, code, language).text.casefold() == label(name, code, "en").text.casefold()
    }
    assert same == set(SAME_AS_ENGLISH.get(language, {}))


def test_every_label_that_equals_english_says_why() -> None:
    assert all(reason.strip() for rows in SAME_AS_ENGLISH.values() for reason in rows.values())


@pytest.mark.parametrize("language", sorted(SCRIPTS))
def test_labels_are_in_the_script_of_their_language(language: str) -> None:
    for name in OURS:
        for code in scheme(name).concepts:
            assert re.search(SCRIPTS[language], label(name, code, language).text), (name, code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_codes_of_a_vocabulary_read_the_same(language: str) -> None:
    for name in OURS:
        if name == "field":
            continue  # a list and its entry, or a coded and a free field, may share a word
        texts = [label(name, code, language).text for code in scheme(name).concepts]
        assert len(texts) == len(set(texts)), name


@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_all_that_a_form_shows_has_a_label(message_type: str) -> None:
    form = FORMS[message_type]
    fields = all_fields(form.coded_fields) + all_fields(form.identity_fields)
    assert message_type in scheme("message-type").concepts
    assert {field.name for field in fields} | set(form.narrative_fields) <= set(scheme("field").concepts)
    assert {field.scheme for field in fields if field.scheme} <= set(schemes())
    assert form.procedure is None or form.procedure in scheme("procedure").concepts


def test_all_that_the_protocol_names_by_a_code_has_a_label() -> None:
    named = {
        "conversation-state": {state.value for table in PROCEDURES.values() for state in table.states},
        "procedure": set(PROCEDURES),
        "obligation": {owed.name for table in PROCEDURES.values() for owed in table.obligations},
        "safeguard": {row.code.removeprefix("safeguard.") for row in SAFEGUARDS},
        "protection-status": {status.value for status in ProtectionStatus},
        "case-role": {role.value for role in Role},
    }
    for name, codes in named.items():
        assert codes <= set(scheme(name).concepts), name


def test_no_form_asks_in_a_vocabulary_that_may_still_go() -> None:
    fields = [
        field for form in FORMS.values() for field in all_fields(form.coded_fields + form.identity_fields)
    ]
    assert {scheme(field.scheme).status for field in fields if field.scheme} == {"stable"}
    assert scheme("sector").status == scheme("sector").concepts["mining"].status == "draft"


def test_no_label_is_kept_for_a_field_that_no_form_has() -> None:
    used = {name for form in FORMS.values() for name in (*form.field_names, *form.narrative_fields)}
    assert set(scheme("field").concepts) == used


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("trafficking-status", "presumed"),
        ("trafficking-status", "confirmed"),
        ("care-arrangement", "kafala"),
        ("guardian-status", "appointed"),
        ("family-relation", "guardian"),
    ],
)
def test_the_traps_of_the_field_carry_their_note(name: str, code: str, language: str) -> None:
    assert label(name, code, language).note


def test_no_label_claims_to_be_official() -> None:
    origins = {
        label(name, code, tag).origin for name in OURS for code in scheme(name).concepts for tag in LANGUAGES
    }
    assert origins == {"project-wording", "project-translation"}


def test_states_are_named_by_cldr_in_every_language() -> None:
    named = scheme("country").concepts
    assert len(named) == 249 + 2
    assert label("country", "RO", "fr").text == "Roumanie"
    assert label("country", "RO", "ar").text == "رومانيا"
    assert label("country", "RO", "ru").origin == "cldr"
    assert label("country", "stateless", "es").text == "Apátrida"


def test_a_code_of_a_newer_release_shows_as_the_nearest_broader_one_and_says_so() -> None:
    shown = label("exploitation-form", "exploitation/sexual/of-a-new-kind", "fr")
    assert (shown.text, shown.code) == ("Exploitation sexuelle", "exploitation/sexual")
    assert shown.shown_as_broader
    assert nearest_known("exploitation-form", "exploitation/new/newer") == "exploitation"


def test_a_code_with_nothing_broader_shows_as_itself_and_says_so() -> None:
    shown = label("sex", "brand-new", "zh")
    assert (shown.text, shown.known) == ("brand-new", False)
    assert nearest_known("sex", "brand-new") is None


def test_a_language_without_labels_reads_english_and_says_so() -> None:
    shown = label("sex", "female", "xx")
    assert (shown.text, shown.language) == ("Female", "en")
    assert label("sex", "female", "pt-BR").language == "pt"


@pytest.mark.parametrize("name", ["nothing", "../messages", "labels", "labels/en/sex", ""])
def test_only_listed_vocabularies_are_opened(name: str) -> None:
    with pytest.raises(vocabularies.UnknownSchemeError):
        scheme(name)


def elsewhere(tmp_path: Path) -> Path:
    """A copy of the package whose data a test may damage."""
    copied = tmp_path / "protocol"
    shutil.copytree(Path(protocol.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    return copied


def run(tmp_path: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.strip()


CHECK = (
    "from protocol import vocabularies\n"
    "for problem in vocabularies.check():\n"
    "    print(problem.scheme, problem.language, problem.code, problem.detail, sep='|')\n"
)


def test_what_is_missing_or_wrong_is_named(tmp_path: Path) -> None:
    data = elsewhere(tmp_path) / "vocabularies"
    path = data / "labels" / "pt" / "sex.json"
    labels = json.loads(path.read_text("utf-8"))
    del labels["female"]
    labels["male"]["origin"] = "invented"
    labels["nobody"] = {"label": "Ninguém", "origin": "project-translation"}
    path.write_text(json.dumps(labels), "utf-8")
    (data / "labels" / "ru" / "urgency.json").unlink()
    found = run(tmp_path, CHECK).splitlines()
    assert found == [
        "sex|pt|female|no label",
        "sex|pt|male|unknown origin",
        "sex|pt|nobody|label of no concept",
        "urgency|ru|ordinary|no label",
        "urgency|ru|urgent|no label",
        "urgency|ru|emergency|no label",
    ]


def test_an_eighth_language_is_only_files(tmp_path: Path) -> None:
    labels = elsewhere(tmp_path) / "vocabularies" / "labels"
    (labels / "sw").mkdir()
    for source in sorted((labels / "en").glob("*.json")):
        entries = json.loads(source.read_text("utf-8"))
        for entry in entries.values():
            entry["label"] = f"⟦{entry['label']}⟧"
        (labels / "sw" / source.name).write_text(json.dumps(entries), "utf-8")
    program = (
        f"{CHECK}"
        "print(vocabularies.label('sex', 'female', 'sw').text)\n"
        "print(vocabularies.label('country', 'RO', 'sw').text)\n"
    )
    assert run(tmp_path, program) == "⟦Female⟧\nRomania"
