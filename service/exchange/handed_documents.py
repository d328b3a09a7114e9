"""The documents of a State's cases on their way to its own node, behind the cases: one chunk a line.

    export   each chunk sealed to the new node's identity key, bound to this hand-over and to its line
    import   each chunk once, under the new node's case keys; the whole is read again and has to be what the
             message that cites it was signed for. Broken off, the same file goes on where it stopped

Neither side holds more than a chunk. Nobody signs the lines: a document is bound by the salted digest in its
message's statement, which its authority signed, or the intermediary for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import base64url
from protocol.attachments import AttachmentClaim, ChunkPlace, check_chunk
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import CaseReference, MessageId, NodeCode, new_message_id
from protocol.json_strict import dumps
from protocol.sealing import SealingPublicKey, read_sealed, seal
from service.errors import NodeError, NotFound
from service.exchange import chunks
from service.node import Node
from service.store import attachments, mailbox

__all__ = ["Document", "announce", "lines", "pieces_of", "sealed_chunks", "take_chunks", "whole_here"]

MOST_OF_A_LINE: Final = 1 << 20
"""Bytes. A chunk, in base64 twice, sealed."""
_HERE: Final = {"in": frozenset({"whole", "complete"}), "out": frozenset({"cited", "sent", "complete"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that goes along: which row of ours it is, in the order of the lines."""

    row: int
    chunks: int


def whole_here(session: Session, sender: NodeCode, message: MessageId) -> Sequence[Row[Any]]:
    """The documents of a message of which every chunk is here. What is still on its way from its sender is
    not handed over: its sender has the rest."""
    rows = attachments.of_message(session.connection(), sender, message)
    return [row for row in rows if row.state in _HERE[row.direction]]


def pieces_of(node: Node, session: Session, row: Row[Any]) -> tuple[list[dict[str, Any]], list[Document]]:
    """What the hand-over says of the documents of a message's row, and which lines follow for that. Of what
    is erased nothing."""
    found, said = [], []
    for one in whole_here(session, NodeCode(row.sender_node), MessageId(row.id)):
        try:
            if chunks.open_chunk(node, session, one, 1) is None:
                continue
        except NotFound:
            continue
        found.append(Document(row=one.row, chunks=one.chunks))
        said.append(
            {
                "kind": "attachment",
                "sender_node": row.sender_node,
                "message": row.id,
                "case": row.case_reference,
                "digest": one.digest,
                "chunks": one.chunks,
            }
        )
    return said, found


async def sealed_chunks(
    node: Node, documents: Sequence[Document], *, to: SealingPublicKey, hand_over: str
) -> AsyncIterator[bytes]:
    """The lines, in order. `hand_over`: the digest of its statement."""
    number = 0
    for document in documents:
        for index in range(1, document.chunks + 1):
            number += 1

            def work(session: Session, row: int = document.row, at: int = index) -> bytes:
                found = attachments.by_row(session.connection(), row)
                chunk = None if found is None else chunks.open_chunk(node, session, found, at)
                if found is None or chunk is None:
                    raise NodeError("vault.damaged", "a chunk of a whole attachment is not there")
                return dumps(
                    {
                        "sender_node": found.sender_node,
                        "message": found.message_id,
                        "attachment": found.digest,
                        "index": at,
                        "chunk": base64url.encode(chunk).decode(),
                    }
                )

            plain = await node.store.read(work)
            yield seal(plain, to=to, header_digest=_line(hand_over, number)) + b"\n"


def announce(node: Node, session: Session, piece: Mapping[str, Any], now: datetime) -> None:
    """A document that the hand-over brings and that is not here yet."""
    sender, message = NodeCode(piece["sender_node"]), MessageId(piece["message"])
    if attachments.find(session.connection(), sender, message, piece["digest"]) is None:
        attachments.add(
            session.connection(),
            name=new_message_id(node.random.bytes),
            direction="in",
            case_reference=CaseReference(piece["case"]),
            sender_node=sender,
            message_id=message,
            digest=piece["digest"],
            chunks=piece["chunks"],
            passed=0,
            state="arriving",
            changed_at=now,
        )


