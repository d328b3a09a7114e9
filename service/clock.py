"""The one place where the node reads the machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["SystemClock"]


class SystemClock:
    """The machine's clock. Keep it disciplined (NTP): peers refuse envelopes from more than 5 minutes
    ahead."""

    __slots__ = ()

    def now(self) -> datetime:
        return datetime.now(UTC)
