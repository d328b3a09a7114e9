"""What the hub's operator sees: each member's inbox, what it weighs, who fetches and who is away.

Asked of JetStream with the hub's own key; with the system account's key also which connections there are. The
hub sees envelopes only from outside, and so does its operator: to whom, from whom, how many, how large, since
when.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from prometheus_client import CollectorRegistry, Gauge

from protocol.identifiers import NodeCode
from service.errors import Unavailable
from service.routing.subjects import CONSUMER, DIRECTORY_STREAM

__all__ = ["ADVISORIES", "AWAY_AFTER", "HubMetrics", "HubState", "HubWatch", "InboxState"]

AWAY_AFTER: Final = 300.0
"""Seconds in which a node that is there asks for its mail many times."""

_WITHIN = 5.0
_ADVISORIES = "$JS.EVENT.ADVISORY.>"
ADVISORIES: Final = (
    "consumer.max_deliveries",
    "consumer.terminated",
    "consumer.quorum_lost",
    "stream.quorum_lost",
)
"""Kinds that are shown before there was one; another is shown once there was."""
_FRACTION = re.compile(r"(\.\d{1,6})\d*")
_NEVER = "0001-"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxState:
    """One member's inbox. `unanswered`: delivered and not acknowledged. `fetches`: a request for mail waits
    at the hub now. `active_at`: when mail was last given to it or taken by it; None for never.
    `connections`: None where the system account was not asked."""

    node: NodeCode
    messages: int
    size: int
    most_size: int
    oldest_at: datetime | None
    pending: int
    unanswered: int
    redelivered: int
    fetches: bool
    active_at: datetime | None
    connections: int | None = None
    consumers: int = 1

    def is_away(self, now: datetime) -> bool:
        """It neither asks for its mail nor has taken any for `AWAY_AFTER`, or has no connection."""
        if self.connections is not None:
            return self.connections == 0
        if self.fetches:
            return False
        return self.active_at is None or (now - self.active_at).total_seconds() >= AWAY_AFTER

    def away_seconds(self, now: datetime) -> float:
        """Since it was last seen to do anything; 0 while it is there or never was."""
        if not self.is_away(now) or self.active_at is None:
            return 0.0
        return (now - self.active_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class HubState:
    """`storage` of `most_storage` bytes are used by all streams; -1 is no limit. `advisories`: what JetStream
    warned of since the watch began, by kind."""

    at: datetime
    storage: int
    most_storage: int
    directory_documents: int
    inboxes: tuple[InboxState, ...]
    advisories: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """With what follows from it, for scripts."""
        return {
            "at": _written(self.at),
            "storage": self.storage,
            "most_storage": self.most_storage,
            "directory_documents": self.directory_documents,
            "advisories": dict(self.advisories),
            "inboxes": [
                {
                    "node": one.node,
                    "messages": one.messages,
                    "size": one.size,
                    "most_size": one.most_size,
                    "oldest_at": _written(one.oldest_at),
                    "pending": one.pending,
                    "unanswered": one.unanswered,
                    "redelivered": one.redelivered,
                    "consumers": one.consumers,
                    "connections": one.connections,
                    "away": one.is_away(self.at),
                    "active_at": _written(one.active_at),
                }
                for one in self.inboxes
            ],
        }


class HubWatch:
    """`nc` is connected to the hub's own account; `system`, if given, to the system account."""

    def __init__(self, nc: Client, system: Client | None = None) -> None:
        self._nc = nc
        self._system = system
        self._advisories: Counter[str] = Counter()

    async def listen(self) -> None:
        """Count what JetStream warns of, from now on."""
        await self._nc.subscribe(_ADVISORIES, cb=self._warned)
        await self._nc.flush()

    async def look(self, now: datetime) -> HubState:
        """Unavailable `hub.not_ready` when JetStream does not answer."""
        account = await self._ask("$JS.API.INFO")
        streams = await self._streams()
        inboxes = []
        documents = 0
        for stream in sorted(streams, key=lambda stream: str(stream["config"]["name"])):
            name = str(stream["config"]["name"])
            if name == DIRECTORY_STREAM:
                documents = int(stream["state"]["messages"])
            elif name == name.lower():  # the hub's own names are not
                inboxes.append(await self._inbox(name, stream))
        limits: Mapping[str, Any] = account.get("limits") or {}
        return HubState(
            at=now,
            storage=int(account.get("storage", 0)),
            most_storage=int(limits.get("max_storage", -1)),
            directory_documents=documents,
            inboxes=tuple(inboxes),
            advisories=dict(self._advisories),
        )

    async def _inbox(self, name: str, stream: Mapping[str, Any]) -> InboxState:
        state, config = stream["state"], stream["config"]
        consumer = await self._ask(f"$JS.API.CONSUMER.INFO.{name}.{CONSUMER}", missing={})
        delivered, floor = consumer.get("delivered", {}), consumer.get("ack_floor", {})
        active = [_moment(one.get("last_active")) for one in (delivered, floor)]
        return InboxState(
            node=NodeCode(name),
            messages=int(state["messages"]),
            size=int(state["bytes"]),
            most_size=int(config.get("max_bytes", -1)),
            oldest_at=_moment(state.get("first_ts")) if state["messages"] else None,
            pending=int(consumer.get("num_pending", 0)),
            unanswered=int(consumer.get("num_ack_pending", 0)),
            redelivered=int(consumer.get("num_redelivered", 0)),
            fetches=int(consumer.get("num_waiting", 0)) > 0,
            active_at=max((one for one in active if one is not None), default=None),
            connections=await self._connections(name),
            consumers=int(state.get("consumer_count", 0)),
        )

    async def _streams(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        while True:
            page = await self._ask("$JS.API.STREAM.LIST", {"offset": len(found)})
            streams = page.get("streams") or []
            found += streams
            if not streams or len(found) >= int(page.get("total", 0)):
                return found

    async def _connections(self, account: str) -> int | None:
        if self._system is None:
            return None
        try:
            answer = await self._system.request(f"$SYS.REQ.ACCOUNT.{account}.CONNZ", b"{}", timeout=_WITHIN)
        except (NatsError, TimeoutError):
            return 0  # no server holds a connection of it
        return int((json.loads(answer.data).get("data") or {}).get("num_connections", 0))

    async def _ask(
        self, subject: str, body: Mapping[str, Any] | None = None, *, missing: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            answer = await self._nc.request(subject, json.dumps(body or {}).encode(), timeout=_WITHIN)
        except (NatsError, TimeoutError) as reason:
            raise Unavailable(
                "hub.not_ready", f"JetStream did not answer: {type(reason).__name__}"
            ) from reason
        said: dict[str, Any] = json.loads(answer.data)
        if "error" in said:
            if missing is not None:
                return missing
            raise Unavailable("hub.not_ready", f"JetStream refused: {said['error'].get('err_code')}")
        return said

    async def _warned(self, message: Msg) -> None:
        # $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.<stream>.<consumer>: only what kind, never a name.
        tokens = message.subject.split(".")[3:]
        kind = ".".join(
            token.lower() for token in tokens[:2] if token == token.upper() and token.isidentifier()
        )
        self._advisories[kind or "other"] += 1


class HubMetrics:
    """The same as numbers, each name beginning with `fp_hub_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._up = Gauge("fp_hub_up", "1 while JetStream answers the watch", registry=registry)
        self._storage = Gauge("fp_hub_storage_bytes", "Used by all streams", registry=registry)
        self._most_storage = Gauge(
            "fp_hub_storage_limit_bytes", "What all streams may use; -1 for no limit", registry=registry
        )
        self._advisories = Gauge(
            "fp_hub_advisories",
            "What JetStream has warned of since the watch began",
            ["kind"],
            registry=registry,
        )
        # Shown at 0, so that the first of a kind is an increase.
        for kind in ADVISORIES:
            self._advisories.labels(kind).set(0)
        self._of_nodes = {
            name: Gauge(f"fp_hub_{name}", help_, ["node"], registry=registry)
            for name, help_ in (
                ("inbox_messages", "Envelopes in a node's inbox"),
                ("inbox_bytes", "What they weigh"),
                ("inbox_limit_bytes", "What they may weigh"),
                ("inbox_oldest_seconds", "Age of the oldest of them"),
                ("inbox_unanswered", "Delivered and not acknowledged"),
                ("node_away", "1 while the node does not fetch its mail"),
                ("node_away_seconds", "Since it was last seen to fetch; 0 while it is there"),
            )
        }

    def unreachable(self) -> None:
        self._up.set(0)

    def show(self, state: HubState) -> None:
        self._up.set(1)
        self._storage.set(state.storage)
        self._most_storage.set(state.most_storage)
        for kind, count in state.advisories.items():
            self._advisories.labels(kind).set(count)
        for gauge in self._of_nodes.values():
            gauge.clear()
        for one in state.inboxes:
            oldest = 0.0 if one.oldest_at is None else (state.at - one.oldest_at).total_seconds()
            for name, value in (
                ("inbox_messages", one.messages),
                ("inbox_bytes", one.size),
                ("inbox_limit_bytes", one.most_size),
                ("inbox_oldest_seconds", max(0.0, oldest)),
                ("inbox_unanswered", one.unanswered),
                ("node_away", float(one.is_away(state.at))),
                ("node_away_seconds", one.away_seconds(state.at)),
            ):
                self._of_nodes[name].labels(one.node).set(value)


def inbox_lines(state: HubState) -> Iterable[str]:
    """For a person: who is away first, then by what lies there."""
    for one in sorted(state.inboxes, key=lambda one: (not one.is_away(state.at), -one.messages, one.node)):
        where = "there" if not one.is_away(state.at) else f"AWAY since {_written(one.active_at) or 'ever'}"
        full = f"{100 * one.size // one.most_size} % full" if one.most_size > 0 else "no limit"
        oldest = f", oldest {_written(one.oldest_at)}" if one.oldest_at else ""
        yield (
            f"{one.node:<10} {where}; {one.messages} envelopes, {one.size} bytes ({full}){oldest};"
            f" {one.unanswered} not acknowledged"
        )


def _moment(text: object) -> datetime | None:
    """Go writes nanoseconds, and the year 1 for never."""
    if not isinstance(text, str) or text.startswith(_NEVER):
        return None
    return datetime.fromisoformat(_FRACTION.sub(r"\1", text))


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
