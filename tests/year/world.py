"""A network of many States for a simulated year: each with a node, a focal point and a second office.

The key material is that of tests, and everything in the directory is valid for as long as the year is
simulated: that keys and snapshots are renewed on the way is what other tests are for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

from protocol.directory import KeyPurpose, KeyRecord, Role, key_record, sealing_key_record, sign_charter
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.sealing import SealingPrivateKey
from protocol.statements import LocalSigningKey
from service.metrics import Metrics
from service.node import Node
from service.random_source import SystemRandomSource
from service.routing.outbox import Outbox
from service.settings import settings_from
from service.store import Store, Vault
from service.store.ledger import Ledger
from service.wake import Wake
from tests.protocol.sample_directory import (
    NETWORK,
    PROCEDURES,
    World,
    _authority,
    node_facts,
    seeded_key,
)
from tests.ready_database import ready_database
from tests.service.exchange_pair import QueueHub, QueueLink, Side, TestClock, WorldDirectory, WorldKeys

START = datetime(2027, 1, 1, tzinfo=UTC)
LASTS = timedelta(days=800)
ZONES = {
    "it": "Europe/Rome", "ro": "Europe/Bucharest", "es": "Europe/Madrid", "fr": "Europe/Paris",
    "pt": "Europe/Lisbon", "de": "Europe/Berlin", "bg": "Europe/Sofia", "gr": "Europe/Athens",
    "al": "Europe/Tirane", "md": "Europe/Chisinau", "ma": "Africa/Casablanca", "tn": "Africa/Tunis",
    "sn": "Africa/Dakar", "ng": "Africa/Lagos", "eg": "Africa/Cairo", "th": "Asia/Bangkok",
    "la": "Asia/Vientiane", "vn": "Asia/Ho_Chi_Minh", "np": "Asia/Kathmandu", "br": "America/Sao_Paulo",
}  # fmt: skip
"""States of the simulation and where their offices' days end. Example States: the offices are made up."""


@dataclass(kw_only=True)
class LastingWorld(World):
    def record(self, key: LocalSigningKey, *, since: timedelta = timedelta(days=30)) -> KeyRecord:
        return key_record(
            key.public,
            not_before=self.now - since,
            signing_until=self.now + LASTS,
            verify_until=self.now + timedelta(days=3650),
        )

    def seal_record(self, key: SealingPrivateKey, purpose: KeyPurpose) -> KeyRecord:
        return sealing_key_record(
            key.public,
            purpose,
            not_before=self.now - timedelta(days=1),
            signing_until=self.now + LASTS,
            verify_until=self.now + LASTS + timedelta(days=30),
        )


def focal_point(state: str) -> Address:
    return Address(f"{state}.focal")


def second_office(state: str) -> Address:
    return Address(f"{state}.second")


def year_world(states: tuple[str, ...], start: datetime = START) -> World:
    now = start - timedelta(days=2)
    world = LastingWorld(now=now, charter_keys=[seeded_key(f"charter-{number}") for number in (1, 2, 3)])
    world.charter = sign_charter(
        network=NETWORK,
        keys=[key.public for key in world.charter_keys],
        threshold=2,
        snapshot_keys=[world.record(world.snapshot_key)],
        issued_at=now - timedelta(days=1),
        expires_at=now + timedelta(days=3650),
        signers=world.charter_keys[:2],
    )
    for state in states:
        world.admit(state, nodes=(state,))
        world.publish(node_facts(world, state, state), lasts=LASTS)
        for address, role in ((focal_point(state), Role.FOCAL_POINT), (second_office(state), Role.LOCAL)):
            world.publish(
                _authority(
                    world,
                    address,
                    role=role,
                    names={"en": f"Made-up office of {state}"},
                    jurisdiction=state.upper() if role is Role.FOCAL_POINT else f"{state.upper()}-01",
                    competences=PROCEDURES,
                    languages=("en",),
                    timezone=ZONES[state],
                    holidays=(date(start.year, 12, 25),),
                ),
                lasts=LASTS,
            )
    world.snapshot(lasts=LASTS)
    world.now = start
    world.directory = world.assemble()
    return world


def open_side(home: Path, code: str, world: World, clock: TestClock, hub: QueueHub) -> Side:
    """A node on its own store, which is there already when the process was killed before."""
    home.mkdir(parents=True, exist_ok=True)
    settings = settings_from(
        {
            "node": code,
            "state": code,
            "charter_digest": world.charter_digest,
            "data_dir": str(home),
            "hub_url": "nats://127.0.0.1:1",
            "automatic_reminders": "nudge escalate",
            # The clock jumps by hours, and what is on its way arrives in between: nothing repeats.
            "outbox_resend_seconds": 86_400,
            "outbox_resend_most_seconds": 86_400,
            "reconciliation_seconds": 3_600,
            "rate_actor_per_second": 0,
            "rate_address_per_second": 0,
            "rate_sign_in_per_minute": 0,
        },
        base=home,
    )
    ready_database(settings.database)
    keys, random = WorldKeys(world, code), SystemRandomSource()
    node = Node(
        settings=settings,
        code=NodeCode(code),
        state=StateCode(code),
        clock=clock,
        random=random,
        store=Store(settings.database, readers=2),
        keys=keys,
        vault=Vault(keys.kek(), clock=clock, random=random),
        ledger=Ledger(settings.ledger_dir, keys.kek(), salt=b"s" * 32),
        directory=WorldDirectory(world, clock),
        wake=Wake(),
        metrics=Metrics(),
        log=structlog.get_logger().bind(),
    )
    link = QueueLink(hub)
    return Side(node=node, outbox=Outbox(node, link), office=focal_point(code), hub=hub, link=link)
