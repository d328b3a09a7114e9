"""What a channel is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["Channel", "NotTaken", "Outgoing", "Told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One notice, as the world may know it: nothing else of it is read from the database for sending."""

    id: str
    kind: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What goes to one subscription at once. `batch` is the same at every attempt: a receiver that had it
    already knows it by that."""

    batch: str
    subscription: str
    authority: str | None
    channel: str
    target: str
    language: str | None
    daily: bool
    attempts: int
    notices: tuple[Told, ...]


@dataclass(eq=False)
class NotTaken(Exception):
    """It was not taken, or nobody knows. `code`: one of few, for the metrics; never what the other side
    wrote. `for_good`: the receiver said that it wants no more."""

    code: str
    for_good: bool = False


class Channel(Protocol):
    """One way out. Returns when the other side has taken it; NotTaken otherwise, always within its
    timeout."""

    async def send(self, outgoing: Outgoing, now: datetime, /) -> None: ...
