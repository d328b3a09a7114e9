"""What this State's adapters said of themselves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table

__all__ = ["ADAPTER", "AdapterRow"]


class AdapterRow(Row, table=True):
    """The last word of one adapter. `client`: whose token it came with; nobody else speaks for it."""

    __tablename__ = "adapter"

    client: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    version: str
    state: str
    code: str | None = None
    since: datetime = Field(sa_type=Instant)
    set_aside: int
    counts: str = Field(sa_type=Text)
    """As JSON: what was settled, by way and outcome."""
    heard_at: datetime = Field(sa_type=Instant)


ADAPTER = core_table(AdapterRow)
