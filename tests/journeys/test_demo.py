"""The demo ends by itself, tells what happened, and leaves no process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.doctor import Check, examine
from service.cli.main import app
from tests.watching import processes_about, until

pytestmark = pytest.mark.network

ENDS_WITHIN = 100
GONE_WITHIN = 15
"""Seconds. Only a failing test waits that long."""
COMMAND = (sys.executable, "-m", "service.cli.main")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the demo printed, and where it was kept."""
    place = tmp_path_factory.mktemp("demo") / "network"
    ended = subprocess.run(
        [*COMMAND, "demo", "--dir", str(place)],
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    return ended.stdout, place


def test_every_step_is_told(told: tuple[str, Path]) -> None:
    text, _ = told
    for sentence in (
        "no real authority takes part",
        "Nothing may leave on this case while international protection is sought",
        "missing: A protection status of",
        "A second, different person has to confirm this.",
        "the status is not-sought",
        "asks a second person to release it, for a home visit",
        "reads it: Ileana Exemplu",
        "nor a word of the free text, nor the kind of message, nor the case reference",
        "the conversation is now complete",
        "simulated, in this network on this machine alone",
        "the identity is verified",
        "Both nodes, each from its own copy: the assessment is disputed",
        "Safeguard not met: A foreseeable risk that is not mitigated forbids return.",
        "missing: A record of the child’s views; from The State where the child is. Source: CRC General",
        "No role and no setting overrides that.",
        "whether they are true and good for the girl is judged by people",
        "In force, on both nodes: both States signed the same bytes, and every safeguard holds.",
        "agreement.document_altered: agreement/rests_on/social_inquiries/0",
        "Every visit that was agreed has been made: the agreement is completed.",
        "the solution is completed. Either State may reopen it.",
        "Whole: every signature is valid",
        "evidence.altered",
        "md.focal-point is reached by the node of int.iom",
        "has signed proof that it was handed over on paper",
        "Typed by: IOM (example) on behalf of Focal point of MD (example)",
        'it is then "accepted on paper" in every language, and never "agreed"',
        "nothing is left running",
    ):
        assert sentence in " ".join(text.split()), sentence
    steps = [int(number) for number in re.findall(r"^(\d+): ", text, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 17


def test_the_report_is_told_in_two_languages_with_its_free_text_marked(told: tuple[str, Path]) -> None:
    text, _ = told
    assert "Informe de investigación social" in text
    assert "[sin traducir: francés]" in text
    assert "تقرير بحث اجتماعي" in text
    assert "[غير مترجم: الرومانية]" in text


def test_deadlines_are_told_with_their_basis(told: tuple[str, Path]) -> None:
    text = " ".join(told[0].split())
    assert re.search(
        r"the report is due by \d\d \w{3} \d{4}, \d\d:\d\d UTC \(Focalpoint's own default\)", text
    )
    assert "Answers still owed on this case: none." in text


def test_the_year_of_follow_up_passes_on_the_simulated_clock(told: tuple[str, Path]) -> None:
    text, place = told
    visits = re.findall(r"(\d\d \w{3} \d{4}): safe, in school, and she wants to stay", text)
    days = [datetime.strptime(day, "%d %b %Y") for day in visits]
    assert [round((later - days[0]).days / 30.4) for later in days] == [0, 2, 5, 11]
    ahead = json.loads((place / "clock.json").read_text())["ahead_seconds"]
    assert ahead > 365 * 86_400


def test_the_agreement_it_leaves_verifies_with_the_command(told: tuple[str, Path]) -> None:
    text, place = told
    charter = re.search(r"--charter-digest ([\w-]{43})", text)
    assert charter is not None
    verify = ["agreement", "verify", str(place / "agreement.json"), "--charter-digest"]
    whole = CliRunner().invoke(app, [*verify, charter[1]])
    assert whole.exit_code == 0, whole.output
    assert "Whole" in whole.output
    assert CliRunner().invoke(app, [*verify, "A" * 43]).exit_code == 1


def test_the_evidence_it_leaves_verifies_with_the_command(told: tuple[str, Path]) -> None:
    text, place = told
    charter = re.search(r"--charter-digest ([\w-]{43})", text)
    assert charter is not None
    verify = ["verify", str(place / "evidence.json"), "--charter-digest"]
    whole = CliRunner().invoke(app, [*verify, charter[1]])
    assert whole.exit_code == 0, whole.output
    other = CliRunner().invoke(app, [*verify, "A" * 43])
    assert other.exit_code == 1
    assert "Whole" not in other.output


def test_the_evidence_holds_neither_free_text_nor_identity(told: tuple[str, Path]) -> None:
    bundle = (told[1] / "evidence.json").read_text()
    assert json.loads(bundle)["messages"]
    assert "narrative" not in json.loads(bundle)
    assert "Exemplu" not in bundle


def test_no_process_is_left(told: tuple[str, Path]) -> None:
    text, place = told
    assert len(re.findall(r"\bprocess \d+", text)) == 4, "the hub, two States and an intermediary"
    until(lambda: not processes_about(place), within=GONE_WITHIN, what="the end of every process")


def test_the_doctor_finds_a_node_that_rests_in_order_and_says_what_is_off(told: tuple[str, Path]) -> None:
    _, place = told
    checks = list(examine(place / "nodes" / "it" / "node.toml", patience=0.5))
    by_name: dict[str, Check] = {check.name: check for check in checks}
    for name in ("settings", "files", "keys", "database", "charter", "directory", "clock"):
        assert by_name[name].outcome == "good", by_name[name]
    assert by_name["hub"].outcome == "wrong"
    assert by_name["api"].outcome == "look"
    assert all(check.advice for check in checks if check.outcome != "good")
