"""The agency has it. Its signature says so, which is the only thing that completes an answered request."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from protocol import conversations
from protocol.directory.mandates import is_intermediary_node
from protocol.evidence import MAX_EVIDENCE_BYTES, ShownRendering, read_evidence
from protocol.identifiers import Address, MessageId, NodeCode, ThreadId
from protocol.statements import StatementType, read
from service.access.actor import Actor
from service.errors import Conflict, Forbidden
from service.exchange import proof
from service.exchange.printing import render_message
from service.exchange.reading import own_message
from service.exchange.views import ClaimedRendering, CollectionView
from service.node import Node
from service.store import mailbox

__all__ = ["collect"]

RETRIEVED = "content-retrieved"


async def collect(
    node: Node, actor: Actor, message: MessageId, claimed: ClaimedRendering | None = None
) -> CollectionView:
    """Sign retrieval with the recipient's key and send it back. Asked again, the first answer comes again.

    `claimed`: the rendering that the reader was shown. The evidence names it when this node makes the same
    bytes; otherwise Conflict `rendering.differs`.
    """
    shown = None if claimed is None else await _made_again(node, actor, message, claimed)
    now = node.clock.now()
    directory = node.directory.current()

    def work(session: Session) -> CollectionView:
        row = own_message(session, actor, message)
        if row.direction != "in" or row.recipient not in actor.authorities:
            raise Forbidden(
                "message.not_to_you", "a message is collected by the authority that it is addressed to"
            )
        if is_intermediary_node(directory, node.code, Address(row.recipient)):
            # Nobody here has its key, and it has nothing until it was handed over.
            raise Conflict("intermediary.relay_instead", "the authority has no node: hand it over")
        connection = session.connection()
        sender = NodeCode(row.sender_node)
        if row.collected_at is not None:
            known = next(
                proof
                for proof in mailbox.evidence_of(connection, sender, message)
                if proof.kind == RETRIEVED and proof.ours
            )
            return _view(session, row, row.collected_at, known.token)
        if claimed is not None and shown is not None and shown.digest != claimed.digest:
            raise Conflict("rendering.differs", "this node renders the message to other bytes")
        retrieved = proof.issue(
            node,
            session,
            kind=RETRIEVED,
            sender=sender,
            message=message,
            statement_digest=row.statement_digest,
            issuer=Address(row.recipient),
            directory=directory,
            now=now,
            facts={} if shown is None else shown.as_facts(),
            to=sender,
        )
        # Signed times have whole seconds: both nodes must hold the same moment.
        at = now.replace(microsecond=0)
        mailbox.set_message(connection, sender, message, status="retrieved", collected_at=at)
        thread = mailbox.load_thread(connection, ThreadId(row.thread))
        if thread is not None and row.recipient == thread.asker:
            advance = conversations.collected(
                thread,
                message,
                by=Address(row.recipient),
                at=at,
                table=conversations.table_for(thread.procedure),
            )
            mailbox.save_thread(connection, advance.thread, now=now, new=False)
        return _view(session, row, at, retrieved.token)

    view = await node.store.write(work)
    node.wake.outbox_ready.notify()
    return view


def _view(session: Session, row: Row[Any], at: Any, token: str) -> CollectionView:
    thread = mailbox.load_thread(session.connection(), ThreadId(row.thread))
    return CollectionView(
        id=MessageId(row.id),
        sender_node=NodeCode(row.sender_node),
        collected_at=at,
        evidence=token,
        thread_state=None if thread is None else str(thread.state),
        rendering=ShownRendering.named_in(
            read_evidence(read(token, typ=StatementType.EVIDENCE, max_bytes=MAX_EVIDENCE_BYTES)).facts
        ),
    )


async def _made_again(
    node: Node, actor: Actor, message: MessageId, claimed: ClaimedRendering
) -> ShownRendering:
    made = await render_message(node, actor, message, claimed.language, claimed.format)
    return ShownRendering(
        digest=made.digest, language=made.language, format=made.format, release=version("focalpoint")
    )
