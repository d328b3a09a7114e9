"""A network started by the command that people use, for the tests of the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from service.network.tether import tethered

COMMAND = (sys.executable, "-m", "service.cli.main", "network")
UP_WITHIN = 60


class Running:
    """A network in `directory`, started by the command that people use."""

    def __init__(self, directory: Path, *options: str, states: str = "it,ro") -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._output = (directory / "up.out").open("ab")
        self.process = subprocess.Popen(
            # Tied to us: a test run that is cut off leaves nothing running.
            tethered([*COMMAND, "up", "--dir", str(directory), "--states", states, *options]),
            stdout=self._output,
            stderr=self._output,
        )

    @property
    def description(self) -> Any:
        return json.loads((self.directory / "network.json").read_bytes())

    def node(self, code: str) -> Any:
        return next(node for node in self.description["nodes"] if node["code"] == code)

    @property
    def output(self) -> str:
        return (self.directory / "up.out").read_text()

    def wait_ready(self) -> None:
        until = time.monotonic() + UP_WITHIN
        while not (self.directory / "network.json").exists():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < until, self.output
            time.sleep(0.02)

    def pids(self) -> list[int]:
        described = self.description
        return [described["hub"]["pid"], *(node["pid"] for node in described["nodes"])]

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command, *rest = arguments
        return subprocess.run(
            [*COMMAND, command, "--dir", str(self.directory), *rest],
            capture_output=True,
            text=True,
            timeout=UP_WITHIN,
            check=False,
        )

    def ended(self) -> int:
        """Wait until it has ended by itself."""
        status = self.process.wait(UP_WITHIN)
        self._output.close()
        return status

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()


def get(node: Any, path: str, role: str | None = None) -> httpx.Response:
    headers = {}
    if role is not None:
        token = node["clients"][role]
        headers["Authorization"] = f"Bearer {token if isinstance(token, str) else token[0]}"
    return httpx.get(node["api"] + path, headers=headers, timeout=10)
