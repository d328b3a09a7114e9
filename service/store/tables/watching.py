"""What several workers of one node agree on, what was found to stand still, and how fast envelopes pass."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import String, Text
from sqlmodel import Field

from service.store.columns import Instant, RowNumber
from service.store.tables.base import Row, core_table

__all__ = [
    "DELIVERY_DAY",
    "LEASE",
    "STUCK",
    "WATCH_POSITION",
    "DeliveryDay",
    "Lease",
    "StuckRow",
    "WatchPosition",
]

type Leg = Literal[
    "consign",  # from when it might leave until the recipient's node had it
    "collect",  # from then until the recipient authority had it
]


class Lease(Row, table=True):
    """Who does a named piece of work, and until when it is theirs (`service.store.leases`)."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    until: datetime = Field(sa_type=Instant)


class StuckRow(Row, table=True):
    """Something that has stood still for too long and was told of. It goes when the thing moves."""

    __tablename__ = "stuck"

    what: str = Field(primary_key=True)
    """A row of `service/monitor/dwell.json`."""
    subject: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)
    """Since when it stands so. The same thing that moved and stands again has another moment: it is told
    again."""
    found_at: datetime = Field(sa_type=Instant)


class DeliveryDay(Row, table=True):
    """How long one leg of the way took at one node, on one day: a histogram, without messages."""

    __tablename__ = "delivery_day"

    node: str = Field(primary_key=True)
    """The node whose doing is measured: a peer's, or our own."""
    leg: Leg = Field(primary_key=True, sa_type=String)
    day: datetime = Field(primary_key=True, sa_type=Instant)
    """Its first moment, UTC: of the day on which the leg ended."""
    counts: str = Field(sa_type=Text)
    """One number for each bound of `service.monitor.delivery.BOUNDS`, and one for what took longer; spaces
    between."""


class WatchPosition(Row, table=True):
    """How far a worker has read a table that only grows."""

    __tablename__ = "watch_position"

    name: str = Field(primary_key=True)
    position: int = Field(sa_type=RowNumber)


LEASE = core_table(Lease)
STUCK = core_table(StuckRow)
DELIVERY_DAY = core_table(DeliveryDay)
WATCH_POSITION = core_table(WatchPosition)
