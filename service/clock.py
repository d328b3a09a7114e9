"""The one place where the node reads the machine's clock."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.errors import Misconfigured
from service.ports import Clock
from service.private_files import write_private
from service.settings import Settings

__all__ = ["SimulatedClock", "SystemClock", "clock_of"]


class SystemClock:
    """The machine's clock. Keep it disciplined (NTP): peers refuse envelopes from more than 5 minutes
    ahead."""

    __slots__ = ()

    def now(self) -> datetime:
        return datetime.now(UTC)


class SimulatedClock:
    """The machine's clock, ahead by as many seconds as `file` says: a year of a case in a few moments.

    The processes of one local network share the file, so that they jump together. For a network on one
    machine alone: the settings refuse it anywhere else. It never goes back: what was signed stays signed.
    """

    __slots__ = ("_ahead", "_file", "_seen")

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = -1
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset()

    def move_to(self, moment: datetime) -> None:
        """From now on it is `moment`, for every process that shares the file. Misconfigured
        `clock.backwards`."""
        seconds = math.ceil((moment - datetime.now(UTC)).total_seconds())
        if seconds < self._offset().total_seconds():
            raise Misconfigured("clock.backwards", "a simulated clock only goes forward")
        write_private(self._file, json.dumps({"ahead_seconds": seconds}).encode())

    def _offset(self) -> timedelta:
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return self._ahead  # nobody has moved it yet
        if changed != self._seen:
            ahead = json.loads(self._file.read_bytes())["ahead_seconds"]
            self._ahead, self._seen = timedelta(seconds=ahead), changed
        return self._ahead


def clock_of(settings: Settings) -> Clock:
    """The clock that the node of these settings goes by; its commands go by the same one."""
    simulated = settings.simulated_clock_file
    return SimulatedClock(simulated) if simulated else SystemClock()
