"""Two States' nodes in one process: real stores, real keys, a hub that is two queues and does as it is told.

    pair = await open_pair(tmp_path)
    await pair.it.send(...)
    await pair.settle()            # until nothing is queued and nothing is on its way

The hub keeps what was published, so that a test may lose it, deliver it twice or look at its bytes.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import structlog

from protocol.directory import Directory
from protocol.errors import Refused
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, StateCode, ThreadId
from service import exchange
from service.access.actor import Actor
from service.access.roles import ROLE_SCOPES, Role
from service.exchange.accept import Outcome
from service.exchange.take_in import take_in
from service.exchange.views import Accepted, Awaiting, NarrativeView, SignedSubmission, Submission
from service.keystore import WEBHOOK
from service.metrics import Metrics
from service.node import Node
from service.random_source import SystemRandomSource
from service.routing.outbox import Outbox
from service.routing.reconciler import Reconciler
from service.settings import settings_from
from service.store import Store, Vault
from service.store.ledger import Ledger
from service.wake import Wake
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import NOW, World, sample_directory, seeded_key
from tests.ready_database import ready_database

type Json = dict[str, Any]

WEBHOOK_KEY = seeded_key("webhook")


class TestClock:
    """Stands still until a test moves it."""

    __test__ = False

    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **span: float) -> None:
        self.moment += timedelta(**span)


class WorldKeys:
    """The key store's port over the sample directory's keys."""

    def __init__(self, world: World, code: str) -> None:
        self._world, self._code = world, code

    def signing(self, owner: str, /) -> Any:
        return WEBHOOK_KEY if owner == WEBHOOK else self._world.signing[owner]

    def signing_by_kid(self, kid: str, /) -> Any:
        return next((key for key in self._world.signing.values() if key.kid == kid), None)

    def sealing(self, kid: str, /) -> Any:
        return next(
            (
                key
                for (owner, _), key in self._world.sealing.items()
                if owner == self._code and key.kid == kid
            ),
            None,
        )

    def current_sealing_kid(self, purpose: str = "content", /) -> str:
        return self._world.sealing[self._code, purpose].kid

    def kek(self) -> bytes:
        return b"k" * 32


@dataclass
class WorldDirectory:
    """As `ReplicatedDirectory`. The network publishes again whenever a snapshot is over, until a test has it
    fall `silent`: then this one grows old, expires, and `current` refuses it."""

    world: World
    clock: TestClock
    silent: bool = False
    renewing: ClassVar[Lock] = Lock()

    def current(self) -> Directory:
        directory = self.known()
        directory.require_fresh(self.clock.now())
        return directory

    def known(self) -> Directory:
        world, now = self.world, self.clock.now()
        with self.renewing:
            if not self.silent and isinstance(world, World) and now >= world.directory.ends_at:
                # Past the end of the network's own keys nobody publishes any more.
                with suppress(Refused):
                    world.renew(now)
        return world.directory


@dataclass
class QueueHub:
    """`waiting[to]`: what was published and not yet taken, oldest first. `carried`: every envelope ever."""

    waiting: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    carried: list[tuple[str, bytes]] = field(default_factory=list)
    away: bool = False

    def lose_everything(self) -> None:
        self.waiting.clear()


class QueueLink:
    def __init__(self, hub: QueueHub) -> None:
        self._hub = hub

    async def publish_envelope(self, to: NodeCode, data: bytes, msg_id: str) -> None:
        assert msg_id
        if not self._hub.away:
            self._hub.waiting[to].append(data)
            self._hub.carried.append((to, data))


def actor(*authorities: str, role: Role = Role.CASE_OFFICER, person: str = "officer-1") -> Actor:
    return Actor(
        person=person,
        role=role,
        authorities=frozenset(Address(address) for address in authorities),
        scopes=ROLE_SCOPES[role],
        expires_at=datetime.max.replace(tzinfo=UTC),
    )


@dataclass
class Side:
    """One node and the office that a test plays."""

    node: Node
    outbox: Outbox
    office: Address
    hub: QueueHub
    link: QueueLink

    @property
    def officer(self) -> Actor:
        return actor(self.office)

    @property
    def supervisor(self) -> Actor:
        return actor(self.office, role=Role.SUPERVISOR, person="supervisor-1")

    async def send(self, submission: Submission) -> Accepted:
        accepted = await exchange.send(self.node, self.officer, submission)
        assert isinstance(accepted, Accepted)
        return accepted

    async def release(self, message: MessageId, reason: str) -> None:
        """The officer asks for the identity part, and a supervisor releases it: both may look."""
        asked = await exchange.request_release(self.node, self.officer, message, reason)
        await exchange.decide(self.node, self.supervisor, asked.id, "approve", None)

    async def sign(self, submission: Submission | SignedSubmission) -> Accepted:
        """What binds the State: proposed by the officer, approved by a supervisor."""
        waits = await exchange.send(self.node, self.officer, submission)
        assert isinstance(waits, Awaiting)
        decided = await exchange.decide(self.node, self.supervisor, waits.approval, "approve", None)
        assert decided.accepted is not None
        return decided.accepted

    async def receive(self, *envelopes: bytes) -> list[Outcome | Exception]:
        return list(await take_in(self.node, envelopes, source="hub"))

    async def rows(self, sql: str, **values: object) -> list[Mapping[str, Any]]:
        from sqlalchemy import text

        return await self.node.store.read(
            lambda session: [dict(row._mapping) for row in session.connection().execute(text(sql), values)]
        )


@dataclass
class Pair:
    it: Side
    ro: Side
    hub: QueueHub
    world: World
    clock: TestClock

    def side(self, code: str) -> Side:
        return self.it if code == "it" else self.ro

    async def release(self, side: Side) -> int:
        released = await side.outbox.release_queued() + await side.outbox.repeat_due()
        await side.outbox.published()
        return released

    async def deliver(self, to: str) -> list[Outcome | Exception]:
        """Everything that waits for one node, in order."""
        waiting, self.hub.waiting[to] = self.hub.waiting[to], []
        outcomes = await self.side(to).receive(*waiting)
        for data, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Outcome) and outcome.disposition == "wait":
                self.hub.waiting[to].append(data)
        return outcomes

    async def reconcile(self, code: str) -> int:
        """One node tells the other what it has, and the other takes it in."""
        side = self.side(code)
        told = await Reconciler(side.node, side.link).tell_all()
        await self.deliver("ro" if code == "it" else "it")
        return told

    async def settle(self) -> None:
        """Until nobody has anything to say. Bounded: a message that waits for ever is a finding."""
        for _ in range(20):
            released = await self.release(self.it) + await self.release(self.ro)
            delivered = await self.deliver("it") + await self.deliver("ro")
            for outcome in delivered:
                if isinstance(outcome, Exception):
                    raise outcome
            if not released and not delivered:
                return
        raise AssertionError("the two nodes do not come to rest")

    def directory_ends(self) -> datetime:
        """From now on nobody publishes. Returns when the directory that both have will have expired."""
        for side in (self.it, self.ro):
            assert isinstance(side.node.directory, WorldDirectory)
            side.node.directory.silent = True
        return self.world.directory.ends_at

    def close(self) -> None:
        self.it.node.store.close()
        self.ro.node.store.close()

    # What tests say over and over.

    async def open_case(self) -> CaseReference:
        """A case at `it` whose protection status two people have settled."""
        case = await exchange.open_case(self.it.node, self.it.officer)
        for person in (self.it.officer, self.it.supervisor):
            await exchange.set_protection(
                self.it.node, person, case.reference, "not-sought", "child-interviewed"
            )
        return case.reference

    async def notify(self, case: CaseReference) -> Accepted:
        accepted = await self.it.send(message("case.notification", case, self.it.office, self.ro.office))
        await self.settle()
        return accepted

    async def request(self, case: CaseReference) -> Accepted:
        accepted = await self.it.send(message("social-inquiry.request", case, self.it.office, self.ro.office))
        await self.settle()
        return accepted


def message(
    type_: str,
    case: CaseReference,
    sender: Address,
    recipient: Address,
    *,
    thread: ThreadId | None = None,
    in_reply_to: MessageId | None = None,
    id: MessageId | None = None,  # noqa: A002
    declares_no_danger: bool = True,
    change: Callable[[Json], None] = lambda coded: None,
) -> Submission:
    """A full, valid message of that type, from the samples."""
    content = sample(type_)
    change(content.coded)
    return Submission(
        id=id or MessageId(str(uuid.uuid4())),
        case=case,
        type=type_,
        sender=sender,
        recipient=recipient,
        thread=thread,
        in_reply_to=in_reply_to,
        urgency="ordinary",
        declares_no_danger=declares_no_danger,
        coded=content.coded,
        narrative=tuple(
            NarrativeView(field=block.field, language=block.language, text=block.text)
            for block in content.narrative
        ),
        identity=content.identity,
    )


def open_pair(directory: Path) -> Pair:
    world = sample_directory()
    clock, hub = TestClock(), QueueHub()
    sides = {}
    for code, office in (("it", "it.servizio-minori"), ("ro", "ro.anpdca")):
        home = directory / code
        home.mkdir()
        settings = settings_from(
            {
                "node": code,
                "state": code,
                "charter_digest": world.charter_digest,
                "data_dir": str(home),
                "hub_url": "nats://127.0.0.1:1",
                # The clock stands still, so that a limit would never lift.
                "rate_actor_per_second": 0,
                "rate_address_per_second": 0,
                "rate_sign_in_per_minute": 0,
            },
            base=home,
        )
        ready_database(settings.database)
        store = Store(settings.database, readers=2)
        keys, random = WorldKeys(world, code), SystemRandomSource()
        node = Node(
            settings=settings,
            code=NodeCode(code),
            state=StateCode(code),
            clock=clock,
            random=random,
            store=store,
            keys=keys,
            vault=Vault(keys.kek(), clock=clock, random=random),
            ledger=Ledger(settings.ledger_dir, keys.kek(), salt=random.bytes(32)),
            directory=WorldDirectory(world, clock),
            wake=Wake(),
            metrics=Metrics(),
            log=structlog.get_logger().bind(),
        )
        link = QueueLink(hub)
        sides[code] = Side(node=node, outbox=Outbox(node, link), office=Address(office), hub=hub, link=link)
    return Pair(it=sides["it"], ro=sides["ro"], hub=hub, world=world, clock=clock)
