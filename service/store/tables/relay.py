"""What an intermediary's node has to hand over to authorities that have no node."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import LargeBinary, String
from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table, partial_index

__all__ = ["RELAY", "RelayRow"]

type RelayState = Literal[
    "waiting",  # here, and not handed over -> handed-over, failed
    "failed",  # tried, and not handed over; it is tried again -> handed-over, failed
    "handed-over",  # the authority has it (end)
    "moved",  # its State has a node now, and got it there (end)
]


class RelayRow(Row, table=True):
    """One message for an authority without a node. `envelope`: as it came, where a part of it was sealed past
    this node; nobody here can open that, and it is kept until it was handed over. `case_reference`: empty for
    what this node may not read at all."""

    __tablename__ = "relay"
    __table_args__ = (partial_index("ix_relay_open", "received_at", where="state IN ('waiting', 'failed')"),)

    sender_node: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    recipient: str
    case_reference: str | None = None
    envelope: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: RelayState = Field(sa_type=String)
    attempts: int = 0
    way: str | None = None
    code: str | None = None
    received_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
    evidence_digest: str | None = None


RELAY = core_table(RelayRow)
