"""Adapters by what they last said of themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, or_, select

from service.store.tables import ADAPTER

__all__ = ["SILENT_AFTER", "unwell"]

SILENT_AFTER: Final = timedelta(minutes=5)
"""Project choice: an adapter reports every minute (`adapters.kit`)."""


def unwell(connection: Connection, now: datetime) -> int:
    """How many say that something is wrong, or have fallen silent. One that was stopped is neither, and one
    that waits for a State's wider mandate works: nobody at this node can end that."""
    wrong = or_(ADAPTER.c.state.not_in(("well", "waiting")), ADAPTER.c.heard_at < now - SILENT_AFTER)
    counted = select(func.count()).select_from(ADAPTER).where(ADAPTER.c.state != "stopped", wrong)
    return connection.execute(counted).scalar_one()
