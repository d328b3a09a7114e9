"""Attachments as an agency sees them: uploaded before their message, cited by it, listed, read.

Bytes pass chunk by chunk, in both directions: nothing here holds more than two chunks. What is stored is
sealed under the case's identity key, and so is read as an identity part is: with the scope, with a reason,
and with an entry in the journal.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import base64url
from protocol.attachments import CHUNK_BYTES, SALT_BYTES, BlindDigest, MediaType, chunks_of, media_type_of
from protocol.content import read_content
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, MessageId, NodeCode, new_message_id
from protocol.intermediary import ATTEST
from protocol.messages.person import Attachment
from service.access import journal, pairs
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import Conflict, NodeError, NotFound, Throttled, TooLarge
from service.exchange import case_files
from service.exchange.chunks import described_in, open_chunk, views_of
from service.exchange.consents import SCAN_OPENED
from service.exchange.covered import MayRead
from service.exchange.message_row import stored_statement
from service.exchange.reading import own_message, stored_identity
from service.exchange.telling import tell_of_release
from service.exchange.views import AttachmentBytes, AttachmentView, UploadView
from service.node import Node
from service.store import attachments, retention

__all__ = ["check_uploads", "cite", "list_attachments", "put_attachment", "read_attachment"]

UNSENT_AT_MOST: Final = 32
"""Uploads of one case that wait for their message."""
UNSENT_FOR: Final = timedelta(days=1)
"""After this an upload that no message cites may be forgotten."""
_FORGOTTEN_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is known of one of ours, kept sealed."""

    salt: bytes
    size: int
    media_type: MediaType

    def to_bytes(self) -> bytes:
        salt = base64url.encode(self.salt).decode()
        return json.dumps({"salt": salt, "size": self.size, "media_type": self.media_type}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> _Facts:
        facts = json.loads(data)
        return cls(
            salt=base64url.decode(facts["salt"].encode()),
            size=facts["size"],
            media_type=MediaType(facts["media_type"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """An upload that may go on. `known`: it was completed before, and is only compared."""

    row: int
    name: str
    salt: bytes
    known: UploadView | None = None


async def put_attachment(
    node: Node,
    actor: Actor,
    case: CaseReference,
    upload: MessageId,
    media_type: MediaType,
    body: AsyncIterator[bytes],
) -> UploadView:
    """Store a document for a message that will cite it. `upload` makes it idempotent: the same bytes again
    get the same answer; others are refused `id_reused` (Conflict).

    An upload that broke off is begun again under the same id, and cannot be cited before it is whole. Refuses
    `attachment.type` unless the bytes begin as `media_type` does, TooLarge `attachment.too_large`, Throttled
    `attachment.unsent`.
    """
    most = node.settings.limits.attachment
    if most == 0:
        raise NotAcceptable(
            "attachment.not_taken", "this node carries no attachments (limit_attachment_bytes)"
        )
    begun = await node.store.write(lambda session: _begin(node, session, actor, case, upload))
    blind, size, number = BlindDigest(begun.salt), 0, 0
    async for chunk, last in _chunked(body, most):
        size, number = size + len(chunk), number + 1
        if number == 1 and media_type_of(chunk) is not media_type:
            raise NotAcceptable("attachment.type", f"the bytes do not begin as {media_type} does")
        blind.update(chunk)
        if begun.known is None:
            await node.store.write(_storing(node, begun, case, number, chunk, last=last))
    facts = _Facts(salt=begun.salt, size=size, media_type=media_type)
    view = _upload_view(upload, blind.text(), facts)
    if begun.known is not None:
        if view != begun.known:
            raise Conflict("id_reused", "this id stands for another document; choose a new one")
        return view
    await node.store.write(lambda session: _finish(node, session, begun, case, view, facts))
    return view


def _begin(node: Node, session: Session, actor: Actor, case: CaseReference, upload: MessageId) -> _Begun:
    connection, now = session.connection(), node.clock.now()
    case_files.own_case(connection, actor, case)
    retention.require_unblocked(connection, case)
    attachments.forget_unsent(connection, now - UNSENT_FOR, _FORGOTTEN_AT_ONCE)
    found = attachments.find_upload(connection, case, upload=upload)
    if found is not None and found.state != "uploading":
        facts = _facts(node, session, found)
        return _Begun(
            row=found.row, name=found.name, salt=facts.salt, known=_upload_view(upload, found.digest, facts)
        )
    # Another name: what a former attempt still writes belongs to nothing any more.
    name, salt = new_message_id(node.random.bytes), node.random.bytes(SALT_BYTES)
    if found is not None:
        attachments.drop_chunks(connection, found.row)
        attachments.change(connection, found.row, name=name, passed=0, changed_at=now)
        return _Begun(row=found.row, name=name, salt=salt)
    if attachments.unsent(connection, case) >= UNSENT_AT_MOST:
        raise Throttled("attachment.unsent", f"{UNSENT_AT_MOST} uploads of this case wait for their message")
    row = attachments.add(
        connection,
        name=name,
        direction="out",
        case_reference=case,
        sender_node=node.code,
        upload=upload,
        chunks=0,
        passed=0,
        state="uploading",
        changed_at=now,
    )
    return _Begun(row=row, name=name, salt=salt)


async def _chunked(body: AsyncIterator[bytes], most: int) -> AsyncIterator[tuple[bytes, bool]]:
    """The body in chunks, and whether each is the last. TooLarge as soon as there is more than `most`."""
    held, size = bytearray(), 0
    async for piece in body:
        size += len(piece)
        if size > most:
            raise TooLarge("attachment.too_large", f"expected at most {most} bytes")
        held += piece
        while len(held) > CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES]), False
            del held[:CHUNK_BYTES]
    yield bytes(held), True


def _storing(
    node: Node, begun: _Begun, case: CaseReference, number: int, chunk: bytes, *, last: bool
) -> Callable[[Session], None]:
    def work(session: Session) -> None:
        _still_ours(session, begun, case)
        bound = attachments.bound_to(begun.name, number, number if last else number + 1)
        sealed = node.vault.case(session, case).seal("identity", chunk, bound_to=bound)
        attachments.add_chunk(session.connection(), begun.row, number, sealed)

    return work


def _finish(
    node: Node, session: Session, begun: _Begun, case: CaseReference, view: UploadView, facts: _Facts
) -> None:
    _still_ours(session, begun, case)
    attachments.change(
        session.connection(),
        begun.row,
        digest=view.digest,
        facts_sealed=node.vault.case(session, case).seal("identity", facts.to_bytes(), bound_to=begun.name),
        chunks=view.chunks,
        state="uploaded",
        changed_at=node.clock.now(),
    )


def _still_ours(session: Session, begun: _Begun, case: CaseReference) -> None:
    """The upload may go on: it is still the one that began, and nobody blocked the case meanwhile."""
    retention.require_unblocked(session.connection(), case)
    row = attachments.by_row(session.connection(), begun.row)
    if row is None or row.name != begun.name or row.state != "uploading" or row.case_reference != case:
        raise Conflict("id_reused", "another upload under this id has begun meanwhile")


def _facts(node: Node, session: Session, row: Row[Any]) -> _Facts:
    vault = node.vault.case(session, row.case_reference)
    return _Facts.from_bytes(vault.open("identity", row.facts_sealed, bound_to=row.name))


def _upload_view(upload: MessageId, digest: str, facts: _Facts) -> UploadView:
    return UploadView(
        id=upload,
        digest=digest,
        salt=base64url.encode(facts.salt).decode(),
        size=facts.size,
        chunks=chunks_of(facts.size),
        media_type=str(facts.media_type),
    )


def check_uploads(
    node: Node, session: Session, case: CaseReference, described: Sequence[Attachment]
) -> Sequence[Row[Any]]:
    """The uploads that a message describes, in its order. Refuses `attachment.unknown` unless each was
    uploaded for this case and is what it is said to be, `attachment.used` when a message cites it already."""
    rows = []
    for index, one in enumerate(described):
        field = f"/identity/attachments/{index}"
        row = attachments.find_upload(session.connection(), case, digest=one.digest)
        if row is None:
            raise NotAcceptable(
                "attachment.unknown", "nothing with this digest was uploaded for the case", field=field
            )
        facts = _facts(node, session, row)
        told = (one.salt, one.size, one.media_type)
        if told != (base64url.encode(facts.salt).decode(), facts.size, facts.media_type):
            raise NotAcceptable(
                "attachment.unknown", "not described as the upload's answer has it", field=field
            )
        if row.state != "uploaded":
            raise NotAcceptable("attachment.used", "another message has this attachment", field=field)
        rows.append(row)
    return rows


def cite(
    node: Node,
    session: Session,
    case: CaseReference,
    described: Sequence[Attachment],
    message: MessageId,
    peer: NodeCode,
    now: datetime,
) -> None:
    """From here on the uploads belong to this message. Refuses as `check_uploads` does."""
    for row in check_uploads(node, session, case, described):
        attachments.change(
            session.connection(), row.row, message_id=message, peer=peer, state="cited", changed_at=now
        )


async def list_attachments(node: Node, actor: Actor, message: MessageId) -> tuple[AttachmentView, ...]:
    """What goes with a message and how far it has come. Neither titles nor sizes."""

    def work(session: Session) -> tuple[AttachmentView, ...]:
        row = own_message(session, actor, message)
        MayRead(node, session, actor).require(row)
        return views_of(session, row)

    return await node.store.read(work)


async def read_attachment(
    node: Node, actor: Actor, message: MessageId, digest: str, reason: str
) -> AttachmentBytes:
    """A document, as it was attached. A release of identity, like that of its message: journalled with
    `reason`, and for those to whom another person released the message's identity part.

    The scan of a paper that an intermediary attests is journalled as such too: who has not opened it confirms
    no consent. Conflict `attachment.incomplete` until it is here as a whole and verified; NotFound when there
    is none, or the case's key was destroyed.
    """
    actor.require(Scope.IDENTITY_REQUEST)
    now = node.clock.now()

    def release(session: Session) -> tuple[Row[Any], Attachment]:
        row = own_message(session, actor, message)
        MayRead(node, session, actor).require(row, "identity")
        retention.require_unblocked(session.connection(), row.case_reference)
        pairs.release_allowed(node, session, actor, row, reason, now)
        sender = NodeCode(row.sender_node)
        found = attachments.find(session.connection(), sender, MessageId(row.id), digest)
        if found is None or found.state == "refused":
            raise NotFound("request.not_found", "no such attachment of this message")
        described = described_in(stored_identity(node, session, row), digest)
        if found.state in ("arriving", "whole"):
            raise Conflict("attachment.incomplete", "not all of it is here and verified yet; ask again later")
        journal.note(session, actor, "identity-released", row.id, at=now, reason=reason)
        coded = read_content(stored_statement(row), None, None).coded if row.type == ATTEST else {}
        if digest == coded.get("original_digest"):
            journal.note(session, actor, SCAN_OPENED, row.id, at=now, reason=reason)
        tell_of_release(node, session, row, now)
        return found, described

    found, described = await node.store.write(release)

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(1, found.chunks + 1):
            chunk = await node.store.read(lambda session, at=number: open_chunk(node, session, found, at))  # type: ignore[misc]
            if chunk is None:
                raise NodeError("vault.damaged", "a chunk of a whole attachment is not there")
            yield chunk

    return AttachmentBytes(
        digest=digest, media_type=described.media_type, size=described.size, chunks=chunks()
    )
