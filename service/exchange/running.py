"""What a node does with its database before it runs on it, while it does, and when one was put back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from protocol.identifiers import Address, CaseReference, ThreadId
from protocol.retention import closed_since
from protocol.safeguards import ProtectionStatus
from service.access import journal
from service.exchange import case_files, restraints
from service.exchange.erasure import forget_now, replay
from service.exchange.restraints import BY_ITSELF, Repeated
from service.node import Node
from service.notices import tell
from service.store import cases, mailbox, outgoing, restoration, retention
from service.store.ledger import Position
from service.store.tables import THREAD

__all__ = ["TakenUp", "begin_running", "note_position", "note_position_now", "take_up_restored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """What was done with a database that was put back. `erased`: cases that were erased again. `doubted`:
    cases of which nothing leaves until two people settle their protection status anew. `repeated`: what the
    ledger restrained again. `ledger_is_new`: the old one is lost, and with it what it would have said."""

    epoch: str
    erased: int
    doubted: int
    repeated: Repeated
    ledger_is_new: bool


def begin_running(node: Node) -> None:
    """Refuse a database that was put back and does not know it (Misconfigured `store.restored`), erase and
    restrain again what the ledger names, and count the start."""
    node.store.read_now(
        lambda session: restoration.check_not_put_back(session.connection(), node.code, node.ledger)
    )
    _erase_again(node)
    now = node.clock.now()
    again = node.store.submit(lambda session: restraints.repeat(node, session, now)).result()
    if again:
        node.log.warning("retention.restrained_again", count=again.held + again.blocked)
    node.store.read_now(lambda session: restraints.keep(node, session))
    counted = node.store.submit(
        lambda session: restoration.begin_run(session.connection(), node.code, node.ledger)
    ).result()
    node.ledger.keep_position(counted)


def take_up_restored(node: Node) -> TakenUp:
    """After a backup was put back: new epochs on every channel, every protection status in doubt, and the
    ledger replayed. Doing it twice costs people the settling of protection once more, and no more."""
    now = node.clock.now()

    def work(session: Session) -> TakenUp:
        is_new = restoration.is_new_beside(session.connection(), node.ledger)
        epoch = restoration.open_new_epochs(session.connection(), node.code, node.ledger, now)
        return TakenUp(
            epoch=epoch,
            erased=0,
            # With the new epochs, in which what waited would leave by itself.
            doubted=_doubt_protection(session, epoch, now),
            repeated=restraints.repeat(node, session, now),
            ledger_is_new=is_new,
        )

    done = node.store.submit(work).result()
    again = _erase_again(node)
    node.ledger.keep_position(_position(node))
    return replace(done, erased=again)


def _doubt_protection(session: Session, epoch: str, now: datetime) -> int:
    """What was settled since the backup is in no other database, and may have been that a child is in
    danger from its State of origin. So what the backup has as harmless is unknown; what it has as a danger
    stays so; a first person's proposal counts no more. In how many cases two people have to settle it."""
    connection, doubted = session.connection(), 0
    for reference in retention.every_case(connection):
        case = cases.load_case(connection, reference)
        if case is None or case.row.role != "destination":
            continue
        status = case_files.protection_in_effect(case.row)
        if status is ProtectionStatus.NOT_SOUGHT:
            status = ProtectionStatus.UNKNOWN
        if status != case.row.protection:
            journal.note(session, BY_ITSELF, f"protection-{status}", reference, at=now)
        cases.change_protection(connection, reference, status, now)
        outgoing.hold_case(connection, reference, but=case_files.may_leave_anyway(connection, reference))
        doubted += 1
        if not _is_closed(session, reference):
            tell(
                session,
                "protection-unknown",
                authority=Address(case.row.opened_by),
                audience="officer",
                subject=reference,
                due_at=None,
                key=f"protection-unknown/{reference}/{epoch}",
                now=now,
            )
    return doubted


def _is_closed(session: Session, reference: CaseReference) -> bool:
    connection = session.connection()
    threads = connection.execute(select(THREAD.c.id).where(THREAD.c.case_reference == reference)).scalars()
    loaded = [mailbox.load_thread(connection, ThreadId(id_)) for id_ in threads.all()]
    return closed_since(thread for thread in loaded if thread is not None) is not None


async def note_position(node: Node) -> None:
    """Write down outside how far the database has come."""

    def look(session: Session) -> Position:
        return restoration.position(session.connection(), node.code, node.ledger)

    found = await node.store.read(look)
    if found != node.ledger.position():
        node.ledger.keep_position(found)


def note_position_now(node: Node) -> None:
    """As `note_position`, when the node stops."""
    node.ledger.keep_position(_position(node))


def _position(node: Node) -> Position:
    return node.store.read_now(
        lambda session: restoration.position(session.connection(), node.code, node.ledger)
    )


def _erase_again(node: Node) -> int:
    now = node.clock.now()
    again = node.store.submit(lambda session: replay(node, session, now)).result()
    if again:
        node.log.warning("retention.erased_again", count=again)
    forget_now(node)
    return again
