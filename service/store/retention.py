"""Which parts of a case are blocked, held or gone, as rows; and the erasing itself.

Nothing here decides; `service.exchange.retention` does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from protocol.identifiers import CaseReference, NodeCode
from protocol.retention import ErasablePart
from service.errors import Conflict, Forbidden
from service.store.prepared import Query
from service.store.tables import (
    APPROVAL,
    ATTACHMENT,
    ATTACHMENT_CHUNK,
    CASE_FILE,
    CASE_KEY,
    CASE_RETENTION,
    MESSAGE,
    OUTBOX,
)

__all__ = [
    "change",
    "closed_cases",
    "drop_attachments",
    "drop_parts",
    "drop_proposals",
    "end_letters",
    "end_rows",
    "erased_parts",
    "every_case",
    "is_blocked",
    "of_case",
    "peers_left_with_a_gap",
    "require_parts",
    "require_unblocked",
]

type AnyRow = Row[tuple[Any, ...]]

_BLOCKED = Query(
    select(CASE_RETENTION.c.blocked_at).where(
        CASE_RETENTION.c.reference == bindparam("of"), CASE_RETENTION.c.blocked_at.is_not(None)
    )
)
_SEALED = {"identity": MESSAGE.c.identity_sealed, "narrative": MESSAGE.c.narrative_sealed}
_UNANSWERED = ("queued", "held", "released")


def is_blocked(connection: Connection, reference: CaseReference) -> bool:
    """Whether nobody may read the case's narrative and identity."""
    return bool(_BLOCKED.all(connection, of=reference))


def require_unblocked(connection: Connection, reference: str) -> None:
    """Forbidden `retention.blocked` while nobody may read or add to the case's narrative and identity. Of
    what is erased there is nothing left to block."""
    case = CaseReference(reference)
    if is_blocked(connection, case) and "identity" not in erased_parts(connection, case):
        raise Forbidden(
            "retention.blocked", "the case is blocked: its narrative and identity are not processed"
        )


def of_case(connection: Connection, reference: CaseReference) -> AnyRow | None:
    return connection.execute(
        select(CASE_RETENTION).where(CASE_RETENTION.c.reference == reference)
    ).one_or_none()


def change(connection: Connection, reference: CaseReference, **values: Any) -> None:
    if of_case(connection, reference) is None:
        connection.execute(insert(CASE_RETENTION), {"reference": reference})
    connection.execute(update(CASE_RETENTION).where(CASE_RETENTION.c.reference == reference).values(**values))


def erased_parts(connection: Connection, reference: CaseReference) -> Mapping[ErasablePart, datetime]:
    """Whose key was destroyed, and when."""
    rows = connection.execute(
        select(CASE_KEY.c.purpose, CASE_KEY.c.destroyed_at).where(
            CASE_KEY.c.reference == reference, CASE_KEY.c.destroyed_at.is_not(None)
        )
    )
    return {row.purpose: row.destroyed_at for row in rows}


def closed_cases(
    connection: Connection, after: CaseReference | None = None, most: int | None = None
) -> Sequence[CaseReference]:
    """Cases of which a closure was said or taken here, standing or not, in the order of their references:
    behind `after`, and `most` of them."""
    chosen = (
        select(MESSAGE.c.case_reference)
        .where(MESSAGE.c.type == "case.closure", MESSAGE.c.status != "refused")
        .distinct()
        .order_by(MESSAGE.c.case_reference)
        .limit(most)
    )
    if after is not None:
        chosen = chosen.where(MESSAGE.c.case_reference > after)
    return [CaseReference(reference) for reference in connection.execute(chosen).scalars()]


def every_case(connection: Connection) -> Sequence[CaseReference]:
    """Every case that has a file or a key here."""
    files = set(connection.execute(select(CASE_FILE.c.reference)).scalars())
    keys = set(connection.execute(select(CASE_KEY.c.reference)).scalars())
    return [CaseReference(reference) for reference in sorted(files | keys)]


