"""Whom an intermediary's people act for: whoever has given it a mandate, for as long as that is in force.

Their accounts name the intermediary alone. What they may read and say for a State follows from the directory
at each request, so that a mandate that was revoked ends it at once.
"""

from __future__ import annotations

import dataclasses

from protocol.directory.mandates import represented
from protocol.identifiers import state_of
from service.access.actor import Actor
from service.node import Node

__all__ = ["acting", "acting_now"]


def acting(node: Node, actor: Actor) -> Actor:
    """The actor, with the authorities that its own act for now; unchanged at a State's node."""
    if node.state != "int" or not actor.authorities:
        return actor
    found = represented(node.directory.current(), node.code, actor.authorities, node.clock.now())
    return dataclasses.replace(actor, authorities=actor.authorities | found) if found else actor


def acting_now(node: Node, actor: Actor) -> Actor:
    """The same actor a while later, for what goes on after it was asked: a mandate that ended since gives
    nothing more."""
    if node.state != "int":
        return actor
    own = frozenset(one for one in actor.authorities if state_of(one) == node.state)
    return acting(node, dataclasses.replace(actor, authorities=own))
