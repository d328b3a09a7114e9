"""One node of a local network as an operating-system process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

import service
from protocol.identifiers import Address
from service.errors import Unavailable
from service.network.layout import Member
from service.network.tether import tethered
from service.node_files import write_settings
from service.settings import ENVIRONMENT_PREFIX

__all__ = ["NodeProcess", "free_port"]

_STOP_WITHIN = 10.0
_LOOK_EVERY = 0.05
"""Seconds."""

LOCAL_SETTINGS: Mapping[str, Any] = {
    # Faster than a real node, so that what goes wrong is repaired while one looks.
    "outbox_poll_seconds": 0.5,
    "outbox_resend_seconds": 3,
    "outbox_resend_most_seconds": 30,
    "directory_check_seconds": 5,
    "overdue_check_seconds": 5,
    "reconciliation_seconds": 60,
}


class NodeProcess:
    """Starts, watches and ends the node of `member`. `overrides` win over the local network's settings."""

    def __init__(self, member: Member, *, overrides: Mapping[str, Any], taken: set[int]) -> None:
        self.member = member
        self._overrides = overrides
        self.port = free_port(_last_port(member), taken)
        taken.add(self.port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The last process's, dead or alive; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, hub_url: str, charter_digest: str) -> None:
        """Begin; `ready` tells when it has."""
        member = self.member
        write_settings(
            member.settings_file,
            {
                "node": member.code,
                "state": member.state,
                "charter_digest": charter_digest,
                "data_dir": str(member.directory),
                "hub_url": hub_url,
                "api_port": self.port,
                "log_file": str(member.log),
                **LOCAL_SETTINGS,
                **self._overrides,
            },
            heading="Written by `focalpoint network up`; changes are overwritten.",
        )
        command = [sys.executable, "-m", "service.cli.main", "node", "run", "--config"]
        with member.output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                tethered([*command, str(member.settings_file)]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(),
                # A Ctrl-C at the terminal is for the supervisor, which ends the nodes in order.
                start_new_session=True,
            )

    async def ready(self, *, within: float, token: str, authorities: frozenset[Address]) -> None:
        """Wait until the node says so and its directory has `authorities`.

        Unavailable `network.node_ended` with the last lines of its log, `network.node_not_ready`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        async with httpx.AsyncClient(
            base_url=self.api, headers={"Authorization": f"Bearer {token}"}, timeout=5
        ) as client:
            while loop.time() < until:
                if not self.running:
                    raise Unavailable("network.node_ended", f"{self.member.code}: {self._last_words()}")
                if await _knows(client, authorities):
                    return
                await asyncio.sleep(_LOOK_EVERY)
        raise Unavailable("network.node_not_ready", f"{self.member.code}: {self._last_words()}")

    async def stop(self) -> None:
        """End it, gently for ten seconds."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        until = loop.time() + _STOP_WITHIN
        while process.poll() is None and loop.time() < until:
            await asyncio.sleep(0.01)
        if process.poll() is None:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        for file in (self.member.output, self.member.log):
            lines = file.read_text(errors="replace").splitlines() if file.exists() else []
            if lines:
                return f"{file}: {lines[-1]}"
        return "it left no word"


async def _knows(client: httpx.AsyncClient, authorities: frozenset[Address]) -> bool:
    try:
        if (await client.get("/readyz")).status_code != httpx.codes.OK:
            return False
        answer = await client.get("/v1/directory/authorities")
        return answer.status_code == httpx.codes.OK and all(
            f'"{address}"' in answer.text for address in authorities
        )
    except httpx.HTTPError:
        return False


def free_port(wanted: int | None, taken: set[int]) -> int:
    """`wanted` if nobody has it, else one that the system chooses. On 127.0.0.1."""
    for port in (wanted, *([0] * 20)):
        if port is None or port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
        if found not in taken:
            return found
    raise Unavailable("network.no_port", "no free port on 127.0.0.1")


def _last_port(member: Member) -> int | None:
    try:
        return int(tomllib.loads(member.settings_file.read_text())["api_port"])
    except (OSError, ValueError, KeyError):
        return None


def _environment() -> dict[str, str]:
    """Ours, without settings meant for a node of its own, and with the place that this code came from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
    source = str(Path(service.__file__).resolve().parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (source, kept.get("PYTHONPATH"))))
    return kept
