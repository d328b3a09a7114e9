"""What two nodes told each other of how they count their requests."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table

__all__ = ["INDICATORS_TOLD", "IndicatorsTold"]


class IndicatorsTold(Row, table=True):
    """The newest figures of a year that `issuer` told `peer`, ours and theirs. `figures`: as
    `protocol.indicators.Told` writes them; `statement`: the signed reconciliation that they came in."""

    __tablename__ = "indicators_told"

    issuer: str = Field(primary_key=True)
    peer: str = Field(primary_key=True)
    year: int = Field(primary_key=True)
    as_of: datetime = Field(sa_type=Instant)
    told_at: datetime = Field(sa_type=Instant)
    figures: str = Field(sa_type=Text)
    statement: str = Field(sa_type=Text)


INDICATORS_TOLD = core_table(IndicatorsTold)
