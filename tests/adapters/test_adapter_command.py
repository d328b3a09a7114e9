"""`focalpoint-adapter` as a process: it ends when told, shows how it is, and logs nothing of a record."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from adapters.cli import app, known
from adapters.kit import Memory, logs
from adapters.kit.commands import here, in_a_line
from adapters.kit.memory import glance
from tests.adapters.register_stand_in import RegisterStandIn

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
UNIT = ROOT / "deploy" / "systemd" / "focalpoint-adapter@.service"
SECRET = "Planted-Name-Of-A-Child"
RECORD = {"status": "to-notify", "focalpoint_case": "K7QM-3XPT-9V2D-6", "nationality": "RO", "name": SECRET}


def settings_file(directory: Path, url: str, *, more: str = "") -> Path:
    for name in ("token", "api-key"):
        (directory / name).write_text("example")
        (directory / name).chmod(0o600)
    path = directory / "register.toml"
    path.write_text(
        f"""
        [adapter]
        name = "register-north"
        kind = "template"
        poll_seconds = 0.05
        report_seconds = 0.1
        per_second = 0
        {more}
        [node]
        url = "http://127.0.0.1:9"
        token_file = "token"
        [system]
        url = "{url}"
        api_key_file = "api-key"
        sender = "it.servizio-minori"
        recipients = {{ RO = "ro.anpdca" }}
        """
    )
    return path


async def started(path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.cli",
        "run",
        "--settings",
        str(path),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )


async def reached(state: Path, done: Any) -> None:
    async with asyncio.timeout(30):
        while not done(glance(state)):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_end_it_ends_cleanly_and_says_so(tmp_path: Path, number: signal.Signals) -> None:
    async with RegisterStandIn() as register:
        register.put("1", **RECORD)  # without a date: unfit
        path = settings_file(tmp_path, register.url)
        process = await started(path)
        state = tmp_path / "state"
        try:
            # One is set aside; the node is away all the time.
            await reached(state, lambda seen: seen.aside and seen.health is not None)
            process.send_signal(signal.SIGHUP)
            await reached(state, lambda _: [asked.path for asked in register.seen].count("/records/1") > 1)
            # While it runs, it is looked at, and nobody else works in its memory.
            listed = await asyncio.to_thread(
                CliRunner().invoke, app, ["set-aside", "list", "--settings", str(path)]
            )
            assert "notification:1  register.incomplete" in listed.output
            refused = await asyncio.to_thread(
                CliRunner().invoke, app, ["set-aside", "retry", "--settings", str(path)]
            )
            assert (refused.exit_code, "runs already" in refused.output) == (1, True)
            process.send_signal(number)
            _, log = await asyncio.wait_for(process.communicate(), 20)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
    assert process.returncode == 0
    health = glance(state).health
    assert health is not None
    assert (health["state"], health["set_aside"]) == ("stopped", 1)
    lines = [json.loads(line) for line in log.decode().splitlines()]
    assert {line["event"] for line in lines} >= {
        "adapter.started",
        "adapter.set_aside",
        "adapter.tried_again",
        "adapter.stopping",
        "adapter.stopped",
    }
    assert SECRET not in log.decode()
    assert "left_out" not in log.decode()


def test_health_says_how_it_is_and_fails_when_it_is_not_well(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "http://127.0.0.1:9", more="")
    assert CliRunner().invoke(app, ["health", "--settings", str(path)]).exit_code == 1
    memory = Memory(tmp_path / "state")
    memory.say({"state": "well"}, here())
    assert CliRunner().invoke(app, ["health", "--settings", str(path)]).exit_code == 0
    memory.say({"state": "system-away"}, here())
    assert CliRunner().invoke(app, ["health", "--settings", str(path)]).exit_code == 1
    memory.say({"state": "well"}, here().replace(year=2020))
    assert CliRunner().invoke(app, ["health", "--settings", str(path)]).exit_code == 1
    memory.close()


def test_an_adapter_is_found_by_its_folder_and_one_that_is_not_is_named(tmp_path: Path) -> None:
    assert "template" in known()
    assert "kit" not in known()
    listed = CliRunner().invoke(app, ["template", "set-aside", "--help"])
    assert "retry" in listed.output
    path = settings_file(tmp_path, "http://127.0.0.1:9")
    path.write_text(path.read_text().replace('kind = "template"', 'kind = "nowhere"'))
    refused = CliRunner().invoke(app, ["run", "--settings", str(path)])
    assert (refused.exit_code, "nowhere" in refused.output) == (1, True)


def test_any_adapters_settings_may_say_that_its_node_is_behind_x_road(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "http://127.0.0.1:9")
    way = '[node.xroad]\nclient = "EX/GOV/1/registry"'
    path.write_text(path.read_text().replace('token_file = "token"', way))
    # In a process of its own: here, another test has it imported.
    told = subprocess.run(
        [sys.executable, "-m", "adapters.cli", "set-aside", "retry", "--settings", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (1, "focalpoint-adapter: [node.xroad] service is missing\n")


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "api-key").chmod(0o644)
    refused = CliRunner().invoke(app, ["template", "set-aside", "retry", "--settings", str(path)])
    assert refused.exit_code == 1
    assert "api_key_file: others may read it" in refused.output
    assert "example" not in refused.output


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root, hook = logging.getLogger(), sys.excepthook
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    logging.captureWarnings(False)
    sys.excepthook = hook
    root.handlers[:], root.level, logging.raiseExceptions = before


def test_a_line_holds_what_the_list_allows_and_never_a_text(lines: io.StringIO) -> None:
    log = logging.getLogger("focalpoint.adapter")
    log.warning("adapter.set_aside", extra={"way": "to-node", "code": "a.b", "record": SECRET})
    log.warning("adapter.set_aside", extra={"code": f"a free text with {SECRET}"})
    log.warning("the record %s was refused", SECRET)
    logging.getLogger("httpx").warning("GET https://register.example/records?name=%s", SECRET)
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("adapter.failed")
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert SECRET not in lines.getvalue()
    assert (told[0]["way"], told[0]["code"], told[0]["left_out"]) == ("to-node", "a.b", 1)
    assert told[1]["left_out"] == 1
    assert [line["event"] for line in told[2:]] == ["library.line", "library.line", "adapter.failed"]
    assert told[4]["error"] == "builtins.ValueError"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = UNIT.read_text()
    command = re.search(r"^ExecStart=(\S+) run --settings /etc/focalpoint/adapters/%i.toml$", text, re.M)
    assert command is not None
    unit = tmp_path / "focalpoint-adapter@registry.service"
    unit.write_text(text.replace(command[1], sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)],
        capture_output=True,
        text=True,
        env={**os.environ},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def torn(file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    for other in file.parent.glob(f"{file.name}*"):
        other.unlink()
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 8_000)
    file.chmod(0o600)


@pytest.mark.parametrize("words", [["health"], ["set-aside", "list"], ["set-aside", "retry"], ["run"]])
def test_a_memory_that_is_damaged_is_a_line_that_says_what_to_do(tmp_path: Path, words: list[str]) -> None:
    path = settings_file(tmp_path, "http://127.0.0.1:9")
    Memory(tmp_path / "state").close()
    torn(tmp_path / "state" / "memory.db")
    ended = subprocess.run(
        [sys.executable, "-m", "adapters.cli", *words, "--settings", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("focalpoint-adapter: memory.db in the state directory")
    assert "bring it back from a backup" in line


@pytest.mark.parametrize("words", [["set-aside", "retry"], ["run"]])
def test_a_secret_that_is_damaged_is_a_line_that_says_what_to_do(tmp_path: Path, words: list[str]) -> None:
    path = settings_file(tmp_path, "http://127.0.0.1:9")
    Memory(tmp_path / "state").close()
    (tmp_path / "state" / "sameness.secret").write_bytes(b"short")
    ended = subprocess.run(
        [sys.executable, "-m", "adapters.cli", *words, "--settings", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "sameness.secret is damaged: stop the adapter and bring this file back from a backup" in line


def test_a_memory_that_breaks_while_the_adapter_works_is_a_line_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), in_a_line():
        raise ExceptionGroup("of the tasks", [ExceptionGroup("", [sqlite3.DatabaseError("malformed")])])
    assert "bring it back from a backup" in capsys.readouterr().err
    with pytest.raises(ExceptionGroup), in_a_line():
        raise ExceptionGroup("of the tasks", [ZeroDivisionError()])


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999", "http://127.0.0.1.example", "x"])
def test_an_address_of_a_node_that_is_none_is_a_line(tmp_path: Path, url: str) -> None:
    path = settings_file(tmp_path, "http://127.0.0.1:9")
    path.write_text(path.read_text().replace('"http://127.0.0.1:9"', f'"{url}"', 1))
    refused = CliRunner().invoke(app, ["health", "--settings", str(path)])
    assert (refused.exit_code, "[node] url" in refused.output) == (1, True)
