"""A real node for an adapter on trial: its API in this process, and another State that writes to it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from adapters.kit.trial import MoodyNode
from service.access.roles import Role
from service.client import Client
from tests.service.access_stand import BASE, AccessStand
from tests.service.exchange_pair import message

type Json = dict[str, Any]


class NodeStage:
    """`between`: the way to the node, which can be cruel. `case`: an open one."""

    def __init__(self, directory: Path) -> None:
        (directory / "node").mkdir(parents=True)
        self.stand = AccessStand(directory / "node")
        self.between = MoodyNode(
            httpx.ASGITransport(app=self.stand.app, raise_app_exceptions=False, client=("127.0.0.1", 4711))
        )
        self.case = ""
        self._notice: Any = None

    async def opened(self) -> NodeStage:
        self.case = str(await self.stand.pair.open_case())
        return self

    def close(self) -> None:
        self.stand.close()

    def client(self, *, person: str = "registry") -> Client:
        token = self.stand.bearer(Role.AGENCY_SYSTEM, person=person)
        return Client(BASE, token, transport=self.between)

    def sent(self) -> list[str]:
        """Ids of the messages that the node took in for sending, in order."""
        sql = "SELECT id FROM message WHERE direction = 'out' ORDER BY cursor"
        return self.stand.node.store.read_now(
            lambda session: list(session.connection().execute(text(sql)).scalars())
        )

    async def told(self, name: str = "on-trial") -> Json:
        """How the operator sees the adapter; empty before it said anything."""
        found = (await self.stand.as_(Role.OPERATOR).get("/v1/adapters")).json()["adapters"]
        return next((dict(adapter) for adapter in found if adapter["name"] == name), {})

    async def mail(self, count: int, *, narrative: str | None = None) -> list[str]:
        """Messages that come from the other State, each with `narrative`."""
        pair, ids = self.stand.pair, []
        if self._notice is None:
            self._notice = await pair.notify(await pair.open_case())
        notice = self._notice
        for _ in range(count):
            query = message(
                "query",
                notice.case,
                pair.ro.office,
                pair.it.office,
                thread=notice.thread,
                in_reply_to=notice.id,
            )
            if narrative is not None:
                blocks = tuple(dataclasses.replace(block, text=narrative) for block in query.narrative)
                query = dataclasses.replace(query, narrative=blocks)
            ids.append(str((await pair.ro.send(query)).id))
        await pair.settle()
        return ids
