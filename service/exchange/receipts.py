"""Evidence that came back, its signatures verified when it was opened: stored, and applied to what it is
about.

Node evidence settles delivery and moves nothing else. Only retrieval, which the recipient authority signs,
is an act of the conversation. Evidence about a message that we did not send, or by somebody who was no side
of it, is left out and logged: it proves nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from protocol import conversations, evidence
from protocol.errors import NotAcceptable, Refused
from protocol.evidence import Evidence, Parties
from protocol.identifiers import Address, MessageId, NodeCode, ThreadId
from protocol.statements import Statement
from service.exchange import proof
from service.node import Node
from service.store import attachments, mailbox, outgoing

__all__ = ["take_receipts"]

RESEAL_AFTER = timedelta(seconds=2)
"""The peer could not open it: most likely our copy of its keys is old. A moment later the directory is
fresh."""


def take_receipts(
    node: Node,
    session: Session,
    statements: Iterable[Statement],
    sender: NodeCode,
    now: datetime,
) -> None:
    for statement in statements:
        if mailbox.has_evidence(session.connection(), statement.digest):
            continue
        try:
            receipt = evidence.read_evidence(statement)
            row = _own_message(node, session, receipt, sender)
        except Refused as reason:
            node.log.warning("evidence.left_out", code=reason.code, node=sender)
            continue
        _apply(node, session, statement, receipt, row, now)


def _own_message(node: Node, session: Session, receipt: Evidence, sender: NodeCode) -> Row[Any]:
    about = receipt.about
    row = mailbox.find_message(session.connection(), about.sender_node, about.id)
    if row is None or about.sender_node != node.code or row.direction != "out":
        raise Refused("evidence.not_ours", "evidence about a message that this node did not send")
    if about.statement_digest is not None and about.statement_digest != row.statement_digest:
        raise Refused("evidence.other_statement", "evidence about another statement under this id")
    evidence.check_parties(
        receipt,
        Parties(sender_node=node.code, recipient_node=sender, recipient=Address(row.recipient)),
    )
    return row


def _apply(
    node: Node, session: Session, statement: Statement, receipt: Evidence, row: Row[Any], now: datetime
) -> None:
    connection = session.connection()
    message = MessageId(row.id)
    proof.store(
        session,
        statement,
        sender=node.code,
        message=message,
        kind=receipt.kind.name,
        issuer=receipt.issuer,
        code=receipt.code,
        ours=False,
        issued_at=receipt.issued_at,
    )
    node.metrics.evidence(receipt.kind.name, ours=False)
    match receipt.kind.name:
        case "content-consigned":
            outgoing.settle(connection, node.code, message, now)
            # A late consignment must not undo what came after it.
            if row.status in ("accepted", "sent"):
                mailbox.set_message(connection, node.code, message, status="consigned")
        case "consignment-failed" if receipt.about.statement_digest is None:
            outgoing.try_again(connection, node.code, message, at=now + RESEAL_AFTER)
        case "consignment-failed" if row.status not in ("accepted", "sent"):
            # They had confirmed it before. Kept, to be held up to them; it undoes nothing.
            node.log.warning("evidence.contradicted", code=receipt.code, id=message, node=receipt.issuer)
        case "consignment-failed":
            outgoing.settle(connection, node.code, message, now)
            mailbox.set_message(connection, node.code, message, status="refused", refusal_code=receipt.code)
            _take_back(session, ThreadId(row.thread), message, now)
        case "content-retrieved":
            outgoing.settle(connection, node.code, message, now)
            mailbox.set_message(
                connection, node.code, message, status="retrieved", collected_at=receipt.issued_at
            )
            _collected(node, session, row, receipt, now)
        case "attachment-consigned" | "attachment-failed":
            digest = receipt.facts.get("attachment", "")
            attachments.answered(connection, node.code, message, digest, receipt.code, now)
        case _:
            pass


def _take_back(session: Session, thread_id: ThreadId, message: MessageId, now: datetime) -> None:
    """The other node refused what we had said already: the conversation goes on as if it had not been
    said."""
    connection = session.connection()
    thread = mailbox.load_thread(connection, thread_id)
    if thread is None:
        return
    table = conversations.table_for(thread.procedure)
    rest = conversations.without(thread, message, table=table)
    if rest is None:
        mailbox.delete_thread(connection, thread_id)
    else:
        mailbox.save_thread(connection, rest, now=now, new=False)


def _collected(node: Node, session: Session, row: Row[Any], receipt: Evidence, now: datetime) -> None:
    connection = session.connection()
    thread = mailbox.load_thread(connection, ThreadId(row.thread))
    if thread is None or row.recipient != thread.asker:
        return
    try:
        advance = conversations.collected(
            thread,
            MessageId(row.id),
            by=Address(row.recipient),
            at=receipt.issued_at,
            table=conversations.table_for(thread.procedure),
        )
    except NotAcceptable as reason:
        # They collected what they had refused before. As an error of ours it would come again for ever.
        node.log.warning("evidence.contradicted", code=reason.code, id=row.id, node=receipt.issuer)
        return
    mailbox.save_thread(connection, advance.thread, now=now, new=False)
