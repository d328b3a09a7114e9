"""The documents keep to the code: what they name exists, and their links lead somewhere."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from service.metrics import Metrics
from service.routing.hub_watch import HubMetrics
from service.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
DOTTED = re.compile(r"(?:protocol|service|adapters|tests)(?:\.\w+)+")
TOP = {"protocol", "service", "adapters", "docs", "deploy", "tests", "scripts", ".ci"}
TARGET = re.compile(r"(?:`|^ {4})make ([a-z]+)", re.MULTILINE)
WRITTEN_BY_OPERATORS = {"node.toml"}
MADE_WHEN_RUN = re.compile(r"\.(?:venv|network|demo|bench)\b")


def prose(page: Path) -> str:
    """The page without its fenced blocks, which hold programs and not names."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def code_spans() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for span in CODE.findall(prose(page)):
            yield str(page.relative_to(ROOT)), span


def is_path(span: str) -> bool:
    """A path of this repository: it begins with one of our folders, or is a file's bare name."""
    first, slash, _ = span.partition("/")
    if any(sign in span for sign in " <>{}…*"):
        return False
    return first in TOP if slash else Path(span).suffix in {".md", ".yaml", ".toml", ".lock"}


def resolve(dotted: str) -> object:
    """A module, or what is in one, down to a class's member."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError as reason:
            if reason.name is None or not dotted.startswith(reason.name):
                raise
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(dotted)


@pytest.mark.parametrize(("page", "name"), [pair for pair in code_spans() if DOTTED.fullmatch(pair[1])])
def test_every_module_and_function_that_a_page_names_exists(page: str, name: str) -> None:
    del page
    resolve(name)


@pytest.mark.parametrize(
    ("page", "path"),
    [pair for pair in code_spans() if is_path(pair[1]) and not MADE_WHEN_RUN.search(pair[1])],
)
def test_every_path_that_a_page_names_exists(page: str, path: str) -> None:
    beside = (ROOT / page).parent / path
    assert (ROOT / path).exists() or beside.exists() or path in WRITTEN_BY_OPERATORS


@pytest.mark.parametrize(
    ("page", "target"),
    [
        (str(page.relative_to(ROOT)), target)
        for page in PAGES
        for target in LINK.findall(prose(page))
        if "://" not in target
    ],
)
def test_every_relative_link_resolves_to_a_file_and_a_heading(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    assert file.exists()
    if anchor:
        assert anchor in anchors(file)


@cache
def anchors(page: Path) -> frozenset[str]:
    """As forges make them from headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in plain)


@pytest.mark.parametrize(
    "target",
    sorted({target for page in PAGES for target in TARGET.findall(page.read_text(encoding="utf-8"))}),
)
def test_every_make_target_that_a_page_names_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_decision_is_in_the_list_and_says_what_it_costs() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    records = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    assert [record.name[:4] for record in records] == [
        f"{number:04}" for number in range(1, len(records) + 1)
    ]
    for record in records:
        text = record.read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix(f"# {record.name[:4]} ")
        assert f"[{record.name[:4]}]({record.name}) | {title}" in index
        assert "## Context" in text
        assert "## Decision" in text
        assert "**Negative:**" in text


def test_the_metrics_that_operators_are_told_to_watch_exist() -> None:
    known: set[str] = set()
    for registry in (Metrics().registry, HubMetrics().registry):
        known |= set(re.findall(r"^# TYPE (\S+)", generate_latest(registry).decode(), re.M))
    named = set(re.findall(r"\bfp_[a-z_]+", "".join(prose(page) for page in PAGES)))
    assert named
    assert named <= known


def test_the_settings_that_a_page_names_exist() -> None:
    sample = (ROOT / "docs/operations/README.md").read_text(encoding="utf-8").partition("```toml")[2]
    named = re.findall(r"^(\w+) =", sample.partition("```")[0], re.MULTILINE)
    assert named
    assert set(named) <= set(Settings.__dataclass_fields__)
