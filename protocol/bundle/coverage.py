"""What a stolen key signed before its cut-off, and what shows that it was there then.

A thief writes any date, and a recipient who helps the thief confirms it under the same date. So what is
signed with a key that its owner gave up as stolen (`KeyRecord.checkpoints`) stands only when all of this
holds:

    1  another State's node said, in a reconciliation statement dated before the cut-off, how far it had
       received the channel from the owner's node, with the running digest over it
    2  the owner had received that statement, and its entry, signed by the State's root key, names its digest:
       what a recipient makes up afterwards is not named there, and cannot be
    3  that node's own key still counts, or was given up after the owner had named the statement
    4  the numbers from the signed thing on lead to that running digest: the thing is one of them

A bundle carries for it, as a `Checkpoint`, the statement, the running digest before the first number that is
shown, and the numbers from there. They are random ids and digests of signed texts: they tell nothing about
other cases.

What was never sent by itself stands with its message: a manifest, and the sending node's own word that it
took the message, claim no more than that the message was there. Evidence also stands when later evidence that
stands names it as the one before.

The owner alone names the checkpoints. It cannot invent one, for the counterpart signs it; it can leave one
out, and the counterpart sees that in the directory at once (`docs/operations/keys.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from protocol.channels import Channel, Numbered, advance, shared_digest
from protocol.claims import Claims
from protocol.directory import Archive, CutOff
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId, NodeCode, StateCode
from protocol.json_strict import Json
from protocol.reconciliation import (
    MAX_RECONCILIATION_BYTES,
    Reconciliation,
    read_reconciliation,
)
from protocol.statements import StatementType, Unverified, read, verify

__all__ = ["Checkpoint", "Coverage", "read_checkpoint", "verify_checkpoint", "with_earlier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A counterpart's reconciliation statement, and the numbers that lead to it.

    `start`: the running digest before the first of `numbered`. `carried`: of envelopes with evidence among
    them, the digests of all that each carried, in order.
    """

    token: str
    start: str
    numbered: tuple[Numbered, ...]
    carried: Mapping[MessageId, tuple[str, ...]] = field(hash=False)

    def to_json(self) -> Json:
        return {
            "token": self.token,
            "start": self.start,
            "numbered": [[one.sequence, one.id, one.statement_digest] for one in self.numbered],
            "carried": {str(name): list(digests) for name, digests in self.carried.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What one verified checkpoint covers. `issuer_state`: whose node signed it."""

    digest: str
    issuer: NodeCode
    issuer_state: StateCode | None
    issuer_cut_off: CutOff | None
    peer: NodeCode
    issued_at: datetime
    statements: frozenset[tuple[MessageId, str]]
    evidence: frozenset[str]

    def counts_for(self, cut_off: CutOff) -> bool:
        """True when the owner of a stolen key may rest on this checkpoint: points 1 to 3 of the module."""
        named_at = cut_off.checkpoints.get(self.digest)
        if named_at is None or self.issued_at >= cut_off.at or self.issuer_state in (None, cut_off.state):
            return False
        return self.issuer_cut_off is None or named_at < self.issuer_cut_off.at


def read_checkpoint(claims: Claims) -> Checkpoint:
    """A checkpoint in a bundle. Refuses `bundle.malformed`."""
    members = dict(claims.members())
    numbered = []
    rows, carried = members.get("numbered"), members.get("carried")
    if not isinstance(rows, list) or not isinstance(carried, dict):
        raise claims.wrong("numbered", "an array of numbers, and what their envelopes carried")
    for row in rows:
        match row:
            case [int(sequence), str(id_), str(statement)]:
                numbered.append(Numbered(sequence=sequence, id=MessageId(id_), statement_digest=statement))
            case _:
                raise claims.wrong("numbered", "number, message id and digest")
    for digests in carried.values():
        if not isinstance(digests, list) or not all(isinstance(one, str) for one in digests):
            raise claims.wrong("carried", "digests by envelope")
    return Checkpoint(
        token=claims.text("token"),
        start=claims.text("start"),
        numbered=tuple(numbered),
        carried={MessageId(name): tuple(digests) for name, digests in carried.items()},
    )


def verify_checkpoint(checkpoint: Checkpoint, archive: Archive) -> Coverage:
    """Check a checkpoint: its signature, and that its numbers lead to what it says.

    Refuses as `read_reconciliation`, `Archive.signing_key` and `statements.verify`; `channel.gap`, and
    `bundle.altered` when the numbers lead elsewhere.
    """
    unverified = read(checkpoint.token, typ=StatementType.RECONCILIATION, max_bytes=MAX_RECONCILIATION_BYTES)
    said = read_reconciliation(unverified)
    key = archive.signing_key(said.issuer, unverified.kid, said.issued_at, received_at=said.issued_at)
    verify(unverified, key)
    _follow(checkpoint, said)
    entry = archive.node_at(said.issuer, said.issued_at)
    evidence: set[str] = set()
    for one in checkpoint.numbered:
        digests = checkpoint.carried.get(one.id, ())
        if digests and shared_digest(digests) == one.statement_digest:
            evidence.update(digests)
    return Coverage(
        digest=unverified.digest,
        issuer=said.issuer,
        issuer_state=entry.state if entry is not None else None,
        issuer_cut_off=archive.cut_off(said.issuer, unverified.kid),
        peer=said.peer,
        issued_at=said.issued_at,
        statements=frozenset((one.id, one.statement_digest) for one in checkpoint.numbered),
        evidence=frozenset(evidence),
    )


def _follow(checkpoint: Checkpoint, said: Reconciliation) -> None:
    for report in said.channels:
        if report.channel.sender != said.peer or not checkpoint.numbered:
            continue
        before = checkpoint.numbered[0].sequence - 1
        # The start is a mere claim: to reach the signed digest from elsewhere is to break SHA-256.
        channel = Channel(
            sender=said.peer,
            recipient=said.issuer,
            epoch=report.channel.epoch,
            count=before,
            last=before,
            chain=checkpoint.start,
        )
        try:
            for one in checkpoint.numbered:
                channel = advance(channel, one.sequence, one.id, one.statement_digest)
        except (ValueError, OverflowError):
            raise NotAcceptable("bundle.malformed", "an id or a digest that is none") from None
        if report.marks.get(channel.last) == channel.chain:
            return
    raise NotAcceptable("bundle.altered", "the numbers do not lead to what the checkpoint says")


def with_earlier(tokens: Iterable[Unverified], covered: Iterable[str]) -> frozenset[str]:
    """Digests of the evidence of one message that was there before a cut-off: what is `covered`, and whatever
    that names as the one before."""
    previous = {one.digest: one.claims.get("previous") for one in tokens}
    found: set[str] = set()
    for one in covered:
        while one in previous and one not in found:
            found.add(one)
            before = previous[one]
            one = before if isinstance(before, str) else ""  # noqa: PLW2901 - walking back
    return frozenset(found)
