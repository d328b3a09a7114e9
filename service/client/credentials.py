"""How a system comes by its token: it signs that it is itself, for a minute, and is given a token for several
(`private_key_jwt`, RFC 7523; docs/operations/access.md)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from joserfc import jwt
from joserfc.jwk import Key

from service.client.errors import NodeUnreachable, problem_of

__all__ = ["ClientCredentials"]

_BEFORE_THE_END: Final = timedelta(seconds=60)
"""A token is changed this long before it ends, so that none ends on its way."""
_ASSERTION_LASTS: Final = timedelta(seconds=60)
_TYPE: Final = "client-authentication+jwt"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class ClientCredentials(httpx.Auth):
    """Puts a token into each request, and gets another before it ends or when the node no longer takes it.

    `key`: the private key that was registered for `client`, with its `kid`. `issuer` is the node's own name
    (`GET /.well-known/oauth-authorization-server`); the node is asked for it where it is not given.
    """

    requires_response_body = True

    def __init__(
        self,
        base_url: str,
        *,
        client: str,
        key: Key,
        algorithm: str,
        now: Callable[[], datetime],
        issuer: str | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._client, self._key, self._algorithm = client, key, algorithm
        self._now = now
        self._issuer = issuer
        self._token = ""
        self._until: datetime | None = None
        self._one = asyncio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:  # noqa: ARG002
        raise RuntimeError("the client is asynchronous")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        async with self._one:
            if self._until is None or self._now() >= self._until - _BEFORE_THE_END:
                if self._issuer is None:
                    self._issuer = str(_told(await self._asked((yield self._who())))["issuer"])
                self._take(_told(await self._asked((yield self._exchange(self._issuer)))))
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            # Taken back, or the node has another key: the next request asks anew. This one is not repeated,
            # because its body may be gone.
            self._until = None

    def _who(self) -> httpx.Request:
        return httpx.Request("GET", f"{self._base}/.well-known/oauth-authorization-server")

    def _exchange(self, issuer: str) -> httpx.Request:
        now = self._now()
        claims = {
            "iss": self._client,
            "sub": self._client,
            "aud": issuer,
            "jti": secrets.token_urlsafe(24),
            "iat": int(now.timestamp()),
            "exp": int((now + _ASSERTION_LASTS).timestamp()),
        }
        header = {"alg": self._algorithm, "kid": str(self._key.kid), "typ": _TYPE}
        assertion = jwt.encode(header, claims, self._key, algorithms=[self._algorithm])
        return httpx.Request(
            "POST",
            f"{self._base}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": _ASSERTION,
                "client_assertion": assertion,
            },
        )

    async def _asked(self, answer: httpx.Response) -> httpx.Response:
        await answer.aread()
        if answer.is_error:
            raise problem_of(answer)
        return answer

    def _take(self, told: dict[str, Any]) -> None:
        self._token = str(told["access_token"])
        self._until = self._now() + timedelta(seconds=int(told["expires_in"]))


def _told(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise NodeUnreachable(str(answer.url), "what answered is not a node")
    return told
