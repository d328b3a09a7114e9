"""Between a Security Server and the node: who called through X-Road becomes a client that the node knows.

    consumer ─▶ their Security Server ═▶ our Security Server ─▶ this ─▶ node

An ASGI application. That the caller is who `X-Road-Client` says is proven by X-Road, and only to the Security
Server: so nothing is believed but what comes over its connection, which is mutually authenticated TLS or does
not leave the machine. The node then sees a client of its own with a token of its own, and decides as for
any.

Nothing of a request is kept, and of its headers only what the node needs is passed on. `X-Road-UserId` names
a person: it is neither passed on nor logged.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Any, Final, Self

import httpx

from adapters.kit.settings import credentials
from adapters.xroad.endpoints import Asked, asked_for
from adapters.xroad.identifiers import Member, Party, Unreadable
from service.client import ClientCredentials, NodeUnreachable, Problem

__all__ = ["Caller", "Provider"]

log = logging.getLogger("focalpoint.adapter.xroad")

type Scope = Mapping[str, Any]
type Receive = Callable[[], Any]
type Send = Callable[[dict[str, Any]], Any]

_TIMEOUT: Final = 45.0
"""Seconds: longer than the longest wait for a message."""
_PASSED_ON: Final = frozenset({"accept", "accept-language", "content-type", "content-length"})
_PASSED_BACK: Final = frozenset(
    {"content-type", "content-length", "content-language", "content-disposition", "etag", "location",
     "retry-after", "cache-control", "x-content-type-options"}
)  # fmt: skip
_ONCE: Final = ("x-road-client", "x-road-represented-party", "x-road-id", "x-road-request-id")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One that may call, and the client that it is at the node. `key`: that client's private key.
    `represents`: for an intermediary, on whose behalf it may call, and as which client then."""

    member: Member
    client: str
    key: Any = field(repr=False)
    represents: Mapping[Party, tuple[str, Any]] = field(default_factory=dict, repr=False)


