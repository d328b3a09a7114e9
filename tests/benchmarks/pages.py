"""Pages of a node that has much, beside the same pages of a node that has little, asked in turn.

    (row, …) = pages.measure(directory)      row: a path, milliseconds with 100 open items and with 10,000

Both are real nodes with their stores, pages and access in this process, so that HTTP on a wire, which would
be the same for both, hides nothing. The open items are rows of what is owed, copied from one that is real.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.access.roles import Role
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk
from tests.service.much_owed import with_deadlines

__all__ = ["FEW", "MANY", "PageTime", "measure"]

FEW, MANY = 100, 10_000
_TIMES = 60
_WARM = 5
_PAGES: Mapping[Role, Sequence[str]] = {
    Role.OPERATOR: (
        "/console/operator",
        "/console/operator/deadlines",
        "/v1/deadlines?limit=50",
        "/v1/operations/stuck",
    ),
    Role.CASE_OFFICER: ("/console/work", "/console/cases", "/console/notices"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTime:
    """Medians, in milliseconds."""

    path: str
    few_ms: float
    many_ms: float

    @property
    def ratio(self) -> float:
        return self.many_ms / self.few_ms

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "few_ms": round(self.few_ms, 2),
            "many_ms": round(self.many_ms, 2),
            "ratio": round(self.ratio, 2),
        }


def measure(directory: Path) -> tuple[PageTime, ...]:
    """One row for each page."""
    return asyncio.run(_measured(directory))


async def _measured(directory: Path) -> tuple[PageTime, ...]:
    stands = {}
    try:
        for count in (FEW, MANY):
            home = directory / f"owed-{count}"
            home.mkdir(parents=True)
            stands[count] = stand = AccessStand(home)
            await stand.pair.notify(await stand.pair.open_case())
            await with_deadlines(stand, count)
        rows = []
        for role, paths in _PAGES.items():
            desks = {count: await Desk.of(stand, role) for count, stand in stands.items()}
            for path in paths:
                took: dict[int, list[float]] = {FEW: [], MANY: []}
                for number in range(_TIMES + _WARM):
                    for count, desk in desks.items():
                        begun = time.perf_counter()
                        answer = await desk.get(path)
                        if number >= _WARM:
                            took[count].append((time.perf_counter() - begun) * 1e3)
                        if answer.status_code != 200:
                            raise AssertionError(f"{path} answered {answer.status_code}")
                few, many = (statistics.median(took[count]) for count in (FEW, MANY))
                rows.append(PageTime(path=path, few_ms=few, many_ms=many))
        return tuple(rows)
    finally:
        for stand in stands.values():
            stand.close()
