"""What is missing is found, whoever left it out: each claim is broken once in a copy of the data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import protocol
from protocol.vocabularies import LANGUAGES, completeness, label

CHECK = (
    "import sys\n"
    "from protocol.vocabularies.completeness import problems\n"
    "for p in problems(*sys.argv[1:]):\n"
    "    print(p.scheme, p.language, p.code, p.detail, sep='|')\n"
)

type Damage = Callable[[Path], None]


def found(tmp_path: Path, damage: Damage, *arguments: str) -> list[str]:
    """What the check says of a copy of the package that was damaged."""
    copied = tmp_path / "protocol"
    shutil.copytree(Path(protocol.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    damage(copied)
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHECK, *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.splitlines()


def edit(name: str, change: Callable[[Any], None]) -> Damage:
    def damage(package: Path) -> None:
        path = package / name
        data = json.loads(path.read_text("utf-8"))
        change(data)
        path.write_text(json.dumps(data), "utf-8")

    return damage


def without(code: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data["concepts"] = [row for row in data["concepts"] if row["code"] != code]

    return change


def drop_label(package: Path, scheme: str, code: str) -> None:
    for language in LANGUAGES:
        edit(f"vocabularies/labels/{language}/{scheme}.json", lambda rows: rows.pop(code))(package)


def unlabelled(scheme: str, code: str) -> Damage:
    def damage(package: Path) -> None:
        edit(f"vocabularies/{scheme}.json", without(code))(package)
        drop_label(package, scheme, code)

    return damage


def without_scheme(package: Path) -> None:
    (package / "vocabularies" / "age-basis.json").unlink()
    for language in LANGUAGES:
        (package / "vocabularies" / "labels" / language / "age-basis.json").unlink()


def mapping(change: Callable[[dict[str, Any]], None]) -> Damage:
    def first(data: Any) -> None:
        change(next(row for row in data["mappings"] if row["value"] == "ForcedBegging"))

    return edit("vocabularies/crosswalks/htcds-2.0.json", first)


def replace(name: str, old: str, new: str) -> Damage:
    def damage(package: Path) -> None:
        path = package / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return damage


FORCED_BEGGING = "htcds-2.0|None|vic_TypeOfExploitation=ForcedBegging|"
LOCALES = "rendering/locales"

DAMAGES: dict[str, tuple[Damage, str]] = {
    "a label": (
        edit("vocabularies/labels/pt/sex.json", lambda rows: rows.pop("female")),
        "sex|pt|female|no label",
    ),
    "a field's label": (
        unlabelled("field", "trafficking_status"),
        "field|None|trafficking_status|a field of case.notification without a label",
    ),
    "a message type's label": (
        unlabelled("message-type", "nudge"),
        "message-type|None|nudge|a message type without a label",
    ),
    "a procedure's label": (
        unlabelled("procedure", "social-inquiry"),
        "procedure|None|social-inquiry|of social-inquiry.request, has no label",
    ),
    "a form's vocabulary": (
        without_scheme,
        "age-basis|None|None|no such vocabulary, for age_basis of case.notification",
    ),
    "a note for a trap": (
        edit(
            "vocabularies/labels/ar/trafficking-status.json",
            lambda rows: rows["presumed"].pop("not_to_be_confused_with"),
        ),
        "trafficking-status|ar|presumed|no note for the trap trafficking-and-smuggling",
    ),
    "a trap's code": (
        edit(
            "vocabularies/traps/traps.json",
            lambda data: data["traps"][0]["codes"].update({"sex": ["neither"]}),
        ),
        "sex|None|neither|of the trap trafficking-and-smuggling, is no code",
    ),
    "a known status": (
        edit("vocabularies/sex.json", lambda data: data["concepts"][0].update(status="good")),
        "sex|None|female|unknown status",
    ),
    "a value's mapping": (
        edit(
            "vocabularies/crosswalks/htcds-2.0.json",
            lambda data: data.update(
                mappings=[row for row in data["mappings"] if row["value"] != "ForcedBegging"]
            ),
        ),
        f"{FORCED_BEGGING}on the list, but not mapped",
    ),
    "a mapping of a listed value": (
        edit(
            "vocabularies/crosswalks/primero.json",
            lambda data: data["fields"][0]["values"].remove("trafficked_smuggled"),
        ),
        "primero|None|protection_concerns=trafficked_smuggled|mapped, but not on the list",
    ),
    "one mapping of a value": (
        edit("vocabularies/crosswalks/primero.json", lambda d: d["mappings"].append(d["mappings"][0])),
        "primero|None|protection_concerns=sexually_exploited|mapped more than once",
    ),
    "a mapped code": (
        mapping(lambda row: row.update(code="exploitation/begging/new")),
        f"{FORCED_BEGGING}no code exploitation/begging/new in exploitation-form",
    ),
    "a mapped vocabulary": (
        mapping(lambda row: row.update(scheme="exploitation")),
        f"{FORCED_BEGGING}no vocabulary exploitation",
    ),
    "a mark that fits": (
        mapping(lambda row: row.update(mark="none")),
        f"{FORCED_BEGGING}a mark without a code, or a code without one",
    ),
    "an honest state": (
        edit("vocabularies/crosswalks/ic-tip.json", lambda data: data.update(state="complete")),
        "ic-tip|None|None|its state and its list of fields disagree",
    ),
    "a sentence": (
        replace(f"{LOCALES}/zh.ftl", "\nbroader = ", "\nbroader-not = "),
        "sentences|zh|broader|no sentence",
    ),
    "a sentence in English": (
        replace(f"{LOCALES}/zh.ftl", "\nbroader = ", "\nnew = x\nbroader = "),
        "sentences|zh|new|not in English",
    ),
    "a value in a sentence": (
        replace(f"{LOCALES}/fr.ftl", "broader = ", "broader = { $other } "),
        "sentences|fr|broader|other values than in English",
    ),
    "readable sentences": (
        replace(f"{LOCALES}/fr.ftl", "\nbroader = ", "\n= broader "),
        "sentences|fr|None|no file of sentences, or unreadable",
    ),
    "a file of sentences": (
        lambda package: (package / LOCALES / "ru.ftl").unlink(),
        "sentences|ru|None|no file of sentences, or unreadable",
    ),
}


def test_nothing_is_missing() -> None:
    assert completeness.problems() == ()
    assert completeness.problems("pt") == ()


@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_missing_is_named(what: str, tmp_path: Path) -> None:
    damage, expected = DAMAGES[what]
    assert expected in found(tmp_path, damage)


def test_one_language_is_checked_alone(tmp_path: Path) -> None:
    def damage(package: Path) -> None:
        DAMAGES["a label"][0](package)
        edit("vocabularies/labels/fr/sex.json", lambda rows: rows.pop("female"))(package)

    assert found(tmp_path, damage, "pt") == ["sex|pt|female|no label"]


def test_a_language_that_nobody_added_has_no_labels() -> None:
    assert [(p.language, p.detail) for p in completeness.problems("xx")] == [("xx", "no labels at all")]


WORDS = {
    "traite": ("fr", "trafficking-in-persons"),
    "trafic": ("fr", "smuggling-of-migrants"),
    "trata": ("es", "trafficking-in-persons"),
    "tráfico": ("es", "smuggling-of-migrants"),
    "tráfico de pessoas": ("pt", "trafficking-in-persons"),
    "tráfico ilícito": ("pt", "smuggling-of-migrants"),
    "торговля людьми": ("ru", "trafficking-in-persons"),
    "незаконный ввоз": ("ru", "smuggling-of-migrants"),
    "الاتجار": ("ar", "trafficking-in-persons"),
    "تهريب": ("ar", "smuggling-of-migrants"),
    "贩运": ("zh", "trafficking-in-persons"),
    "偷运": ("zh", "smuggling-of-migrants"),
    "拐卖": ("zh", "abduction-and-sale"),
}


@pytest.mark.parametrize("word", WORDS)
def test_each_word_for_trafficking_and_smuggling_is_one_term_and_carries_its_note(word: str) -> None:
    language, code = WORDS[word]
    shown = label("field-term", code, language)
    assert word in shown.text.casefold()
    assert shown.note


def test_the_notes_name_the_word_that_misleads() -> None:
    assert "traite" in str(label("field-term", "smuggling-of-migrants", "fr").note)
    assert "Trafiquants" in str(label("field-term", "trafficking-in-persons", "fr").note)
    assert "trata" in str(label("field-term", "smuggling-of-migrants", "es").note)
    assert "espanhol" in str(label("field-term", "trafficking-in-persons", "pt").note)
