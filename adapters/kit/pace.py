"""How often the other system is asked, and how long it is left alone when it does not answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["AT_ONCE", "Backoff", "Pace", "again_after", "asked_to_wait", "between_passes"]


class Pace:
    """At most `per_second` calls over time, and `burst` at once. 0 sets no limit.

    `now` is a clock in seconds that never goes back.
    """

    def __init__(self, per_second: float, *, burst: int = 1, now: Callable[[], float]) -> None:
        self._rate = per_second
        self._most = float(max(burst, 1))
        self._left = self._most
        self._now = now
        self._at = now()
        self._one = asyncio.Lock()

    async def wait(self) -> None:
        """Until one more call is allowed; first come, first served."""
        if self._rate <= 0:
            return
        async with self._one:
            while (lacking := self._lacking()) > 0:
                await asyncio.sleep(lacking)
            self._left -= 1

    def _lacking(self) -> float:
        now = self._now()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        # A whole call, but for what adding fractions loses.
        return 0.0 if self._left >= 1 - 1e-9 else (1 - self._left) / self._rate


_FIRST: Final = timedelta(seconds=1)
_MOST: Final = timedelta(minutes=10)
_MOST_ASKED: Final = timedelta(hours=1)
"""Nobody silences an adapter for longer by a header (project choice)."""


AT_ONCE: Final = 10
"""How many of what waits are asked about in one pass."""
_BETWEEN: Final = timedelta(minutes=1)
_FIRST_AGAIN: Final = timedelta(minutes=5)
_MOST_AGAIN: Final = timedelta(hours=6)


def between_passes() -> timedelta:
    """From one pass over what waits to the next."""
    return _BETWEEN


def again_after(tried: int) -> timedelta:
    """Until what waits is asked about again, having been `tried` times: from five minutes, doubling, to six
    hours, each shortened by chance by up to a half."""
    wait: timedelta = min(_FIRST_AGAIN * 2 ** min(max(tried - 1, 0), 30), _MOST_AGAIN)
    return wait * random.uniform(0.5, 1)  # noqa: S311 (no secret)


def asked_to_wait(retry_after: str | None, now: datetime) -> timedelta:
    """How long the other side has asked to be left alone, an hour at most; nothing where it did not, or not
    as RFC 9110 §10.2.3 has it."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return _MOST_ASKED if len(text) > 6 else min(timedelta(seconds=int(text)), _MOST_ASKED)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return timedelta(0)
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), _MOST_ASKED)


class Backoff:
    """Waits that double from a second to ten minutes, each shortened by chance by up to a half: what failed
    together does not come back together."""

    def __init__(self) -> None:
        self._failed = 0
        self._until: datetime | None = None

    @property
    def failed(self) -> int:
        """In a row."""
        return self._failed

    def failure(self, now: datetime, *, retry_after: str | None = None) -> datetime:
        """Until when to leave it alone: not before the other side has asked for (`asked_to_wait`)."""
        wait = min(_FIRST * 2 ** min(self._failed, 30), _MOST) * random.uniform(0.5, 1)  # noqa: S311 (no secret)
        self._failed += 1
        self._until = now + max(wait, asked_to_wait(retry_after, now))
        return self._until

    def success(self) -> None:
        self._failed = 0
        self._until = None

    def may_try(self, now: datetime) -> bool:
        return self._until is None or now >= self._until
