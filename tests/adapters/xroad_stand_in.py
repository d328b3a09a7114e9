"""Two X-Road Security Servers, made after the published description (X-Road: Message Protocol for REST,
PR-REST, nordic-institute/X-Road doc/Protocols at 04349e1, MIT). Between them they speak plain HTTP with one
header, where real ones sign, timestamp and encrypt (PR-MESSTRANSP); what either shows to its own systems is
as described.
"""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from collections.abc import Mapping
from hashlib import sha512
from typing import Any

import httpx

from adapters.kit.stand_in import Answer, Asked, StandIn

FILTERED = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "host", "user-agent", "server", "content-length",
}  # fmt: skip
"""PR-REST §4.3, filtered and specially handled headers."""


def fault(kind: str, status: int = 500) -> Answer:
    body = {"type": kind, "message": "made up", "detail": str(uuid.UUID(bytes=secrets.token_bytes(16)))}
    return Answer(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json;charset=utf-8", "X-Road-Error": kind},
    )


class ProviderServer(StandIn):
    """The node's own. `services`: where each is. `rights`: who may call which."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.services: dict[str, httpx.AsyncBaseTransport] = {}
        self.rights: set[tuple[str, str]] = set()
        self.faults: list[str] = []
        self.adds: list[tuple[str, str]] = []
        """Headers that reach the service besides, as from somebody who got in between."""

    async def answer(self, asked: Asked) -> Answer:
        service, client = asked.headers["x-stand-in-service"], asked.headers["x-road-client"]
        if self.faults:
            return fault(self.faults.pop(0))
        if service not in self.services:
            return fault("Server.ServerProxy.UnknownService")
        if (client, service) not in self.rights:
            return fault("Server.ServerProxy.AccessDenied")
        headers = [
            (name, value)
            for name, value in asked.headers.items()
            if name not in FILTERED and not name.startswith("x-stand-in-")
        ]
        request = httpx.Request(
            asked.method,
            httpx.URL("http://service.example").copy_with(raw_path=asked.target.encode()),
            headers=[*headers, *self.adds],
            content=asked.body or None,
        )
        try:
            answer = await self.services[service].handle_async_request(request)
            await answer.aread()
        except httpx.HTTPError:
            return fault("Server.ServerProxy.NetworkError")
        hashed = sha512(json.dumps(sorted(asked.headers.items())).encode()).digest()
        if asked.body:
            hashed = sha512(hashed + sha512(asked.body).digest()).digest()
        return Answer(
            status=answer.status_code,
            body=answer.content,
            headers={
                **{name: value for name, value in answer.headers.items() if name not in FILTERED},
                "X-Road-Client": client,
                "X-Road-Service": service,
                "X-Road-Id": asked.headers["x-road-id"],
                "X-Road-Request-Id": asked.headers["x-road-request-id"],
                "X-Road-Request-Hash": base64.b64encode(hashed).decode(),
            },
        )


class ConsumerServer(StandIn):
    """An agency's own. `members`: the subsystems that are registered at it. `mixes_up`: gives the answer to
    another question."""

    def __init__(self, provider: ProviderServer, **options: Any) -> None:
        super().__init__(**options)
        self.provider = provider
        self.members: set[str] = set()
        self.mixes_up = False

    async def answer(self, asked: Asked) -> Answer:
        path, _, query = asked.target.partition("?")
        parts = path.split("/")
        if parts[1] != "r1" or len(parts) < 7 or "x-road-client" not in asked.headers:
            return fault("Client.BadRequest", 400)
        if asked.headers["x-road-client"] not in self.members:
            return fault("Server.ClientProxy.UnknownMember")
        service, rest = "/".join(parts[2:7]), "/" + "/".join(parts[7:])
        number = asked.headers.get("x-road-id", str(uuid.UUID(bytes=secrets.token_bytes(16))))
        headers: Mapping[str, str] = {
            **{name: value for name, value in asked.headers.items() if name not in FILTERED},
            "x-road-id": number,
            "x-road-request-id": str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
            "x-stand-in-service": service,
        }
        target = f"{self.provider.url}{rest}" + (f"?{query}" if query else "")
        try:
            async with httpx.AsyncClient(timeout=10) as http:
                answer = await http.request(asked.method, target, headers=dict(headers), content=asked.body)
        except httpx.HTTPError:
            return fault("Server.ClientProxy.NetworkError")
        kept = {name: value for name, value in answer.headers.items() if name not in FILTERED}
        if self.mixes_up:
            kept["x-road-id"] = str(uuid.UUID(bytes=secrets.token_bytes(16)))
        return Answer(status=answer.status_code, body=answer.content, headers=kept)
