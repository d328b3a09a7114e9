"""To which addresses a webhook may lead.

An administrator writes a name; who answers for that name may change it later, to an address inside the
State's own network, and have the node ask there (server-side request forgery). So the name is resolved once
for each attempt, every address that it stands for must be a public one, the connection goes to one of these
addresses and no other, and who is at the other end is asked again once it stands.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

from service.notifying.outgoing import NotTaken

__all__ = ["AllowedAddresses", "Guide", "is_tls_fault", "is_webhook_url", "tls_context"]

type _Address = IPv4Address | IPv6Address
type _Network = IPv4Network | IPv6Network

URL_AT_MOST: Final = 2_048
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")


def is_webhook_url(url: str, *, on_this_machine: bool) -> bool:
    """https with a host, without a user, a password or a fragment. `on_this_machine`: also http, to it
    alone."""
    if not 0 < len(url) <= URL_AT_MOST or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.password is not None or port == 0:
        return False
    if "#" in url or "\\" in url:
        return False
    if parts.scheme == "http":
        return on_this_machine and parts.hostname in ("127.0.0.1", "::1", "localhost")
    return parts.scheme == "https"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedAddresses:
    """Public ones, those of `networks`, and, `on_this_machine`, the loopback."""

    networks: tuple[_Network, ...] = ()
    on_this_machine: bool = False

    @classmethod
    def of(cls, networks: str, *, on_this_machine: bool) -> AllowedAddresses:
        """`networks` as the setting `webhook_networks` has them."""
        return cls(
            networks=tuple(ip_network(one) for one in networks.split()), on_this_machine=on_this_machine
        )

    def allows(self, address: _Address) -> bool:
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return False
            within = _within(address)
            if within is not None:
                return self.allows(within)
        if any(address.version == one.version and address in one for one in self.networks):
            return True
        if address.is_loopback:
            return self.on_this_machine
        return address.is_global and not address.is_multicast and not address.is_reserved


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a gateway would make of it: the old one counts."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    number = int(address)
    if address in _NAT64 or (address in _COMPATIBLE and number > 1):
        return IPv4Address(number & 0xFFFF_FFFF)
    return None


@dataclass(slots=True)
class Guide(httpcore.AsyncNetworkBackend):
    """Connects httpcore to allowed addresses alone. NotTaken `unresolved`, `refused-address`."""

    allowed: AllowedAddresses
    resolved: Mapping[str, Iterable[str]] = field(default_factory=dict)
    """Names whose addresses are known otherwise; for tests."""
    _backend: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await self._addresses(host, port)
        if not all(self.allowed.allows(one) for one in found):
            raise NotTaken("refused-address")
        stream = await self._backend.connect_tcp(str(found[0]), port, timeout, local_address, socket_options)
        if not self._stands(stream):
            await stream.aclose()
            raise NotTaken("refused-address")
        return stream

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise NotTaken("refused-address")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[_Address]:
        if host in self.resolved:
            return [ip_address(one) for one in self.resolved[host]]
        try:
            rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NotTaken("unresolved") from None
        if not rows:
            raise NotTaken("unresolved")
        return [ip_address(row[4][0]) for row in rows]

    def _stands(self, stream: httpcore.AsyncNetworkStream) -> bool:
        peer = stream.get_extra_info("server_addr")
        try:
            return self.allowed.allows(ip_address(peer[0]))
        except (TypeError, ValueError, IndexError):
            return False


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates are verified, against the system's authorities and those of `ca_file`."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=str(ca_file))
    return context


def is_tls_fault(reason: BaseException | None) -> bool:
    """Whether a certificate or its like is behind it."""
    while reason is not None:
        if isinstance(reason, ssl.SSLError):
            return True
        reason = reason.__cause__ or reason.__context__
    return False
