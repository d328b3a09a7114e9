"""Run a command that ends with whoever started it, even when that is killed outright.

    python -I -S tether.py <parent pid> <command> …

Sets the parent-death signal and becomes the command (`exec` keeps it). Linux only; elsewhere the command runs
untied, and a killed parent leaves it behind. A file of its own, run by path, because it must not import
anything that takes time.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["tethered"]

_PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[str]) -> list[str]:
    """`command`, tied to the life of the calling process. Start it from the main thread: the kernel watches
    the thread that forked."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(os.getpid()), *command]


def _become(parent: int, command: Sequence[str]) -> None:
    if sys.platform == "linux":
        # Nothing softer: what a crash may not harm, a kill may not harm either.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)  # it died before we were tied
    os.execv(command[0], list(command))  # noqa: S606 - a list of arguments, no shell


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
