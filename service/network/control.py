"""How `restart-node` and `restart-hub` reach the supervisor: one JSON line each way, over loopback.

A port and a secret in `control.json` (0600), so that whoever may read the network's directory may restart its
parts, and nobody else on the machine. Not a Unix socket: the path of one may be no longer than 107 bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from protocol.errors import Refused
from service.errors import NodeError, Unavailable
from service.ports import RandomSource
from service.private_files import write_private

__all__ = ["Control", "ask"]

type Command = Callable[[str], Awaitable[Mapping[str, Any]]]

_FILE = "control.json"
_MOST_BYTES = 65_536
_PATIENCE = 90.0
"""Seconds that a restart may take."""


class Control:
    """Serves `commands` by name while the context lasts. One at a time: restarts do not overlap."""

    def __init__(self, directory: Path, commands: Mapping[str, Command], *, random: RandomSource) -> None:
        self._path = directory / _FILE
        self._commands = commands
        self._secret = random.bytes(32).hex()
        self._one = asyncio.Lock()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MOST_BYTES)
        port = self._server.sockets[0].getsockname()[1]
        write_private(self._path, json.dumps({"port": port, "secret": self._secret}).encode())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await asyncio.wait_for(reader.readline(), 5))
            if not hmac.compare_digest(str(asked["secret"]), self._secret):
                return
            async with self._one:
                answer = await self._carried_out(str(asked["command"]), str(asked.get("argument", "")))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (ValueError, KeyError, TypeError, TimeoutError, OSError):
            return  # not one of ours, or gone
        finally:
            writer.close()

    async def _carried_out(self, name: str, argument: str) -> Mapping[str, Any]:
        try:
            return dict(await self._commands[name](argument))
        except (NodeError, Refused) as reason:
            return {"code": reason.code, "detail": reason.detail}


async def ask(directory: Path, command: str, argument: str = "") -> Mapping[str, Any]:
    """Have the supervisor of `directory` carry out a command.

    Unavailable `network.not_running`, and whatever code the supervisor met.
    """
    try:
        place = json.loads((directory / _FILE).read_bytes())
        reader, writer = await asyncio.open_connection("127.0.0.1", place["port"])
    except (OSError, ValueError, KeyError) as reason:
        raise Unavailable("network.not_running", f"no network runs in {directory}") from reason
    try:
        line = {"secret": place["secret"], "command": command, "argument": argument}
        writer.write(json.dumps(line).encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(reader.readline(), _PATIENCE))
    except (OSError, ValueError, TimeoutError) as reason:
        raise Unavailable("network.no_answer", "the network's supervisor did not answer") from reason
    finally:
        writer.close()
        # The loop may end right after this, and would leave the socket behind.
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if "code" in answer:
        raise Unavailable(answer["code"], answer.get("detail", ""))
    return dict(answer)
