"""Every reason for a refusal is data: known, explained in every language, and used."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from protocol import safeguards
from protocol.errors import Side
from protocol.languages import available_languages, best_language, direction, language_name, nearest_language
from protocol.refusals import (
    UNKNOWN,
    Disclosure,
    cited_in,
    explain,
    refusal,
    refusals,
    told_to_peer,
)

ROOT = Path(__file__).parents[2]
SOURCES = ("protocol", "service", "adapters")
# Ways to refuse that are functions, or parameters that hold a class of refusal.
REFUSING_FUNCTIONS = re.compile(r"_?refus\w*|_?missing")
CODE = re.compile(r"[a-z]+(?:_[a-z]+)*(?:\.[a-z_]+)*")


@cache
def source_trees() -> tuple[tuple[Path, ast.Module], ...]:
    paths = sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py"))
    return tuple((path, ast.parse(path.read_text("utf-8"))) for path in paths)


def called_name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


@cache
def refusing_classes() -> frozenset[str]:
    """The refusal tree and the node's own errors, with every subclass in the source, by name."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for _path, tree in source_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"Refused", "Missing", "NodeError"}
    while grown := {name for name, parents in bases.items() if parents & found} - found:
        found |= grown
    return frozenset(found)


def raised_codes() -> Iterator[tuple[str, str]]:
    """(code, where) for each literal code that is handed to a refusal."""
    for path, tree in source_trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = called_name(node)
            if name not in refusing_classes() and not REFUSING_FUNCTIONS.fullmatch(name):
                continue
            handed = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "code")]
            for value in handed:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value, f"{path.relative_to(ROOT)}:{node.lineno}"


@cache
def every_literal() -> frozenset[str]:
    in_code = {
        node.value
        for _path, tree in source_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    tables = [path for path in (ROOT / "protocol").rglob("*.json") if "vocabularies" not in path.parts]
    in_tables = {
        text for path in tables for text in re.findall(r'"((?:[^"\\]|\\.)*)"', path.read_text("utf-8"))
    }
    return frozenset(in_code | in_tables)


@cache
def composed_codes() -> re.Pattern[str]:
    """What the source's f-strings can spell, such as `safeguard.{code}`; no shorter affix counts."""
    patterns = {
        "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+"
            for part in node.values
        )
        for _path, tree in source_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        and re.fullmatch(
            r"[a-z_]{6,}\.|\.[a-z_]{6,}",
            "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)),
        )
    }
    return re.compile("|".join(sorted(patterns)))


def labels(language: str, scheme: str) -> dict[str, dict[str, str]]:
    path = files("protocol") / "vocabularies" / "labels" / language / f"{scheme}.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_text("utf-8"))
    return found


def test_every_code_that_the_source_raises_is_in_the_data():
    unknown = {f"{code} ({where})" for code, where in raised_codes() if code not in refusals()}

    assert not unknown


def test_the_search_for_raised_codes_finds_those_of_the_identifiers():
    assert {"identifier.address", "identifier.case_reference.check"} <= {code for code, _ in raised_codes()}


def test_no_code_is_in_the_data_for_nothing():
    unused = {
        code
        for code, known in refusals().items()
        if known.reserved is None and code not in every_literal() and not composed_codes().fullmatch(code)
    }

    assert not unused


def test_a_reserved_code_says_why():
    assert all(known.reserved is None or len(known.reserved) > 20 for known in refusals().values())


@pytest.mark.parametrize("scheme", ["refusal", "remedy"])
@pytest.mark.parametrize("language", available_languages())
def test_every_language_says_every_code_and_no_other(language, scheme):
    data = json.loads((files("protocol") / "vocabularies" / f"{scheme}.json").read_text("utf-8"))
    codes = [concept["code"] for concept in data["concepts"]]
    entries = labels(language, scheme)

    assert len(codes) == len(set(codes))
    assert set(entries) == set(codes)
    assert all(entry["label"].strip() and entry["origin"] for entry in entries.values())


@pytest.mark.parametrize("scheme", ["refusal", "remedy"])
@pytest.mark.parametrize("language", [language for language in available_languages() if language != "en"])
def test_no_sentence_was_left_in_english(language, scheme):
    english = labels("en", scheme)

    assert [
        code for code, entry in labels(language, scheme).items() if entry["label"] == english[code]["label"]
    ] == []


