"""The network as a child process: there while the context lasts, and gone with it in every case."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import service
from service.cli.local_network import read_description
from service.errors import Unavailable
from service.network.tether import tethered

__all__ = ["last_words", "local_network"]

_READY_WITHIN: Final = 60.0
_STOPPED_WITHIN: Final = 20.0
_LOOK_EVERY: Final = 0.05
"""Seconds."""
_OUTPUT: Final = "network.out"


@contextlib.contextmanager
def local_network(
    directory: Path, states: str, *, without_node: str | None = None
) -> Iterator[Mapping[str, Any]]:
    """`focalpoint network up`, ready; what `network.json` says of it.

    Ended gently on the way out, and outright after 20 s. If this process is killed, the kernel ends the
    network (`service.network.tether`). Unavailable `network.node_ended`, `network.node_not_ready`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "service.cli.main",
        "network",
        "up",
        "--dir",
        str(directory),
        "--states",
        states,
        "--simulated-clock",
        *(("--without-node", without_node) if without_node else ()),
    ]
    with (directory / _OUTPUT).open("ab") as output:
        network = subprocess.Popen(
            tethered(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": _source()},
            # A Ctrl-C at the terminal is for the demo, which then ends the network.
            start_new_session=True,
        )
    try:
        _wait_until_ready(network, directory / "network.json")
        yield read_description(directory)
    finally:
        _end(network)


def last_words(directory: Path, *, lines: int = 15) -> Iterator[str]:
    """The ends of the logs in a network's directory, each under its file's name."""
    for log in sorted(
        (directory / _OUTPUT, *directory.glob("nodes/*/node.*"), directory / "hub" / "hub.log")
    ):
        if log.suffix not in (".log", ".out") or not log.exists() or not log.stat().st_size:
            continue
        yield f"--- {log.relative_to(directory)}"
        yield from log.read_text(errors="replace").splitlines()[-lines:]


def _wait_until_ready(network: subprocess.Popen[bytes], description: Path) -> None:
    until = time.monotonic() + _READY_WITHIN
    while not description.exists():
        # Waits for the process's end, and so notices it at once; the file is looked for in between.
        with contextlib.suppress(subprocess.TimeoutExpired):
            network.wait(_LOOK_EVERY)
            raise Unavailable("network.node_ended", "the local network ended before it was ready")
        if time.monotonic() > until:
            raise Unavailable("network.node_not_ready", f"no network within {_READY_WITHIN:.0f} s")


def _end(network: subprocess.Popen[bytes]) -> None:
    try:
        network.terminate()
        network.wait(_STOPPED_WITHIN)
    finally:
        # Also when a second Ctrl-C interrupts the waiting; the network's own children are tied to it.
        if network.poll() is None:
            network.kill()
            network.wait()


def _source() -> str:
    """The place that this code came from, installed or not, before what was asked for."""
    here = str(Path(service.__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
