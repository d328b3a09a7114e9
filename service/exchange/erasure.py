"""Erasing parts of a case: what cannot be taken back, in the order in which a crash does no harm.

    1  the ledger has it, on disk            from here on it will be erased, whatever happens
    2  one transaction: keys, sealed parts and chunks go; messages that need them and were never answered for
       end with a code; the other State is told the fact
    3  the log of the database is cut, the keys in memory are let go, freed memory is written over; noted

A start does what is missing of 2 (`replay`) and of 3 (`forget`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session

from protocol.identifiers import CaseReference, MessageId, ThreadId
from protocol.retention import ERASABLE, ErasablePart
from service.errors import Unavailable
from service.exchange import chunks
from service.exchange.letters import first_epoch
from service.exchange.receipts import take_back
from service.exchange.telling import directory_or_none, tell_of_erasure
from service.node import Node
from service.store import outgoing, relay, retention
from service.store.tables import ATTACHMENT, CASE_RETENTION, MESSAGE
from service.store.wiping import overwrite_freed_memory, overwrite_of_this_thread

__all__ = ["end_unreadable", "erase", "forget", "forget_now", "outstanding", "replay"]

_OTHER_THREADS = 8
"""How often the threads of `to_thread`, which nobody can choose among, are asked together."""


def erase(
    node: Node, session: Session, reference: CaseReference, parts: Collection[ErasablePart], now: datetime
) -> tuple[ErasablePart, ...]:
    """Destroy the keys of these parts, with all that they sealed. Which of them were still there.

    Call `forget` after the commit.
    """
    connection = session.connection()
    gone = retention.erased_parts(connection, reference)
    wanted = tuple(part for part in ERASABLE if part in parts and part not in gone)
    if not wanted:
        return ()
    for part in wanted:
        node.ledger.append(reference, part, now)
    ended = retention.end_letters(connection, reference, wanted, now)
    retention.drop_proposals(connection, reference)
    if "identity" in wanted:
        _end_attachments(node, session, reference, now)
        # Sealed to a key that is not here, and to be gone all the same.
        relay.drop_envelopes(connection, reference)
    for part in wanted:
        node.vault.destroy(session, reference, part)
        retention.drop_parts(connection, reference, part)
    retention.change(connection, reference, erased_at=now, forgotten_at=None)
    for row in ended:
        _take_back_unsaid(node, session, row, now)
    epoch = first_epoch(now)
    for peer in retention.peers_left_with_a_gap(ended):
        # A number that is not sent again would be asked for until the end of time.
        outgoing.begin_epoch(connection, node.code, peer, epoch, now)
    if "identity" in wanted:
        tell_of_erasure(node, session, reference, now)
    return wanted


def replay(node: Node, session: Session, now: datetime) -> int:
    """Erase again what the ledger names and this database still has a key for: it was put back from a copy,
    or a crash came between ledger and commit. How many cases that is."""
    named = node.ledger.parts_by_name()
    if not named:
        return 0
    found = 0
    for reference in retention.every_case(session.connection()):
        parts = named.get(node.ledger.named(reference), set())
        found += bool(erase(node, session, reference, parts, now))
    return found


def outstanding(session: Session) -> tuple[CaseReference, ...]:
    """Cases whose keys are gone while an old page may still lie in a file."""
    rows = session.connection().execute(
        select(CASE_RETENTION.c.reference).where(
            CASE_RETENTION.c.erased_at.is_not(None), CASE_RETENTION.c.forgotten_at.is_(None)
        )
    )
    return tuple(CaseReference(reference) for reference in rows.scalars())


def end_unreadable(node: Node, session: Session, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Content rows that the outbox came to and could not read any more: each ends with its code, and none
    holds up the rest."""
    retention.end_rows(session.connection(), [row.row for row in rows], now)
    for peer in retention.peers_left_with_a_gap(rows):
        outgoing.begin_epoch(session.connection(), node.code, peer, first_epoch(now), now)
    node.log.warning("outbox.ended", code="vault.key_destroyed", count=len(rows))


async def forget(node: Node) -> int:
    """Step 3, for every case that still waits for it. How many that were.

    Unavailable `store.checkpoint_busy` when a reader held the log open: call it again.
    """
    # Through the writer, so that an erasure that is just being committed is seen.
    waiting = await node.store.write(outstanding)
    if not waiting:
        return 0
    await node.store.forget_deleted()
    # Only now: until then a reader could still have seen the wrapped key, and have opened it again.
    node.vault.let_go()
    await _overwrite(node)
    now = node.clock.now()

    def note(session: Session) -> None:
        session.connection().execute(
            update(CASE_RETENTION).where(CASE_RETENTION.c.reference.in_(waiting)).values(forgotten_at=now)
        )

    await node.store.write(note)
    node.log.info("retention.forgotten", count=len(waiting))
    return len(waiting)


async def _overwrite(node: Node) -> None:
    """In every thread that had content in its hands: the event loop's, the writer's, the readers' and those
    of `to_thread`."""
    await asyncio.to_thread(overwrite_freed_memory)
    for _ in range(_OTHER_THREADS):
        await asyncio.gather(*(asyncio.to_thread(overwrite_of_this_thread) for _ in range(_OTHER_THREADS)))
    await node.store.write(lambda _: overwrite_of_this_thread())
    await node.store.in_every_reader(overwrite_of_this_thread)
    overwrite_of_this_thread()


def forget_now(node: Node) -> int:
    """As `forget`, before there is an event loop."""
    waiting = node.store.submit(outstanding).result()
    if not waiting:
        return 0
    try:
        node.store.forget_deleted_now()
    except Unavailable as reason:
        node.log.warning("retention.forgetting_failed", code=reason.code)
        return 0
    now = node.clock.now()

    def note(session: Session) -> None:
        session.connection().execute(
            update(CASE_RETENTION).where(CASE_RETENTION.c.reference.in_(waiting)).values(forgotten_at=now)
        )

    node.store.submit(note).result()
    return len(waiting)


def _end_attachments(node: Node, session: Session, reference: CaseReference, now: datetime) -> None:
    """What was still arriving is refused, so that its sender stops."""
    connection = session.connection()
    directory = directory_or_none(node)
    arriving = connection.execute(
        select(ATTACHMENT).where(
            ATTACHMENT.c.case_reference == reference, ATTACHMENT.c.state.in_(("arriving", "whole"))
        )
    ).all()
    for row in arriving:
        if directory is not None:
            chunks.refuse(node, session, row, "attachment.erased", directory, now)
    retention.drop_attachments(connection, reference, now)


def _take_back_unsaid(node: Node, session: Session, row: Row[Any], now: datetime) -> None:
    """What never had a number was never said."""
    if row.sequence is not None:
        return
    thread = session.connection().execute(
        select(MESSAGE.c.thread).where(
            MESSAGE.c.sender_node == row.sender_node, MESSAGE.c.id == row.message_id
        )
    )
    take_back(node, session, ThreadId(thread.scalar_one()), MessageId(row.message_id), now)
