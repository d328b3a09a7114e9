"""An auditor verifies an export without the node, and is told which entry is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocol.journal import written
from service.cli.main import app
from tests.protocol.test_journal_chain import journal

LINES = [written(entry) for entry in journal()]
LAST = journal()[-1].checkpoint


def verified(tmp_path: Path, lines: list[bytes], *options: str) -> tuple[int, str]:
    export = tmp_path / "journal.jsonl"
    export.write_bytes(b"".join(line + b"\n" for line in lines))
    result = CliRunner().invoke(app, ["journal", "verify", str(export), *options])
    return result.exit_code, result.output


def test_a_whole_export_says_where_it_ends_and_what_that_does_not_show(tmp_path: Path) -> None:
    status, said = verified(tmp_path, LINES)
    assert status == 0
    assert f"6 entries, whole; the last is {LAST[0]}:{LAST[1]}" in said
    assert "checkpoint that somebody else holds" in said
    status, said = verified(tmp_path, LINES, "--checkpoint", f"{LAST[0]}:{LAST[1]}")
    assert (status, "somebody else" in said) == (0, False)


@pytest.mark.parametrize(
    ("lines", "options", "named"),
    [
        ([LINES[0], LINES[1].replace(b"officer-1", b"officer-2"), *LINES[2:]], [], "entry 2"),
        ([*LINES[:1], *LINES[2:]], [], "entry 3"),
        ([LINES[1], LINES[0], *LINES[2:]], [], "entry 2"),
        (LINES, ["--end", "5"], "entry 6"),
        (LINES[:4], ["--checkpoint", f"{LAST[0]}:{LAST[1]}"], "entry 6"),
        (LINES, ["--checkpoint", "3:AAAA"], "entry 3"),
        ([*LINES[:2], b"{}", *LINES[3:]], [], "line 3"),
        (LINES[3:], [], "entry 4"),
    ],
)
def test_the_first_entry_that_is_wrong_is_named(
    tmp_path: Path, lines: list[bytes], options: list[str], named: str
) -> None:
    status, said = verified(tmp_path, lines, *options)
    assert status == 1
    assert named in said


def test_an_export_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    position, digest = journal()[2].checkpoint
    assert verified(tmp_path, LINES[3:], "--start", f"{position}:{digest}")[0] == 0
    assert verified(tmp_path, LINES[::2], "--excerpt")[0] == 0
    assert verified(tmp_path, LINES, "--start", "x")[0] == 2
