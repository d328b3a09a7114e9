"""The outbox worker: numbers what may leave, seals it, publishes it, and does so again until it is answered.

    read queued rows -> seal under the next numbers -> one transaction numbers them -> publish

Sealing comes before the transaction (it is most of the work, and the writer serves everybody), so the
numbers are taken optimistically: the transaction fails, and all is read again, when a row was held
meanwhile or another worker was faster. Publishing comes after the commit: a crash between the two leaves a
numbered row whose next attempt is due, and the receiver knows a repeated message by its id and statement.

The hub's acknowledgement moves nothing. A row is done when the peer's own signed evidence says so.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from protocol import channels
from protocol.channels import Channel
from protocol.directory import Directory
from protocol.envelope import Envelope
from protocol.errors import Refused
from protocol.identifiers import MessageId, NodeCode, new_message_id
from service.errors import NodeError, Unavailable
from service.exchange import letters, mandated, withholding
from service.exchange.erasure import end_unreadable
from service.exchange.letters import Letter
from service.node import Node
from service.routing.nats import HubLink
from service.store import mailbox, outgoing

__all__ = ["Outbox"]

RECEIPTS_PER_ENVELOPE = 32
"""Evidence for the same peer shares an envelope: one seal and one signature for up to this many receipts.
Bounded so that the envelope stays far below the coded part's limit."""

RELEASED_AT_ONCE = 128
"""Rows sealed and numbered together. A few hundred in flight keep the hub busy; more only adds waiting."""

BLOBS_AT_ONCE = 4
"""Chunks of attachments sealed and numbered together, after everything else: about 1 MiB in memory, and a
message that comes meanwhile waits for no more than these."""

