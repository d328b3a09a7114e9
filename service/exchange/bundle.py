"""A case's evidence as one file, which anybody verifies with nothing but the charter's digest."""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlmodel import Session

from protocol.bundle import BundleMessage, export_bundle
from protocol.identifiers import CaseReference, MessageId, NodeCode
from protocol.statements import StatementType, read
from service.access.actor import Actor
from service.exchange import case_files
from service.node import Node
from service.store import mailbox, outgoing
from service.store.tables import DIRECTORY_SNAPSHOT, INBOX, MESSAGE

__all__ = ["case_bundle"]


async def case_bundle(node: Node, actor: Actor, reference: CaseReference) -> bytes:
    """Statements, manifests and evidence of the actor's messages in the case; never narrative or identity."""
    now = node.clock.now()
    directory = node.directory.current()

    def gather(session: Session) -> tuple[list[BundleMessage], list[str]]:
        connection = session.connection()
        case_files.own_case(connection, actor, reference)
        rows = connection.execute(
            select(MESSAGE).where(MESSAGE.c.case_reference == reference).order_by(MESSAGE.c.cursor)
        ).all()
        held = [
            BundleMessage(
                sender_node=NodeCode(row.sender_node),
                id=MessageId(row.id),
                statement=row.statement,
                manifests=outgoing.manifests_of(connection, MessageId(row.id))
                if row.direction == "out"
                else tuple(
                    connection.execute(
                        select(INBOX.c.manifest).where(
                            INBOX.c.sender_node == row.sender_node, INBOX.c.id == row.id
                        )
                    ).scalars()
                ),
                evidence=tuple(
                    proof.token
                    for proof in mailbox.evidence_of(connection, NodeCode(row.sender_node), MessageId(row.id))
                ),
            )
            for row in rows
            if actor.acts_for(row.sender, row.recipient)
        ]
        cited = {
            read(token, typ=StatementType.EVIDENCE).claims["directory"]
            for message in held
            for token in message.evidence
        }
        snapshots = connection.execute(
            select(DIRECTORY_SNAPSHOT.c.token).where(DIRECTORY_SNAPSHOT.c.digest.in_(cited))
        )
        return held, [row.token for row in snapshots]

    messages, snapshots = await node.store.read(gather)
    return await asyncio.to_thread(
        export_bundle,
        exporter=node.code,
        case=reference,
        directory=directory,
        messages=messages,
        snapshots=snapshots,
        exported_at=now,
        key=node.keys.signing(node.code),
    )
