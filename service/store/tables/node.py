"""What the database knows of itself."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table

__all__ = [
    "NODE_STATE",
    "NodeState",
]


class NodeState(Row, table=True):
    """What the database knows of itself: one row."""

    __tablename__ = "node_state"

    row: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    starts: int = 0
    """How often a node began to run on it. The ledger has the number too: a lower one here is an old copy."""
    copied_at: datetime | None = Field(default=None, sa_type=Instant)
    """In a backup: when it was made. A node does not run on one before it has opened new epochs."""
    restored_at: datetime | None = Field(default=None, sa_type=Instant)
    epoch: str | None = None
    """Opened when it was last restored."""


NODE_STATE = core_table(NodeState)
