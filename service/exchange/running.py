"""What a node does with its database before it runs on it, while it does, and when one was put back."""

from __future__ import annotations

from sqlmodel import Session

from service.exchange.erasure import forget_now, replay
from service.node import Node
from service.store import restoration
from service.store.ledger import Position

__all__ = ["begin_running", "note_position", "note_position_now", "take_up_restored"]


def begin_running(node: Node) -> None:
    """Refuse a database that was put back and does not know it (Misconfigured `store.restored`), erase again
    what the ledger names, and count the start."""
    node.store.read_now(
        lambda session: restoration.check_not_put_back(session.connection(), node.code, node.ledger)
    )
    _erase_again(node)
    counted = node.store.submit(
        lambda session: restoration.begin_run(session.connection(), node.code, node.ledger)
    ).result()
    node.ledger.keep_position(counted)


def take_up_restored(node: Node) -> tuple[str, int]:
    """After a backup was put back: new epochs on every channel, and the ledger replayed. The epoch, and how
    many cases were erased again. Doing it twice does no harm."""
    now = node.clock.now()
    epoch = node.store.submit(
        lambda session: restoration.open_new_epochs(session.connection(), node.code, node.ledger, now)
    ).result()
    again = _erase_again(node)
    node.ledger.keep_position(_position(node))
    return epoch, again


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
