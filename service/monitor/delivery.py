"""How fast envelopes pass, measured from evidence: to each State's node, and from there to its authorities.

    consign   from when the message might leave here until the recipient's node had it     (peers)
    collect   from then until the recipient authority had it                               (peers, and ours)

Evidence is read once, in its order; what remains is one histogram a node, leg and day, for four weeks. Each
bound of a histogram may be a target, so what was met is exact, whichever target was published meanwhile.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, func, insert, literal_column, select, update
from sqlmodel import Session

from protocol.directory import Directory
from protocol.directory.targets import COLLECT, CONSIGN, DEFAULT_TARGETS
from protocol.errors import Refused
from protocol.identifiers import Address, NodeCode
from service.node import Node
from service.store.tables import DELIVERY_DAY, EVIDENCE, MESSAGE, OUTBOX, WATCH_POSITION

__all__ = [
    "BOUNDS",
    "MET_FROM",
    "WINDOWS",
    "Figures",
    "Leg",
    "figures",
    "measure",
    "nodes_measured",
    "target",
]

type Leg = Literal["consign", "collect"]

BOUNDS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=3),
    timedelta(days=5),
    timedelta(days=7),
    timedelta(days=14),
)
WINDOWS: Final = (7, 28)
"""Days that end now."""
MET_FROM: Final = 0.9
"""A target is met when at least this share was in time. Project choice."""

_READ_AT_ONCE = 500
_WAITING_LOOKED_AT = 2_000
_POSITION = "delivery"
_DAY = timedelta(days=1)

type AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One leg at one node in one window.

    `count` were measured, `within` of them in `target`; `late` are still on their way and past it. `met` is
    None without any. `median` and `ninetieth`: the bound that so many stayed below; None past the last one.
    """

    node: NodeCode
    leg: Leg
    days: int
    target: str
    published: bool
    count: int
    within: int
    late: int
    median: timedelta | None
    ninetieth: timedelta | None

    @property
    def bound(self) -> timedelta:
        return (CONSIGN if self.leg == "consign" else COLLECT)[self.target]

    @property
    def share(self) -> float | None:
        """In time, of all that were measured or should have been by now."""
        every = self.count + self.late
        return self.within / every if every else None

    @property
    def met(self) -> bool | None:
        return None if self.share is None else self.share >= MET_FROM


# -- measured


def measure(session: Session, node: Node) -> int:
    """Read on in the evidence. How many rows were read: none when all were. What it adds and how far it came
    are one transaction, so that nothing is counted twice."""
    connection = session.connection()
    begun = connection.execute(
        select(WATCH_POSITION.c.position).where(WATCH_POSITION.c.name == _POSITION)
    ).scalar_one_or_none()
    rows = connection.execute(
        select(
            EVIDENCE.c.position, EVIDENCE.c.sender_node, EVIDENCE.c.id, EVIDENCE.c.kind, EVIDENCE.c.issued_at
        )
        .where(EVIDENCE.c.position > (begun or 0))
        .order_by(EVIDENCE.c.position)
        .limit(_READ_AT_ONCE)
    ).all()
    if not rows:
        return 0
    for row in rows:
        if row.kind == "content-consigned" and row.sender_node == node.code:
            _consigned(connection, row)
        elif row.kind == "content-retrieved":
            _collected(connection, row)
    _keep_position(connection, begun, rows[-1].position)
    connection.execute(
        delete(DELIVERY_DAY).where(DELIVERY_DAY.c.day < node.clock.now() - (max(WINDOWS) + 1) * _DAY)
    )
    return len(rows)


def _consigned(connection: Connection, row: AnyRow) -> None:
    """Ours, at a peer: since it might leave, which for what was held is since it was let go."""
    of_kind = _first(connection, row, "content-consigned")
    submitted = _first(connection, row, "submission-accepted")
    if of_kind is None or of_kind.position != row.position or submitted is None:
        return
    queued = connection.execute(
        select(func.max(OUTBOX.c.queued_at)).where(
            OUTBOX.c.sender_node == row.sender_node,
            OUTBOX.c.message_id == row.id,
            OUTBOX.c.kind == "content",
        )
    ).scalar_one()
    begun = max(submitted.issued_at, queued or submitted.issued_at)
    _add(connection, of_kind.issuer, "consign", begun, row.issued_at)


def _collected(connection: Connection, row: AnyRow) -> None:
    """At whichever node had it: the one that consigned it."""
    of_kind = _first(connection, row, "content-retrieved")
    consigned = _first(connection, row, "content-consigned")
    if of_kind is None or of_kind.position != row.position or consigned is None:
        return
    _add(connection, consigned.issuer, "collect", consigned.issued_at, row.issued_at)


def _first(connection: Connection, row: AnyRow, kind: str) -> AnyRow | None:
    return connection.execute(
        select(EVIDENCE.c.position, EVIDENCE.c.issuer, EVIDENCE.c.issued_at)
        .where(EVIDENCE.c.sender_node == row.sender_node, EVIDENCE.c.id == row.id, EVIDENCE.c.kind == kind)
        .order_by(EVIDENCE.c.position)
        .limit(1)
    ).one_or_none()


