"""Numbers that were released, and which cases they counted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table

__all__ = [
    "STATISTICS_COUNT",
    "STATISTICS_RELEASE",
    "StatisticsCount",
    "StatisticsRelease",
]


class StatisticsRelease(Row, table=True):
    """Numbers that were released, as they were. `content`: the release as JSON, without references."""

    __tablename__ = "statistics_release"

    id: str = Field(primary_key=True)
    made_at: datetime = Field(sa_type=Instant)
    content: str = Field(sa_type=Text)


class StatisticsCount(Row, table=True):
    """Which case a release counted, and in which blocks it told of it: what later releases are compared
    with. It never leaves the node."""

    __tablename__ = "statistics_count"

    release: str = Field(primary_key=True, foreign_key="statistics_release.id")
    case_reference: str = Field(primary_key=True)
    told: str = Field(sa_type=Text)


STATISTICS_RELEASE = core_table(StatisticsRelease)
STATISTICS_COUNT = core_table(StatisticsCount)
