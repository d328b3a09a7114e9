"""What two administrators do together: publish an entry of this State, and act with its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from service.access import pairs
from service.access.actor import Actor
from service.access.roles import Scope
from service.directory import desk, key_proposals
from service.directory.key_desk import KeyRequest
from service.exchange.approvals import found_approval, view_of
from service.exchange.views import ApprovalView
from service.node import Node
from service.store import approvals

__all__ = ["propose_entry", "propose_key_act"]


async def propose_entry(
    node: Node,
    actor: Actor,
    kind: str,
    name: str,
    facts: Mapping[str, Any] | None,
    signed: str | None,
) -> ApprovalView:
    """Keep an entry for a second administrator, who sees what it changes. Proposed again by the same person
    while it waits, the first answer comes again. What only revokes a mandate is published at once.

    Refuses as `desk.propose_entry`.
    """
    now = node.clock.now()

    def work(session: Session) -> ApprovalView:
        actor.require(Scope.ADMIN)
        proposal = desk.propose_entry(node, kind, name, facts, signed)
        for row in approvals.of_subject(session.connection(), proposal.path, [pairs.DIRECTORY_ACTION]):
            waits = pairs.state_at(row, now) == "proposed" and row.proposed_by == actor.person
            if waits and pairs.payload_of(row) == proposal.act:
                return view_of(row, now)
        if proposal.at_once:
            desk.publish_proposed(node, session, actor, proposal.act, proposal.path, now)
        approval = pairs.propose(
            node,
            session,
            actor,
            pairs.DIRECTORY_ACTION,
            proposal.path,
            {"act": "publish", "entry": kind, "name": name},
            now,
            act=proposal.act,
            preview=proposal.changes,
            in_force_since=now if proposal.at_once else None,
        )
        return view_of(found_approval(session, actor, approval), now)

    return await node.store.write(work)


async def propose_key_act(node: Node, actor: Actor, request: KeyRequest) -> ApprovalView:
    """Keep an act with a key for a second administrator. A cut-off holds at once, from now on. Proposed again
    by the same person while it waits, the first answer comes again.

    Refuses as `key_proposals.propose_key_act`.
    """
    now = node.clock.now()

    def work(session: Session) -> ApprovalView:
        actor.require(Scope.ADMIN)
        proposal = key_proposals.propose_key_act(node, session, request, now, by=actor.person, via=actor.via)
        for row in approvals.of_subject(session.connection(), proposal.subject, [pairs.KEY_ACTION]):
            waits = pairs.state_at(row, now) == "proposed" and row.proposed_by == actor.person
            if waits and not proposal.at_once and pairs.payload_of(row) == proposal.act:
                return view_of(row, now)
        approval = pairs.propose(
            node,
            session,
            actor,
            pairs.KEY_ACTION,
            proposal.subject,
            request.to_json(),
            now,
            act=proposal.act,
            preview=proposal.changes,
            in_force_since=now if proposal.at_once else None,
        )
        return view_of(found_approval(session, actor, approval), now)

    return await node.store.write(work)


async def _publish(node: Node, row: Row[Any]) -> pairs.Work:
    now = node.clock.now()

    def work(session: Session) -> None:
        if row.in_force_since is None:
            act = pairs.payload_of(row)
            desk.publish_proposed(node, session, pairs.proposer_of(row), act, row.subject, now)

    return work


async def _act_with_keys(node: Node, row: Row[Any]) -> pairs.Work:
    now = node.clock.now()
    return lambda session: key_proposals.carry_out_proposed(
        node, session, pairs.payload_of(row), now, by=row.proposed_by, via=pairs.via_of(row)
    )


pairs.ACTS[pairs.DIRECTORY_ACTION] = _publish
pairs.ACTS[pairs.KEY_ACTION] = _act_with_keys
