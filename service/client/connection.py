"""How a call of the API is made, and what counts as a node's answer.

What a node refuses raises `Problem`; what cannot be reached, or is no node, `NodeUnreachable`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from service.client.credentials import ClientCredentials
from service.client.errors import NodeUnreachable, problem_of
from service.client.types import Format, Printed

__all__ = ["Connection", "given", "segment"]


class Connection:
    """To one node, as one user of it."""

    def __init__(
        self,
        base_url: str,
        token: str | ClientCredentials,
        *,
        language: str,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        """As `Client` has them."""
        bearer = {"Authorization": f"Bearer {token}"} if isinstance(token, str) else {}
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={**bearer, "Accept-Language": language},
            auth=None if isinstance(token, str) else token,
            timeout=timeout,
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            answer = (await self.request(method, path, **request)).json()
        except ValueError:
            answer = None
        # What stands before a node may answer in its stead, and with 200.
        if not isinstance(answer, dict):
            raise NodeUnreachable("what answered is not a node")
        return answer

    async def printed(
        self, path: str, language: str | None, form: Format, filters: Mapping[str, str] | None = None
    ) -> Printed:
        asked = {"format": form, **(filters or {})} | ({} if language is None else {"lang": language})
        answer = await self.request("GET", path, params=asked)
        if "Content-Language" not in answer.headers or "ETag" not in answer.headers:
            raise NodeUnreachable("what answered is not a node")
        return Printed(
            content=answer.content,
            format=form,
            language=answer.headers["Content-Language"],
            digest=answer.headers["ETag"].strip('"'),
        )

    async def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        answer = await self.answer(method, path, **request)
        if answer.is_success:
            return answer
        raise problem_of(answer)

    async def answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Whatever its status."""
        with _reached():
            return await self._http.request(method, path, **request)

    @contextlib.asynccontextmanager
    async def streamed(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """An answer to be read while it comes."""
        with _reached():
            async with self._http.stream(method, path, **request) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise problem_of(answer)
                yield answer


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        # Its text holds the address with its query: enough for the log to know the kind.
        raise NodeUnreachable(type(error).__name__) from error


def given(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller said; None is what they left to the node."""
    return {name: value for name, value in asked.items() if value is not None}


def segment(name: str) -> str:
    """As one segment of a path: a name from elsewhere must not reach another endpoint."""
    return quote(name, safe="")
