"""What several workers of one node agree on, so that each thing is done by one of them."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table

__all__ = ["LEASE", "Lease"]


class Lease(Row, table=True):
    """Who does a named piece of work, and until when it is theirs (`service.store.leases`)."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    until: datetime = Field(sa_type=Instant)


LEASE = core_table(Lease)
