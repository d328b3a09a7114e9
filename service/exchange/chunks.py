"""Attachments between nodes: chunks given to the outbox, taken in, and verified as a whole.

    ours     cited -> a few chunks at a time into the outbox, once the peer has consigned the message
             sent  -> complete or refused, when the peer's evidence says so
    theirs   arriving (announced by a message that we consigned) -> each chunk once, in any order
             whole    -> read again chunk by chunk, outside the writer -> complete or refused, with evidence

A stranger stores nothing here: a chunk is taken only for a place that a consigned message of the same node
has announced. The channel's running digest acknowledges chunks; evidence speaks of whole attachments.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row, select
from sqlmodel import Session

from protocol import base64url
from protocol.attachments import (
    AttachmentClaim,
    BlindDigest,
    ChunkPlace,
    check_chunk,
    media_type_of,
)
from protocol.content import Content
from protocol.directory import Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, MessageId, NodeCode, new_message_id
from protocol.messages.person import Attachment
from service.errors import NotFound
from service.exchange import case_files, proof
from service.exchange.views import AttachmentView
from service.node import Node
from service.store import attachments, mailbox, outgoing
from service.store.tables import CASE_KEY

__all__ = [
    "Taken",
    "announce",
    "described_in",
    "fault",
    "feed",
    "open_chunk",
    "take_chunk",
    "verify",
    "views_of",
]

UNANSWERED_AT_MOST: Final = 8
"""Chunks on their way to one peer that it has not confirmed: what it has to hold at once, and how long a
message that comes behind them waits."""
QUEUED_AT_MOST: Final = 16
"""Chunks given to the outbox in one go, to all peers together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one chunk. wait: its message has not come."""

    disposition: Literal["noted", "known", "refused", "wait"]
    code: str | None = None


# -- ours


def feed(node: Node, session: Session, now: datetime) -> int:
    """Give the outbox what it may send next; how many chunks that is.

    Nothing of a case that is held (safeguard 11), and nothing before the message itself was consigned: an
    attachment of a message that is refused does not travel.
    """
    connection = session.connection()
    waiting = attachments.blobs_on_their_way(connection)
    given = 0
    for row in attachments.to_feed(connection):
        if case_files.withheld(connection, CaseReference(row.case_reference)):
            continue
        if _erased(session, row.case_reference):
            attachments.change(connection, row.row, state="erased", changed_at=now)
            continue
        peer, message = NodeCode(row.peer), MessageId(row.message_id)
        room = min(UNANSWERED_AT_MOST - waiting.get(peer, 0), QUEUED_AT_MOST - given)
        until = min(row.chunks, row.passed + max(room, 0))
        for number in range(row.passed + 1, until + 1):
            outgoing.queue(
                connection,
                recipient=peer,
                kind="blob",
                sender=node.code,
                message=message,
                now=now,
                attachment=row.digest,
                chunk=number,
            )
        if until > row.passed:
            state = "sent" if until == row.chunks else "cited"
            attachments.change(connection, row.row, passed=until, state=state, changed_at=now)
            waiting[peer] = waiting.get(peer, 0) + until - row.passed
            given += until - row.passed
    return given


def _erased(session: Session, case: str) -> bool:
    return (
        session.connection()
        .execute(
            select(CASE_KEY.c.reference).where(
                CASE_KEY.c.reference == case,
                CASE_KEY.c.purpose == "identity",
                CASE_KEY.c.destroyed_at.is_not(None),
            )
        )
        .first()
        is not None
    )


# -- theirs


def announce(node: Node, session: Session, sender: NodeCode, content: Content, now: datetime) -> None:
    """Make room for what a consigned message says will come."""
    for claim in content.attachments:
        attachments.add(
            session.connection(),
            name=new_message_id(node.random.bytes),
            direction="in",
            case_reference=content.case,
            sender_node=sender,
            message_id=content.id,
            digest=claim.digest,
            chunks=claim.chunks,
            passed=0,
            state="arriving",
            changed_at=now,
        )


def take_chunk(
    node: Node,
    session: Session,
    sender: NodeCode,
    place: ChunkPlace,
    chunk: bytes,
    directory: Directory,
    now: datetime,
) -> Taken:
    """Store one chunk, once. What does not fit its place refuses the whole attachment, with evidence."""
    connection = session.connection()
    row = attachments.find(connection, sender, place.message, place.attachment)
    if row is None or row.direction != "in":
        return _unannounced(node, session, sender, place)
    if row.state != "arriving":
        return Taken(disposition="known", code=row.code)
    try:
        check_chunk(place, AttachmentClaim(digest=row.digest, chunks=row.chunks), chunk)
    except NotAcceptable as reason:
        refuse(node, session, row, reason.code, directory, now)
        return Taken(disposition="refused", code=reason.code)
    if attachments.has_chunk(connection, row.row, place.index):
        return Taken(disposition="known")
    bound = attachments.bound_to(row.name, place.index, row.chunks)
    try:
        sealed = node.vault.case(session, row.case_reference).seal("identity", chunk, bound_to=bound)
    except NotFound:
        refuse(node, session, row, "attachment.erased", directory, now)
        return Taken(disposition="refused", code="attachment.erased")
    attachments.add_chunk(connection, row.row, place.index, sealed)
    passed = row.passed + 1
    state = "whole" if passed == row.chunks else "arriving"
    attachments.change(connection, row.row, passed=passed, state=state, changed_at=now)
    return Taken(disposition="noted")


def _unannounced(node: Node, session: Session, sender: NodeCode, place: ChunkPlace) -> Taken:
    connection = session.connection()
    if (
        mailbox.find_message(connection, sender, place.message) is None
        and mailbox.find_inbox(connection, sender, place.message) is None
    ):
        return Taken(disposition="wait", code="conversation.predecessor_missing")
    node.log.warning("attachment.not_announced", peer=sender, id=place.message)
    return Taken(disposition="refused", code="attachment.not_announced")


async def verify(node: Node, row: Row[Any]) -> str | None:
    """Read a whole attachment again and say, with evidence, whether it is what was signed for. Returns the
    code of a refusal."""
    code = await fault(node, row)
    directory, now = node.directory.current(), node.clock.now()

    def conclude(session: Session) -> None:
        current = attachments.by_row(session.connection(), row.row)
        if current is None or current.state != "whole":
            return
        if code is not None:
            refuse(node, session, current, code, directory, now)
            return
        attachments.change(session.connection(), row.row, state="complete", changed_at=now)
        _attest(node, session, current, "attachment-consigned", None, directory, now)

    await node.store.write(conclude)
    node.wake.outbox_ready.notify()
    return code


async def fault(node: Node, row: Row[Any]) -> str | None:
    """Why an attachment of which every chunk is here is not what it was signed for; None when it is. One
    chunk at a time."""
    try:
        described = await node.store.read(lambda session: _described(node, session, row))
        blind, size = BlindDigest(base64url.decode(described.salt.encode())), 0
        for number in range(1, row.chunks + 1):

            def look(session: Session, at: int = number) -> tuple[int, bool]:
                chunk = open_chunk(node, session, row, at) or b""
                blind.update(chunk)
                return len(chunk), at > 1 or media_type_of(chunk) == described.media_type

            length, as_described = await node.store.read(look)
            if not as_described:
                return "attachment.type"
            size += length
    except NotFound:
        return "attachment.erased"
    return None if (blind.text(), size) == (row.digest, described.size) else "attachment.digest"


def refuse(
    node: Node, session: Session, row: Row[Any], code: str, directory: Directory, now: datetime
) -> None:
    """Nothing of it is kept, and its sender learns why."""
    attachments.drop_chunks(session.connection(), row.row)
    attachments.change(session.connection(), row.row, state="refused", code=code, passed=0, changed_at=now)
    node.log.warning("attachment.refused", code=code, peer=row.sender_node, id=row.message_id)
    _attest(node, session, row, "attachment-failed", code, directory, now)


def _attest(
    node: Node,
    session: Session,
    row: Row[Any],
    kind: str,
    code: str | None,
    directory: Directory,
    now: datetime,
) -> None:
    sender, message = NodeCode(row.sender_node), MessageId(row.message_id)
    cited = mailbox.find_message(session.connection(), sender, message)
    proof.issue(
        node,
        session,
        kind=kind,
        sender=sender,
        message=message,
        statement_digest=None if cited is None else cited.statement_digest,
        code=code,
        facts={"attachment": row.digest},
        directory=directory,
        now=now,
        to=sender,
    )


# -- both


def open_chunk(node: Node, session: Session, row: Row[Any], number: int) -> bytes | None:
    """One chunk of an attachment's row, opened. NotFound `vault.key_destroyed`."""
    sealed = attachments.chunk(session.connection(), row.row, number)
    if sealed is None:
        return None
    bound = attachments.bound_to(row.name, number, row.chunks)
    return node.vault.case(session, row.case_reference).open("identity", sealed, bound_to=bound)


