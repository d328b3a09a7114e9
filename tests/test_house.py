"""The walls of the house hold, and would be seen to fall.

Imports go one way: adapters, service, protocol. Each wall is tested by planting a breach in a copy of the
source and seeing the gate of `make check` refuse it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("protocol", "service", "adapters")


def gate(tree: Path) -> subprocess.CompletedProcess[str]:
    """What `make check` runs for imports, over another tree."""
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--no-logo", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_walls_stand(copy: Path) -> None:
    found = gate(copy)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("breach", "module", "wall"),
    [
        ("from service.node import Node", "protocol/deadlines.py", "Imports go one way"),
        ("import adapters", "service/node.py", "Imports go one way"),
        ("import socket", "protocol/channels.py", "protocol does no I/O"),
        ("import sqlalchemy", "protocol/evidence.py", "protocol does no I/O"),
        ("import httpx", "protocol/statements.py", "protocol does no I/O"),
        ("from service.store import Store", "adapters/__init__.py", "adapters enter by the client alone"),
        ("import adapters.xroad.consumer", "adapters/kit/settings.py", "the kit rests on no adapter"),
        ("from service.routing.nats import HubLink", "service/exchange/send.py", "use cases know no hub"),
        ("from service.api.app import build_api", "service/store/cases.py", "rows know no use case"),
    ],
)
def test_a_planted_breach_is_refused(copy: Path, breach: str, module: str, wall: str) -> None:
    place = copy / module
    place.write_text(place.read_text("utf-8") + f"\n{breach}\n", "utf-8")
    found = gate(copy)
    assert found.returncode != 0
    broken = [line for line in found.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(wall) for line in broken), found.stdout
