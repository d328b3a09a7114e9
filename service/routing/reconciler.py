"""The worker that tells each peer, on a schedule, what we have of our channels with it.

The statement travels in an envelope without a number: it is itself about numbers, and the next one says more.
Chunks of attachments are confirmed at once, for their sender waits with the next ones.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlmodel import Session

from protocol.envelope import ClearHeader, Envelope, Outgoing, assemble
from protocol.errors import FocalpointError, Refused
from protocol.identifiers import NodeCode, new_message_id
from protocol.indicators import Told
from protocol.statements import Statement
from service.errors import NodeError
from service.exchange import checkpoints, indicators
from service.exchange.letters import first_epoch
from service.exchange.reconcile import state_of_channels
from service.node import Node
from service.routing.nats import HubLink
from service.store import comparisons
from service.store.tables import CHANNEL

__all__ = ["Reconciler"]

REPEATED_AFTER = 10
"""Intervals after which the same is said again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """When a peer was last told, and as of which change of its channels and of the directory."""

    at: datetime
    about: datetime
    snapshot: str


class Reconciler:
    def __init__(self, node: Node, link: HubLink) -> None:
        self._node = node
        self._link = link
        self._told: dict[NodeCode, _Told] = {}
        self._confirmed: dict[NodeCode, _Told] = {}

    async def run(self) -> None:
        """Until cancelled."""
        loop, every = asyncio.get_running_loop(), self._node.settings.reconciliation_seconds
        came, differs = self._node.wake.chunks_came, self._node.wake.directory_differs
        due, seen, known = loop.time() + every, came.count, differs.count
        while True:
            # A hint, so that both sides learn of a split view in one round; the round comes anyway.
            waits = [
                asyncio.ensure_future(came.wait(seen, timeout=max(0.0, due - loop.time()))),
                asyncio.ensure_future(differs.wait(known, timeout=max(0.0, due - loop.time()))),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            chunks, split = came.count > seen, differs.count > known
            seen, known = came.count, differs.count
            if not chunks and not split:
                due = loop.time() + every
            try:
                if split:
                    await self.answer_splits()
                if chunks:
                    await self.confirm()
                if not chunks and not split:
                    await self.tell_all()
            except FocalpointError as reason:
                code = reason.code if isinstance(reason, Refused | NodeError) else "internal"
                self._node.log.warning("reconciliation.round_failed", code=code)

    async def tell_all(self) -> int:
        """One statement to each peer whose channels changed since the last, or which was told long ago: the
        hub may have lost it. Returns how many were sent."""
        owed = await self._node.store.read(lambda session: comparisons.owed(session.connection()))
        return await self._tell(self._told, gaps=True, at_once=owed)

    async def answer_splits(self) -> int:
        """At once to those alone that were found to see another directory: what we see of it."""
        owed = await self._node.store.read(lambda session: comparisons.owed(session.connection()))
        return await self._tell(self._told, gaps=True, at_once=owed, others=False)

    async def confirm(self) -> int:
        """The same between times, and nothing of what is missing."""
        return await self._tell(self._confirmed, gaps=False)

    async def _tell(
        self,
        already: dict[NodeCode, _Told],
        *,
        gaps: bool,
        at_once: frozenset[NodeCode] = frozenset(),
        others: bool = True,
    ) -> int:
        node = self._node
        now = node.clock.now()
        directory = node.directory.current()
        sent = 0
        repeat = timedelta(seconds=REPEATED_AFTER * node.settings.reconciliation_seconds)
        for peer, changed_at in await node.store.read(self._peers):
            told = already.get(peer)
            known = told is not None and told.about == changed_at
            if gaps and told is not None and told.snapshot != directory.snapshot.digest:
                known = False
            if peer not in at_once and (
                not others or (known and told is not None and now - told.at < repeat)
            ):
                continue

            def envelope(
                session: Session, peer: NodeCode = peer
            ) -> tuple[Statement, Envelope, tuple[Told, ...]] | None:
                figures = indicators.owed_to(node, session.connection(), peer, now) if gaps else ()
                statement = state_of_channels(node, session, peer, directory, now, gaps=gaps, figures=figures)
                if statement is None:
                    return None
                key = directory.sealing_key(peer, "content", now)
                id_ = new_message_id(node.random.bytes)
                sealed = assemble(
                    Outgoing(kind="reconciliation", id=id_, statements=(statement.token,)),
                    clear=ClearHeader(
                        sender=node.code,
                        recipient=peer,
                        id=id_,
                        sent_at=now,
                        epoch=first_epoch(now),
                        sequence=0,
                        suite=key.suite,
                        key=key.kid,
                    ),
                    node_key=node.keys.signing(node.code),
                    sealing_key=key,
                    identity_key=None,
                )
                return statement, sealed, figures

            ready = await node.store.read(envelope)
            if ready is not None:
                statement, sealed, figures = ready

                def kept(
                    session: Session,
                    said: Statement = statement,
                    peer: NodeCode = peer,
                    figures: tuple[Told, ...] = figures,
                ) -> None:
                    checkpoints.keep(node, session, said, issuer=node.code, peer=peer, at=now)
                    indicators.keep_told(node, session, peer, figures, said, now)
                    comparisons.told(session.connection(), peer)

                # Before it leaves: what a peer holds of us, we hold too.
                await node.store.write(kept)
                await self._link.publish_envelope(peer, sealed.data, sealed.manifest_digest)
                already[peer] = _Told(at=now, about=changed_at, snapshot=directory.snapshot.digest)
                sent += 1
        return sent

    def _peers(self, session: Session) -> list[tuple[NodeCode, datetime]]:
        me = self._node.code
        rows = session.connection().execute(
            select(CHANNEL).where(or_(CHANNEL.c.sender_node == me, CHANNEL.c.recipient_node == me))
        )
        changed: dict[NodeCode, datetime] = {}
        for row in rows:
            peer = NodeCode(row.recipient_node if row.sender_node == me else row.sender_node)
            changed[peer] = max(row.updated_at, changed.get(peer, row.updated_at))
        return sorted(changed.items())
