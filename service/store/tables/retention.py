"""What keeps a case's parts from being read, or from being erased."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table, partial_index

__all__ = [
    "CASE_RETENTION",
    "CaseRetention",
]


class CaseRetention(Row, table=True):
    """What keeps a case's erasable parts from being read, or from being erased. When they are due is not
    here: it follows from the closure."""

    __tablename__ = "case_retention"
    __table_args__ = (
        partial_index(
            "ix_case_retention_to_forget", "reference", where="erased_at IS NOT NULL AND forgotten_at IS NULL"
        ),
    )

    reference: str = Field(primary_key=True)
    blocked_at: datetime | None = Field(default=None, sa_type=Instant)
    block_reason: str | None = None
    held_at: datetime | None = Field(default=None, sa_type=Instant)
    hold_reason: str | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Instant)
    """When a key of the case was last destroyed."""
    forgotten_at: datetime | None = Field(default=None, sa_type=Instant)
    """When its old pages were gone from the files too."""
    looks: int | None = None
    """On how many days the case was seen blocked, one after the other."""
    looked_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the last of them was counted."""


CASE_RETENTION = core_table(CaseRetention)
