"""The README's five minutes with the API, run as they stand there, against a network of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READY_WITHIN = 60.0  # seconds

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("curl") is None, reason="the tour speaks curl"),
]


def tour() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Five minutes with the API")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Path]:
    """A folder that looks like the reader's: a running `.network`, and the command in `.venv`."""
    command = tmp_path / ".venv/bin/focalpoint"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m service.cli.main "$@"\n')
    command.chmod(0o700)
    network = subprocess.Popen(
        [command, "network", "up", "--dir", ".network", "--states", "it,ro"], cwd=tmp_path, text=True
    )
    try:
        until = time.monotonic() + READY_WITHIN
        while not (tmp_path / ".network/network.json").exists():
            assert network.poll() is None, "the network ended before it was ready"
            assert time.monotonic() < until, "the network does not come up"
            time.sleep(0.05)  # another process gets ready; there is nothing to wait on but its file
        yield tmp_path
    finally:
        network.send_signal(signal.SIGTERM)
        network.wait(timeout=30)


def test_the_tour_runs_as_written_and_shows_what_it_says(reader: Path) -> None:
    ran = subprocess.run(
        ["sh", "-eu", "-c", tour()],
        cwd=reader,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = ran.stdout
    assert ran.returncode == 0, ran.stderr
    assert '"code":"safeguard.international_protection"' in said  # nothing may leave yet
    assert '"state":"proposed"' in said
    assert '"status":"not-sought","state":"settled"' in said
    assert '"status":"accepted"' in said
    assert '"direction":"in"' in said
    assert "الاتجار" in said  # the coded part, in Arabic
    assert "La bambina" in said  # the free text, as it was written
    assert '"code":"access.second_person"' in said
    assert '"full":"Example Child"' in said  # to whom a second person released it
    assert said.count("Example Child") == 1
    for kind in ("submission-accepted", "content-consigned", "content-retrieved"):
        assert f'"kind":"{kind}"' in said
    assert "notif" in said.rpartition("content-retrieved")[2].lower()  # the verifier's page
