"""Two nodes compare what each has of their channels, so that a suppressed envelope is noticed by both and
named.

On a schedule each node signs, for both directions, what it has: epoch, how far without a gap, the highest
number, the gaps between, the running digest, and running digests further back. The other compares with its
own:

    they lack      numbers that we have and they do not: on the way, or suppressed; time tells which
    we lack        numbers that they have and we do not: to be asked for
    parted         a number up to which both have counted with different running digests: not the same
    envelopes

The statement also says which directory the node sees, so that two States that were shown different ones find
out (`protocol.directory.views`), and how far its access journal has come: a journal that was rewritten since
does not lead there any more. Once a day it says too how it counts what the two States asked of each other
(`protocol.indicators.told`).

A node that was put back from a backup says so, and how far it knows its own former epochs: a peer that holds
later messages of that node gives them back (`protocol.returned`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from protocol import statements
from protocol.channels import Channel, Span
from protocol.claims import Claims, seconds_of
from protocol.directory.views import DirectoryView
from protocol.errors import NotAcceptable, Refused
from protocol.evidence import KeySource
from protocol.identifiers import NodeCode, parse_node_code
from protocol.indicators.told import Told, read_told
from protocol.json_strict import Json
from protocol.statements import SigningKey, Statement, StatementType, Unverified, read, verify

__all__ = [
    "ChannelReport",
    "Difference",
    "Reconciliation",
    "Restored",
    "compare",
    "issue_reconciliation",
    "read_reconciliation",
    "report_on",
    "verify_reconciliation",
]

CLOCK_SKEW = timedelta(minutes=5)
MAX_RECONCILIATION_BYTES = 65_536
MAX_GAPS = 256
"""Gaps named in one statement, lowest first; the rest is named when these are closed."""
MAX_KNOWN_EPOCHS = 64
"""Former epochs of its own that a restored node names, the newest; what is older was never lost by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """What a node has of one channel.

    `channel`: as far as it goes without a gap. `highest`: the highest number sent, or received. `gaps`: what
    is not there below it. `marks`: the running digest after some numbers, `channel.last` among them.
    """

    channel: Channel
    highest: int
    gaps: tuple[Span, ...]
    marks: Mapping[int, str] = field(hash=False)

    def has(self) -> tuple[Span, ...]:
        """The numbers that are there, as spans."""
        return _without([(1, self.highest)] if self.highest else [], self.gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The issuer was put back from a backup and has begun `epoch` since.

    `known`: its own former epochs in its channel with the peer, oldest first, each with the last number that
    it knows of.
    """

    epoch: str
    known: tuple[tuple[str, int], ...]

    def lost(self, epoch: str, sequence: int) -> bool:
        """Whether what it once sent under this number is more than it knows of."""
        if epoch >= self.epoch:
            return False
        last = dict(self.known).get(epoch)
        if last is not None:
            return sequence > last
        return not self.known or epoch > self.known[0][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What node `issuer` told node `peer`.

    `directory`: digest of the snapshot that it works from; `view`: what it has seen of the directory.
    `checkpoint`: digest of the newest entry of its access journal. `indicators`: its figures, a year each.
    `restored`: None unless it was put back from a backup not long ago.
    """

    issuer: NodeCode
    peer: NodeCode
    issued_at: datetime
    channels: tuple[ChannelReport, ...]
    directory: str
    view: DirectoryView | None
    checkpoint: str | None
    indicators: tuple[Told, ...]
    restored: Restored | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two reports on one channel differ; see the top of this module.

    `parted`: the first number with another content lies in this span. `other_epoch`: one of the nodes has
    begun a new epoch, and the other does not know it yet; nothing else is compared then.
    """

    they_lack: tuple[Span, ...] = ()
    we_lack: tuple[Span, ...] = ()
    parted: Span | None = None
    other_epoch: bool = False

    @property
    def agrees(self) -> bool:
        return self == Difference()


def report_on(
    channel: Channel,
    *,
    highest: int | None = None,
    gaps: Sequence[Span] = (),
    marks: Mapping[int, str] = MappingProxyType({}),
) -> ChannelReport:
    """Our report. A sender needs no more than the channel; a receiver says what came beyond a gap.

    `marks`: `channels.chain_marks` at `channels.mark_sequences(channel.last)`. Without them a difference is
    noticed and not placed.
    """
    named = tuple(gaps)[:MAX_GAPS]
    if len(gaps) > MAX_GAPS:  # nothing is claimed beyond the last gap that is named
        highest = named[-1][1]
    return ChannelReport(
        channel=channel,
        highest=max(channel.last, highest or 0),
        gaps=named,
        marks={**marks, channel.last: channel.chain} if channel.last else {},
    )


def compare(
    ours: ChannelReport, theirs: ChannelReport, *, chain_at: Mapping[int, str] = MappingProxyType({})
) -> Difference:
    """How what they have of a channel differs from what we have.

    `chain_at`: our running digests at the numbers that they show (`theirs.marks`); the more of these, the
    closer a parting is placed. Refuses `channel.not_a_party` when the reports are on different channels.
    """
    names = [(one.channel.sender, one.channel.recipient) for one in (ours, theirs)]
    if names[0] != names[1]:
        raise NotAcceptable("channel.not_a_party", "the two reports are on different channels")
    if ours.channel.epoch != theirs.channel.epoch:
        return Difference(other_epoch=True)
    known = {**ours.marks, **chain_at}
    common = sorted(known.keys() & theirs.marks.keys())
    differing = [number for number in common if known[number] != theirs.marks[number]]
    parted = None
    if differing:
        agreeing = [number for number in common if number < differing[0]]
        parted = (agreeing[-1] + 1 if agreeing else 1, differing[0])
    we_have, they_have = ours.has(), theirs.has()
    return Difference(
        they_lack=_without(we_have, they_have), we_lack=_without(they_have, we_have), parted=parted
    )


def issue_reconciliation(
    *,
    issuer: NodeCode,
    peer: NodeCode,
    channels: Iterable[ChannelReport],
    directory: str,
    issued_at: datetime,
    key: SigningKey,
    view: DirectoryView | None = None,
    checkpoint: str | None = None,
    indicators: Iterable[Told] = (),
    restored: Restored | None = None,
) -> Statement:
    """Sign what node `issuer` has of its channels with `peer`."""
    figures = [told.to_json() for told in indicators]
    claims: Json = {
        "iss": issuer,
        "aud": peer,
        "iat": seconds_of(issued_at),
        "directory": directory,
        **({"view": view.to_json()} if view is not None else {}),
        **({"checkpoint": checkpoint} if checkpoint is not None else {}),
        "channels": [_to_json(report) for report in channels],
        **({"indicators": figures} if figures else {}),
        **({"restored": _restored_json(restored)} if restored is not None else {}),
    }
    return statements.issue(StatementType.RECONCILIATION, claims, key)


def read_reconciliation(
    statement: Statement | Unverified, *, refuse: type[Refused] = NotAcceptable
) -> Reconciliation:
    """What the statement says. Refuses, as a `refuse`: `channel.malformed`, `channel.critical`, and
    `channel.not_a_party` for a channel that is not between its two nodes.
    """
    claims = Claims(statement.claims, code="channel.malformed", refuse=refuse)
    claims.no_unknown_critical("channel.critical")
    try:
        issuer, peer = parse_node_code(claims.text("iss")), parse_node_code(claims.text("aud"))
        reports = tuple(_from_json(one) for one in claims.each("channels"))
    except Refused as refused:
        raise refuse("channel.malformed", refused.detail, field=refused.field) from None
    for report in reports:
        if {report.channel.sender, report.channel.recipient} != {issuer, peer}:
            raise refuse(
                "channel.not_a_party", "a node may speak about its own channels with this peer alone"
            )
    return Reconciliation(
        issuer=issuer,
        peer=peer,
        issued_at=claims.moment("iat"),
        channels=reports,
        directory=claims.text("directory"),
        view=DirectoryView.read(claims.inside("view"), claims.text("directory"))
        if "view" in claims
        else None,
        checkpoint=claims.text_or_none("checkpoint"),
        indicators=tuple(read_told(one) for one in claims.each("indicators")),
        restored=_restored(claims.inside("restored")) if "restored" in claims else None,
        digest=statement.digest,
    )


def verify_reconciliation(
    token: str, directory: KeySource, now: datetime, *, me: NodeCode, refuse: type[Refused] = NotAcceptable
) -> Reconciliation:
    """What a peer told us. Refuses as `read_reconciliation`, `Directory.signing_key`, `statements.read` and
    `statements.verify`, and `channel.not_a_party` when it was told to another, `channel.from_the_future`.
    """
    unverified = read(
        token, typ=StatementType.RECONCILIATION, max_bytes=MAX_RECONCILIATION_BYTES, refuse=refuse
    )
    said = read_reconciliation(unverified, refuse=refuse)
    if said.peer != me:
        raise refuse("channel.not_a_party", f"expected a statement to {me}")
    if said.issued_at > now + CLOCK_SKEW:
        raise refuse("channel.from_the_future", "the statement is dated ahead of our clock")
    key = directory.signing_key(said.issuer, unverified.kid, said.issued_at, received_at=now, refuse=refuse)
    verify(unverified, key, refuse=refuse)
    return said


def _to_json(report: ChannelReport) -> Json:
    channel = report.channel
    return {
        "sender": channel.sender,
        "recipient": channel.recipient,
        "epoch": channel.epoch,
        "count": channel.count,
        "last": channel.last,
        "chain": channel.chain,
        "highest": report.highest,
        "gaps": [list(span) for span in report.gaps],
        "marks": [[number, report.marks[number]] for number in sorted(report.marks)],
    }


def _from_json(claims: Claims) -> ChannelReport:
    last, highest = claims.integer("last"), claims.integer("highest")
    gaps, marks = _gaps(claims, highest), _marks(claims)
    if highest < last or claims.integer("count") != last or (gaps and gaps[0][0] <= last):
        raise claims.wrong("highest", "no gap up to last, and nothing above highest")
    return ChannelReport(
        channel=Channel(
            sender=parse_node_code(claims.text("sender")),
            recipient=parse_node_code(claims.text("recipient")),
            epoch=claims.text("epoch"),
            count=last,
            last=last,
            chain=claims.text("chain"),
        ),
        highest=highest,
        gaps=gaps,
        marks={**marks, last: claims.text("chain")} if last else {},
    )


def _restored_json(restored: Restored) -> Json:
    return {
        "epoch": restored.epoch,
        "known": [[epoch, last] for epoch, last in restored.known[-MAX_KNOWN_EPOCHS:]],
    }


def _restored(claims: Claims) -> Restored:
    epoch = claims.text("epoch")
    known: list[tuple[str, int]] = []
    for former, last in _pairs(claims, "known"):
        after = known[-1][0] if known else ""
        if not isinstance(former, str) or not after < former < epoch or type(last) is not int or last < 0:
            raise claims.wrong("known", "former epochs in order, with their last numbers")
        known.append((former, last))
    if len(known) > MAX_KNOWN_EPOCHS:
        raise claims.wrong("known", f"at most {MAX_KNOWN_EPOCHS} epochs")
    return Restored(epoch=epoch, known=tuple(known))


def _gaps(claims: Claims, highest: int) -> tuple[Span, ...]:
    gaps: list[Span] = []
    after = 0
    for first, last in _pairs(claims, "gaps"):
        if type(first) is not int or type(last) is not int or not after < first <= last <= highest:
            raise claims.wrong("gaps", "spans in order, below highest")
        gaps.append((first, last))
        after = last + 1  # two spans that touch would be one
    if len(gaps) > MAX_GAPS:
        raise claims.wrong("gaps", f"at most {MAX_GAPS} spans")
    return tuple(gaps)


def _marks(claims: Claims) -> dict[int, str]:
    marks: dict[int, str] = {}
    for number, chain in _pairs(claims, "marks"):
        if type(number) is not int or not isinstance(chain, str):
            raise claims.wrong("marks", "numbers with their running digests")
        marks[number] = chain
    return marks


def _pairs(claims: Claims, name: str) -> list[tuple[object, object]]:
    value = dict(claims.members()).get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, list) and len(one) == 2 for one in value):
        raise claims.wrong(name, "an array of pairs")
    return [(one[0], one[1]) for one in value]


def _without(spans: Sequence[Span], taken: Sequence[Span]) -> tuple[Span, ...]:
    """`spans` less `taken`; both in order and without overlap. Linear in their number."""
    left: list[Span] = []
    queue = list(reversed(taken))
    for first, last in spans:
        start = first
        while queue and queue[-1][0] <= last:
            low, high = queue[-1]
            if high >= start:
                if low > start:
                    left.append((start, low - 1))
                start = max(start, high + 1)
            if high > last:
                break
            queue.pop()
        if start <= last:
            left.append((start, last))
    return tuple(left)
