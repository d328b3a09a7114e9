"""`focalpoint-adapter htcds`, as an agency runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from adapters.cli import app, known
from adapters.htcds import cli
from adapters.kit import Settings
from adapters.kit import pace as pacing
from service.access.roles import Role
from service.client import Client
from tests.adapters.htcds_stage import PLANTED, Stage, file_of, good, reported
from tests.service.access_stand import BASE


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage.at(tmp_path)
    (tmp_path / "token").write_text(made.node.bearer(Role.AGENCY_SYSTEM, person="workbooks"))
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "s.toml").write_text(
        f"""
        [adapter]
        name = "workbooks"
        kind = "htcds"
        per_second = 0
        [node]
        url = "{BASE}"
        token_file = "token"
        [system]
        first_contact = "cas_IncomingReferralDate"
        """
    )

    def node(settings: Settings, _: object) -> Client:
        return Client(BASE, settings.token or "", transport=made.transport)

    # The node is in this process, and its clock is the sample's.
    monkeypatch.setattr(Settings, "node", node)
    monkeypatch.setattr(cli, "here", made.node.clock.now)
    yield made
    made.node.close()


def run(stage: Stage, *words: str) -> Result:
    return CliRunner().invoke(app, ["htcds", *words])


def imported(stage: Stage, file: Path, *words: str) -> Result:
    settings = ["--settings", str(stage.directory / "s.toml"), "--office", "it.servizio-minori"]
    return run(stage, "import", str(file), *settings, *words)


def test_the_command_is_there() -> None:
    assert "htcds" in known()


def test_a_dry_run_says_so_and_a_run_shows_how_far_it_is(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1), good(2, con_Consent=False)])
    dry = imported(stage, file, "--report", str(tmp_path / "r.csv"))
    assert dry.exit_code == 0, dry.output
    assert "a dry run: nothing was sent" in dry.output
    assert stage.cases() == 0
    assert len(reported(tmp_path / "r.csv")) > 10
    sent = imported(stage, file, "--send", "--declare-no-danger")
    assert sent.exit_code == 0, sent.output
    assert "held" in sent.output
    assert stage.cases() == 1
    assert not any(secret in dry.output + sent.output for secret in PLANTED)


def test_the_declaration_is_typed_by_a_person_and_is_in_no_settings(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    refused = imported(stage, file, "--send")
    assert refused.exit_code == 1
    assert "--declare-no-danger" in refused.output
    assert stage.cases() == 0


def test_what_is_no_workbook_is_a_line_and_no_traceback(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("Planted")
    refused = imported(stage, tmp_path / "a.xlsx")
    assert refused.exit_code == 1
    assert "workbook.unreadable" in refused.output
    assert "Traceback" not in refused.output


def test_a_node_that_is_away_is_a_line_that_says_how_to_go_on(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    monkeypatch.setattr(pacing, "_FIRST", timedelta(microseconds=1))
    monkeypatch.setattr(pacing, "_MOST", timedelta(microseconds=1))
    stage.transport.every = 1
    stopped = imported(stage, file_of(tmp_path / "a.xlsx", [good(1)]), "--send", "--declare-no-danger")
    assert stopped.exit_code == 1
    assert "the same command goes on from there" in stopped.output
    assert isinstance(stage.transport, httpx.AsyncBaseTransport)


def test_a_template_and_an_export_are_workbooks_of_the_standard(stage: Stage, tmp_path: Path) -> None:
    assert run(stage, "template", str(tmp_path / "t.xlsx")).exit_code == 0
    assert run(stage, "template", str(tmp_path / "t.xlsx")).exit_code == 1
    assert load_workbook(tmp_path / "t.xlsx")["HTCDS"]["F1"].value == "con_Consent"
    out = run(stage, "export", str(tmp_path / "e.xlsx"), "--settings", str(stage.directory / "s.toml"))
    assert out.exit_code == 0, out.output
    assert "0 rows" in out.output


def test_a_setting_that_names_another_column_is_refused(stage: Stage, tmp_path: Path) -> None:
    path = stage.directory / "s.toml"
    path.write_text(path.read_text().replace("cas_IncomingReferralDate", "cas_OutgoingReferralDate"))
    refused = imported(stage, file_of(tmp_path / "a.xlsx", [good(1)]))
    assert refused.exit_code == 1
    assert "first_contact" in refused.output


def test_files_that_cannot_be_written_are_a_line(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    nowhere = tmp_path / "nowhere" / "x"
    for said in (
        imported(stage, file, "--report", str(nowhere)),
        run(stage, "export", str(nowhere), "--settings", str(stage.directory / "s.toml")),
        run(stage, "template", str(nowhere)),
    ):
        assert said.exit_code == 1
        assert said.output.splitlines()[-1] == f"focalpoint-adapter: {nowhere}: No such file or directory"
        assert not isinstance(said.exception, OSError)


def test_a_memory_that_is_damaged_is_a_line_and_opens_no_case(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state" / "memory.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8_000)
    refused = imported(stage, file, "--send", "--declare-no-danger")
    assert refused.exit_code == 1
    assert "who was notified is forgotten" in refused.output
    assert stage.cases() == 0


def test_a_person_says_of_a_row_that_it_is_another_child(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1), good(1)])
    first = imported(stage, file, "--send", "--declare-no-danger", "--report", str(tmp_path / "r.csv"))
    assert "1  rows   undecided" in first.output
    assert [line["row"] for line in reported(tmp_path / "r.csv") if line["code"] == "row.same_person"] == [
        "4"
    ]
    assert stage.cases() == 1
    second = imported(stage, file, "--send", "--declare-no-danger", "--another-child", "4")
    assert second.exit_code == 0, second.output
    assert stage.cases() == 2
