"""What is kept of every message, sent or received, whatever becomes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from protocol.content import Content, SignedContent
from protocol.statements import Statement, StatementType, read
from service.store.vault import CaseVault, Purpose

__all__ = ["parts_in", "said_in", "sealed_parts", "stored_statement"]

_PARTS: Final[tuple[Purpose, ...]] = ("narrative", "identity")


def said_in(content: Content, signed: SignedContent, *, recorded_at: datetime) -> dict[str, Any]:
    """The statement, and what is looked up of it. Who sent it under which id, its parts, its due date and how
    it stands come from whoever records it."""
    return {
        "case_reference": content.case,
        "thread": content.thread,
        "in_reply_to": content.in_reply_to,
        "type": content.type,
        "sender": content.sender,
        "recipient": content.recipient,
        "statement": signed.statement.token,
        "statement_digest": signed.statement.digest,
        "issued_at": content.issued_at,
        "recorded_at": recorded_at,
        "urgency": content.urgency,
        "vocabulary": content.vocabulary,
    }


def parts_in(signed: SignedContent) -> dict[Purpose, bytes]:
    """The parts that were there to read."""
    parts: dict[Purpose, bytes | None] = {"identity": signed.identity, "narrative": signed.narrative}
    return {purpose: part for purpose, part in parts.items() if part is not None}


def sealed_parts(vault: CaseVault, content: Content, signed: SignedContent) -> dict[str, bytes | None]:
    """Under the case's own keys, bound to the message; what came from the hub is not kept."""
    there = parts_in(signed)
    sealed = {purpose: vault.seal(purpose, part, bound_to=content.id) for purpose, part in there.items()}
    return {f"{purpose}_sealed": sealed.get(purpose) for purpose in _PARTS}


def stored_statement(row: Row[Any]) -> Statement:
    """The statement as it was verified when this node took it; only its text is kept."""
    unverified = read(row.statement, typ=StatementType.CONTENT)
    return Statement(
        typ=unverified.typ,
        kid=unverified.kid,
        claims=unverified.claims,
        token=unverified.token,
        digest=unverified.digest,
    )
