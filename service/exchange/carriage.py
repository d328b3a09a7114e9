"""Envelopes by hand: the same bytes that the hub would carry, as a file."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from protocol import channels
from protocol.channels import Channel
from protocol.directory import Directory
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import MessageId, NodeCode
from service.access import journal
from service.access.actor import Actor
from service.errors import Malformed, NotFound, Unavailable
from service.exchange import letters, mandated
from service.exchange.accept import Outcome
from service.exchange.reading import own_message
from service.exchange.sealed_past import open_here, take_past
from service.exchange.take_in import take_in
from service.exchange.views import ImportView
from service.node import Node
from service.store import mailbox, outgoing

__all__ = ["export_envelope", "import_envelope"]

_ATTEMPTS: Final = 5
"""Numbers are taken optimistically, and an outbox beside this one may be faster."""


async def import_envelope(node: Node, actor: Actor, data: bytes) -> ImportView:
    """Take an envelope that came by hand, as if the hub had brought it; accepted once, whichever way comes
    first. Also one that an intermediary handed over sealed to an authority's own keys, which are here by now.

    Malformed `envelope.not_vouched_for` when nobody that the directory knows signed it: it is in quarantine.
    """
    outcome = await _sealed_past(node, data) or (await take_in(node, [data], source="file"))[0]
    if isinstance(outcome, Exception):
        raise outcome
    if outcome.disposition == "quarantined" or outcome.sender is None or outcome.message is None:
        raise Malformed(
            "envelope.not_vouched_for",
            "no member of this network signed this envelope for this node; it was put into quarantine",
        )
    now = node.clock.now()
    message = outcome.message

    def note(session: Session) -> str | None:
        journal.note(session, actor, "envelope-imported", message, at=now)
        return mailbox.evidence_token(session.connection(), outcome.evidence)

    token = await node.store.write(note)
    return ImportView(
        outcome="waiting" if outcome.disposition == "wait" else outcome.disposition,
        sender_node=outcome.sender,
        id=outcome.message,
        code=outcome.code,
        evidence=token,
    )


async def _sealed_past(node: Node, data: bytes) -> Outcome | None:
    """What an intermediary handed over sealed, before this State had its node; None for everything else."""
    now, directory = node.clock.now(), node.directory.current()
    try:
        past = await asyncio.to_thread(open_here, node, data, directory, now)
    except Refused:
        return None
    if past is None:
        return None
    outcome = await node.store.write(take_past(node, past, directory, now))
    node.wake.outbox_ready.notify()
    node.wake.mail_arrived.notify()
    return outcome


async def export_envelope(node: Node, actor: Actor, message: MessageId) -> bytes:
    """One of our messages as a file, sealed for its recipient under the number it has in its channel.

    It is an attempt like any other, made by hand: the bytes are those that the hub would carry under the same
    manifest, and the manifest is kept. What waits for a hub that is away gets its number here, and leaves.

    Unavailable `envelope.not_released` while it is held; NotAcceptable as `mandated` when no mandate covers
    it any more.
    """
    directory = node.directory.current()
    for _ in range(_ATTEMPTS):
        try:
            return await _attempt(node, actor, message, directory, node.clock.now())
        except Unavailable as reason:
            if reason.code != "outbox.numbers_taken":
                raise
    raise Unavailable("envelope.not_released", "the outbox is numbering other messages just now")


async def _attempt(
    node: Node, actor: Actor, message: MessageId, directory: Directory, now: datetime
) -> bytes:
    def read(session: Session) -> tuple[Any, letters.Letter, Channel | None, tuple[mandated.Verdict, ...]]:
        connection = session.connection()
        row = own_message(session, actor, message)
        if row.direction != "out":
            raise NotFound("request.not_found", "only own messages can be carried")
        waiting = outgoing.of_message(connection, node.code, message)
        if waiting is None or (waiting.sequence is None and waiting.state != "queued"):
            raise Unavailable("envelope.not_released", "the message has no number: it is held")
        loaded = letters.load(node, session, [waiting])
        if not loaded:
            raise NotFound("request.not_found", "what it said was erased")
        known = outgoing.newest_channel(connection, node.code, NodeCode(waiting.recipient_node))
        return waiting, loaded[0], known, mandated.verdicts(node, session, [waiting], directory, now)

    waiting, letter, known, verdicts = await node.store.read(read)
    if verdicts and waiting.state != "done":
        await node.store.write(lambda session: mandated.apply_verdicts(node, session, verdicts, now))
        code = verdicts[0].code
        if code is not None:
            raise NotAcceptable(code, "no mandate covers this message any more")
        raise Unavailable("outbox.numbers_taken", "it goes to another node by now: read again")
    number: outgoing.Release | None = None
    channel = known or channels.open_channel(node.code, letter.peer, letters.first_epoch(now))
    if waiting.sequence is None:
        letter = letter.numbered(message, channel.epoch, channel.last + 1)
        same = letters.sameness([letter])
        channel = channels.advance(channel, channel.last + 1, message, same)
        number = outgoing.Release(
            rows=(letter.row,),
            envelope_id=message,
            sequence=channel.last,
            statement_digest=same,
            chain=channel.chain,
            again_at=now + timedelta(seconds=node.settings.outbox_resend_seconds),
        )
    envelope = await asyncio.to_thread(
        letters.seal, node, letter.peer, [letter], directory=directory, now=now
    )

    def note(session: Session) -> None:
        connection = session.connection()
        outgoing.keep_manifests(connection, [(message, envelope.manifest)])
        if number is not None:
            taken = outgoing.save_channel(
                connection, channel, was=known.last if known else None, now=now
            ) and outgoing.release(connection, channel, [number])
            mailbox.mark_sent(connection, node.code, [message])
            if not taken:
                raise Unavailable("outbox.numbers_taken", "another worker or a hold was faster: read again")
        journal.note(session, actor, "envelope-exported", message, at=now)

    await node.store.write(note)
    return envelope.data
