"""Messages as their own authorities may read them. Every release of an identity part is journalled, and who
was shown the free text on a day."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from sqlalchemy import Row, and_, or_, select
from sqlmodel import Session

from protocol import agreement, evidence
from protocol.content import Content, read_content
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId
from service.access import journal, pairs
from service.access.actor import Actor
from service.access.readings import note_reading, was_noted
from service.access.roles import Scope
from service.errors import Malformed, NotFound
from service.exchange.chunks import views_of
from service.exchange.consents import refusal_of
from service.exchange.covered import MayRead
from service.exchange.message_row import stored_statement
from service.exchange.relayed import via_view
from service.exchange.telling import tell_of_release
from service.exchange.views import (
    ContentView,
    DueView,
    EvidenceItem,
    EvidenceView,
    MessageQuery,
    MessageView,
    NarrativeView,
    Page,
)
from service.node import Node
from service.store import mailbox, relay, retention
from service.store.tables import MESSAGE

__all__ = [
    "journal_reading",
    "list_messages",
    "message_evidence",
    "message_facts",
    "own_message",
    "read_message",
    "readable_without_identity",
    "stored_identity",
]

type Part = Literal["none", "sealed", "released", "destroyed"]


def own_message(session: Session, actor: Actor, message: MessageId) -> Row[Any]:
    """The message, for an actor that acts for its sender or recipient; NotFound alike when it does not exist.

    Ids are unique per sending node: where two nodes chose the same, the actor's own outgoing one is meant.
    """
    rows = session.connection().execute(select(MESSAGE).where(MESSAGE.c.id == message)).all()
    own = [row for row in rows if actor.acts_for(row.sender, row.recipient)]
    if not own:
        raise NotFound("request.not_found", "no such message among those of your authorities")
    return min(own, key=lambda row: row.direction != "out")


async def list_messages(node: Node, actor: Actor, query: MessageQuery) -> Page:
    """Messages in the order in which this node recorded them, without their content."""
    equal = {
        MESSAGE.c.case_reference: query.case,
        MESSAGE.c.type: query.type,
        MESSAGE.c.direction: query.direction,
        MESSAGE.c.status: query.status,
        MESSAGE.c.thread: query.thread,
    }
    own = sorted(actor.authorities)
    wanted = [
        MESSAGE.c.cursor > query.after,
        or_(MESSAGE.c.sender.in_(own), MESSAGE.c.recipient.in_(own)),
        *(column == value for column, value in equal.items() if value is not None),
    ]
    if query.since is not None:
        wanted.append(MESSAGE.c.recorded_at >= query.since)

    def work(session: Session) -> Page:
        rows = (
            session.connection()
            .execute(select(MESSAGE).where(and_(*wanted)).order_by(MESSAGE.c.cursor).limit(query.limit + 1))
            .all()
        )
        shown, may_read = rows[: query.limit], MayRead(node, session, actor)
        return Page(
            messages=tuple(_view(session, row, may_read) for row in shown),
            position=shown[-1].cursor if shown else query.after,
            more=len(rows) > len(shown),
        )

    return await node.store.read(work)


async def message_facts(node: Node, actor: Actor, message: MessageId) -> MessageView:
    """A message as a list has it, without its content: also one that its reader may not read (any more)."""
    return await node.store.read(
        lambda session: _view(session, own_message(session, actor, message), MayRead(node, session, actor))
    )


async def read_message(
    node: Node, actor: Actor, message: MessageId, include_identity: bool, reason: str | None
) -> MessageView:
    """A message with its content; its identity part only when asked for, with a reason, once another person
    has released it for that reason (`pairs.release_allowed`).

    At an intermediary's node refuses as `MayRead.require`; what the mandate does not give of it is `sealed`.
    """
    if include_identity:
        actor.require(Scope.IDENTITY_REQUEST)
        if reason is None:
            raise Malformed(
                "access.reason_required", "a release of identity names its reason", field="/reason"
            )
    now = node.clock.now()

    def work(session: Session) -> MessageView:
        row, may_read = own_message(session, actor, message), MayRead(node, session, actor)
        may_read.require(row)
        if include_identity and reason is not None:
            may_read.require(row, "identity")
            retention.require_unblocked(session.connection(), row.case_reference)
            pairs.release_allowed(node, session, actor, row, reason, now)
        narrative, narrative_state = _part(
            node, session, row, "narrative", released=may_read.refusal(row, "narrative") is None
        )
        identity, identity_state = _part(node, session, row, "identity", released=include_identity)
        if include_identity and identity is not None:
            journal.note(session, actor, "identity-released", row.id, at=now, reason=reason)
            tell_of_release(node, session, row, now)
        content = _content(row, narrative, identity)
        view = _view(
            session,
            row,
            may_read,
            ContentView(
                coded=content.coded,
                narrative=tuple(
                    NarrativeView(field=block.field, language=block.language, text=block.text)
                    for block in content.narrative
                ),
                narrative_state=narrative_state,
                identity=content.identity,
                identity_state=identity_state,
                declares_no_danger=content.declares_no_danger,
                attachments=views_of(session, row) if content.attachments else (),
            ),
        )
        if view.via is not None and view.via.agreement is not None and row.direction == "in":
            refusal = refusal_of(session, row, node.directory.known(), now, actor.person)
            return dataclasses.replace(view, via=dataclasses.replace(view.via, refusal=refusal))
        if content.type not in agreement.VERSIONS:
            return view
        return dataclasses.replace(view, agreement_digest=agreement.agreement_digest(content))

    # A release is an entry in the journal and so a write; reading without one stays off the writer.
    view = await (node.store.write(work) if include_identity else node.store.read(work))
    if view.content is not None and view.content.narrative_state == "released":
        await journal_reading(node, actor, view.sender_node, view.id)
    return view


async def journal_reading(node: Node, actor: Actor, sender_node: str, message: str) -> None:
    """Say in the journal that somebody is about to be shown a message's free text: the first time of a day.
    Then alone it takes the writer."""
    now = node.clock.now()
    if not await node.store.read(lambda session: was_noted(session, actor, sender_node, message, now)):
        await node.store.write(lambda session: note_reading(session, actor, sender_node, message, now))


def readable_without_identity(node: Node, session: Session, actor: Actor, row: Row[Any]) -> Content:
    """A message of the actor's as it is rendered: with its free text while there is a key for it, without
    identity. Refuses as `MayRead.require`."""
    may_read = MayRead(node, session, actor)
    may_read.require(row)
    told = may_read.refusal(row, "narrative") is None
    narrative, _ = _part(node, session, row, "narrative", released=told)
    return _content(row, narrative, None)


async def message_evidence(node: Node, actor: Actor, message: MessageId) -> EvidenceView:
    def work(session: Session) -> EvidenceView:
        row = own_message(session, actor, message)
        proofs = mailbox.evidence_of(session.connection(), row.sender_node, row.id)
        return EvidenceView(
            id=MessageId(row.id),
            sender_node=NodeCode(row.sender_node),
            statement_digest=row.statement_digest,
            evidence=tuple(
                EvidenceItem(
                    kind=proof.kind,
                    positive=evidence.evidence_kind(proof.kind).positive,
                    issuer=proof.issuer,
                    issued_at=proof.issued_at,
                    digest=proof.digest,
                    previous=proof.previous,
                    code=proof.code,
                    token=proof.token,
                )
                for proof in proofs
            ),
        )

    return await node.store.read(work)


def stored_identity(node: Node, session: Session, row: Row[Any]) -> bytes:
    """The identity part. NotFound when the message has none, or none any more. Whoever asks has asked
    `MayRead` first."""
    part, _ = _part(node, session, row, "identity", released=True)
    if part is None:
        raise NotFound("request.not_found", "the message has no identity part, or it was destroyed")
    return part


def _part(
    node: Node,
    session: Session,
    row: Row[Any],
    purpose: Literal["narrative", "identity"],
    *,
    released: bool,
) -> tuple[bytes | None, Part]:
    sealed = row.narrative_sealed if purpose == "narrative" else row.identity_sealed
    if sealed is None:
        past = relay.is_sealed_past(session.connection(), row.sender_node, row.id)
        return None, "sealed" if past and purpose in stored_statement(row).claims.get("parts", {}) else "none"
    if not sealed:  # it was, and nothing is left of it
        return None, "destroyed"
    if not released or retention.is_blocked(session.connection(), row.case_reference):
        return None, "sealed"
    try:
        part = node.vault.open(session, row.case_reference, purpose, sealed, bound_to=row.id)
    except NotFound:
        return None, "destroyed"
    return part, "released"


def _content(row: Row[Any], narrative: bytes | None, identity: bytes | None) -> Content:
    return read_content(stored_statement(row), narrative, identity)


def _view(
    session: Session, row: Row[Any], may_read: MayRead, content: ContentView | None = None
) -> MessageView:
    return MessageView(
        id=MessageId(row.id),
        sender_node=NodeCode(row.sender_node),
        direction=row.direction,
        case=CaseReference(row.case_reference),
        thread=ThreadId(row.thread),
        in_reply_to=None if row.in_reply_to is None else MessageId(row.in_reply_to),
        type=row.type,
        sender=Address(row.sender),
        recipient=Address(row.recipient),
        urgency=row.urgency,
        issued_at=row.issued_at,
        recorded_at=row.recorded_at,
        status=row.status,
        vocabulary=row.vocabulary,
        statement_digest=row.statement_digest,
        refusal=row.refusal_code,
        due=DueView(at=row.due_at, basis=row.due_basis) if row.due_at else None,
        collected_at=row.collected_at,
        content=content,
        via=via_view(session, row, may_read),
    )
