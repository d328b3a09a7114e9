"""What may not leave while international protection is not ruled out (safeguard 11): held, and let go.

    queued      not numbered yet: waits
    released    numbered, and nothing has come back: gives its number back and waits; the channel goes on in a
                new epoch, as after an erasure, so that nobody asks for the number
    consigned   their node has it: there is nothing left to hold

Two people who lift it let all of it go: under new numbers, and the same to the letter. Held is what leaves
for any State: which of them the child needs protection from is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from protocol.identifiers import CaseReference
from protocol.safeguards import ProtectionStatus
from service.exchange import case_files
from service.exchange.letters import first_epoch
from service.node import Node
from service.store import outgoing
from service.store.tables import MESSAGE

__all__ = ["apply", "cases_to_hold"]


def apply(node: Node, session: Session, reference: CaseReference, now: datetime) -> None:
    """Hold what waits to leave, or let go what was held, as the status of this child says now: under each
    reference that is known to be this child's."""
    connection = session.connection()
    for one, status in case_files.protections(connection, [reference]).items():
        if status is ProtectionStatus.NOT_SOUGHT:
            outgoing.release_held(connection, one, now)
            continue
        left_with_a_gap = outgoing.hold_case(
            connection, one, but=case_files.may_leave_anyway(connection, one)
        )
        for peer in sorted(left_with_a_gap):
            outgoing.begin_epoch(connection, node.code, peer, first_epoch(now), now)


def cases_to_hold(node: Node, session: Session, rows: Iterable[Row[Any]]) -> Sequence[CaseReference]:
    """Cases of which one of these outbox rows would tell something that may not be told.

    What holds a case when its status changes finds all that waits then. This finds what came to wait since: a
    peer that was put back from a backup asks again for what it had.
    """
    wanted = {
        row.message_id for row in rows if row.kind in ("content", "blob") and row.sender_node == node.code
    }
    if not wanted:
        return ()
    connection = session.connection()
    found = connection.execute(
        select(MESSAGE.c.id, MESSAGE.c.case_reference).where(
            MESSAGE.c.id.in_(wanted), MESSAGE.c.sender_node == node.code
        )
    ).all()
    held = {
        one
        for one, status in case_files.protections(
            connection, [CaseReference(row.case_reference) for row in found]
        ).items()
        if status is not ProtectionStatus.NOT_SOUGHT
    }
    return [
        case
        for case in sorted({CaseReference(row.case_reference) for row in found} & held)
        if {row.id for row in found if row.case_reference == case}
        - set(case_files.may_leave_anyway(connection, case))
    ]