def _add(connection: Connection, node: str, leg: Leg, begun: datetime, ended: datetime) -> None:
    # Two clocks may differ by minutes: before it began is at once.
    taken = max(ended - begun, timedelta())
    place = bisect_left(BOUNDS, taken)
    day = ended.replace(hour=0, minute=0, second=0, microsecond=0)
    this = (DELIVERY_DAY.c.node == node, DELIVERY_DAY.c.leg == leg, DELIVERY_DAY.c.day == day)
    former = connection.execute(select(DELIVERY_DAY.c.counts).where(*this)).scalar_one_or_none()
    counts = _counts(former)
    counts[place] += 1
    text = " ".join(map(str, counts))
    if former is None:
        connection.execute(insert(DELIVERY_DAY).values(node=node, leg=leg, day=day, counts=text))
    else:
        connection.execute(update(DELIVERY_DAY).where(*this).values(counts=text))


def _counts(text: str | None) -> list[int]:
    return [0] * (len(BOUNDS) + 1) if text is None else [int(number) for number in text.split(" ")]


def _keep_position(connection: Connection, begun: int | None, position: int) -> None:
    if begun is None:
        connection.execute(insert(WATCH_POSITION).values(name=_POSITION, position=position))
        return
    connection.execute(
        update(WATCH_POSITION).where(WATCH_POSITION.c.name == _POSITION).values(position=position)
    )


# -- told


def target(directory: Directory, node: NodeCode, leg: Leg) -> tuple[str, bool]:
    """What it published, or the default; and whether it was published."""
    try:
        published = directory.node(node).targets
    except Refused:
        published = None
    return getattr(published or DEFAULT_TARGETS, leg), published is not None


def nodes_measured(connection: Connection) -> tuple[NodeCode, ...]:
    found = connection.execute(select(DELIVERY_DAY.c.node).distinct().order_by(DELIVERY_DAY.c.node))
    return tuple(NodeCode(code) for code in found.scalars())


def figures(connection: Connection, directory: Directory, me: NodeCode, now: datetime) -> tuple[Figures, ...]:
    """Every node that was measured or keeps something waiting, each leg, each window."""
    late = {
        "consign": _late_to_consign(connection, directory, now),
        "collect": _late_to_collect(connection, directory, now),
    }
    days: dict[tuple[NodeCode, str], list[tuple[datetime, list[int]]]] = {}
    for row in connection.execute(select(DELIVERY_DAY)):
        days.setdefault((NodeCode(row.node), row.leg), []).append((row.day, _counts(row.counts)))
    nodes = {node for node, _ in days} | set(late["consign"]) | set(late["collect"])
    found = []
    legs: tuple[Leg, ...] = ("consign", "collect")
    for node in sorted(nodes):
        for leg in legs:
            if leg == "consign" and node == me:
                continue  # those who write to us measure that
            for window in WINDOWS:
                counts = _counts(None)
                for day, some in days.get((node, leg), ()):
                    if day > now - window * _DAY:
                        counts = [one + other for one, other in zip(counts, some, strict=True)]
                found.append(_figures(directory, node, leg, window, counts, late[leg].get(node, 0)))
    return tuple(found)


def _figures(
    directory: Directory, node: NodeCode, leg: Leg, window: int, counts: list[int], late: int
) -> Figures:
    wanted, published = target(directory, node, leg)
    bound = (CONSIGN if leg == "consign" else COLLECT)[wanted]
    return Figures(
        node=node,
        leg=leg,
        days=window,
        target=wanted,
        published=published,
        count=sum(counts),
        within=sum(counts[: BOUNDS.index(bound) + 1]),
        late=late,
        median=_below(counts, 0.5),
        ninetieth=_below(counts, 0.9),
    )


def _below(counts: list[int], share: float) -> timedelta | None:
    every = sum(counts)
    sums = accumulate(counts)
    return next(
        (bound for bound, sum_ in zip(BOUNDS, sums, strict=False) if every and sum_ >= share * every), None
    )


def _late_to_consign(connection: Connection, directory: Directory, now: datetime) -> Mapping[NodeCode, int]:
    """Of the rows that wait: small, and walked over by the gauges too."""
    found: dict[NodeCode, int] = {}
    for state in ("queued", "released"):
        rows = connection.execute(
            select(OUTBOX.c.recipient_node, OUTBOX.c.queued_at)
            .where(
                OUTBOX.c.state == literal_column(f"'{state}'"),
                OUTBOX.c.kind == "content",
                OUTBOX.c.queued_at < now - min(CONSIGN.values()),
            )
            .limit(_WAITING_LOOKED_AT)
        )
        for row in rows:
            node = NodeCode(row.recipient_node)
            wanted, _ = target(directory, node, "consign")
            if now - row.queued_at > CONSIGN[wanted]:
                found[node] = found.get(node, 0) + 1
    return found


def _late_to_collect(connection: Connection, directory: Directory, now: datetime) -> Mapping[NodeCode, int]:
    """The oldest of them, up to a number: enough to see that a target is not met."""
    rows = connection.execute(
        select(MESSAGE.c.recipient, MESSAGE.c.sender_node, MESSAGE.c.id, MESSAGE.c.recorded_at)
        .where(
            MESSAGE.c.status == literal_column("'consigned'"),
            MESSAGE.c.recorded_at < now - min(COLLECT.values()),
        )
        .order_by(MESSAGE.c.recorded_at)
        .limit(_WAITING_LOOKED_AT)
    ).all()
    found: dict[NodeCode, int] = {}
    for row in rows:
        try:
            node = directory.authority(Address(row.recipient)).node
        except Refused:
            continue
        bound = COLLECT[target(directory, node, "collect")[0]]
        consigned = _first(connection, row, "content-consigned")
        if consigned is not None and now - consigned.issued_at > bound:
            found[node] = found.get(node, 0) + 1
    return found
