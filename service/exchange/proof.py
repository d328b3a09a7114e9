"""Evidence that this node signs: made, chained to what is known of the message, stored, and sent where it
is owed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlmodel import Session

from protocol import evidence, vocabularies
from protocol.directory import Directory
from protocol.evidence import About
from protocol.identifiers import Address, MessageId, NodeCode
from protocol.statements import Statement
from service.node import Node
from service.store import mailbox, outgoing, restoration

__all__ = ["RESTORED_FOR", "issue", "store"]

RESTORED_FOR = timedelta(days=60)
"""How long after a restore what begins a chain of evidence says so: peers send again at once, and one that
was away long later."""


def issue(
    node: Node,
    session: Session,
    *,
    kind: str,
    sender: NodeCode,
    message: MessageId,
    statement_digest: str | None,
    directory: Directory,
    now: datetime,
    manifest_digest: str | None = None,
    issuer: NodeCode | Address | None = None,
    code: str | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
    to: NodeCode | None = None,
    first: bool = False,
) -> Statement:
    """Sign evidence about a message and store it; queue it for node `to`, when it is owed to one.

    `issuer` is this node unless an authority's own act is attested. `first`: the message is stored in this
    same transaction, so there is no earlier evidence to look for.
    """
    connection = session.connection()
    issuer = issuer or node.code
    previous = None if first else mailbox.last_evidence(connection, sender, message)
    if previous is None and not first:
        # Before it was put back this node may have begun a chain for this message, which the other node has.
        restored = restoration.restored_since(connection, now - RESTORED_FOR)
        facts = facts if restored is None else {**facts, "restored": restored}
    statement = evidence.issue(
        kind,
        about=About(
            sender_node=sender,
            id=message,
            manifest_digest=manifest_digest,
            statement_digest=statement_digest,
        ),
        issuer=issuer,
        previous=previous,
        directory=directory.snapshot.digest,
        vocabulary=vocabularies.RELEASE,
        issued_at=now,
        code=code,
        facts=facts,
        key=node.keys.signing(issuer),
    )
    store(
        session,
        statement,
        sender=sender,
        message=message,
        kind=kind,
        issuer=issuer,
        code=code,
        ours=True,
        issued_at=now,
    )
    if to is not None:
        outgoing.queue(
            connection,
            recipient=to,
            kind="evidence",
            sender=sender,
            message=message,
            evidence_digest=statement.digest,
            now=now,
        )
    return statement


def store(
    session: Session,
    statement: Statement,
    *,
    sender: NodeCode,
    message: MessageId,
    kind: str,
    issuer: str,
    code: str | None,
    ours: bool,
    issued_at: datetime,
) -> None:
    mailbox.add_evidence(
        session.connection(),
        {
            "digest": statement.digest,
            "sender_node": sender,
            "id": message,
            "kind": kind,
            "issuer": issuer,
            "issued_at": issued_at,
            "token": statement.token,
            "previous": statement.claims.get("previous"),
            "code": code,
            "ours": ours,
        },
    )
