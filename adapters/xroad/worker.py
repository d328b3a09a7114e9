"""The provider's side as an adapter: it carries no record by itself; it serves, and says that it does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import httpx
import uvicorn

from adapters.kit.commands import here
from adapters.kit.running import Adapter
from adapters.kit.settings import Settings, SettingsError
from adapters.xroad.provider import Provider
from adapters.xroad.settings import Listening, callers_of, listening_of

__all__ = ["Gate", "opened", "served"]


class Gate(Adapter):
    version = "1"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The adapter's process has its own."""
        yield


@contextlib.asynccontextmanager
async def served(provider: Provider, at: Listening) -> AsyncIterator[int]:
    """The port that it listens on. SettingsError where it cannot."""
    config = uvicorn.Config(
        provider,
        host=at.host,
        port=at.port,
        lifespan="off",
        log_config=None,
        access_log=False,
        # An address is the one that connects, and never what a header says.
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=200,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        ssl_certfile=at.certificate,
        ssl_keyfile=at.key,
        ssl_ca_certs=None if at.security_server is None else str(at.security_server),
        ssl_cert_reqs=ssl.CERT_NONE if at.security_server is None else ssl.CERT_REQUIRED,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError):
        raise SettingsError("[system] the certificate files cannot be used") from None
    try:
        family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        listening = socket.create_server((at.host, at.port), family=family)
    except OSError:
        raise SettingsError(f"[system] nothing can listen on {at.host} port {at.port}") from None
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            await asyncio.wait({serving}, timeout=0.05)
            if serving.done():
                serving.result()
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        listening.close()


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
