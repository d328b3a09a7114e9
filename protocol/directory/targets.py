"""How fast a State says that it takes messages in: facts of its node's entry, which bind nobody.

They stand beside the legal deadlines and never instead of them: a message that was collected in an hour may
still be answered too late. Only the lengths listed here can be said, so that every node measures against the
same bounds. All of it is a project choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from protocol.errors import NotAcceptable

__all__ = ["COLLECT", "CONSIGN", "DEFAULT_TARGETS", "DeliveryTargets", "read_targets", "targets_of"]

CONSIGN: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        "PT15M": timedelta(minutes=15),
        "PT1H": timedelta(hours=1),
        "PT4H": timedelta(hours=4),
        "PT8H": timedelta(hours=8),
        "P1D": timedelta(days=1),
    }
)
"""Until its node has what was sent to it."""

COLLECT: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        "PT4H": timedelta(hours=4),
        "PT8H": timedelta(hours=8),
        "P1D": timedelta(days=1),
        "P2D": timedelta(days=2),
        "P3D": timedelta(days=3),
        "P5D": timedelta(days=5),
        "P7D": timedelta(days=7),
        "P14D": timedelta(days=14),
    }
)
"""And from then until the authority that it is for has collected it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTargets:
    """Keys of `CONSIGN` and `COLLECT`."""

    consign: str = "PT1H"
    collect: str = "P2D"

    def to_json(self) -> dict[str, str]:
        return {"consign": self.consign, "collect": self.collect}


DEFAULT_TARGETS: Final = DeliveryTargets()
"""For whoever publishes none."""


def targets_of(said: Mapping[str, Any]) -> DeliveryTargets:
    """What a State wants to publish. Refuses `directory.malformed`."""
    if set(said) != {"consign", "collect"}:
        raise NotAcceptable("directory.malformed", "expected consign and collect", field="/targets")
    for leg, known in (("consign", CONSIGN), ("collect", COLLECT)):
        if said[leg] not in known:
            raise NotAcceptable(
                "directory.malformed", f"expected one of {', '.join(known)}", field=f"/targets/{leg}"
            )
    return DeliveryTargets(consign=said["consign"], collect=said["collect"])


def read_targets(said: object) -> DeliveryTargets | None:
    """What another State published; None for what is not of this form. A later version may list other
    lengths, and an entry is not refused for what binds nobody."""
    try:
        return targets_of(said) if isinstance(said, Mapping) else None
    except (NotAcceptable, TypeError):
        return None