REPEATS_PER_SECOND = 200
"""Of what was sent before, at most. Each repetition is sealed anew, so the hub cannot tell it from the
first: a node that is slow to answer would otherwise be buried under copies of what it is already working
on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbered:
    release: outgoing.Release
    envelope: Envelope
    is_content: bool


class Outbox:
    """One worker. Several may run on one database: the numbering transaction lets only one have each
    number."""

    def __init__(self, node: Node, link: HubLink) -> None:
        self._node = node
        self._link = link
        self._publishing = asyncio.Semaphore(node.settings.publishes_in_flight)
        self._resting: dict[NodeCode, datetime] = {}
        self._repeat_from = 0.0
        self._in_flight: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled. A fault of one round is logged and the next round tries again: rows are
        patient."""
        node = self._node
        await node.store.write(lambda session: outgoing.due_again(session.connection(), node.clock.now()))
        while True:
            # Without a hub an attempt would only be used up, and the next be further away.
            if not await self._link.wait_connected(node.settings.outbox_poll_seconds):
                continue
            seen = node.wake.outbox_ready.count
            try:
                released = await self.release_queued()
                # A node that is behind with new work does no old work twice: most of it is answered already.
                behind = released >= RELEASED_AT_ONCE or self._now() < self._repeat_from
                repeated = 0 if behind else await self.repeat_due()
                self._repeat_from = self._now() + repeated / REPEATS_PER_SECOND
            except (Refused, NodeError) as reason:
                node.log.warning("outbox.round_failed", code=reason.code)
                released = repeated = 0
            if not released and not repeated:
                await node.wake.outbox_ready.wait(seen, timeout=node.settings.outbox_poll_seconds)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def release_queued(self) -> int:
        """Number, seal and publish what is queued. Returns how many rows left."""
        node = self._node
        now = node.clock.now()
        await self._block(now)
        resting = [peer for peer, until in self._resting.items() if until > now]
        rows = await node.store.read(
            lambda session: outgoing.to_release(session.connection(), RELEASED_AT_ONCE, without=resting)
        )
        if await self._hold(rows, now):
            return await self.release_queued()
        if not rows:
            return 0
        directory = node.directory.current()
        blobs = [row for row in rows if row.kind == "blob"]
        if not blobs:
            return await self._release_rows(rows, directory, now)
        others = await self._release_rows([row for row in rows if row.kind != "blob"], directory, now)
        return others + await self._release_rows(blobs[:BLOBS_AT_ONCE], directory, now)

    async def _release_rows(self, rows: Sequence[Row[Any]], directory: Directory, now: datetime) -> int:
        node = self._node
        by_peer: dict[NodeCode, list[Any]] = defaultdict(list)
        for row in rows:
            by_peer[NodeCode(row.recipient_node)].append(row)
        released = 0
        for peer, waiting in by_peer.items():
            try:
                numbered = await self._release_to(peer, waiting, directory)
            except Refused as reason:
                # Suspended, expired, without a key today: its rows wait, and hold up nobody else's.
                self._resting[peer] = now + timedelta(seconds=node.settings.outbox_resend_seconds)
                node.log.warning("outbox.peer_refused", peer=peer, code=reason.code, count=len(waiting))
                continue
            released += sum(len(item.release.rows) for item in numbered)
            for item in numbered:
                self._publish(peer, item.envelope, item.release.rows)
            # Let publishing start before the next peer is sealed.
            await asyncio.sleep(0)
        return released

    async def _release_to(
        self, peer: NodeCode, rows: Sequence[Row[Any]], directory: Directory
    ) -> Sequence[_Numbered]:
        node = self._node
        now = node.clock.now()
        rows = await self._mandated(rows, directory, now)
        waiting = await node.store.read(lambda session: letters.load(node, session, rows))
        await self._end_unreadable(rows, waiting)
        if not waiting:
            return ()
        known = await node.store.read(
            lambda session: outgoing.newest_channel(session.connection(), node.code, peer)
        )
        channel = known or channels.open_channel(node.code, peer, letters.first_epoch(now))
        grouped = list(_grouped(waiting, node))
        sealed, advanced = await asyncio.to_thread(_seal_all, node, grouped, channel, directory, now)

        def number(session: Session) -> None:
            connection = session.connection()
            newest = outgoing.newest_channel(connection, node.code, peer)
            if newest is not None and newest.epoch != channel.epoch:
                raise Unavailable("outbox.numbers_taken", "another epoch was begun meanwhile: read again")
            outgoing.keep_manifests(
                connection,
                [(item.release.envelope_id, item.envelope.manifest) for item in sealed if item.is_content],
            )
            taken = outgoing.save_channel(
                connection, advanced, was=known.last if known else None, now=now
            ) and outgoing.release(connection, advanced, [item.release for item in sealed])
            mailbox.mark_sent(
                connection, node.code, [item.release.envelope_id for item in sealed if item.is_content]
            )
            if not taken:
                raise Unavailable("outbox.numbers_taken", "another worker or a hold was faster: read again")

        await node.store.write(number)
        return sealed

    async def repeat_due(self) -> int:
        """Publish again what was released and is still unanswered. Sealed afresh, under its old number."""
        node = self._node
        now = node.clock.now()
        rows = await node.store.read(
            lambda session: outgoing.whole_envelopes(
                session.connection(),
                _few_blobs(outgoing.to_repeat(session.connection(), now, RELEASED_AT_ONCE)),
            )
        )
        if not rows:
            return 0
        if await self._hold(rows, now):
            # What goes to the same peers has no number any more either, and gets a new one with these out of
            # the way.
            return await self.release_queued()
        directory = node.directory.current()
        rows = await self._mandated(rows, directory, now)
        if not rows:
            return 0
        waiting = await node.store.read(lambda session: letters.load(node, session, rows))
        await self._end_unreadable(rows, waiting)
        by_envelope: dict[tuple[NodeCode, MessageId], list[Letter]] = defaultdict(list)
        for letter in waiting:
            by_envelope[letter.peer, letter.envelope_id or letter.message_id].append(letter)
        sealed = await asyncio.to_thread(_seal_again, node, by_envelope, directory, now)

        def note(session: Session) -> frozenset[int]:
            outgoing.postpone(
                session.connection(),
                # All that were due, also what could not be sealed: else it would be in the way for ever.
                [(row.row, _next_attempt(now, row.attempts, node)) for row in rows],
            )
            outgoing.keep_manifests(
                session.connection(),
                [
                    (group[0].message_id, envelope.manifest)
                    for _, group, envelope in sealed
                    if group[0].kind == "content"
                ],
            )
            return outgoing.still_released(session.connection(), [row.row for row in rows])

        released = await node.store.write(note)
        for peer, group, envelope in sealed:
            if group[0].kind in ("content", "blob") and group[0].row not in released:
                continue  # held while it was sealed
            self._publish(peer, envelope, tuple(letter.row for letter in group))
        return len(waiting)

    async def _hold(self, rows: Sequence[Row[Any]], now: datetime) -> bool:
        """Hold what may not leave of these, with all else of its case. False when all may leave."""
        node = self._node
        found = await node.store.read(lambda session: withholding.cases_to_hold(node, session, rows))
        if not found:
            return False

        def hold(session: Session) -> None:
            for case in found:
                withholding.apply(node, session, case, now)

        await node.store.write(hold)
        return True

    async def _mandated(
        self, rows: Sequence[Row[Any]], directory: Directory, now: datetime
    ) -> Sequence[Row[Any]]:
        """These rows without what no mandate covers any more, and what has to go to another node by now."""
        node = self._node
        found = await node.store.read(lambda session: mandated.verdicts(node, session, rows, directory, now))
        if not found:
            return rows
        await node.store.write(lambda session: mandated.apply_verdicts(node, session, found, now))
        decided = {one.row.row for one in found}
        return [row for row in rows if row.row not in decided]

    async def _block(self, now: datetime) -> None:
        """At an intermediary's node: what no mandate lets it read any more. First of all, so that whoever has
        something to send under an ended mandate does not read on meanwhile."""
        node = self._node
        if node.state != "int":
            return
        directory = node.directory.current()
        found = await node.store.read(lambda session: mandated.cases_to_block(node, session, directory, now))
        if found:
            await node.store.write(lambda session: mandated.apply_blocks(node, session, found, now))

    async def _end_unreadable(self, rows: Sequence[Row[Any]], loaded: Sequence[Letter]) -> None:
        """What was erased since it was queued is over; the rows beside it are not."""
        readable = {letter.row for letter in loaded}
        gone = [row for row in rows if row.kind == "content" and row.row not in readable]
        if gone:
            node, now = self._node, self._node.clock.now()
            await node.store.write(lambda session: end_unreadable(node, session, gone, now))

    async def published(self) -> None:
        """Returns once nothing that was released waits for the hub's word any more."""
        while self._in_flight:
            await asyncio.gather(*self._in_flight)

    def _publish(self, peer: NodeCode, envelope: Envelope, rows: tuple[int, ...]) -> None:
        task = asyncio.create_task(self._publish_one(peer, envelope, rows))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _publish_one(self, peer: NodeCode, envelope: Envelope, rows: tuple[int, ...]) -> None:
        async with self._publishing:
            try:
                await self._link.publish_envelope(peer, envelope.data, envelope.manifest_digest)
            except (NodeError, Refused) as reason:
                # The row stays released; its next attempt is already due at a known time.
                self._node.metrics.publish_failed(peer, reason.code)
                self._node.log.info("outbox.publish_failed", node=peer, code=reason.code, count=len(rows))
            else:
                self._node.metrics.published(peer)


