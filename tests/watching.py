"""Looking from outside at what runs by itself: until something holds, and whether a process lives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

DONE_WITHIN = 20.0
"""Seconds in which a message goes the whole way, with much to spare."""
_FIRST_REST = 0.02


def until[T](
    look: Callable[[], T],
    *,
    within: float = DONE_WITHIN,
    what: str = "what was waited for",
    rest: float = 0.25,
) -> T:
    """What `look` returns, as soon as it is true. Fails after `within` seconds. What may come at any time is
    looked for often at first; later on it rests for up to `rest` seconds between two looks."""
    end = time.monotonic() + within
    pause = min(_FIRST_REST, rest)
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within:g} seconds: {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, rest)
    return found


def alive(pid: int) -> bool:
    """A process that runs; one that has ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def processes_about(place: Path) -> list[int]:
    """Every process whose command line names the directory: supervisor, hub and nodes do."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(place).encode() in command:
            found.append(int(entry.name))
    return found
