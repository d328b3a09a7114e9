"""A local network of real processes, and what can be done to it from outside: kill, freeze, hold its disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nats

from service.errors import NodeError
from service.network.control import ask
from tests.watching import alive, until

COMMAND = (sys.executable, "-m", "service.cli.main", "network", "up")
UP_WITHIN = 60.0

EAGER: Mapping[str, float] = {
    # What heals by repetition heals while one looks; not so fast that a slow machine drowns in repetitions.
    "outbox_resend_seconds": 2,
    "outbox_resend_most_seconds": 12,
    "reconciliation_seconds": 1,
}
PATIENT: Mapping[str, float] = {
    # Nothing heals by repetition: what the hub was told it may forget is gone.
    "outbox_resend_seconds": 3_600,
    "outbox_resend_most_seconds": 3_600,
    "reconciliation_seconds": 3_600,
}


class LocalNetwork:
    """`settings` are for every node. A context; `directory` outlives it, so that another may resume."""

    def __init__(self, directory: Path, settings: Mapping[str, float]) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        self._command = [*COMMAND, "--dir", str(directory), "--states", "it,ro", *options]
        self._supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalNetwork:
        with (self.directory / "up.out").open("ab") as output:
            self._supervisor = subprocess.Popen(self._command, stdout=output, stderr=output)
        try:
            until(self._is_up, within=UP_WITHIN, what="the network is up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.send_signal(signal.SIGTERM)
            try:
                supervisor.wait(UP_WITHIN)
            except subprocess.TimeoutExpired:
                supervisor.kill()  # the kernel ends its children with it
                supervisor.wait()
                raise

    def _is_up(self) -> bool:
        assert self._supervisor is not None
        assert self._supervisor.poll() is None, (self.directory / "up.out").read_text()
        return (self.directory / "network.json").exists()

    # What it says of itself

    @property
    def description(self) -> Any:
        return json.loads((self.directory / "network.json").read_bytes())

    def node(self, code: str) -> Any:
        return next(node for node in self.description["nodes"] if node["code"] == code)

    def token(self, code: str, role: str = "case-officer", number: int = 0) -> str:
        return str(self.node(code)["clients"][role][number])

    def database(self, code: str) -> Path:
        return Path(self.node(code)["database"])

    def rows(self, code: str, sql: str, *values: object) -> list[sqlite3.Row]:
        """Read what a node has on disk, whether it runs or not."""
        with contextlib.closing(sqlite3.connect(self.database(code), timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql, values).fetchall()

    # What is done to it

    def kill(self, victim: str) -> None:
        """As a power cut would end it. `victim` is a node's code, or `hub`. Returns when it is dead."""
        self.kill_process(self._pid(victim))

    def kill_process(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid), within=5, what=f"process {pid} is dead")

    @contextlib.contextmanager
    def frozen(self, victim: str) -> Iterator[None]:
        """It gets no time: what is sent to it waits at its socket. Killed meanwhile, it never read it."""
        self._signal(victim, signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(victim, signal.SIGCONT)

    @contextlib.contextmanager
    def nothing_commits(self, code: str) -> Iterator[None]:
        """The node can read its database and write nothing to it."""
        connection = self._beside(code)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.execute("ROLLBACK")
            self._keep_open(connection)

    def wait_for_commit(self, code: str, *, within: float = 10) -> None:
        """Return as soon as the node has committed anything, some hundred microseconds after."""
        connection = self._beside(code)
        before = connection.execute("PRAGMA data_version").fetchone()
        end = time.monotonic() + within
        while connection.execute("PRAGMA data_version").fetchone() == before:
            assert time.monotonic() < end, f"{code} committed nothing within {within:g} s"
        self._keep_open(connection)

    def restart(self, victim: str) -> None:
        """Bring it back by the command that people have; returns when it is ready."""
        command = ("restart-hub", "") if victim == "hub" else ("restart-node", victim)
        asyncio.run(ask(self.directory, *command))
        self._close_kept()

    def try_restart(self, victim: str) -> None:
        """The same, where it may be killed again meanwhile."""
        with contextlib.suppress(NodeError):
            self.restart(victim)

    def starting_pid(self, code: str) -> int | None:
        """The process of a node that is not ready yet."""
        assert self._supervisor is not None
        marker = str(self.directory / "nodes" / code / "node.toml").encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == self._supervisor.pid and marker in (entry / "cmdline").read_bytes():
                    return int(entry.name) if alive(int(entry.name)) else None
        return None

    def delete_hub_store(self) -> None:
        """While the hub is dead."""
        shutil.rmtree(self.description["hub"]["store"])

    # What the hub holds

    def waiting_at_hub(self, code: str) -> tuple[int, int]:
        """Envelopes in a node's inbox at the hub: not yet delivered, and delivered but not answered."""

        async def look() -> tuple[int, int]:
            seed = (self.directory / "hub" / "hub.nk").read_text().strip()
            nc = await nats.connect(self.description["hub"]["url"], nkeys_seed_str=seed)
            try:
                info = await nc.jetstream().consumer_info(code, "node")
                return int(info.num_pending or 0), int(info.num_ack_pending or 0)
            finally:
                await nc.close()

        return asyncio.run(look())

    def _beside(self, code: str) -> sqlite3.Connection:
        return sqlite3.connect(self.database(code), isolation_level=None, timeout=10, check_same_thread=False)

    _kept: list[sqlite3.Connection]

    def _keep_open(self, connection: sqlite3.Connection) -> None:
        # The last connection to close would fold the WAL into the database: recovering it is the node's work.
        self.__dict__.setdefault("_kept", []).append(connection)

    def _close_kept(self) -> None:
        for connection in self.__dict__.pop("_kept", []):
            connection.close()

    def _pid(self, victim: str) -> int:
        return int(self.description["hub"]["pid"] if victim == "hub" else self.node(victim)["pid"])

    def _signal(self, victim: str, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid(victim), number)
