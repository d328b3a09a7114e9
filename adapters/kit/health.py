"""How an adapter is, in words that an operator can act on. It holds nothing of any record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

__all__ = ["Health", "State"]


class State(StrEnum):
    """The worst that is true."""

    WELL = "well"
    SET_ASIDE = "set-aside"
    """Works, and somebody has to look at what did not go through."""
    WAITING = "waiting"
    """Works, and something is closed until others open it: `code` says why, `counts` how much."""
    SYSTEM_AWAY = "system-away"
    """The other system does not answer, or not sensibly."""
    NODE_AWAY = "node-away"
    """Our own node does not answer, or refuses the adapter. The node sees that by hearing nothing."""
    STOPPED = "stopped"
    """It ended as it was told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`code`: of what is wrong. `since`: when it came into this state. `counts`: what was settled since it
    was set up, by `<way> <outcome>`, and what waits now, as `<way> waits`."""

    adapter: str
    version: str
    state: State
    since: datetime
    code: str | None = None
    set_aside: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """As `PUT /v1/adapters/{name}/health` has it."""
        return {
            "version": self.version,
            "state": str(self.state),
            "since": self.since.isoformat(),
            "set_aside": self.set_aside,
            "counts": dict(self.counts),
            **({} if self.code is None else {"code": self.code}),
        }
