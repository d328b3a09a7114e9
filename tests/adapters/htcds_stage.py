"""Workbooks as agencies have them, and a node to bring them to."""

from __future__ import annotations

import contextlib
import csv
import io
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from openpyxl import Workbook as Book
from sqlalchemy import text

from adapters.htcds.columns import COLUMNS
from adapters.htcds.importing import Totals, Wanted, bring_in, report_to
from adapters.htcds.workbook import opened
from adapters.kit import Desk, Memory, Settings
from adapters.kit.pace import Pace
from adapters.kit.running import steady
from service import exchange
from service.access.roles import Role
from service.client import Client
from tests.service.access_stand import BASE, AccessStand

OFFICE = "it.servizio-minori"

GOOD: Mapping[str, Any] = {
    "prs_FirstName": "Planted-First",
    "prs_SecondName": "Planted-Second",
    "con_Consent": True,
    "prs_Birthdate": datetime(2013, 5, 17),
    "prs_Citizenship": "RO",
    "prs_Email": "planted@example.org",
    "prs_MobilePhone": "+00 000 001",
    "vic_TraffickingStatus": "PossibleVictimOfTrafficking",
    "vic_MethodsOfControl": "MethodsOfControlThreats;MethodsOfControlTakesEarnings",
    "vic_TypeOfExploitation": "ForcedBegging",
    "cas_IncomingReferralDate": datetime(2026, 11, 2),
}
PLANTED = ("Planted-First", "Planted-Second", "planted@example.org", "+00 000 001", "2013-05-17")


def book_of(rows: Iterable[Mapping[str, Any]], *, header: bool = True) -> Book:
    book = Book()
    sheet = book.active
    assert sheet is not None
    if header:
        sheet.append([None, *(column.name for column in COLUMNS)])
        sheet.append([None, *(column.label for column in COLUMNS)])
    for number, row in enumerate(rows, start=1):
        sheet.append([number, *(row.get(column.key) for column in COLUMNS)])
    return book


def file_of(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    book_of(rows).save(path)
    return path


def good(number: int, **changes: Any) -> dict[str, Any]:
    return {**GOOD, "prs_SecondName": f"Planted-Second-{number}", **changes}


class Losing(httpx.AsyncBaseTransport):
    """Passes requests on. Of one in `every`, by chance, the answer is lost, once it is done; 0: of none."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.every = 0
        self.chance = random.Random(1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        if self.every and self.chance.random() < 1 / self.every:
            await answer.aread()
            raise httpx.ReadError("lost")
        return answer


@dataclass
class Stage:
    directory: Path
    node: AccessStand
    transport: Losing

    @classmethod
    def at(cls, directory: Path) -> Stage:
        (directory / "node").mkdir()
        node = AccessStand(directory / "node")
        inner = httpx.ASGITransport(app=node.app, raise_app_exceptions=False, client=("127.0.0.1", 4711))
        return cls(directory=directory, node=node, transport=Losing(inner))

    @contextlib.asynccontextmanager
    async def desk(self, *, role: Role = Role.AGENCY_SYSTEM, per_second: float = 0) -> AsyncIterator[Desk]:
        """As one start of the process has it: everything from its files."""
        memory = Memory(self.directory / "state")
        settings = Settings(
            name="workbooks",
            kind="htcds",
            state_dir=self.directory / "state",
            node_url=BASE,
            token="x",
            report_seconds=0,
        )
        try:
            async with Client(
                BASE, self.node.bearer(role, person="workbooks"), transport=self.transport
            ) as node:
                yield Desk(
                    settings=settings,
                    node=node,
                    memory=memory,
                    pace=Pace(per_second, now=steady),
                    now=self.node.clock.now,
                )
        finally:
            memory.close()

    async def bring(self, file: Path, *, report: Path | None = None, **wanted: Any) -> Totals:
        asked: dict[str, Any] = {
            "office": OFFICE,
            "send": True,
            "declares_no_danger": True,
            "first_contact_declared": True,
        } | wanted
        async with self.desk() as desk:
            with opened(file) as workbook, report_to(report) as said:
                return await bring_in(workbook, desk, Wanted(**asked), said)

    async def settle_protection(self) -> int:
        """Two people settle it for every case for which nobody has. How many cases."""
        open_ = [row[0] for row in self.rows("SELECT reference FROM case_file WHERE protection = 'unknown'")]
        for reference in open_:
            for role in (Role.CASE_OFFICER, Role.SUPERVISOR):
                await exchange.set_protection(
                    self.node.node, self.node.actor(role), reference, "not-sought", "child-interviewed"
                )
        return len(open_)

    async def bring_all(self, file: Path, **wanted: Any) -> Totals:
        """Both times: when the cases are opened, and when two people have settled their status."""
        await self.bring(file, **wanted)
        await self.settle_protection()
        return await self.bring(file, **wanted)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.node.node.store.read_now(
            lambda session: [tuple(row) for row in session.connection().execute(text(sql))]
        )

    def cases(self) -> int:
        return int(self.rows("SELECT COUNT(*) FROM case_file")[0][0])

    def messages(self) -> list[tuple[str, str]]:
        return [(str(a), str(b)) for a, b in self.rows("SELECT id, case_reference FROM message ORDER BY id")]


def reported(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def utc(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
