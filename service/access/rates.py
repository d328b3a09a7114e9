"""How often one may ask: a token bucket for each person, system and address, in this process's memory.

A bucket holds `burst` requests and fills again at `per_second`. When there are too many names, the one that
asked longest ago is forgotten: memory stays bounded, and whoever is forgotten starts with a full bucket.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from datetime import datetime
from math import ceil
from typing import Final

from service.errors import Throttled
from service.settings import Settings

__all__ = ["REMEMBERED", "Bucket", "Rates", "network_of"]

REMEMBERED: Final = 10_000
"""Names that one limit remembers: about two megabytes."""
_OF_ONE_SUBSCRIBER: Final = 64
"""Bits of an IPv6 address that name a subscriber's network (RFC 6177); the rest they choose freely."""


class Bucket:
    """One limit over many names. `per_second` 0: no limit. Not for several threads."""

    def __init__(self, *, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, name: str, now: datetime) -> None:
        """Throttled `request.too_many` when nothing is left; it says in how many seconds there is again."""
        if self._per_second == 0:
            return
        left, since = self._left.pop(name, (self._burst, now))
        # A clock that was set back gives nothing, and takes nothing.
        left = min(self._burst, left + max(0.0, (now - since).total_seconds()) * self._per_second)
        enough = left >= 1
        self._left[name] = (left - 1 if enough else left, now)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        if not enough:
            wait = ceil((1 - left) / self._per_second)
            raise Throttled(
                "request.too_many", "more than the settings allow", facts={"retry_after_seconds": str(wait)}
            )


class Rates:
    """The limits of one node."""

    def __init__(self, settings: Settings) -> None:
        self.actors = Bucket(per_second=settings.rate_actor_per_second, burst=settings.rate_actor_burst)
        self.addresses = Bucket(
            per_second=settings.rate_address_per_second, burst=settings.rate_address_burst
        )
        self.sign_ins = Bucket(
            per_second=settings.rate_sign_in_per_minute / 60, burst=settings.rate_sign_in_burst
        )


def network_of(host: str | None) -> str:
    """Under which name an address is counted: an IPv6 subscriber is one, whatever address they take."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _OF_ONE_SUBSCRIBER), strict=False))