def drop_parts(connection: Connection, reference: CaseReference, part: ErasablePart) -> int:
    """Nothing is left of the sealed parts but that there was one. How many messages that is."""
    sealed = _SEALED[part]
    return connection.execute(
        update(MESSAGE)
        .where(MESSAGE.c.case_reference == reference, sealed.is_not(None))
        .values({sealed: b""})
    ).rowcount


def drop_attachments(connection: Connection, reference: CaseReference, now: datetime) -> None:
    """Chunks and what describes them. What was still on its way out ends here."""
    of_case_ = ATTACHMENT.c.case_reference == reference
    rows = select(ATTACHMENT.c.row).where(of_case_)
    connection.execute(ATTACHMENT_CHUNK.delete().where(ATTACHMENT_CHUNK.c.attachment.in_(rows)))
    connection.execute(update(ATTACHMENT).where(of_case_).values(facts_sealed=None))
    connection.execute(
        update(ATTACHMENT)
        .where(of_case_, ATTACHMENT.c.state.in_(("uploading", "uploaded", "cited", "sent")))
        .values(state="erased", changed_at=now)
    )
    messages = select(MESSAGE.c.id).where(
        MESSAGE.c.case_reference == reference,
        MESSAGE.c.sender_node == OUTBOX.c.sender_node,
        MESSAGE.c.id == OUTBOX.c.message_id,
    )
    connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.kind == "blob", OUTBOX.c.state.in_(_UNANSWERED), messages.exists())
        .values(state="failed", done_at=now)
    )


def drop_proposals(connection: Connection, reference: CaseReference) -> None:
    """Messages of the case that wait for a second person: what they would say goes with the keys."""
    connection.execute(
        update(APPROVAL)
        .where(
            APPROVAL.c.case_reference == reference,
            APPROVAL.c.state == "proposed",
            APPROVAL.c.payload_sealed.is_not(None),
        )
        .values(state="lapsed", payload_sealed=None)
    )


def require_parts(connection: Connection, reference: str, parts: Collection[ErasablePart]) -> None:
    """Conflict `retention.erased` when one of these parts of the case was erased: it does not come back
    under a new key."""
    gone = erased_parts(connection, CaseReference(reference)) if parts else {}
    if any(part in gone for part in parts):
        raise Conflict(
            "retention.erased", "this part of the case was erased; what is new needs a case of its own"
        )


def end_letters(
    connection: Connection, reference: CaseReference, parts: Collection[ErasablePart], now: datetime
) -> Sequence[AnyRow]:
    """Messages of ours that no evidence has answered and that cannot be sealed again without a part: their
    outbox rows, as they were before this ended them."""
    needed = or_(*(_SEALED[part].is_not(None) for part in parts))
    rows = connection.execute(
        select(OUTBOX)
        .join_from(
            OUTBOX,
            MESSAGE,
            (MESSAGE.c.sender_node == OUTBOX.c.sender_node) & (MESSAGE.c.id == OUTBOX.c.message_id),
        )
        .where(
            MESSAGE.c.case_reference == reference,
            OUTBOX.c.kind == "content",
            OUTBOX.c.state.in_(_UNANSWERED),
            needed,
        )
    ).all()
    end_rows(connection, [row.row for row in rows], now)
    return rows


def end_rows(connection: Connection, rows: Collection[int], now: datetime) -> None:
    """These content rows are not sent again; their messages say why."""
    ended = connection.execute(
        select(OUTBOX.c.sender_node, OUTBOX.c.message_id).where(OUTBOX.c.row.in_(rows))
    )
    for row in ended.all():
        connection.execute(
            update(MESSAGE)
            .where(
                MESSAGE.c.sender_node == row.sender_node,
                MESSAGE.c.id == row.message_id,
                # What was consigned once stays so.
                MESSAGE.c.status.in_(("held", "accepted", "sent")),
            )
            .values(status="refused", refusal_code="vault.key_destroyed")
        )
    connection.execute(update(OUTBOX).where(OUTBOX.c.row.in_(rows)).values(state="failed", done_at=now))


def peers_left_with_a_gap(rows: Sequence[AnyRow]) -> frozenset[NodeCode]:
    """Whose channel would wait for ever for a number that is not sent again."""
    return frozenset(NodeCode(row.recipient_node) for row in rows if row.sequence is not None)
