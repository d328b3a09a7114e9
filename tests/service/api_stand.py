"""An API to ask: the real application over the use cases in memory, with a person for every role.

stand = Stand()
answer = await stand.as_("case-officer").get("/v1/messages")
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi import FastAPI

from protocol.directory import Directory
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.limits import Limits
from service.access.roles import Role
from service.access.tokens import TokenVerifier, mint
from service.api.app import build_api
from service.metrics import Metrics
from service.node import Node
from service.wake import Wake
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import NOW, sample_directory, seeded_key
from tests.service.fake_exchange import EXAMPLE_CASE, FakeExchange

OURS = Address("it.servizio-minori")
THEIRS = Address("ro.anpdca")
TOKEN_KEY = seeded_key("api-token")
NO_RATES = {
    f"rate_{whose}": 0
    for whose in (
        *("actor_per_second", "actor_burst", "address_per_second", "address_burst"),
        *("sign_in_per_minute", "sign_in_burst"),
    )
}
"""The clock stands still, so that a limit would never lift."""
WORLD = sample_directory()


class FixedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


class CountedRandom:
    """Unpredictable to nobody; different every time."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def bytes(self, count: int, /) -> bytes:
        return next(self._count).to_bytes(count, "big")


class FixedDirectory:
    def current(self) -> Directory:
        return WORLD.directory

    def known(self) -> Directory:
        return WORLD.directory


class LogLines:
    """Structlog's way of calling; keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))


def message_id(number: int) -> str:
    return f"3f1d9a52-6c4e-4f0a-9b7d-{number:012x}"


def submission(number: int = 1, kind: str = "case.notification", **changes: Any) -> dict[str, Any]:
    """The JSON of a message from us to them that nothing is wrong with."""
    content = sample(kind)
    body: dict[str, Any] = {
        "id": message_id(number),
        "case": EXAMPLE_CASE,
        "type": kind,
        "sender": OURS,
        "recipient": THEIRS,
        "declares_no_danger": True,
        "coded": content.coded,
        "narrative": [dataclasses.asdict(block) for block in content.narrative],
    }
    if content.identity is not None:
        body["identity"] = content.identity
    return body | changes


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token. Every call is one request."""

    app: FastAPI
    headers: dict[str, str]

    async def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = self.headers | kwargs.pop("headers", {})
        # A fault of the application reaches the test as the answer that a client would get.
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return await client.request(method, path, headers=headers, **kwargs)

    async def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return await self.request("GET", path, **kwargs)

    async def post(self, path: str, **kwargs: Any) -> httpx.Response:
        return await self.request("POST", path, **kwargs)

    async def put(self, path: str, **kwargs: Any) -> httpx.Response:
        return await self.request("PUT", path, **kwargs)


class Stand:
    def __init__(self) -> None:
        self.clock = FixedClock()
        self.log = LogLines()
        self.exchange = FakeExchange()
        self.node = Node(
            settings=cast(
                "Any", SimpleNamespace(limits=Limits(), listeners=9, listeners_per_person=9, **NO_RATES)
            ),
            code=NodeCode("it"),
            state=StateCode("it"),
            clock=self.clock,
            random=CountedRandom(),
            store=cast("Any", None),
            keys=cast("Any", None),
            vault=cast("Any", None),
            ledger=cast("Any", None),
            directory=FixedDirectory(),
            wake=Wake(),
            metrics=Metrics(),
            log=cast("Any", self.log),
        )
        self.working = {"store": True, "hub": True}
        self.tokens = TokenVerifier(node=self.node.code, keys={TOKEN_KEY.kid: TOKEN_KEY.public})
        self.app = build_api(
            self.node,
            exchange=self.exchange,
            tokens=self.tokens,
            probes={"store": self._probe("store"), "hub": self._probe("hub")},
        )
        officer = self.tokens.verify(self.token("case-officer"), self.clock.now())
        self.exchange.add_case(self.node, officer, EXAMPLE_CASE)

    def _probe(self, part: str) -> Any:
        async def probe() -> bool:
            return self.working[part]

        return probe

    def token(
        self, role: str, *, person: str = "person-1", authorities: Iterable[Address] = (OURS,), **more: Any
    ) -> str:
        return mint(
            TOKEN_KEY,
            node=self.node.code,
            person=person,
            role=Role(role),
            authorities=authorities,
            now=self.clock.now(),
            random_bytes=self.node.random.bytes,
            **more,
        )

    def as_(self, role: str, **of_token: Any) -> Person:
        return self.bearing(self.token(role, **of_token))

    def bearing(self, token: str | None) -> Person:
        return Person(self.app, {} if token is None else {"Authorization": f"Bearer {token}"})

    async def settle_protection(self) -> None:
        for person in ("person-1", "person-2"):
            await self.as_("case-officer", person=person).put(
                f"/v1/cases/{EXAMPLE_CASE}/protection",
                json={"status": "not-sought", "reason": "interview-held"},
            )
