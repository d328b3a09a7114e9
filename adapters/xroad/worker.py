"""The provider's side as an adapter: it carries no record by itself; it serves, and says that it does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import httpx

from adapters.kit import serving
from adapters.kit.commands import here
from adapters.kit.running import Adapter
from adapters.kit.settings import Settings
from adapters.xroad.provider import Provider
from adapters.xroad.settings import Listening, callers_of, listening_of

__all__ = ["Gate", "opened", "served"]


class Gate(Adapter):
    version = "1"


def served(provider: Provider, at: Listening) -> AbstractAsyncContextManager[int]:
    """As `kit.serving.served`, to a Security Server."""
    return serving.served(
        provider,
        at.host,
        at.port,
        at_once=200,
        keep_alive=30,
        ends_within=10,
        certificate=at.certificate,
        key=at.key,
        caller=at.security_server,
    )


@contextlib.asynccontextmanager
async def opened(
    settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Gate]:
    at = listening_of(settings)
    provider = Provider(
        settings.node_url,
        callers_of(settings),
        security_servers=at.security_servers,
        now=here,
        most_bytes=at.most_bytes,
        transport=transport,
    )
    async with provider, served(provider, at):
        yield Gate()
