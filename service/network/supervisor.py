"""Runs a local network: the hub, the registrar, one process per node, and the file that describes them.

    lock -> hub -> registrar -> nodes, all at once -> each knows all -> network.json -> until SIGTERM

`network.json` is there exactly while the network is up and ready. A node or hub that dies stays dead, and the
rest goes on, until it is asked for (`restart-node`, `restart-hub`): what recovery does is to be seen. Nothing
outlives the supervisor: it ends its children, and if it is killed outright the kernel does.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from protocol.deadlines import parse_duration, shifted
from protocol.errors import FocalpointError
from protocol.limits import Limits
from service.clock import SimulatedClock
from service.directory.registrar import Registrar
from service.errors import Conflict, NotFound
from service.network.clients import client_tokens
from service.network.control import Control
from service.network.layout import NETWORK, Layout, sign_entries
from service.network.node_process import NodeProcess
from service.network.nodeless import sign_for
from service.network.tether import tethered
from service.ports import Clock, RandomSource
from service.private_files import write_private
from service.routing.accounts import HEADERS
from service.routing.hub import EmbeddedHub
from service.routing.nats import HubLink
from service.routing.provision import InboxQuota
from service.routing.subjects import NETWORK_WRITER

__all__ = ["LocalNetwork", "only_one"]

_REDELIVER = 5
"""Seconds after which the hub brings again what a killed node had not answered."""
_READY_WITHIN = 60.0


@contextlib.contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Conflict `network.running` when a supervisor has this directory already."""
    descriptor = os.open(directory / ".lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as reason:
        raise Conflict("network.running", f"a network runs in {directory} already") from reason
    finally:
        os.close(descriptor)


class LocalNetwork:
    """`say` is told, in plain words, what happens; `overrides` are settings for every node."""

    def __init__(
        self,
        layout: Layout,
        *,
        clock: Clock,
        random: RandomSource,
        log: Any,
        overrides: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self._layout = layout
        self._log = log
        self._say = say
        max_payload = Limits().envelope + HEADERS
        self._hub = EmbeddedHub(
            layout.hub,
            members={member.code: member.hub_key for member in layout.members},
            max_payload=max_payload,
            random_bytes=random.bytes,
            quota=InboxQuota(max_payload=max_payload, redeliver_after_seconds=_REDELIVER),
            launcher=tethered,
        )
        self._overrides = overrides
        self._taken: set[int] = set()
        self._members = list(layout.members)
        self._nodes = {
            member.code: NodeProcess(member, overrides=overrides, taken=self._taken)
            for member in layout.members
        }
        self._clients: Mapping[str, Mapping[str, str | list[str]]] = {}
        self._authorities = frozenset(
            (
                *(address for member in layout.members for address in member.authorities),
                *(address for state in layout.represented for address in state.authorities),
            )
        )
        self._clock = clock
        self._random = random
        self._link: HubLink | None = None
        self._mint()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. Unavailable `network.…` when it does not come up; nothing is left then."""
        description = self._layout.description
        description.unlink(missing_ok=True)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._hub.stop)
            await self._hub.start()
            self._say(f"hub at {self._hub.url}")
            link = HubLink(self._hub.url, code=NETWORK_WRITER, seed=self._hub.hub_seed, log=self._log)
            await stack.enter_async_context(link)
            self._link = link
            registrar = asyncio.create_task(self._registrar(link).run(), name="registrar")
            stack.push_async_callback(_ended, registrar)
            stack.push_async_callback(self._stop_nodes)
            for code in self._nodes:
                self._start(code)
            coming = asyncio.gather(*(self._ready(code) for code in self._nodes))
            if not await _unless(stop, coming):
                return
            await stack.enter_async_context(
                Control(
                    self._layout.directory,
                    {
                        "restart-node": self._restart_node,
                        "restart-hub": self._restart_hub,
                        "advance-clock": self._advance_clock,
                        "add-node": self._add_node,
                        "suspend": self._suspend,
                        "readmit": self._readmit,
                        "rotate-charter": self._rotate_charter,
                    },
                    random=self._random,
                )
            )
            stack.callback(description.unlink, missing_ok=True)
            self._describe()
            self._say(f"ready: {description}")
            await stop.wait()
            self._say("stopping")

    def _registrar(self, link: HubLink) -> Registrar:
        return Registrar(
            link,
            papers=self._layout.registry.papers,
            snapshot_key=self._layout.snapshot_key,
            state_file=self._layout.registrar_state,
            clock=self._clock,
            log=self._log,
            look_every=2,
        )

    def _start(self, code: str) -> None:
        self._node(code).start(hub_url=self._hub.url, charter_digest=self._layout.charter_digest)

    async def _ready(self, code: str) -> None:
        node = self._node(code)
        token = self._clients[node.member.code]["operator"]
        assert isinstance(token, str)
        await node.ready(within=_READY_WITHIN, token=token, authorities=self._authorities)
        self._say(f"node {code} at {node.api}")

    async def _restart_node(self, code: str) -> Mapping[str, Any]:
        node = self._node(code)
        await node.stop()
        self._start(code)
        await self._ready(code)
        self._describe()
        return {"pid": node.pid}

    async def _restart_hub(self, _: str) -> Mapping[str, Any]:
        await self._hub.stop()
        await self._hub.start()
        self._describe()
        self._say(f"hub at {self._hub.url}")
        return {"pid": self._hub.pid}

    async def _advance_clock(self, by: str) -> Mapping[str, Any]:
        clock = self._clock
        if not isinstance(clock, SimulatedClock):
            raise Conflict(
                "network.real_clock", "start this network with --simulated-clock to move its clock"
            )
        clock.move_to(shifted(clock.now(), parse_duration(by), "UTC"))
        self._mint()
        for member in self._members:
            # What each State does once a year; its node publishes what it finds new.
            sign_entries(member, clock.now())
        for one in self._layout.represented:
            sign_for(one, NETWORK, clock.now())
        assert self._link is not None
        # The registrar looks, sees that its snapshot has run out, and signs a new one.
        self._link.directory_changed.notify()
        await asyncio.gather(*(self._ready(code) for code in self._nodes))
        self._describe()
        self._say(f"the clock is simulated: it is now {clock.now():%d %b %Y, %H:%M} UTC in this network")
        return {"now": clock.now().isoformat()}

    async def _add_node(self, code: str) -> Mapping[str, Any]:
        """A State more, while the others run: nobody is restarted."""
        member = self._layout.add(code)
        await self._hub.add_member(member.code, member.hub_key)
        self._members.append(member)
        self._nodes[member.code] = NodeProcess(member, overrides=self._overrides, taken=self._taken)
        self._authorities |= frozenset(member.authorities)
        self._mint()
        self._start(member.code)
        # Everybody's directory has it, and not only its own.
        await asyncio.gather(*(self._ready(known) for known in self._nodes))
        self._describe()
        return {"pid": self._nodes[member.code].pid}

    async def _suspend(self, member: str) -> Mapping[str, Any]:
        self._layout.registry.suspend(member)
        return self._decided()

    async def _readmit(self, member: str) -> Mapping[str, Any]:
        self._layout.registry.readmit(member)
        return self._decided()

    async def _rotate_charter(self, _: str) -> Mapping[str, Any]:
        self._layout.registry.rotate()
        return {**self._decided(), "charter": self._layout.registry.papers().rules.sequence}

    def _decided(self) -> Mapping[str, Any]:
        assert self._link is not None
        # The registrar looks at once, and not at its next round.
        self._link.directory_changed.notify()
        return {"admitted": sorted(self._layout.registry.papers().admissions)}

    def _mint(self) -> None:
        """Tokens for everybody, from now on."""
        self._clients = {
            member.code: client_tokens(member, clock=self._clock, random=self._random)
            for member in self._members
        }

    async def _stop_nodes(self) -> None:
        await asyncio.gather(*(node.stop() for node in self._nodes.values()))

    def _node(self, code: str) -> NodeProcess:
        for known, node in self._nodes.items():
            if known == code:
                return node
        raise NotFound("network.unknown_node", f"this network runs {', '.join(self._nodes)}")

    def _describe(self) -> None:
        value = {
            "charter_digest": self._layout.charter_digest,
            "simulated_clock": str(self._layout.clock) if isinstance(self._clock, SimulatedClock) else None,
            "hub": {"url": self._hub.url, "pid": self._hub.pid, "store": str(self._hub.store)},
            "nodes": [self._described(node) for node in self._nodes.values()],
        }
        # 0600: it holds bearer tokens. Whole or not at all: readers take its being there for readiness.
        write_private(self._layout.description, json.dumps(value, indent=1, ensure_ascii=False).encode())

    def _described(self, node: NodeProcess) -> dict[str, Any]:
        member = node.member
        return {
            "code": member.code,
            "state": member.state,
            "api": node.api,
            "pid": node.pid,
            "database": str(member.database),
            "log": str(member.log),
            "config": str(member.settings_file),
            "authorities": list(member.authorities),
            "clients": self._clients[member.code],
        }


async def _unless(stop: asyncio.Event, coming: Awaitable[Any]) -> bool:
    """True when `coming` came, False when `stop` came first. What `coming` raises is raised."""
    waiting = asyncio.ensure_future(stop.wait())
    awaited = asyncio.ensure_future(coming)
    await asyncio.wait((waiting, awaited), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if awaited.done():
        awaited.result()
        return True
    awaited.cancel()
    with contextlib.suppress(asyncio.CancelledError, FocalpointError):
        await awaited
    return False


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
