"""A port of the adapter's own, for an adapter that another system calls."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from adapters.kit.settings import SettingsError

__all__ = ["served"]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The adapter's process has its own."""
        yield


@contextlib.asynccontextmanager
async def served(
    app: Any,
    host: str,
    port: int,
    *,
    at_once: int = 50,
    keep_alive: int = 5,
    ends_within: int = 2,
    certificate: Path | None = None,
    key: Path | None = None,
    caller: Path | None = None,
) -> AsyncIterator[int]:
    """The port that the ASGI application `app` listens on. SettingsError where it cannot.

    `at_once`: connections. `keep_alive`, `ends_within`: seconds. `caller`: the certificate that whoever
    connects has to show.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        # An address is the one that connects, and never what a header says.
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=at_once,
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=ends_within,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=None if caller is None else str(caller),
        ssl_cert_reqs=ssl.CERT_NONE if caller is None else ssl.CERT_REQUIRED,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError):
        raise SettingsError("[system] the certificate files cannot be used") from None
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError:
        raise SettingsError(f"[system] nothing can listen on {host} port {port}") from None
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            await asyncio.wait({serving}, timeout=0.02)
            if serving.done():
                serving.result()
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        listening.close()