def _few_blobs(rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """The rest of the chunks stays due, and follows in the next round."""
    blobs = [row for row in rows if row.kind == "blob"]
    return [row for row in rows if row.kind != "blob"] + blobs[:BLOBS_AT_ONCE]


def _grouped(waiting: Sequence[Letter], node: Node) -> Iterable[tuple[MessageId, tuple[Letter, ...]]]:
    """Content travels alone, under its own id, and so do chunks and what is returned; receipts share
    envelopes."""
    for letter in waiting:
        if letter.kind == "content":
            yield letter.message_id, (letter,)
        elif letter.kind in ("blob", "returned"):
            yield new_message_id(node.random.bytes), (letter,)
    receipts = [letter for letter in waiting if letter.kind == "evidence"]
    for some in batched(receipts, RECEIPTS_PER_ENVELOPE):
        yield new_message_id(node.random.bytes), some


def _seal_all(
    node: Node,
    grouped: Sequence[tuple[MessageId, tuple[Letter, ...]]],
    channel: Channel,
    directory: Directory,
    now: datetime,
) -> tuple[Sequence[_Numbered], Channel]:
    """The envelopes, numbered on from `channel`, and the channel with them."""
    sealed = []
    for envelope_id, group in grouped:
        numbered = [letter.numbered(envelope_id, channel.epoch, channel.last + 1) for letter in group]
        sameness = letters.sameness(numbered)
        channel = channels.advance(channel, channel.last + 1, envelope_id, sameness)
        is_content = group[0].kind == "content"
        sealed.append(
            _Numbered(
                release=outgoing.Release(
                    rows=tuple(letter.row for letter in group),
                    envelope_id=envelope_id,
                    sequence=channel.last,
                    statement_digest=sameness,
                    chain=channel.chain,
                    again_at=now + _first_wait(node, by_digest=group[0].kind in ("evidence", "returned")),
                ),
                envelope=letters.seal(node, channel.recipient, numbered, directory=directory, now=now),
                is_content=is_content,
            )
        )
    return sealed, channel


def _seal_again(
    node: Node,
    by_envelope: Mapping[tuple[NodeCode, MessageId], Sequence[Letter]],
    directory: Directory,
    now: datetime,
) -> Sequence[tuple[NodeCode, Sequence[Letter], Envelope]]:
    sealed = []
    for (peer, _), group in by_envelope.items():
        try:
            sealed.append((peer, group, letters.seal(node, peer, group, directory=directory, now=now)))
        except Refused as reason:
            node.log.warning("outbox.peer_refused", peer=peer, code=reason.code, count=len(group))
    return sealed


def _first_wait(node: Node, *, by_digest: bool) -> timedelta:
    """Content is answered within seconds, and so are chunks; evidence and what is returned by the peer's next
    running digest."""
    settings = node.settings
    patience = settings.outbox_resend_seconds
    return timedelta(seconds=patience + 2 * settings.reconciliation_seconds if by_digest else patience)


def _next_attempt(now: datetime, attempts: int, node: Node) -> datetime:
    """Doubling from the resend interval up to an hour: a peer that is away for days is not hammered."""
    seconds = node.settings.outbox_resend_seconds * 2 ** min(attempts, 12)
    return now + timedelta(seconds=min(seconds, node.settings.outbox_resend_most_seconds))
