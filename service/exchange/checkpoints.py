"""What a bundle needs for keys that were given up as stolen: the checkpoints that cover what they signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlmodel import Session

from protocol import channels
from protocol.bundle import BundleMessage, Checkpoint
from protocol.channels import Channel, Numbered
from protocol.directory import Directory, OtherEntry, Owner
from protocol.identifiers import MessageId, NodeCode
from protocol.reconciliation import Reconciliation, read_reconciliation
from protocol.statements import Statement, StatementType, digest, read
from service.node import Node
from service.store import checkpoints
from service.store.tables import CHANNEL_SEEN, INBOX, OUTBOX

__all__ = ["covering", "keep", "named_in"]


def keep(
    node: Node, session: Session, statement: Statement, *, issuer: NodeCode, peer: NodeCode, at: datetime
) -> None:
    """Remember what one of the two told the other."""
    checkpoints.keep(
        session.connection(),
        statement,
        issuer=issuer,
        peer=peer,
        issued_at=at,
        named=named_in(node.directory.current()),
    )


def named_in(directory: Directory) -> frozenset[str]:
    """Every checkpoint that an entry of the directory names, in any version."""
    return frozenset(
        one
        for held in directory.archive.held.values()
        if not isinstance(held.entry, OtherEntry)
        for record in held.entry.signing_keys
        for one in record.checkpoints or ()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A named checkpoint that is here, and the channel on which it says what had arrived."""

    token: str
    said: Reconciliation
    channel: Channel


def covering(
    connection: Connection, directory: Directory, messages: Iterable[BundleMessage]
) -> list[Checkpoint]:
    """The checkpoints that cover what stolen keys signed of these messages, as far as this node holds them.

    Nothing where no key among them was given up as stolen.
    """
    messages = list(messages)
    named: set[str] = set()
    for owner, kid in _signatures(messages):
        cut_off = directory.archive.cut_off(owner, kid)
        if cut_off is not None:
            named |= cut_off.checkpoints.keys()
    known = [one for row in checkpoints.by_digest(connection, named) for one in _known(row)]
    shown = [_shown(connection, one, known, messages) for one in known]
    return [one for one in shown if one is not None]


def _signatures(messages: Iterable[BundleMessage]) -> set[tuple[Owner, str]]:
    found: set[tuple[Owner, str]] = set()
    for message in messages:
        for typ, tokens in (
            (StatementType.CONTENT, (message.statement,)),
            (StatementType.EVIDENCE, message.evidence),
        ):
            for token in tokens:
                if token is not None:
                    statement = read(token, typ=typ)
                    found.add((statement.claims["iss"], statement.kid))
        for token in message.manifests:
            found.add((message.sender_node, read(token, typ=StatementType.MANIFEST).kid))
    return found


def _known(row: Row[Any]) -> Iterable[_Known]:
    said = read_reconciliation(read(row.token, typ=StatementType.RECONCILIATION))
    for report in said.channels:
        if report.channel.sender == said.peer and report.channel.last:
            yield _Known(token=row.token, said=said, channel=report.channel)


def _shown(
    connection: Connection, one: _Known, known: Sequence[_Known], messages: Iterable[BundleMessage]
) -> Checkpoint | None:
    """The checkpoint with its numbers from the first one that it is the earliest to cover."""
    channel = one.channel
    before = max(
        (
            other.channel.last
            for other in known
            if other.said.issued_at < one.said.issued_at and _same_line(other.channel, channel)
        ),
        default=0,
    )
    needed: set[str] = set()
    receipts: set[str] = set()
    for message in messages:
        if message.sender_node == channel.sender:
            needed.add(message.id)
        receipts.update(digest(token.encode()) for token in message.evidence)
    carried = _envelopes(connection, channel, receipts)
    of_channel = (
        CHANNEL_SEEN.c.sender_node == channel.sender,
        CHANNEL_SEEN.c.recipient_node == channel.recipient,
        CHANNEL_SEEN.c.epoch == channel.epoch,
    )
    rows = connection.execute(
        select(CHANNEL_SEEN)
        .where(*of_channel, CHANNEL_SEEN.c.sequence <= channel.last)
        .order_by(CHANNEL_SEEN.c.sequence)
    )
    numbered = [
        Numbered(sequence=row.sequence, id=MessageId(row.id), statement_digest=row.statement_digest)
        for row in rows
    ]
    wanted = needed | carried.keys()
    first = next((each.sequence for each in numbered if each.sequence > before and each.id in wanted), None)
    if first is None or len(numbered) != channel.last:
        return None
    start = channels.open_channel(channel.sender, channel.recipient, channel.epoch)
    for each in numbered[: first - 1]:
        start = channels.advance(start, each.sequence, each.id, each.statement_digest)
    from_there = tuple(numbered[first - 1 :])
    there = {each.id for each in from_there}
    return Checkpoint(
        token=one.token,
        start=start.chain,
        numbered=from_there,
        carried={name: digests for name, digests in carried.items() if name in there},
    )


def _same_line(one: Channel, other: Channel) -> bool:
    return (one.sender, one.recipient, one.epoch) == (other.sender, other.recipient, other.epoch)


def _envelopes(
    connection: Connection, channel: Channel, receipts: set[str]
) -> dict[MessageId, tuple[str, ...]]:
    """Envelopes of the channel that carried one of these receipts, with all that each carried."""
    found: dict[MessageId, tuple[str, ...]] = {}
    came = connection.execute(
        select(INBOX.c.id, INBOX.c.carried).where(
            INBOX.c.sender_node == channel.sender,
            INBOX.c.epoch == channel.epoch,
            INBOX.c.carried.is_not(None),
        )
    )
    for row in came:
        digests = tuple(row.carried.split(" "))
        if receipts & set(digests):
            found[MessageId(row.id)] = digests
    ours = (
        OUTBOX.c.recipient_node == channel.recipient,
        OUTBOX.c.epoch == channel.epoch,
        OUTBOX.c.kind == "evidence",
    )
    envelopes = set(
        connection.execute(
            select(OUTBOX.c.envelope_id).where(*ours, OUTBOX.c.evidence_digest.in_(receipts))
        ).scalars()
    )
    left: dict[MessageId, list[str]] = {}
    # In the order of their rows, as they were sealed together.
    for row in connection.execute(
        select(OUTBOX).where(*ours, OUTBOX.c.envelope_id.in_(envelopes)).order_by(OUTBOX.c.row)
    ):
        left.setdefault(MessageId(row.envelope_id), []).append(row.evidence_digest)
    return found | {name: tuple(digests) for name, digests in left.items()}
