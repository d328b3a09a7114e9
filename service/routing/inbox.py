"""The inbox worker: takes what the hub brings, opens it, has it accepted, and only then acknowledges.

    pull -> authenticate and open -> one unit of the writer -> commit -> acknowledge

Acknowledging after the commit means that a crash between the two brings the same bytes again, and the inbox
knows them. Acknowledging first would lose a message that somebody was told is safe.

    accepted, refused or known    ack
    its predecessor is missing    nak with a delay; after a while term: the sender's outbox brings it again
    nobody vouches for it         quarantine, no reply, term
    a passing fault of ours       nak with a delay
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlmodel import Session

from protocol.errors import Refused
from service.errors import NodeError
from service.exchange import take_in
from service.exchange.accept import Outcome
from service.node import Node
from service.routing.nats import Delivery, HubLink
from service.store import quarantine

__all__ = ["Inbox"]

PATIENCE = 20
"""Deliveries of a message whose predecessor has not come, before the hub is told to forget it. The sender
keeps it in its outbox until we answer, so forgetting loses nothing and frees the hub's pending slot. As
many times is tried what brings out a fault of ours."""


class Inbox:
    def __init__(self, node: Node, link: HubLink) -> None:
        self._node = node
        self._link = link

    async def run(self) -> None:
        """Until cancelled."""
        async for deliveries in self._link.deliveries():
            await self.take(deliveries)

    async def take(self, deliveries: Sequence[Delivery]) -> None:
        node = self._node
        try:
            outcomes = await take_in.take_in(node, [delivery.data for delivery in deliveries], source="hub")
        except Exception as fault:
            code = fault.code if isinstance(fault, Refused | NodeError) else "internal"
            node.log.error("inbox.round_failed", code=code, count=len(deliveries), exc_info=fault)
            await asyncio.gather(*(delivery.nak(delay=5) for delivery in deliveries))
            return
        await asyncio.gather(
            *(
                self._answer_hub(delivery, outcome)
                for delivery, outcome in zip(deliveries, outcomes, strict=True)
            )
        )

    async def _answer_hub(self, delivery: Delivery, outcome: Outcome | Exception) -> None:
        if isinstance(outcome, Exception):
            code = outcome.code if isinstance(outcome, Refused | NodeError) else "internal"
            self._node.log.error("inbox.fault", code=code, exc_info=outcome)
            if delivery.attempt < PATIENCE:
                await delivery.nak(delay=5)
            else:
                await self._set_aside(delivery)
            return
        match outcome.disposition:
            case "wait" if delivery.attempt < PATIENCE:
                await delivery.nak(delay=min(2**delivery.attempt * 0.1, 30))
            case "wait" | "quarantined":
                await delivery.term(outcome.code or "")
            case _:
                await delivery.ack()

    async def _set_aside(self, delivery: Delivery) -> None:
        """It brings out a fault of ours each time: an operator finds it in quarantine, and the rest goes
        on."""
        node = self._node

        def keep(session: Session) -> None:
            quarantine.keep(
                session.connection(),
                delivery.data,
                sealed=True,
                code="node.internal",
                source="hub",
                now=node.clock.now(),
                most=node.settings.quarantine_rows,
            )

        await node.store.write(keep)
        await delivery.term("node.internal")
