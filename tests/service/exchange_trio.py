"""Three real nodes in one process: a State with a node (`it`), an intermediary (`int-iom`), and the node that
the third State (`md`) takes into use later.

    trio = await open_trio(tmp_path)
    await trio.it.send(...)         # to md.protectia-copilului: lands at the intermediary
    await trio.iom.send(...)        # for md.protectia-copilului, signed by int.iom
    await trio.settle()
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, StateCode, ThreadId
from service import exchange
from service.access.actor import Actor
from service.access.represented import acting
from service.access.roles import Role
from service.exchange.accept import Outcome
from service.exchange.views import Accepted, Submission
from service.metrics import Metrics
from service.node import Node
from service.random_source import SystemRandomSource
from service.routing.outbox import Outbox
from service.routing.reconciler import Reconciler
from service.settings import settings_from
from service.store import Store, Vault
from service.store.ledger import Ledger
from service.wake import Wake
from tests.protocol.sample_directory import IT_FOCAL_POINT, World
from tests.protocol.sample_intermediary import MD_OFFICE, intermediary_directory
from tests.ready_database import ready_database
from tests.service.exchange_pair import (
    Json,
    QueueHub,
    QueueLink,
    Side,
    TestClock,
    WorldDirectory,
    WorldKeys,
    actor,
    message,
)

INTERMEDIARY_OFFICER = "relay-officer-1"


@dataclass
class Relay(Side):
    """The intermediary's node: its officers act for the States that gave it a mandate."""

    @property
    def officer(self) -> Actor:
        return acting(
            self.node, actor(self.office, role=Role.INTERMEDIARY_OFFICER, person=INTERMEDIARY_OFFICER)
        )


class AtTheIntermediary(Relay):
    """The same, as the place where a State without a node is reached."""

    @property
    def officer(self) -> Actor:
        iom = actor(Address("int.iom"), role=Role.INTERMEDIARY_OFFICER, person=INTERMEDIARY_OFFICER)
        return acting(self.node, iom)


class OwnKeys(WorldKeys):
    """Of a node: its own keys and those of the authorities that it keeps, never a third State's."""

    def __init__(self, world: World, code: str, kept: tuple[str, ...]) -> None:
        super().__init__(world, code)
        self._kept = {code, *kept}

    def signing(self, owner: str, /) -> Any:
        if owner not in self._kept:
            raise KeyError(owner)
        return super().signing(owner)


@dataclass
class Trio:
    it: Side
    iom: Relay
    md: Side
    hub: QueueHub
    world: World
    clock: TestClock

    @property
    def md_at_iom(self) -> Relay:
        """The intermediary's node as whoever writes to md's office sees it."""
        iom = self.iom
        return AtTheIntermediary(
            node=iom.node, outbox=iom.outbox, office=MD_OFFICE, hub=iom.hub, link=iom.link
        )

    @property
    def sides(self) -> dict[str, Side]:
        return {"it": self.it, "int-iom": self.iom, "md": self.md}

    def wait(self, **span: float) -> None:
        """Time passes, for the nodes and for those who keep the directory."""
        self.clock.pass_by(**span)
        self.world.now = self.clock.moment

    async def release(self, side: Side) -> int:
        released = await side.outbox.release_queued() + await side.outbox.repeat_due()
        await side.outbox.published()
        return released

    async def deliver(self, to: str) -> list[Outcome | Exception]:
        waiting, self.hub.waiting[to] = self.hub.waiting[to], []
        outcomes = await self.sides[to].receive(*waiting)
        for data, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Outcome) and outcome.disposition == "wait":
                self.hub.waiting[to].append(data)
        return outcomes

    async def settle(self) -> list[Outcome]:
        """Until nobody has anything to say; everything that was taken in meanwhile."""
        taken: list[Outcome] = []
        for _ in range(20):
            released = sum([await self.release(side) for side in self.sides.values()])
            delivered = [one for code in self.sides for one in await self.deliver(code)]
            for outcome in delivered:
                if isinstance(outcome, Exception):
                    raise outcome
                taken.append(outcome)
            if not released and not delivered:
                return taken
        raise AssertionError("the nodes do not come to rest")

    async def reconcile(self, code: str) -> None:
        await Reconciler(self.sides[code].node, self.sides[code].link).tell_all()
        for other in self.sides:
            await self.deliver(other)

    def close(self) -> None:
        for side in self.sides.values():
            side.node.store.close()

    async def open_case(self) -> CaseReference:
        case = await exchange.open_case(self.it.node, self.it.officer)
        for person in (self.it.officer, self.it.supervisor):
            await exchange.set_protection(
                self.it.node, person, case.reference, "not-sought", "child-interviewed"
            )
        return case.reference

    def to_md(
        self,
        type_: str,
        case: CaseReference,
        *,
        in_reply_to: MessageId | None = None,
        thread: ThreadId | None = None,
        identity: bool = False,
        change: Callable[[Json], None] = lambda coded: None,
    ) -> Submission:
        said = message(
            type_, case, IT_FOCAL_POINT, MD_OFFICE, in_reply_to=in_reply_to, thread=thread, change=change
        )
        return said if identity else without_identity(said)

    def for_md(
        self,
        type_: str,
        case: CaseReference,
        *,
        in_reply_to: MessageId | None = None,
        thread: ThreadId | None = None,
        identity: bool = False,
        change: Callable[[Json], None] = lambda coded: None,
    ) -> Submission:
        said = message(
            type_, case, MD_OFFICE, IT_FOCAL_POINT, in_reply_to=in_reply_to, thread=thread, change=change
        )
        return said if identity else without_identity(said)

    async def notify(self, case: CaseReference) -> Accepted:
        accepted = await self.it.send(self.to_md("case.notification", case))
        await self.settle()
        return accepted

    def attestation(self, case: CaseReference, of: Accepted, **coded: Any) -> Submission:
        """The intermediary says what paper it typed a message from."""

        def says(said: Json) -> None:
            said.update(on_behalf_of=MD_OFFICE, attested_message=of.id, received_on="2026-11-23", **coded)

        return self.for_md("relay.attestation", case, in_reply_to=of.id, change=says)


def without_identity(said: Submission) -> Submission:
    import dataclasses

    return dataclasses.replace(said, identity=None)


def open_trio(directory: Path) -> Trio:
    world = intermediary_directory()
    clock, hub = TestClock(world.now), QueueHub()
    sides: dict[str, Any] = {}
    for code, state, office, kept in (
        ("it", "it", IT_FOCAL_POINT, (IT_FOCAL_POINT,)),
        ("int-iom", "int", Address("int.iom"), (Address("int.iom"),)),
        ("md", "md", MD_OFFICE, (MD_OFFICE,)),
    ):
        home = directory / code
        home.mkdir()
        settings = settings_from(
            {
                "node": code,
                "state": state,
                "charter_digest": world.charter_digest,
                "data_dir": str(home),
                "hub_url": "nats://127.0.0.1:1",
                "rate_actor_per_second": 0,
                "rate_address_per_second": 0,
                "rate_sign_in_per_minute": 0,
            },
            base=home,
        )
        ready_database(settings.database)
        store = Store(settings.database, readers=2)
        keys, random = OwnKeys(world, code, kept), SystemRandomSource()
        node = Node(
            settings=settings,
            code=NodeCode(code),
            state=StateCode(state),
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
        made = Relay if code == "int-iom" else Side
        sides[code] = made(node=node, outbox=Outbox(node, link), office=office, hub=hub, link=link)
    return Trio(it=sides["it"], iom=sides["int-iom"], md=sides["md"], hub=hub, world=world, clock=clock)
