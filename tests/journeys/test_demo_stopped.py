"""A demo that does not come to its end leaves no process either, and says what went wrong."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watching import processes_about, until

pytestmark = pytest.mark.network

ENDS_WITHIN = 100
GONE_WITHIN = 15
"""Seconds. Only a failing test waits that long."""
COMMAND = (sys.executable, "-m", "service.cli.main")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_nothing_outlives_a_demo_that_is_stopped_half_way(tmp_path: Path, number: signal.Signals) -> None:
    place = tmp_path / "network"
    demo = subprocess.Popen(
        [*COMMAND, "demo", "--dir", str(place)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    with demo:
        for line in demo.stdout:
            if line.startswith("2: "):
                break
        assert len(processes_about(place)) >= 5, "the network and its four processes"
        demo.send_signal(number)
        demo.stdout.close()
        assert demo.wait(ENDS_WITHIN) != 0
        until(lambda: not processes_about(place), within=GONE_WITHIN, what="the end of every process")


@pytest.fixture
def occupied(tmp_path: Path) -> Iterator[Path]:
    """A directory that another supervisor has, so that the demo's network cannot come up in it."""
    place = tmp_path / "network"
    place.mkdir(mode=0o700)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield place


def test_a_failure_shows_the_ends_of_the_logs(occupied: Path) -> None:
    ended = subprocess.run(
        [*COMMAND, "demo", "--dir", str(occupied)],
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN,
        check=False,
    )
    assert ended.returncode == 1
    assert "The demo stopped at the start." in ended.stderr
    assert "--- network.out" in ended.stderr
    assert "network.running" in ended.stderr
    until(lambda: not processes_about(occupied), within=GONE_WITHIN, what="the end of every process")