def described_in(identity: bytes, digest: str) -> Attachment:
    """The attachment as an identity part that was checked before describes it."""
    described = json.loads(identity)["identity"].get("attachments", ())
    found = next((one for one in described if one["digest"] == digest), None)
    if found is None:
        raise NotFound("request.not_found", "the identity part describes no such attachment")
    return Attachment.model_construct(**found)


def _described(node: Node, session: Session, row: Row[Any]) -> Attachment:
    message = mailbox.find_message(session.connection(), NodeCode(row.sender_node), MessageId(row.message_id))
    if message is None or message.identity_sealed is None:
        raise NotFound("request.not_found", "the message of this attachment is not here")
    vault = node.vault.case(session, row.case_reference)
    return described_in(vault.open("identity", message.identity_sealed, bound_to=message.id), row.digest)


def views_of(session: Session, message: Row[Any]) -> tuple[AttachmentView, ...]:
    """How far each attachment of a message has come."""
    connection = session.connection()
    sender, id_ = NodeCode(message.sender_node), MessageId(message.id)
    rows: Sequence[Row[Any]] = attachments.of_message(connection, sender, id_)
    if not rows:
        return ()
    destroyed = _erased(session, message.case_reference)
    return tuple(
        AttachmentView(
            digest=row.digest,
            state="destroyed" if destroyed and row.state != "refused" else _state(row),
            chunks=row.chunks,
            arrived=_arrived(session, row, sender, id_),
            code=row.code,
        )
        for row in rows
    )


def _state(row: Row[Any]) -> Literal["waiting", "sending", "arriving", "complete", "refused", "destroyed"]:
    match row.state:
        case "complete" | "refused":
            return row.state  # type: ignore[no-any-return]
        case "erased":
            return "destroyed"
        case "arriving" | "whole":
            return "arriving"
        case _:
            return "sending" if row.passed else "waiting"


def _arrived(session: Session, row: Row[Any], sender: NodeCode, message: MessageId) -> int:
    match row.state:
        case _ if row.direction == "in":
            return int(row.passed)
        case "complete":
            return int(row.chunks)
        case "refused":  # what it had it has dropped
            return 0
    return attachments.peer_has(session.connection(), sender, message, row.digest)
