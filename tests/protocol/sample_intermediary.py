"""The sample directory with a third State that has no node, and the intermediary that it has given a mandate.

world = intermediary_directory()
world.signing["int.iom"]        what the intermediary types with
give(world, procedures=(...))   another mandate in its place
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from protocol.directory import Directory, KeyPurpose, MandateFacts, Role
from protocol.identifiers import Address, NodeCode, StateCode
from tests.protocol.sample_directory import (
    PROCEDURES,
    World,
    _authority,
    node_facts,
    sample_directory,
    seeded_sealing_key,
)

INT_IOM, IOM = NodeCode("int-iom"), Address("int.iom")
MD = StateCode("md")
MD_OFFICE = Address("md.protectia-copilului")


def mandate(world: World, **changes: Any) -> MandateFacts:
    given = MandateFacts(
        state=MD,
        name="iom",
        intermediary=IOM,
        procedures=PROCEDURES,
        states=(StateCode("it"),),
        since=world.now - timedelta(days=1),
        until=world.now + timedelta(days=90),
    )
    return dataclasses.replace(given, **changes)


def give(world: World, **changes: Any) -> Directory:
    """The State publishes its mandate anew."""
    world.publish(mandate(world, **changes))
    return world.refresh()


def revoke(world: World) -> Directory:
    """From now on; what was given before stays in the entry."""
    facts = world.facts["md/mandate/iom"]
    assert isinstance(facts, MandateFacts)
    world.publish(dataclasses.replace(facts, revoked_at=world.now))
    return world.refresh()


def give_own_key(world: World) -> Directory:
    """The office holds keys of its own, on its own machine, to which others may seal."""
    records = []
    for purpose, kind in (("content", KeyPurpose.SEAL_CONTENT), ("identity", KeyPurpose.SEAL_IDENTITY)):
        key = world.sealing[MD_OFFICE, purpose] = seeded_sealing_key(f"{MD_OFFICE}-{purpose}-1")
        records.append(world.seal_record(key, kind))
    world.publish(dataclasses.replace(world.authority(MD_OFFICE), sealing_keys=tuple(records)))
    return world.refresh()


def take_own_node(world: World) -> Directory:
    """The State runs a node from now on: its entry names it, and the mandate ends."""
    world.admit("md", nodes=("md",))
    world.publish(node_facts(world, "md", "md"))
    world.publish(dataclasses.replace(world.authority(MD_OFFICE), node=NodeCode("md")))
    return revoke(world)


def intermediary_directory() -> World:
    world = sample_directory()
    world.admit("int-iom", nodes=("int-iom",), authorities=(IOM,))
    world.publish(node_facts(world, "int-iom", "int"), member="int-iom")
    common: dict[str, Any] = {"timezone": "Europe/Chisinau", "holidays": (), "languages": ("ro", "ru", "en")}
    body = _authority(
        world,
        IOM,
        role=Role.INTERNATIONAL,
        names={"en": "International organisation (example)"},
        jurisdiction="001",
        competences=PROCEDURES,
        **common,
    )
    world.publish(dataclasses.replace(body, node=INT_IOM), member="int-iom")
    world.admit("md", nodes=())
    office = _authority(
        world,
        MD_OFFICE,
        role=Role.FOCAL_POINT,
        names={"en": "Child protection office", "ro": "Protecția copilului"},
        jurisdiction="MD",
        competences=PROCEDURES,
        **common,
    )
    # Its key is the State's own, and stays with the State: the intermediary never has it.
    world.publish(dataclasses.replace(office, node=INT_IOM))
    world.publish(mandate(world))
    world.refresh()
    return world
