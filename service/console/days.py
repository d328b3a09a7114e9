"""Days that somebody chooses in a search: whole ones, in UTC, as the pages say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query

from service.errors import Malformed

__all__ = ["Day", "beginning_of_day", "end_of_day"]

Day = Annotated[str, Query(max_length=10)]
"""As `<input type="date">` sends it; empty for none."""


def beginning_of_day(text: str, field: str) -> datetime:
    """Malformed `request.parameter`."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("request.parameter", "expected a day such as 2027-01-31", field=field) from None


def end_of_day(text: str, field: str) -> datetime:
    """Its last instant. Malformed `request.parameter`."""
    return beginning_of_day(text, field) + timedelta(days=1, microseconds=-1)
