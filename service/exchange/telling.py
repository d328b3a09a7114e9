"""What the State whose message it was is told of its identity part here: that it was released, that it was
erased. Evidence of this node, which moves nothing; never by whom, why, or what it said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from protocol.directory import Directory
from protocol.errors import Refused
from protocol.identifiers import CaseReference, MessageId, NodeCode
from service.exchange import case_files, proof
from service.node import Node
from service.store import cases, mailbox

__all__ = ["directory_or_none", "tell_of_erasure", "tell_of_release"]


def tell_of_release(node: Node, session: Session, row: Row[Any], now: datetime) -> None:
    """The State whose message it was learns that its identity part was released here: a fact, with neither
    person nor reason."""
    _tell(node, session, [row], "identity-released", now)


def tell_of_erasure(node: Node, session: Session, reference: CaseReference, now: datetime) -> None:
    """Each State whose identity parts were erased here learns that they were."""
    rows = mailbox.messages_of_case(session.connection(), reference)
    _tell(node, session, (row for row in rows if row.identity_sealed is not None), "identity-erased", now)


def _tell(node: Node, session: Session, rows: Iterable[Row[Any]], kind: str, now: datetime) -> None:
    """Nothing while the other State must not hear of the case (safeguard 11), and nothing without a
    directory: what was done was done, and the journal has it."""
    came = [row for row in rows if row.direction == "in" and row.status != "refused"]
    if not came:
        return
    directory = directory_or_none(node)
    case = cases.load_case(session.connection(), CaseReference(came[0].case_reference))
    if directory is None or case is None:
        return
    if case_files.withheld(session.connection(), CaseReference(case.row.reference)):
        return
    for row in came:
        proof.issue(
            node,
            session,
            kind=kind,
            sender=NodeCode(row.sender_node),
            message=MessageId(row.id),
            statement_digest=row.statement_digest,
            directory=directory,
            now=now,
            to=NodeCode(row.sender_node),
        )


def directory_or_none(node: Node) -> Directory | None:
    """What has to be done whether or not there is a directory today does without."""
    try:
        return node.directory.current()
    except Refused:
        return None
