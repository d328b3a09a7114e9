"""`focalpoint vocabulary`: what there is, what a code means, and that nothing is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import protocol
from protocol.vocabularies import schemes
from service.cli.main import app

ROOT = Path(protocol.__file__).parent.parent


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["vocabulary", *arguments])
    return done.exit_code, done.output


def test_the_release_is_complete_and_says_how_far_each_crosswalk_goes() -> None:
    status, output = run("check")
    assert (status, output.splitlines()[0][:9]) == (0, "complete:")
    assert "crosswalk ic-tip: not-available" in output


def test_a_language_that_is_not_there_fails_the_check() -> None:
    status, output = run("check", "--language", "xx")
    assert status == 1
    assert "* xx: no labels at all" in output


def test_what_is_missing_fails_the_check_and_is_named(tmp_path: Path) -> None:
    for package in ("protocol", "service"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "protocol" / "vocabularies" / "labels" / "pt" / "sex.json"
    labels = json.loads(path.read_text("utf-8"))
    del labels["female"]
    path.write_text(json.dumps(labels), "utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "service.cli.main", "vocabulary", "check"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "sex female pt: no label\n")


def test_every_vocabulary_is_listed_in_the_readers_language() -> None:
    status, output = run("list", "--lang", "fr")
    assert status == 0
    listed = {line.split()[0] for line in output.splitlines()}
    assert set(schemes()) <= listed
    assert "Victime possible de la traite" in output


@pytest.mark.parametrize(
    ("language", "label", "caution"),
    [("fr", "Trafic illicite de migrants", "« traite »"), ("zh", "偷运移民", "不是人口贩运")],
)
def test_a_code_is_shown_with_its_caution(language: str, label: str, caution: str) -> None:
    status, output = run("show", "field-term", "--lang", language)
    assert status == 0
    assert label in output
    assert caution in output


def test_a_code_is_shown_with_what_other_lists_call_it() -> None:
    _, output = run("show", "exploitation-form")
    assert "= htcds-2.0 vic_TypeOfExploitation ForcedBegging (exact)" in output


def test_a_crosswalk_is_shown_with_its_source_and_what_is_unknown() -> None:
    _, output = run("show", "primero")
    assert "protection_concerns trafficked_smuggled → unknown (none)" in output
    _, output = run("show", "ic-tip")
    assert "not-available" in output


def test_a_name_that_is_not_there_is_refused() -> None:
    status, output = run("show", "../sex")
    assert status == 1
    assert "no vocabulary and no crosswalk" in output
