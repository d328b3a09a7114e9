"""The floor's machinery with the prototype's mix, beside the prototype itself, in one go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from tests.benchmarks import floor
from tests.benchmarks.prototype_mix import PrototypeMix
from tests.benchmarks.rawnats import Server, server

__all__ = ["cross_check"]

GROUP, WINDOW, MESSAGES, TURNS = 128, 4, 4_000, 3
SECONDS = 3.0

_ORJSON = (
    "import json\n"
    "loads = json.loads\n"
    "def dumps(value):\n"
    "    return json.dumps(value, separators=(',', ':')).encode()\n"
)


def cross_check(prototype: Path, directory: Path) -> None:
    """Prints messages a second of both, in turns: what else the machine does falls on both."""
    theirs, ours = [], []
    with server(directory / "check-hub") as hub:
        for turn in range(TURNS):
            theirs.append(_prototype(prototype.resolve(), directory, hub))
            ours.append(_ours(directory / f"check-{turn}", hub))
            print(f"prototype {theirs[-1]:.0f}/s, the same mix here {ours[-1]:.0f}/s", flush=True)
    ratio = median(ours) / median(theirs)
    print(f"medians: {median(theirs):.0f} and {median(ours):.0f} messages/s; here/there {ratio:.2f}")


def _ours(directory: Path, hub: Server) -> float:
    measured = floor.run(
        PrototypeMix(),
        clients=GROUP * WINDOW,
        group=GROUP,
        seconds=SECONDS,
        warm=0.5,
        directory=directory,
        hub=hub,
    )
    return measured.throughput


def _prototype(prototype: Path, directory: Path, hub: Server) -> float:
    """Runs in a directory of its own: the prototype looks there for the server's pid and leaves its data."""
    place = directory / "prototype"
    (place / "data" / f"js{hub.port}").mkdir(parents=True, exist_ok=True)
    (place / "data" / f"js{hub.port}" / "pid").write_text(str(hub.pid))
    # Its one requirement that we do not have; the difference is a few microseconds a message.
    (place / "orjson.py").write_text(_ORJSON)
    command = [sys.executable, str(prototype / "pipeline.py"), "--port", str(hub.port)]
    finished = subprocess.run(
        [*command, "--group", str(GROUP), "--window", str(WINDOW), "--n", str(MESSAGES)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": f"{place}{os.pathsep}{prototype}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = finished.stdout.partition(" msg/s")[0].rpartition(":")[2]
    if finished.returncode or not found.strip():
        raise RuntimeError(finished.stderr or finished.stdout)
    return float(found)
