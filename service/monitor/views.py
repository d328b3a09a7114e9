"""What operators and their console are shown of the watch. No case, no content, no name of a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protocol.identifiers import Address, NodeCode, ThreadId
from service.monitor.delivery import Leg

__all__ = [
    "DeliveryView",
    "PeerView",
    "PeersView",
    "StuckCount",
    "StuckView",
    "StuckViewItem",
    "UnansweredView",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnansweredView:
    """An answer that is overdue, against its legal deadline: whose, since when, and never about what."""

    thread: ThreadId
    procedure: str
    answerer: Address
    owed_by: Literal["us", "them"]
    due_at: datetime
    overdue_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckViewItem:
    """As `service.monitor.watch.Stuck`; `over_seconds` is how long it has stood beyond what it may."""

    what: str
    subject: str
    since: datetime
    most_seconds: int
    over_seconds: int
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckCount:
    what: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckView:
    """The oldest unanswered first, then what stands still. `counts`: of what stands still, all of it; `more`:
    of something there is more than is named."""

    at: datetime
    unanswered: tuple[UnansweredView, ...]
    stuck: tuple[StuckViewItem, ...]
    counts: tuple[StuckCount, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One leg in one window, against the target of that State. `median_seconds` and `ninetieth_seconds` are
    upper bounds; absent past the largest. Without anything measured nothing was met or missed."""

    leg: Leg
    days: int
    target: str
    published: bool
    count: int
    within: int
    late: int
    share_percent: int | None
    met: bool | None
    median_seconds: int | None
    ninetieth_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerView:
    """One node, as ours sees it. `ours`: it is this node itself. `clock_differs`: deadlines that the two
    counted otherwise. Targets stand beside legal deadlines and never instead of them."""

    node: NodeCode
    ours: bool
    last_heard: datetime | None
    silent: bool
    waiting: int
    oldest_waiting_seconds: int
    lacking: int
    split: bool
    clock_differs: int
    overdue: int
    delivery: tuple[DeliveryView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeersView:
    at: datetime
    peers: tuple[PeerView, ...]
