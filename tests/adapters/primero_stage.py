"""A Primero with one adapter between it and a node, for the tests of what goes through it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.kit import Memory
from adapters.kit.memory import glance
from adapters.kit.running import steady
from adapters.kit.trial import OnTrial, Trial
from adapters.primero.client import Primero
from adapters.primero.mapping import (
    Profile,
    message_in,
)
from adapters.primero.worker import PrimeroLink, Way
from service import exchange
from service.client import Client
from tests.adapters.node_stage import NodeStage
from tests.adapters.primero_stand_in import ACCOUNT, INBOX, PASSWORD, PrimeroStandIn

type Json = dict[str, Any]

SECRET = "Planted-Name-Of-A-Child"
CONSOLE = "https://node.example/console"
CONTACTS = {
    "case_contact": {"authority": "it.servizio-minori", "office": "case-desk"},
    "alternate_contact": {"authority": "it.servizio-minori", "office": "duty-desk"},
}
PROFILE = Profile(
    sender="it.servizio-minori",
    recipients={"RO": "ro.anpdca"},
    nationalities={"romanian": "RO", "italian": "IT", "bulgarian": "BG"},
    services={"focalpoint_inquiry": "social-inquiry.request"},
    reasons={"Nobody there any more": "person-not-found"},
    contacts=CONTACTS,
)
WAY = Way(inbox=INBOX, console=CONSOLE, sweep=timedelta(milliseconds=500), page=3)
RECORD: Json = {
    "disclosure_other_orgs": True,
    "consent_for_services": True,
    "sex": "female",
    "age": 13,
    "estimated": False,
    "nationality": ["romanian"],
    "protection_concerns": ["sexually_exploited", "trafficked_smuggled"],
    "separation_cause": "poverty",
    "care_arrangements_section": [{"care_arrangements_type": "foster_care"}],
    "focalpoint_first_contact_on": "2026-11-02",
    "focalpoint_no_danger_declared": True,
    "focalpoint_trafficking_status": "presumed",
    "name": f"{SECRET} Popescu",
    "name_first": SECRET,
    "name_last": "Popescu",
    "date_of_birth": "2013-04-05",
    "notes_section": SECRET,
    "module_id": "primeromodule-cp",
}


class PrimeroTrial(Trial):
    planted = (SECRET,)

    def __init__(self, directory: Path, stage: NodeStage, primero: PrimeroStandIn) -> None:
        super().__init__(directory, system=primero, between=stage.between)
        self.stage, self.primero = stage, primero
        self.profile, self.way = PROFILE, WAY
        self.link: PrimeroLink | None = None

    def opened(self) -> AbstractAsyncContextManager[PrimeroLink]:
        @contextlib.asynccontextmanager
        async def link() -> AsyncIterator[PrimeroLink]:
            url = self.primero.url
            async with Primero(url, ACCOUNT, PASSWORD, now=steady, timeout=0.2) as primero:
                self.link = PrimeroLink(primero, self.profile, self.way)
                yield self.link

        return link()

    def node(self) -> Client:
        return self.stage.client()

    async def told(self) -> dict[str, Any]:
        return await self.stage.told()

    async def new_record(self) -> str:
        return self.named(self.primero.refer(await self.record()))

    async def unfit_record(self) -> str:
        return self.named(self.primero.refer(await self.record(consent_for_services=False), notes=SECRET))

    async def mend(self, name: str) -> None:
        self.primero.put(name.split(":")[1], consent_for_services=True)

    async def new_messages(self, count: int) -> list[str]:
        return await self.stage.mail(count, narrative=SECRET)

    def at_node(self) -> list[str]:
        return self.stage.sent()

    def at_system(self) -> list[str]:
        made = [*self.primero.notes(), *self.primero.notes("Transfer")]
        return [str(message_in(one["notes"])) for one in made]

    def repeat(self) -> None:
        self.primero.repeats = True

    def left_behind(self) -> str:
        ours = {one["record_id"] for one in self.primero.notes()}
        return json.dumps([self.primero.notes(), self.primero.marks, [self.primero.records[i] for i in ours]])

    async def record(self, *, settled: bool = True, **changes: Any) -> str:
        """One whose case two people have looked at, at the node."""
        record = self.primero.put(**(RECORD | changes))
        if settled:
            await self.settle_protection(record)
        return record

    async def settle_protection(self, record: str, *, status: str = "not-sought") -> str:
        memory = Memory(self.state_dir)
        opening = memory.message_id("case-of", record)
        memory.close()
        side = self.stage.stand.pair.it
        case = await exchange.open_case(side.node, side.officer, opening)
        for person in (side.officer, side.supervisor):
            await exchange.set_protection(side.node, person, case.reference, status, "child-interviewed")
        return str(case.reference)

    @staticmethod
    def named(made: Json) -> str:
        kind = "referrals" if made["type"] == "Referral" else "transfers"
        return f"{kind}:{made['record_id']}:{made['id']}"

    async def sent_content(self, id: str) -> Json:  # noqa: A002
        async with self.node() as node:
            return dict((await node.message(id))["content"])

    def marked(self, record: str) -> list[str]:
        return [mark["mark_synced_status"] for of, mark in self.primero.marks if of == record]

    def aside(self) -> dict[str, str]:
        return {item.name: item.code for item in glance(self.state_dir).aside}

    def cases_opened(self) -> int:
        sql = text("SELECT COUNT(*) FROM case_file")
        node = self.stage.stand.node
        return int(node.store.read_now(lambda session: session.connection().execute(sql).scalar_one()))

    async def until_idle(self) -> None:
        """Until everything was looked at, and a sweep found nothing more."""
        asked = len(self.primero.seen)
        await self.until(lambda: self._listings(asked) >= 4)

    def _listings(self, since: int) -> int:
        return sum(
            asked.path == "/api/v2/cases" and asked.method == "GET" for asked in self.primero.seen[since:]
        )


class PrimeroOnTrial(OnTrial):
    @pytest.fixture
    async def trial(self, tmp_path: Path) -> AsyncIterator[PrimeroTrial]:
        stage = await NodeStage(tmp_path).opened()
        async with PrimeroStandIn(slow=0.3) as primero:
            yield PrimeroTrial(tmp_path, stage, primero)
        stage.close()
