"""Who typed a message for a State without a node, and how sure that is: for every view of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select
from sqlmodel import Session

from protocol.content import Content, read_content
from protocol.identifiers import Address, MessageId, state_of
from protocol.intermediary import ATTEST, Attested, attestation_of, require_same_original
from protocol.statements import StatementType, read
from service.exchange.covered import MayRead
from service.exchange.message_row import stored_statement
from service.exchange.views import AttestedView, ViaView
from service.store.tables import MESSAGE

__all__ = ["attested", "check_original", "via_of", "via_view"]


def via_of(row: Row[Any]) -> Address | None:
    """The intermediary that the statement names. Only one that came from another member's node names one, so
    that an ordinary message costs no reading."""
    if row.sender_node.partition("-")[0] == state_of(Address(row.sender)):
        return None
    via = read(row.statement, typ=StatementType.CONTENT).claims.get("via")
    return None if via is None else Address(via)


def attested(connection: Connection, row: Row[Any], via: Address) -> Attested | None:
    """What the intermediary attested of this message; None while nothing has come."""
    rows = connection.execute(
        select(MESSAGE).where(
            MESSAGE.c.thread == row.thread,
            MESSAGE.c.case_reference == row.case_reference,
            MESSAGE.c.type == ATTEST,
            MESSAGE.c.sender_node == row.sender_node,
            MESSAGE.c.status != "refused",
        )
    )
    said = [read_content(stored_statement(one), None, None) for one in rows]
    return attestation_of(MessageId(row.id), said, by=via)


def check_original(connection: Connection, content: Content) -> None:
    """Refuses as `require_same_original`, by every attestation of the case that was said or taken here."""
    if content.type != ATTEST:
        return
    rows = connection.execute(
        select(MESSAGE).where(
            MESSAGE.c.case_reference == content.case, MESSAGE.c.type == ATTEST, MESSAGE.c.status != "refused"
        )
    )
    require_same_original(content, [read_content(stored_statement(one), None, None) for one in rows])


def via_view(session: Session, row: Row[Any], may_read: MayRead) -> ViaView | None:
    """What the attestation says, for whom the message is readable; for others only by whom it was typed, and
    that it was attested."""
    via = via_of(row)
    if via is None:
        return None
    if may_read.refusal(row) is not None:
        there = row.type == ATTEST or attested(session.connection(), row, via) is not None
        return ViaView(by=via, attested=there)
    if row.type == ATTEST:
        # It is the attestation itself.
        consents_to = read_content(stored_statement(row), None, None).coded.get("agreement")
        return ViaView(by=via, attested=True, agreement=None if consents_to is None else str(consents_to))
    found = attested(session.connection(), row, via)
    if found is None:
        return ViaView(by=via, attested=False)
    return ViaView(
        by=via,
        attested=True,
        attestation=found.attestation,
        original_form=found.original_form,
        authentication=found.authentication,
        received_on=None if found.received_on is None else found.received_on.isoformat(),
        original_digest=found.original_digest,
        besides=tuple(_attested_view(one) for one in found.besides),
    )


def _attested_view(found: Attested) -> AttestedView:
    return AttestedView(
        attestation=found.attestation,
        original_form=found.original_form,
        authentication=found.authentication,
        received_on=None if found.received_on is None else found.received_on.isoformat(),
        original_digest=found.original_digest,
    )
