"""From outbox rows to envelopes: what a row refers to, read from the store and sealed for one peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, select
from sqlmodel import Session

from protocol import conversations
from protocol.attachments import ChunkPlace
from protocol.channels import shared_digest
from protocol.directory import Directory
from protocol.directory.mandates import carried_by
from protocol.envelope import ClearHeader, Envelope, Kind, Outgoing, assemble
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, state_of
from protocol.limits import MAX_STATEMENTS, Limits
from protocol.opening import past_digest
from protocol.returned import returned_digest, that_fit
from protocol.sealing import SealingPublicKey
from protocol.statements import digest
from service.errors import NotFound
from service.exchange.chunks import open_chunk
from service.node import Node
from service.store import attachments, mailbox, outgoing, retention
from service.store.tables import EVIDENCE, MESSAGE
from service.store.vault import CaseVault, Purpose

__all__ = ["Letter", "first_epoch", "load", "proofs_of", "sameness", "seal", "was_sealed_past"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One outbox row with what it carries, opened from the vault for the short time until it is sealed
    again."""

    row: int
    kind: str
    peer: NodeCode
    message_id: MessageId
    attempts: int
    token: str
    case: CaseReference | None = None
    sender: Address | None = None
    recipient: Address | None = None
    narrative: bytes | None = None
    identity: bytes | None = None
    place: ChunkPlace | None = None
    chunk: bytes | None = None
    envelope_id: MessageId | None = None
    epoch: str | None = None
    sequence: int | None = None
    proofs: tuple[str, ...] = ()
    """For what is returned: tokens that travel behind its statement."""
    readable: frozenset[str] | None = None
    """Parts that the peer may open, where it is an intermediary's node; None for all."""

    def numbered(self, envelope_id: MessageId, epoch: str, sequence: int) -> Letter:
        return replace(self, envelope_id=envelope_id, epoch=epoch, sequence=sequence)


def first_epoch(now: datetime) -> str:
    """Epochs of a channel sort by their name; a node restored from a backup opens a later one."""
    return f"{int(now.timestamp()):012d}"


def load(node: Node, session: Session, rows: Sequence[Row[Any]]) -> Sequence[Letter]:
    """What the rows carry. A row whose message, evidence or case key is gone is left out: there is nothing to
    send."""
    connection = session.connection()
    contents = {row.message_id for row in rows if row.kind == "content"}
    receipts = {row.evidence_digest for row in rows if row.kind == "evidence"}
    messages = (
        {
            (row.sender_node, row.id): row
            for row in connection.execute(
                select(MESSAGE).where(MESSAGE.c.id.in_(contents), MESSAGE.c.sender_node == node.code)
            )
        }
        if contents
        else {}
    )
    tokens = (
        {
            row.digest: row.token
            for row in connection.execute(
                select(EVIDENCE.c.digest, EVIDENCE.c.token).where(EVIDENCE.c.digest.in_(receipts))
            )
        }
        if receipts
        else {}
    )
    vaults: dict[CaseReference, CaseVault] = {}
    letters = []
    for row in rows:
        if row.kind == "content":
            message = messages.get((row.sender_node, row.message_id))
            if message is not None:
                case = CaseReference(message.case_reference)
                if case not in vaults:
                    vaults[case] = node.vault.case(session, case)
                try:
                    opened = _content(vaults[case], row, message)
                    letters.append(replace(opened, readable=_readable(node, session, row, message)))
                except NotFound as reason:
                    # Erased: `erase` ended the row in the same transaction. Whatever else it may be, it must
                    # not hold up what travels beside it.
                    node.log.warning("outbox.unreadable", code=reason.code, id=row.message_id)
        elif row.kind == "evidence" and row.evidence_digest in tokens:
            letters.append(
                Letter(
                    row=row.row,
                    kind="evidence",
                    peer=NodeCode(row.recipient_node),
                    message_id=MessageId(row.message_id),
                    attempts=row.attempts,
                    token=tokens[row.evidence_digest],
                    envelope_id=row.envelope_id,
                    epoch=row.epoch,
                    sequence=row.sequence,
                )
            )
        elif row.kind in ("blob", "returned"):
            load_one = _blob if row.kind == "blob" else _returned
            letter = load_one(node, session, row)
            if letter is not None:
                letters.append(letter)
    return letters


def was_sealed_past(session: Session, row: Row[Any]) -> bool:
    """Its number was counted for a message that the peer cannot read."""
    return outgoing.counted_as(session.connection(), row) == past_digest(MessageId(row.message_id))


def _readable(node: Node, session: Session, row: Row[Any], message: Row[Any]) -> frozenset[str] | None:
    """By the mandate in force now. Nothing where none is: its verdict (`mandated`) falls before this. Nor,
    however wide the mandate has become, of what was numbered as unreadable: both nodes have counted it so."""
    if not row.recipient_node.startswith("int-"):
        return None
    if was_sealed_past(session, row):
        return frozenset()
    thread = mailbox.load_thread(session.connection(), ThreadId(message.thread))
    try:
        carrier = carried_by(
            node.directory.current(),
            Address(message.recipient),
            procedure=conversations.procedure_of(message.type, thread),
            towards=state_of(Address(message.sender)),
            at=node.clock.now(),
            blind=True,
        )
    except NotAcceptable:
        return frozenset()
    return None if carrier.intermediary is None else carrier.readable