async def take_chunks(
    node: Node,
    body: AsyncIterator[bytes],
    announced: Sequence[Mapping[str, Any]],
    *,
    hand_over: str,
    now: datetime,
) -> None:
    """Store what the lines bring, and look at each document that was announced.

    NotAcceptable `hand_over.malformed` for a line that is not of this hand-over and at its place, and when a
    document is not whole at the end or is not what was signed for.
    """
    known = {(one["sender_node"], one["message"], one["digest"]) for one in announced}
    number = 0
    async for line in body:
        number += 1
        piece = _opened(node, line, _line(hand_over, number))
        if (piece.get("sender_node"), piece.get("message"), piece.get("attachment")) not in known:
            raise NotAcceptable("hand_over.malformed", "a chunk of a document that is not handed over")
        await node.store.write(lambda session, piece=piece: _take(node, session, piece, now))  # type: ignore[misc]
    for one in announced:
        await _conclude(node, one, now)


async def lines(body: AsyncIterator[bytes], *, first: int) -> AsyncIterator[bytes]:
    """The lines of a file that comes in pieces; `first`: at most so many bytes of the first one. The last may
    lack its end. Refuses `hand_over.malformed`."""
    held, most = bytearray(), first
    async for piece in body:
        looked_at = len(held)
        held += piece
        while (end := held.find(b"\n", looked_at)) >= 0:
            line = bytes(held[:end])
            del held[: end + 1]
            most, looked_at = MOST_OF_A_LINE, 0
            yield line
        if len(held) > most:
            raise NotAcceptable("hand_over.malformed", f"expected a line of at most {most} bytes")
    if held:
        yield bytes(held)


def _line(hand_over: str, number: int) -> bytes:
    return hashlib.sha256(f"focalpoint-hand-over-document|{hand_over}|{number}".encode()).digest()


def _opened(node: Node, line: bytes, place: bytes) -> dict[str, Any]:
    try:
        sealed = read_sealed(line)
        key = node.keys.sealing(sealed.kid)
        if key is None:
            raise NotAcceptable(
                "hand_over.malformed", "sealed to a key that is not held here; export it again"
            )
        piece = json.loads(sealed.open(key, place))
    except Refused as reason:
        raise NotAcceptable("hand_over.malformed", f"{reason.code}: {reason.detail}") from None
    return dict(piece)


def _take(node: Node, session: Session, piece: Mapping[str, Any], now: datetime) -> None:
    connection = session.connection()
    sender, message = NodeCode(piece["sender_node"]), MessageId(piece["message"])
    row = attachments.find(connection, sender, message, piece["attachment"])
    if row is None or row.state != "arriving":
        return  # here already
    index, chunk = int(piece["index"]), base64url.decode(str(piece["chunk"]).encode())
    place = ChunkPlace(message=message, attachment=row.digest, index=index, count=row.chunks)
    try:
        check_chunk(place, AttachmentClaim(digest=row.digest, chunks=row.chunks), chunk)
    except Refused as reason:
        raise NotAcceptable("hand_over.malformed", f"{reason.code}: {reason.detail}") from None
    if not 1 <= index <= row.chunks or attachments.has_chunk(connection, row.row, index):
        return
    bound = attachments.bound_to(row.name, index, row.chunks)
    sealed = node.vault.case(session, row.case_reference).seal("identity", chunk, bound_to=bound)
    attachments.add_chunk(connection, row.row, index, sealed)
    attachments.change(connection, row.row, passed=row.passed + 1, changed_at=now)


async def _conclude(node: Node, announced: Mapping[str, Any], now: datetime) -> None:
    sender, message = NodeCode(announced["sender_node"]), MessageId(announced["message"])

    def find(session: Session) -> tuple[Row[Any] | None, bool]:
        row = attachments.find(session.connection(), sender, message, announced["digest"])
        cited = mailbox.find_message(session.connection(), sender, message)
        return row, cited is not None

    row, cited = await node.store.read(find)
    if row is None or row.state == "complete":
        return
    code = "attachment.incomplete" if row.passed < row.chunks or not cited else await chunks.fault(node, row)
    await node.store.write(lambda session: _keep(session, row.row, code, now))
    if code is not None:
        raise NotAcceptable(
            "hand_over.malformed", f"{code}: a document is not whole, or not the one that was signed for"
        )


def _keep(session: Session, row: int, code: str | None, now: datetime) -> None:
    connection = session.connection()
    if code is None:
        attachments.change(connection, row, state="complete", changed_at=now)
    elif code != "attachment.incomplete":
        # Nothing of it is kept: another file may bring the right one.
        attachments.drop_chunks(connection, row)
        attachments.change(connection, row, passed=0, changed_at=now)
