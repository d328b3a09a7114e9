"""Envelopes by hand: the same bytes that the hub would carry, as a file."""

from __future__ import annotations

import asyncio

from sqlmodel import Session

from protocol.identifiers import MessageId
from service.access import journal
from service.access.actor import Actor
from service.errors import Malformed, NotFound, Unavailable
from service.exchange import letters
from service.exchange.reading import own_message
from service.exchange.take_in import take_in
from service.exchange.views import ImportView
from service.node import Node
from service.store import mailbox, outgoing

__all__ = ["export_envelope", "import_envelope"]


async def import_envelope(node: Node, actor: Actor, data: bytes) -> ImportView:
    """Take an envelope that came by hand, as if the hub had brought it; accepted once, whichever way comes
    first.

    Malformed `envelope.not_vouched_for` when nobody that the directory knows signed it: it is in quarantine.
    """
    (outcome,) = await take_in(node, [data], source="file")
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


async def export_envelope(node: Node, actor: Actor, message: MessageId) -> bytes:
    """One of our messages as a file, sealed for its recipient under the number it has in its channel.

    Unavailable `envelope.not_released` while it has none: it is held, or the outbox is about to number it.
    """
    now = node.clock.now()
    directory = node.directory.current()

    def load(session: Session) -> letters.Letter:
        row = own_message(session, actor, message)
        if row.direction != "out":
            raise NotFound("request.not_found", "only own messages can be carried")
        queued = outgoing.of_message(session.connection(), node.code, message)
        if queued is None or queued.sequence is None:
            raise Unavailable(
                "envelope.not_released", "the message has no number yet: it is held, or about to leave"
            )
        (letter,) = letters.load(node, session, [queued])
        return letter

    letter = await node.store.read(load)
    envelope = await asyncio.to_thread(
        letters.seal, node, letter.peer, [letter], directory=directory, now=now
    )

    def note(session: Session) -> None:
        outgoing.keep_manifests(session.connection(), [(message, envelope.manifest)])
        journal.note(session, actor, "envelope-exported", message, at=now)

    await node.store.write(note)
    return envelope.data