def _returned(node: Node, session: Session, row: Row[Any]) -> Letter | None:
    """To its author, as much of it as may still be read here: of a blocked case the statement alone."""
    connection = session.connection()
    message = mailbox.find_message(connection, NodeCode(row.sender_node), MessageId(row.message_id))
    if message is None or message.direction != "in" or row.recipient_node != message.sender_node:
        return None
    case = CaseReference(message.case_reference)
    vault = node.vault.case(session, case)
    blocked = retention.is_blocked(connection, case)

    def part(purpose: Purpose, sealed: bytes | None) -> bytes | None:
        if not sealed or blocked:
            return None
        try:
            return vault.open(purpose, sealed, bound_to=message.id)
        except NotFound:  # erased
            return None

    fitting, _ = proofs_of(session, message)
    return Letter(
        row=row.row,
        kind="returned",
        peer=NodeCode(row.recipient_node),
        message_id=MessageId(message.id),
        attempts=row.attempts,
        token=message.statement,
        narrative=part("narrative", message.narrative_sealed),
        identity=part("identity", message.identity_sealed),
        proofs=fitting,
        envelope_id=row.envelope_id,
        epoch=row.epoch,
        sequence=row.sequence,
    )


def proofs_of(session: Session, message: Row[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What proves the way of a message that came here: as many tokens as travel with it when it is returned,
    and the digests of the evidence for which there is no room."""
    connection = session.connection()
    sender, id_ = NodeCode(message.sender_node), MessageId(message.id)
    came = mailbox.find_inbox(connection, sender, id_)
    manifests = [] if came is None else [came.manifest]
    manifests += [one for one in outgoing.manifests_of(connection, id_) if one not in manifests]
    evidence = mailbox.evidence_of(connection, sender, id_)
    every = [*manifests, *(one.token for one in evidence)]
    fitting = that_fit(message.statement, every, MAX_STATEMENTS - 1, Limits())
    return fitting, tuple(one.digest for one in evidence if one.token not in fitting)


def _blob(node: Node, session: Session, row: Row[Any]) -> Letter | None:
    message = MessageId(row.message_id)
    attachment = attachments.find(session.connection(), NodeCode(row.sender_node), message, row.attachment)
    if attachment is None:
        return None
    try:
        chunk = open_chunk(node, session, attachment, row.chunk)
    except NotFound:  # erased meanwhile
        return None
    if chunk is None:
        return None
    return Letter(
        row=row.row,
        kind="blob",
        peer=NodeCode(row.recipient_node),
        message_id=message,
        attempts=row.attempts,
        token="",
        place=ChunkPlace(
            message=message, attachment=row.attachment, index=row.chunk, count=attachment.chunks
        ),
        chunk=chunk,
        envelope_id=row.envelope_id,
        epoch=row.epoch,
        sequence=row.sequence,
    )


def _content(vault: CaseVault, row: Row[Any], message: Row[Any]) -> Letter:
    case = CaseReference(message.case_reference)

    def unsealed(purpose: Purpose, sealed: bytes | None) -> bytes | None:
        return None if sealed is None else vault.open(purpose, sealed, bound_to=message.id)

    return Letter(
        row=row.row,
        kind="content",
        peer=NodeCode(row.recipient_node),
        message_id=MessageId(row.message_id),
        attempts=row.attempts,
        token=message.statement,
        case=case,
        sender=Address(message.sender),
        recipient=Address(message.recipient),
        narrative=unsealed("narrative", message.narrative_sealed),
        identity=unsealed("identity", message.identity_sealed),
        envelope_id=row.envelope_id,
        epoch=row.epoch,
        sequence=row.sequence,
    )


def sameness(letters: Sequence[Letter]) -> str:
    """What makes two envelopes the same to a channel's running digest: the statements that they carry, or a
    chunk's place."""
    if letters[0].place is not None:
        return letters[0].place.digest
    if letters[0].kind == "returned":
        return returned_digest(digest(letters[0].token.encode()))
    if letters[0].kind == "content" and letters[0].readable == frozenset():
        return past_digest(letters[0].message_id)
    if letters[0].kind == "content":
        return digest(letters[0].token.encode())
    return shared_digest(digest(letter.token.encode()) for letter in letters)


def seal(
    node: Node, peer: NodeCode, letters: Sequence[Letter], *, directory: Directory, now: datetime
) -> Envelope:
    """One envelope for letters that share an id and a number. Sealed to the keys that the peer lists
    today."""
    first = letters[0]
    assert first.envelope_id is not None
    assert first.epoch is not None
    assert first.sequence is not None

    def key(part: str, purpose: Literal["content", "identity"]) -> SealingPublicKey:
        """The peer's; the recipient's own, past the peer, for what that may not open."""
        if first.readable is None or part in first.readable:
            return directory.sealing_key(peer, purpose, now)
        assert first.recipient is not None
        return directory.sealing_key(first.recipient, purpose, now)

    content_key = key("coded", "content")
    return assemble(
        Outgoing(
            kind=_kind(first),
            id=first.envelope_id,
            sender=first.sender,
            recipient=first.recipient,
            statements=(*(letter.token for letter in letters if letter.token), *first.proofs),
            narrative=first.narrative,
            identity=first.identity,
            blob=first.place,
            chunk=first.chunk,
        ),
        clear=ClearHeader(
            version="1.0",
            sender=node.code,
            recipient=peer,
            id=first.envelope_id,
            sent_at=now,
            epoch=first.epoch,
            sequence=first.sequence,
            suite=content_key.suite,
            key=content_key.kid,
        ),
        node_key=node.keys.signing(node.code),
        sealing_key=content_key,
        identity_key=None if first.identity is None and first.chunk is None else key("identity", "identity"),
        narrative_key=None if first.narrative is None else key("narrative", "content"),
    )


def _kind(letter: Letter) -> Kind:
    if letter.kind == "returned":
        return "returned"
    return "content" if letter.kind == "content" else "blob" if letter.place else "evidence"
