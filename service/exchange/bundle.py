"""A case's evidence as one file, which anybody verifies with nothing but the charter's digest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlmodel import Session

from protocol.bundle import BundleMessage, Checkpoint, export_bundle
from protocol.identifiers import CaseReference, MessageId, NodeCode
from protocol.statements import StatementType, read
from service.access.actor import Actor
from service.exchange import case_files
from service.exchange.checkpoints import covering
from service.exchange.covered import MayRead
from service.node import Node
from service.store import mailbox, outgoing
from service.store.tables import DIRECTORY_SNAPSHOT, INBOX, MESSAGE

__all__ = ["case_bundle", "cited_snapshots", "held_message"]


async def case_bundle(node: Node, actor: Actor, reference: CaseReference) -> bytes:
    """Statements, manifests and evidence of the actor's messages in the case; never narrative or identity.

    A statement holds the coded part: at an intermediary's node those are left out that its reader may not
    read; when that is all of them, refuses as `MayRead.require`.
    """
    now = node.clock.now()
    directory = node.directory.known()

    def gather(session: Session) -> tuple[list[BundleMessage], list[str], list[Checkpoint]]:
        connection = session.connection()
        case_files.own_case(connection, actor, reference)
        rows = connection.execute(
            select(MESSAGE).where(MESSAGE.c.case_reference == reference).order_by(MESSAGE.c.cursor)
        ).all()
        own = [row for row in rows if actor.acts_for(row.sender, row.recipient)]
        may_read = MayRead(node, session, actor)
        readable = [row for row in own if may_read.refusal(row) is None]
        if own and not readable:
            may_read.require(own[0])
        held = [held_message(connection, row) for row in readable]
        return held, cited_snapshots(connection, held), covering(connection, directory, held)

    messages, snapshots, checkpoints = await node.store.read(gather)
    return await asyncio.to_thread(
        export_bundle,
        exporter=node.code,
        case=reference,
        directory=directory,
        messages=messages,
        snapshots=snapshots,
        exported_at=now,
        key=node.keys.signing(node.code),
        checkpoints=checkpoints,
    )


def held_message(connection: Connection, row: Row[Any]) -> BundleMessage:
    """What this node holds of one message, whichever side sent it."""
    sender_node, message = NodeCode(row.sender_node), MessageId(row.id)
    if row.direction == "out":
        manifests = outgoing.manifests_of(connection, message)
    else:
        came = select(INBOX.c.manifest).where(INBOX.c.sender_node == sender_node, INBOX.c.id == message)
        # Those that could not be opened were kept besides: evidence names them too.
        opened = tuple(connection.execute(came).scalars())
        manifests = (
            *opened,
            *(one for one in outgoing.manifests_of(connection, message) if one not in opened),
        )
    return BundleMessage(
        sender_node=sender_node,
        id=message,
        statement=row.statement,
        manifests=manifests,
        evidence=tuple(proof.token for proof in mailbox.evidence_of(connection, sender_node, message)),
    )


def cited_snapshots(connection: Connection, messages: Iterable[BundleMessage]) -> list[str]:
    """The snapshots of the directory that the evidence of these messages names."""
    cited = {
        read(token, typ=StatementType.EVIDENCE).claims["directory"]
        for message in messages
        for token in message.evidence
    }
    snapshots = connection.execute(
        select(DIRECTORY_SNAPSHOT.c.token).where(DIRECTORY_SNAPSHOT.c.digest.in_(cited))
    )
    return [row.token for row in snapshots]
