"""What stands in [system] of the node's side. A consumer's [node.xroad] is read in `consumer`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.kit.settings import Settings, SettingsError, signing_key
from adapters.xroad.identifiers import Member, Party, Unreadable
from adapters.xroad.provider import Caller

__all__ = ["Listening", "callers_of", "listening_of"]

_SYSTEM: Final = frozenset(
    {"listen", "port", "security_servers", "certificate_file", "key_file",
     "security_server_certificate_file", "most_bytes", "callers"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the Security Server connects to. Without `certificate` only from this machine."""

    host: str
    port: int
    security_servers: frozenset[str]
    most_bytes: int
    certificate: Path | None = None
    key: Path | None = None
    security_server: Path | None = None


def listening_of(settings: Settings) -> Listening:
    """SettingsError with every fault found."""
    told = settings.system
    faults = [f"[system] {word} is not known" for word in sorted(set(told) - _SYSTEM)]
    host = str(told.get("listen", "127.0.0.1"))
    servers = frozenset(str(server) for server in told.get("security_servers", ["127.0.0.1", "::1"]))
    for address in (host, *sorted(servers)):
        if not _is_address(address):
            faults.append("[system] listen and security_servers: expected IP addresses")
            break
    files = {
        word: settings.path(str(told[word]))
        for word in ("certificate_file", "key_file", "security_server_certificate_file")
        if word in told
    }
    if files and len(files) < 3:
        faults.append("[system] certificate_file, key_file, security_server_certificate_file: all or none")
    if not files and not (_is_loopback(host) and all(map(_is_loopback, servers))):
        faults.append("[system] without certificates a Security Server calls from this machine alone")
    faults += [f"[system] {word}: it cannot be read" for word, path in files.items() if not path.is_file()]
    if faults:
        raise SettingsError("; ".join(faults))
    return Listening(
        host=host,
        port=int(told.get("port", 8480)),
        security_servers=servers,
        most_bytes=int(told.get("most_bytes", 64 << 20)),
        certificate=files.get("certificate_file"),
        key=files.get("key_file"),
        security_server=files.get("security_server_certificate_file"),
    )


def callers_of(settings: Settings) -> tuple[Caller, ...]:
    """SettingsError for a caller that is there twice, or is not written as X-Road writes it."""
    rows = settings.system.get("callers", ())
    found: dict[Member, Caller] = {}
    for number, row in enumerate(rows, start=1):
        where = f"[[system.callers]] {number}"
        try:
            member = Member.parse(str(row["member"]))
            client, key = str(row["client"]), signing_key(settings.path(str(row["key_file"])), where)
            represents = {
                Party.parse(str(one["party"])): (
                    str(one["client"]),
                    signing_key(settings.path(str(one["key_file"])), where),
                )
                for one in row.get("represents", ())
            }
        except KeyError as missing:
            raise SettingsError(f"{where}: {missing.args[0]} is missing") from None
        except Unreadable as reason:
            raise SettingsError(f"{where}: {reason}") from None
        if member in found or len(represents) != len(row.get("represents", ())):
            raise SettingsError(f"{where}: it is there twice")
        if client in {name for name, _ in represents.values()}:
            # Or what it asks for itself and what it asks for another could not be told apart in the journal.
            raise SettingsError(f"{where}: a client of its own for each party")
        found[member] = Caller(member=member, client=client, key=key, represents=represents)
    if not found:
        raise SettingsError("[[system.callers]]: nobody may call")
    return tuple(found.values())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ipaddress.ip_address(text).is_loopback
