"""Moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment_with_zone"]


def moment_with_zone(text: str) -> datetime | None:
    """None unless it says its time zone: an hour's difference is what a thief needs."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)
