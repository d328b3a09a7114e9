"""What the consoles say, they say in seven languages: nothing is missing, and nothing is left in English."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, ast

from protocol.languages import available_languages
from service.console.pages import NAVIGATION
from service.console.words import LOCALES, words
from service.monitor.dwell import dwell

HERE = Path(str(LOCALES))
AREAS = sorted(file.name for file in (HERE / "en").iterdir())
TEMPLATES = HERE.parent / "templates"
SAME = Path(__file__).with_name("console_same_as_english.json")
"""Messages that are the same in a language as in English by nature, by language."""


def messages(language: str, area: str) -> dict[str, ast.Message]:
    resource = FluentParser().parse((HERE / language / area).read_text("utf-8"))
    junk = [entry.content for entry in resource.body if isinstance(entry, ast.Junk)]
    assert junk == []
    found = [entry for entry in resource.body if isinstance(entry, ast.Message)]
    names = [entry.id.name for entry in found]
    assert len(names) == len(set(names)), "a message twice"
    return dict(zip(names, found, strict=True))


def variables(message: ast.Message) -> set[str]:
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, ast.VariableReference):
            found.add(node.id.name)
        for value in vars(node).values() if isinstance(node, ast.BaseNode) else ():
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, ast.BaseNode):
                    walk(one)

    walk(message)
    return found


def plain(message: ast.Message) -> str:
    from fluent.syntax import FluentSerializer

    return FluentSerializer().serialize_entry(message).partition("=")[2].strip()


def test_every_language_has_the_same_areas() -> None:
    for language in available_languages():
        assert sorted(file.name for file in (HERE / language).iterdir()) == AREAS


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("language", sorted(set(available_languages()) - {"en"}))
def test_a_language_says_all_that_english_says_with_the_same_values(language: str, area: str) -> None:
    english, other = messages("en", area), messages(language, area)
    assert other.keys() == english.keys()
    assert {name: variables(one) for name, one in other.items()} == {
        name: variables(one) for name, one in english.items()
    }


@pytest.mark.parametrize("area", AREAS)
def test_nothing_is_left_in_english(area: str) -> None:
    same = json.loads(SAME.read_text("utf-8"))
    english = messages("en", area)
    for language in sorted(set(available_languages()) - {"en"}):
        listed = set(same.get("every", [])) | set(same.get(language, []))
        alike = {
            name
            for name, one in messages(language, area).items()
            # What has no letters beside its values has nothing to translate.
            if plain(one) == plain(english[name])
            and re.search(r"[^\W\d_]", re.sub(r"\{[^}]*\}", "", plain(one)))
        }
        assert alike - listed == set(), language


def test_the_names_of_an_area_begin_with_its_name_so_that_no_two_are_the_same() -> None:
    base = messages("en", "base.ftl")
    prefixes = [f"{area.removesuffix('.ftl')}-" for area in AREAS if area != "base.ftl"]
    assert not [name for name in base if name.startswith(tuple(prefixes))]
    for area in AREAS:
        if area != "base.ftl":
            prefix = f"{area.removesuffix('.ftl')}-"
            assert [name for name in messages("en", area) if not name.startswith(prefix)] == []


def test_templates_say_nothing_that_is_not_there() -> None:
    known = words("en")
    for template in TEMPLATES.rglob("*.html"):
        for name in re.findall(r"""\bsay\(\s*["']([a-z0-9-]+)["']\s*[,)]""", template.read_text("utf-8")):
            assert known.knows(name), f"{template.name}: {name}"


def test_what_may_stand_still_has_a_name_of_its_own() -> None:
    known = words("en")
    for what, row in dwell().items():
        if row.most is None or what.startswith("conversation."):
            continue
        names = [part.replace(".", "-").replace("_", "-") for part in (what, what.partition(".")[0])]
        assert any(known.knows(f"operator-stuck-{name}") for name in names), what


def test_navigation_has_words() -> None:
    for name, _ in NAVIGATION:
        assert words("en").knows(name)


def test_a_message_that_is_missing_is_a_fault_and_not_said_in_english() -> None:
    with pytest.raises(LookupError):
        words("ar").say("no-such-message")
    with pytest.raises(LookupError):
        words("en").say("node-of")