class _Refused(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail


class Provider:
    def __init__(
        self,
        node_url: str,
        callers: tuple[Caller, ...],
        *,
        security_servers: frozenset[str],
        now: Callable[[], datetime],
        most_bytes: int = 64 << 20,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`security_servers`: the addresses that may connect. `most_bytes`: of one request. `transport` is
        for a node in this process, as tests have it."""
        self._servers, self._most = security_servers, most_bytes
        # One connection pool, and a token for each: no caller's request can go out under another's name.
        self._http = httpx.AsyncClient(
            base_url=node_url, timeout=_TIMEOUT, transport=transport, follow_redirects=False
        )
        self._known: dict[tuple[Member, Party | None], ClientCredentials] = {}
        for caller in callers:
            identities: list[tuple[Party | None, tuple[str, Any]]] = [(None, (caller.client, caller.key))]
            identities += caller.represents.items()
            for party, (client, key) in identities:
                self._known[caller.member, party] = credentials(node_url, client=client, key=key, now=now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while True:
                event = (await receive())["type"].removeprefix("lifespan.")
                await send({"type": f"lifespan.{event}.complete"})
                if event == "shutdown":
                    return
        if scope["type"] != "http":
            return
        answering = _Answering(send)
        route, member, status = "unknown", "unknown", 500
        headers: dict[str, str] = {}
        try:
            self._from_a_security_server(scope)
            headers = _headers(scope)
            tokens, member = self._identity(headers)
            asked = _asked(scope)
            route = asked.route
            status = await self._pass_on(scope, receive, answering, headers, tokens, asked)
        except _Refused as refused:
            status = refused.status
            await answering.refuse(refused)
            log.warning("xroad.refused", extra={"code": refused.code, **_logged(headers, member)})
        finally:
            log.info(
                "xroad.request",
                extra={
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    **_logged(headers, member),
                },
            )

    def _from_a_security_server(self, scope: Scope) -> None:
        peer = scope.get("client")
        if peer is None or peer[0] not in self._servers:
            raise _Refused(403, "xroad.not_a_security_server", "Only a Security Server calls here.")

    def _identity(self, headers: Mapping[str, str]) -> tuple[ClientCredentials, str]:
        try:
            member = Member.parse(headers.get("x-road-client", ""))
            named = headers.get("x-road-represented-party")
            party = None if named is None else Party.parse(named)
        except Unreadable as reason:
            raise _Refused(
                400, "xroad.malformed", f"X-Road-Client or -Represented-Party: {reason}."
            ) from None
        tokens = self._known.get((member, party))
        if tokens is None:
            known = (member, None) in self._known
            code = "xroad.not_represented" if known else "xroad.unknown_client"
            raise _Refused(403, code, "This caller is not registered here, or not for that party.")
        return tokens, str(member)

    async def _pass_on(
        self,
        scope: Scope,
        receive: Receive,
        answering: _Answering,
        headers: Mapping[str, str],
        tokens: ClientCredentials,
        asked: Asked,
    ) -> int:
        passed = {name: value for name, value in headers.items() if name in _PASSED_ON}
        has_body = scope["method"] in {"POST", "PUT"}
        if not has_body:
            passed.pop("content-length", None)
        elif int(passed.get("content-length", "0") or 0) > self._most:
            raise _Refused(413, "xroad.too_large", "The request is too large.")
        body = _Body(receive, self._most)
        request = self._http.build_request(
            scope["method"], asked.target, headers=passed, content=body.pieces() if has_body else None
        )
        try:
            answer = await self._http.send(request, auth=tokens, stream=True)
            if body.refused is not None:
                await answer.aclose()
                raise body.refused
        except (Problem, NodeUnreachable):
            # The node does not take the client that this caller is mapped to: for the operator to set right.
            raise _Refused(502, "xroad.node_refuses_client", "The node does not know this caller.") from None
        except httpx.HTTPError:
            raise _Refused(503, "xroad.node_away", "The node does not answer.") from None
        try:
            if answer.is_redirect:
                raise _Refused(502, "xroad.node_away", "What answered is not a node.")
            return await answering.pass_back(answer)
        finally:
            await answer.aclose()


class _Answering:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def pass_back(self, answer: httpx.Response) -> int:
        kept = [
            (name.encode(), value.encode("latin-1"))
            for name, value in answer.headers.items()
            # A length that httpx has undone an encoding of would be wrong.
            if name in _PASSED_BACK
            and not (name == "content-length" and "content-encoding" in answer.headers)
        ]
        pieces = answer.aiter_bytes()
        # The first piece before the head, so that a node that breaks off at once is said to be away.
        try:
            first = await anext(pieces, b"")
        except httpx.HTTPError:
            raise _Refused(503, "xroad.node_away", "The node does not answer.") from None
        self._begun = True
        await self._send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        await self._send({"type": "http.response.body", "body": first, "more_body": True})
        async for piece in pieces:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})
        return answer.status_code

    async def refuse(self, refused: _Refused) -> None:
        assert not self._begun
        body = json.dumps(
            {"status": refused.status, "code": refused.code, "title": "Refused", "detail": refused.detail}
        ).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await self._send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    """Each once. What says who calls must not be said twice: two readers could read two callers."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name in found and (name in _ONCE or name in _PASSED_ON):
            raise _Refused(400, "xroad.malformed", f"{name} is given twice.")
        found[name] = value.decode("latin-1")
    return found


def _asked(scope: Scope) -> Asked:
    try:
        raw_path = scope.get("raw_path", b"").decode("ascii").partition("?")[0]
        asked = asked_for(scope["method"], raw_path, scope["query_string"].decode("ascii"))
    except (Unreadable, UnicodeDecodeError) as reason:
        detail = str(reason) if isinstance(reason, Unreadable) else "not ASCII"
        raise _Refused(400, "xroad.malformed", f"The address: {detail}.") from None
    if asked is None:
        raise _Refused(404, "xroad.no_such_endpoint", "Nothing that may be asked through X-Road.")
    return asked


class _Body:
    """A request's, passed on as it comes. `refused`: why it was broken off, whatever the other end made of
    that."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self.refused: _Refused | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        count, more = 0, True
        while more:
            event = await self._receive()
            count += len(event.get("body", b""))
            if event["type"] == "http.disconnect":
                self.refused = _Refused(400, "xroad.malformed", "The request broke off.")
            elif count > self._most:
                self.refused = _Refused(413, "xroad.too_large", "The request is too large.")
            if self.refused is not None:
                raise self.refused
            more = event.get("more_body", False)
            yield event.get("body", b"")


def _logged(headers: Mapping[str, str], member: str) -> dict[str, str]:
    """The ids that the two Security Servers' own logs have, by which one request is found in all three."""
    told = {"member": member}
    for name, word in (("x-road-id", "message_id"), ("x-road-request-id", "request_id")):
        value = headers.get(name)
        if value is not None:
            # A caller chooses it, and could have chosen a name.
            told[word] = value if _UUID.fullmatch(value) else f"sha256:{sha256(value.encode()).hexdigest()}"
    return told