@pytest.mark.parametrize("language", available_languages())
def test_every_language_names_the_same_facts(language):
    def facts(text: str) -> set[str]:
        return set(re.findall(r"\{([^}]*)\}", text))

    english = labels("en", "refusal")

    assert {
        code: facts(entry["label"])
        for code, entry in labels(language, "refusal").items()
        if facts(entry["label"]) != facts(english[code]["label"])
    } == {}


def test_every_remedy_is_some_refusals_remedy():
    assert set(labels("en", "remedy")) == {known.remedy for known in refusals().values()}


def test_codes_are_well_formed_and_their_problem_types_differ():
    assert all(CODE.fullmatch(code) for code in refusals())
    assert len({known.problem for known in refusals().values()}) == len(refusals())


def test_a_refusal_has_a_side_and_a_disclosure():
    known = refusal("safeguard.no_danger_declaration")

    assert (known.side, known.disclosure) == (Side.SENDER, Disclosure.TOLD)
    assert known.problem == "safeguard-no-danger-declaration"


def test_the_peer_learns_a_code_or_one_cannot_open_or_nothing():
    assert told_to_peer("conversation.not_now") == "conversation.not_now"
    assert told_to_peer("statement.signature") == "cannot_open"
    assert told_to_peer("safeguard.international_protection") is None
    assert told_to_peer("no.such_code") is None


def test_safeguard_11_is_told_to_no_peer_under_any_of_its_codes():
    betraying = [code for code in refusals() if "protection" in code]

    assert betraying
    assert all(told_to_peer(code) is None for code in betraying)


def test_a_refusal_is_explained_in_the_readers_language():
    assert explain("conversation.not_now", "fr").title.startswith("Cette étape")
    assert explain("conversation.not_now", "ar").language == "ar"


def test_an_unknown_language_is_answered_in_english():
    assert explain("conversation.not_now", "tlh") == explain("conversation.not_now", "en")


def test_a_regional_language_is_answered_in_its_language():
    assert explain("conversation.not_now", "pt-BR") == explain("conversation.not_now", "pt")


def test_a_code_of_a_newer_release_is_said_to_be_unknown_and_named():
    said = explain("sealing.from_the_future", "en")

    assert "sealing.from_the_future" in said.title
    assert said.remedy == explain(UNKNOWN, "en").remedy


def test_a_fact_in_a_right_to_left_sentence_is_isolated():
    assert "\u2068x.y\u2069" in explain("x.y", "ar").title
    assert "\u2068" not in explain("x.y", "fr").title


def test_a_fact_that_nobody_supplied_shows_as_an_ellipsis():
    assert "…" in explain(UNKNOWN, "en").title


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "en"),
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA, en;q=0.5", "fr"),
        ("de, ru;q=0.7, es;q=0.9", "es"),
        ("de, *;q=0.1", "en"),
        ("fr;q=0, es", "es"),
        ("zh-Hans-CN", "zh"),
        ("AR-eg", "ar"),
        ("pt; q=0.4, es ; q=0.4", "pt"),
        (";;;,,q=,fr;q=nonsense", "en"),
        ("x" * 100_000, "en"),
    ],
)
def test_the_language_that_a_header_prefers(header, chosen):
    assert best_language(header) == chosen


def test_arabic_reads_from_the_right_and_unknown_tags_from_the_left():
    assert [direction(tag) for tag in ("ar", "ar-EG", "ur", "fa", "fr", "zh", "tlh", "not a tag")] == [
        "rtl", "rtl", "rtl", "rtl", "ltr", "ltr", "ltr", "ltr",
    ]  # fmt: skip


def test_a_language_is_named_in_the_readers_language():
    assert language_name("fr", reader="ar") == "الفرنسية"
    assert language_name("pt-BR", reader="en") == "Portuguese (Brazil)"
    assert language_name("zz-ZZ", reader="en") == "zz-ZZ"


def test_the_nearest_language_drops_subtags_one_by_one():
    assert [nearest_language(tag) for tag in ("es-419", "ZH_hans_CN", "xx-fr")] == ["es", "zh", "en"]


@pytest.mark.parametrize("language", [one for one in available_languages() if one != "en"])
def test_every_source_of_a_safeguard_is_said_in_the_readers_language(language: str) -> None:
    for row in safeguards.SAFEGUARDS:
        parts = row.cited.split("; ")
        said = cited_in(row.cited, language).split("; ")
        assert len(said) == len(parts)
        assert all(part != english for part, english in zip(said, parts, strict=True)), row.number
    assert cited_in("a source of a later release; project choice", "en") == (
        "a source of a later release; project choice"
    )
