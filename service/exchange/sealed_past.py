"""What was sealed past an intermediary's node, taken in at the node that its State has taken into use since.

The authority's keys have to be here (`focalpoint keys take-over`). The message is then taken as if its sender
had sent it to this node: the same checks, conversation and deadline, and its sender gets the evidence of this
node. The deadline runs from when it was signed, whenever it is opened. Where only a part was sealed past the
intermediary, the message itself comes with the hand-over, and the part is put to it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from sqlmodel import Session

from protocol import conversations
from protocol.content import read_content
from protocol.directory import Directory
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.opening import CLOCK_SKEW, Opened
from protocol.sealed_past import Past, open_past
from service.errors import Conflict
from service.exchange.accept import Outcome, accept
from service.exchange.message_row import stored_statement
from service.node import Node
from service.store import mailbox, retention
from service.store.tables import RELAY

__all__ = ["open_here", "take_past"]

_NO_KEY: Final = "sealing.unknown_key"
_PARTS: Final[tuple[Literal["narrative", "identity"], ...]] = ("narrative", "identity")


def open_here(node: Node, data: bytes, directory: Directory, now: datetime) -> Past | None:
    """None for what no key here opens. Refuses as `open_past`, `opening.from_the_future`, and
    `opening.not_served_here` when this node does not serve who it is to."""
    try:
        past = open_past(
            data,
            keys=node.keys.sealing,
            directory=directory,
            procedure_of=conversations.procedure_of,
            limits=node.settings.limits,
        )
    except CannotOpen as reason:
        if reason.code == _NO_KEY:
            return None
        raise
    if past.header.sent_at > now + CLOCK_SKEW:
        raise NotAcceptable("opening.from_the_future", "sent later than our clock says; compare the clocks")
    if directory.authority(past.recipient).node != node.code:
        raise NotAcceptable("opening.not_served_here", f"{past.recipient} is served by another node")
    return past


def take_past(node: Node, past: Past, directory: Directory, now: datetime) -> Callable[[Session], Outcome]:
    """The unit of work. `wait`: what it builds on, or the message that a part belongs to, has not come, or
    the part is not the one that the message binds."""
    sender = past.header.sender

    def work(session: Session) -> Outcome:
        outcome = _taken(session)
        if outcome.disposition != "wait":
            # It is nowhere sealed any more; what was refused, its sender was told.
            session.connection().execute(
                RELAY.delete().where(RELAY.c.sender_node == sender, RELAY.c.id == past.header.id)
            )
        return outcome

    def _taken(session: Session) -> Outcome:
        if past.content is None:
            return _part(node, session, past)
        opened = Opened(
            header=past.header,
            manifest=past.manifest,
            kind="content",
            content=past.content,
            signed=past.signed,
        )
        return accept(node, opened, directory, now)(session)

    return work


def _part(node: Node, session: Session, past: Past) -> Outcome:
    connection, sender, message = session.connection(), past.header.sender, past.header.id
    row = mailbox.find_message(connection, sender, message)

    def outcome(
        disposition: Literal["consigned", "refused", "known", "wait"], code: str | None = None
    ) -> Outcome:
        return Outcome(disposition=disposition, sender=sender, message=message, code=code)

    if row is None:
        return outcome("wait")
    missing: dict[Literal["narrative", "identity"], bytes] = {
        name: past.parts[name]
        for name in _PARTS
        if name in past.parts and getattr(row, f"{name}_sealed") is None
    }
    if not missing:
        return outcome("known")
    try:
        content = read_content(stored_statement(row), missing.get("narrative"), missing.get("identity"))
    except Refused as reason:
        return outcome("wait", reason.code)
    if content.recipient != past.recipient:
        return outcome("wait", _NO_KEY)
    try:
        retention.require_parts(connection, content.case, list(missing))
    except Conflict as reason:
        return outcome("refused", reason.code)
    vault = node.vault.case(session, content.case)
    sealed = {f"{name}_sealed": vault.seal(name, part, bound_to=message) for name, part in missing.items()}
    mailbox.set_message(connection, sender, message, **sealed)
    return outcome("consigned")
