"""The register's calls, as its description has them (README.md). An answer that is not as described is
`register.nonsense`, and never half a record."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self

import httpx

from adapters.kit.errors import Away, Unfit

__all__ = ["Register"]

type Json = dict[str, Any]

_TIMEOUT: Final = 10.0
_MOST_BYTES: Final = 1 << 20
"""An answer longer than this is none of the register's."""


class Register:
    def __init__(self, url: str, api_key: str, *, timeout: float = _TIMEOUT) -> None:
        """`timeout` in seconds."""
        self._http = httpx.AsyncClient(base_url=url, headers={"x-api-key": api_key}, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def changes(self, after: int) -> tuple[list[tuple[str, str]], int, bool]:
        """Records that changed, as (number, status), oldest first; where to go on from; whether there is
        more."""
        told = await self._json("GET", "/changes", params={"after": after})
        try:
            changed = [(str(row["record"]), str(row["status"])) for row in told["changes"]]
            return changed, _integer(told["next"]), told["more"] is True
        except (KeyError, TypeError, ValueError):
            raise Away("register.nonsense", "expected changes, next and more") from None

    async def record(self, number: str) -> Json:
        """As it is now. Unfit `register.gone` for one that is no longer there."""
        return await self._json("GET", f"/records/{number}")

    async def has_message(self, id: str) -> bool:  # noqa: A002
        answer = await self._asked("GET", f"/messages/{id}", allowed=(200, 404))
        if answer.status_code == 404:
            return False
        # A status alone proves nothing: a page that says "maintenance" comes with 200 as well.
        if _object(answer).get("id") != id:
            raise Away("register.nonsense", "expected the message")
        return True

    async def enter(self, entry: Json) -> None:
        """Enter a message. The register takes the same one twice, so ask `has_message` first."""
        await self._asked("POST", "/messages", allowed=(201,), json=entry)

    async def _json(self, method: str, path: str, **request: Any) -> Json:
        return _object(await self._asked(method, path, allowed=(200,), **request))

    async def _asked(
        self, method: str, path: str, *, allowed: tuple[int, ...], **request: Any
    ) -> httpx.Response:
        try:
            async with self._http.stream(method, path, **request) as answer:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise Away("register.nonsense", "the answer does not end")
        except httpx.HTTPError:
            raise Away("register.unreachable") from None
        if answer.status_code == 404 and 404 not in allowed:
            raise Unfit("register.gone", "no such record")
        if answer.status_code not in allowed:
            asked = answer.headers.get("Retry-After")
            raise Away("register.refused", f"status {answer.status_code}", retry_after=asked)
        return httpx.Response(answer.status_code, headers=answer.headers, content=bytes(body))


def _object(answer: httpx.Response) -> Json:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Away("register.nonsense", "expected a JSON object")
    return told


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("an integer")
    return value
