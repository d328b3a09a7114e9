"""A language that nobody foresaw is files and nothing else: it is everywhere, and no code was touched.

The language is made up, under a tag that our package does not have: every label and every sentence of it is
the English one between marks, so that what was not taken from the new files is seen.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]
TAGS = ("sw", "qps")
"""One that CLDR knows, with dates and States of its own, and one that nobody knows."""
SENTENCE = re.compile(r"^([a-z][a-z0-9-]*) = (?=\S)(.*[^>\n])$", re.MULTILINE)

PROGRAM = r"""
import asyncio, base64, json, sys
TAG = sys.argv[1]
from typer.testing import CliRunner
from protocol import vocabularies
from protocol.languages import available_languages, best_language
from protocol.rendering import message_words, printed, render
from protocol.refusals import explain
from protocol.vocabularies import completeness, skos
from service.cli.main import app
from tests.protocol.test_rendering import content as readable
from tests.service.api_stand import Stand

found = {}
content = readable("case.notification")
found["languages"] = available_languages()
found["label"] = vocabularies.label("sex", "female", f"{TAG}-KE").text
found["preferred"] = best_language(f"{TAG}-KE, fr;q=0.5")
found["problems"] = [str(p) for p in completeness.problems() if p.language == TAG]
found["skos"] = skos.concept_scheme("sex")["graph"][1]["prefLabel"].get(TAG)
found["refusal"] = explain("access.token_missing", TAG, {}).title
found["text"] = render(content, language=TAG, format="text")
found["html"] = render(content, language=TAG, format="html")
pdf = printed(message_words(content, language=TAG), "pdf")
found["pdf"] = [pdf.language, base64.b64encode(pdf.content).decode()]


async def asked():
    stand = Stand()
    reader = stand.as_("auditor", authorities=())
    by_link = await reader.get(f"/v1/vocabularies/sex?lang={TAG}")
    by_header = await reader.get("/v1/vocabularies/sex", headers={"Accept-Language": TAG})
    refused = await stand.bearing(None).get("/v1/vocabularies", headers={"Accept-Language": TAG})
    return [by_link.headers["Content-Language"], by_link.json(), by_header.json(), refused.json()["title"]]


found["api"] = asyncio.run(asked())
found["list"] = CliRunner().invoke(app, ["vocabulary", "list", "--lang", TAG]).output
json.dump(found, sys.stdout)
"""


def added_files(package: Path, tag: str) -> list[Path]:
    """The new language: a folder of labels, and a file of sentences."""
    labels = package / "vocabularies" / "labels"
    made = []
    for source in sorted((labels / "en").glob("*.json")):
        rows = json.loads(source.read_text("utf-8"))
        if source.name == "country.json" and tag == "qps":
            # CLDR has no names of States in it, so that its files have to have them.
            states = Locale("en").territories
            codes = json.loads((package / "vocabularies" / "country.json").read_text("utf-8"))["concepts"]
            named = {code: states[code] for row in codes if (code := row["code"]) in states}
            rows |= {code: {"label": name, "origin": "project-translation"} for code, name in named.items()}
        for row in rows.values():
            row["label"] = f"«{row['label']}»"
        made.append(labels / tag / source.name)
        made[-1].parent.mkdir(exist_ok=True)
        made[-1].write_text(json.dumps(rows), "utf-8")
    locales = package / "rendering" / "locales"
    sentences = SENTENCE.sub(r"\1 = «\2»", (locales / "en.ftl").read_text("utf-8"))
    made.append(locales / f"{tag}.ftl")
    made[-1].write_text(sentences, "utf-8")
    return made


def digests(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.suffix in (".py", ".ftl")
    }


@pytest.fixture(scope="module", params=TAGS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tag = str(request.param)
    tree = tmp_path_factory.mktemp("eighth")
    for package in ("protocol", "service"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    before = digests(tree)
    added = added_files(tree / "protocol", tag)
    changed = set(digests(tree).items()) ^ set(before.items())
    assert {name for name, _ in changed} == {f"protocol/rendering/locales/{tag}.ftl"}
    assert {path.suffix for path in added} == {".json", ".ftl"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, tag],
        cwd=tree,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (tree, ROOT, ROOT / "tests" / "protocol"))),
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer | {"tag": tag}


def test_the_language_is_one_of_those_a_reader_can_choose(found: dict[str, Any]) -> None:
    assert found["tag"] in found["languages"]
    assert found["preferred"] == found["tag"]


def test_the_new_language_is_held_to_be_as_complete_as_the_others(found: dict[str, Any]) -> None:
    assert found["problems"] == []


def test_labels_are_in_it(found: dict[str, Any]) -> None:
    assert (found["label"], found["skos"]) == ("«Female»", "«Female»")


def test_refusals_are_in_it(found: dict[str, Any]) -> None:
    assert found["refusal"].startswith("«")


def test_a_message_renders_in_it_as_text_and_html(found: dict[str, Any]) -> None:
    for form in ("text", "html"):
        assert "«Presumed victim of trafficking»" in found[form]
        assert "«Case»" in found[form]
    assert f'lang="{found["tag"]}"' in found["html"]


def test_a_message_prints_in_it(found: dict[str, Any]) -> None:
    language, content = found["pdf"]
    pages = PdfReader(BytesIO(base64.b64decode(content))).pages
    said = " ".join("\n".join(page.extract_text() for page in pages).split())
    assert language == found["tag"]
    assert "«Presumed victim of trafficking»" in said


def test_the_api_answers_in_it(found: dict[str, Any]) -> None:
    language, by_link, by_header, title = found["api"]
    assert (language, by_link["language"]) == (found["tag"], found["tag"])
    assert by_link == by_header
    assert by_link["concepts"][0]["label"] == "«Female»"
    assert title.startswith("«")


def test_the_command_line_lists_in_it(found: dict[str, Any]) -> None:
    assert f"labels in {found['tag']}" in found["list"]
    assert "«Possible victim of trafficking»" in found["list"]
