"""How much memory a dry import takes, in a process that does nothing else.

python -m tests.adapters.import_memory DIRECTORY WORKBOOK     rows, and the most bytes held at once
"""

from __future__ import annotations

import asyncio
import sys
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

from adapters.htcds.importing import Wanted, bring_in, report_to
from adapters.htcds.workbook import opened
from adapters.kit import Desk, Memory, Settings
from adapters.kit.pace import Pace
from adapters.kit.running import steady
from tests.adapters.htcds_stage import OFFICE


class Deaf:
    """Answers a dry run as a node does that finds nothing wrong, so that the workbook alone is measured."""

    async def authorities(self, **_: object) -> list[dict[str, str]]:
        return [{"address": OFFICE}]

    async def landing(self, *_: object) -> str:
        return "ro.anpdca"

    async def validate(self, _: object) -> dict[str, object]:
        return {"acceptable": True, "refusals": []}

    async def report_adapter(self, *_: object) -> None:
        pass


async def measured(directory: Path, file: Path) -> tuple[int, int]:
    """Rows, and the most bytes that were held at once."""
    settings = Settings(
        name="workbooks",
        kind="htcds",
        state_dir=directory,
        node_url="https://node.invalid",
        token="x",
        report_seconds=0,
    )
    memory = Memory(directory)
    desk = Desk(
        settings=settings,
        node=Deaf(),  # type: ignore[arg-type]
        memory=memory,
        pace=Pace(0, now=steady),
        now=lambda: datetime(2026, 11, 24, 9, tzinfo=UTC),
    )
    tracemalloc.start()
    try:
        with opened(file) as workbook, report_to(directory / "r.csv") as said:
            totals = await bring_in(workbook, desk, Wanted(office=OFFICE, first_contact_declared=True), said)
        return sum(totals.rows.values()), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        memory.close()


if __name__ == "__main__":
    print(*asyncio.run(measured(Path(sys.argv[1]), Path(sys.argv[2]))))
