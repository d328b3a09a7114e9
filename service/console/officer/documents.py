"""The messages of a case as its documents: what a form may cite, what replaced what, what may be compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, literal, select, tuple_
from sqlmodel import Session

from protocol.agreement import VERSIONS, agreement_digest
from protocol.content import read_content
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from service.console.forms import KnownDocument
from service.console.pages import Viewing
from service.exchange.covered import MayRead
from service.exchange.message_row import stored_statement
from service.store.tables import CASE_FILE, CASE_PARTY, MESSAGE

__all__ = ["CaseDocument", "KnownCase", "cases_of", "documents_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDocument:
    """`agreement`: what an acceptance of this version names. `replaces`: the message that it takes the place
    of."""

    id: MessageId
    thread: ThreadId
    digest: str
    type: str
    sender: Address
    recipient: Address
    issued_at: datetime
    agreement: str | None
    replaces: str | None

    @property
    def known(self) -> KnownDocument:
        return KnownDocument(
            id=self.id,
            digest=self.digest,
            type=self.type,
            sender=self.sender,
            issued_at=self.issued_at,
            agreement=self.agreement,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    reference: CaseReference
    role: str
    opened_at: datetime
    protection: str


async def documents_of(see: Viewing, case: CaseReference) -> tuple[CaseDocument, ...]:
    """What the reader's authorities said and took in the case, the oldest first. Coded parts are looked into
    where the reader may read them; free text and identity are not opened."""
    actor = see.actor

    def work(session: Session) -> tuple[CaseDocument, ...]:
        rows = session.connection().execute(
            select(MESSAGE)
            .where(MESSAGE.c.case_reference == case, MESSAGE.c.status != "refused")
            .order_by(MESSAGE.c.cursor)
        )
        found, may_read = [], MayRead(see.node, session, actor)
        for row in rows:
            if not actor.acts_for(row.sender, row.recipient):
                continue
            content = None
            if may_read.refusal(row) is None:
                content = read_content(stored_statement(row), None, None)
            found.append(
                CaseDocument(
                    id=MessageId(row.id),
                    thread=ThreadId(row.thread),
                    digest=row.statement_digest,
                    type=row.type,
                    sender=Address(row.sender),
                    recipient=Address(row.recipient),
                    issued_at=row.issued_at,
                    agreement=agreement_digest(content) if content and row.type in VERSIONS else None,
                    replaces=content.coded.get("replaces") if content else None,
                )
            )
        return tuple(found)

    return await see.node.store.read(work)


async def cases_of(see: Viewing, *, limit: int, before: tuple[datetime, str] | None) -> tuple[KnownCase, ...]:
    """The cases in which the reader's authorities take part, the newest first."""
    own = sorted(see.actor.authorities)
    part = select(CASE_PARTY.c.reference).where(CASE_PARTY.c.address.in_(own))
    wanted: list[ColumnElement[bool]] = [CASE_FILE.c.reference.in_(part)]
    if before is not None:
        at, reference = before
        # By the column's own type: as a plain value the moment would be compared as it is not stored.
        place = tuple_(literal(at, CASE_FILE.c.opened_at.type), literal(reference))
        wanted.append(tuple_(CASE_FILE.c.opened_at, CASE_FILE.c.reference) < place)
    query = (
        select(CASE_FILE.c.reference, CASE_FILE.c.role, CASE_FILE.c.opened_at, CASE_FILE.c.protection)
        .where(and_(*wanted))
        .order_by(CASE_FILE.c.opened_at.desc(), CASE_FILE.c.reference.desc())
        .limit(limit)
    )

    def work(session: Session) -> tuple[KnownCase, ...]:
        return tuple(
            KnownCase(
                reference=CaseReference(row.reference),
                role=row.role,
                opened_at=row.opened_at,
                protection=row.protection,
            )
            for row in session.connection().execute(query)
        )

    return await see.node.store.read(work)
