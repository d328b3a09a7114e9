"""Who may act for a State without a node, in what, towards whom, and for how long.

    carried_by(directory, address, ...)   the node that an authority is reached at, and under which mandate
    require_mandate(directory, ...)       the mandate that covers one act, or why none does

An authority without a node of its State's own names the node of an international body. That alone opens
nothing: a mandate of that State has to be in force, for an authority that this node serves. A new version of
the mandate's entry ends it for everybody who holds the directory, from that moment on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from protocol.directory.archive import Archive
from protocol.directory.between import MandateFacts
from protocol.directory.entries import MandateEntry
from protocol.directory.lookup import Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, NodeCode, StateCode, state_of

__all__ = [
    "OUT_OF_SCOPE",
    "Carrier",
    "carried_by",
    "intermediary_of_node",
    "is_intermediary_node",
    "mandated_at",
    "represented",
    "require_mandate",
    "was_mandated",
]

OUT_OF_SCOPE: Final = frozenset({"mandate.procedure", "mandate.state"})
"""A mandate is in force and does not reach so far: what comes is sealed past the intermediary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """`node`: where an authority is reached. `intermediary`, `mandate`: set when the node is not its State's;
    `mandate` is None for what the intermediary may carry and not open."""

    node: NodeCode
    intermediary: Address | None = None
    mandate: MandateFacts | None = None

    @property
    def readable(self) -> frozenset[str]:
        """The parts that this node may open."""
        if self.intermediary is None:
            return frozenset({"coded", "narrative", "identity"})
        return frozenset() if self.mandate is None else frozenset(self.mandate.parts)


def is_intermediary_node(directory: Directory, node: NodeCode, authority: Address) -> bool:
    """Whether the node is of another member than the authority. Refuses as `Directory.node`."""
    return state_of(authority) != directory.state_of_node(node)


def intermediary_of_node(directory: Directory, node: NodeCode) -> tuple[Address, ...]:
    """The international bodies' authorities that this node serves."""
    return tuple(
        entry.address for entry in directory.authorities() if entry.node == node and entry.state == "int"
    )


def carried_by(
    directory: Directory,
    address: Address,
    *,
    procedure: str | None,
    towards: StateCode,
    at: datetime,
    blind: bool = False,
    by: Collection[Address] | None = None,
) -> Carrier:
    """The node that an authority is reached at. `towards`: the other State of the message. `procedure`: None
    for a move whose conversation is not known yet.

    `blind`: what no mandate gives the intermediary to read, it may carry, as long as some mandate of that
    State is in force. `by`: under a mandate of one of these intermediaries of that node; None for whichever
    has one, which is right for what a node does and wrong for what somebody does there. Refuses as
    `Directory.authority` and `Directory.node`, and as `require_mandate`.
    """
    node = directory.node(directory.authority(address).node).code
    if not is_intermediary_node(directory, node, address):
        return Carrier(node=node)
    intermediaries = [one for one in intermediary_of_node(directory, node) if by is None or one in by]
    state = state_of(address)
    refused: NotAcceptable | None = None
    for intermediary in intermediaries:
        try:
            mandate = require_mandate(
                directory, state=state, intermediary=intermediary, procedure=procedure, towards=towards, at=at
            )
        except NotAcceptable as reason:
            if blind and reason.code in OUT_OF_SCOPE:
                return Carrier(node=node, intermediary=intermediary)
            refused = refused or reason
            continue
        return Carrier(node=node, intermediary=intermediary, mandate=mandate)
    raise refused or _none(state)


def require_mandate(
    directory: Directory,
    *,
    state: StateCode,
    intermediary: Address,
    procedure: str | None,
    towards: StateCode,
    at: datetime,
) -> MandateFacts:
    """The mandate by which `intermediary` acts for `state` at `at`, as the directory has it now.

    Refuses `mandate.none`, `mandate.not_begun`, `mandate.ended`, `mandate.revoked`, and, where one is in
    force, `mandate.state` and `mandate.procedure`: the nearest reason that there is.
    """
    given = [
        entry.facts
        for path, entry in sorted(directory.others.items())
        if isinstance(entry, MandateEntry)
        and path not in directory.unserved
        and entry.state == state
        and entry.facts.intermediary == intermediary
    ]
    in_force = [one for one in given if one.in_force(at)]
    facts = {"state": state, "intermediary": intermediary}
    if in_force:
        of_state = [one for one in in_force if not one.states or towards in one.states]
        if not of_state:
            raise NotAcceptable("mandate.state", f"no mandate of {state} reaches {towards}", facts=facts)
        for one in of_state:
            if procedure is None or procedure in one.procedures:
                return one
        raise NotAcceptable(
            "mandate.procedure",
            f"no mandate of {state} for {intermediary} gives {procedure}",
            facts={**facts, "procedure": procedure or ""},
        )
    if not given:
        raise _none(state)
    if any(one.revoked_at is not None and at >= one.revoked_at for one in given):
        raise NotAcceptable("mandate.revoked", f"{state} revoked its mandate for {intermediary}", facts=facts)
    if all(at < one.since for one in given):
        raise NotAcceptable("mandate.not_begun", f"no mandate of {state} has begun", facts=facts)
    raise NotAcceptable("mandate.ended", f"the mandate of {state} for {intermediary} ended", facts=facts)


def was_mandated(directory: Directory, **asked: Any) -> bool:
    """As `mandated_at`, by all that the directory remembers."""
    return mandated_at(directory.archive, **asked)


def mandated_at(
    archive: Archive,
    *,
    state: StateCode,
    intermediary: Address,
    procedure: str | None,
    towards: StateCode,
    at: datetime,
    parts: Collection[str] = (),
) -> bool:
    """Whether a mandate that gave these `parts` covered an act at `at`, by the version of it that had been
    given by then: one that was renewed or narrowed since covered what was typed before. One that was revoked
    does not cover what is dated later, also when the revocation was published afterwards."""
    for versions in archive.mandates(state).values():
        for number, entry in enumerate(versions):
            facts, later = entry.facts, versions[number + 1 :]
            if (
                facts.intermediary == intermediary
                and facts.in_force(at)
                and (not facts.states or towards in facts.states)
                and (procedure is None or procedure in facts.procedures)
                and set(parts) <= set(facts.parts)
                and not any(one.issued_at <= at for one in later)
                and not any(one.facts.revoked_at is not None and one.facts.revoked_at <= at for one in later)
            ):
                return True
    return False


def represented(
    directory: Directory, node: NodeCode, intermediaries: Iterable[Address], at: datetime
) -> frozenset[Address]:
    """The authorities that these intermediaries, served by `node`, act for at `at`, by whatever mandate."""
    acting = frozenset(intermediaries) & frozenset(intermediary_of_node(directory, node))
    states = {entry.state for one in acting for entry in directory.mandates(at=at, intermediary=one)}
    return frozenset(
        entry.address for entry in directory.authorities() if entry.node == node and entry.state in states
    )


def _none(state: StateCode) -> NotAcceptable:
    return NotAcceptable(
        "mandate.none",
        f"{state} has given no mandate to the intermediary at this node",
        facts={"state": state},
    )
