"""What one run of a closed circuit of clients showed: how many a second, how long each, what it cost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import quantiles

__all__ = ["Measurement", "cpu_seconds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """`clients` had one message each under way, all the time. `seconds`: the window that was counted.

    `latencies`: seconds, of each message whose consignment was seen in the window. `cpu`: seconds of
    processor time in the window, by process.
    """

    clients: int
    seconds: float
    latencies: tuple[float, ...]
    cpu: Mapping[str, float]

    @property
    def throughput(self) -> float:
        """Messages a second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        if len(self.latencies) < 2:
            return float("nan")
        return quantiles(self.latencies, n=100, method="inclusive")[percent - 1] * 1e3

    @property
    def cpu_us(self) -> dict[str, float]:
        """Microseconds of processor time a message, by process."""
        return {name: spent / max(1, len(self.latencies)) * 1e6 for name, spent in self.cpu.items()}


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, user and system, all its threads."""
    with open(f"/proc/{pid}/stat") as file:
        after_name = file.read().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
