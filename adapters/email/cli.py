"""`focalpoint-adapter email`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import typer

from adapters.email.worker import MailLink, Office
from adapters.kit.commands import common
from adapters.kit.mail import LOOPBACK, MailServer
from adapters.kit.passwords import made_password, weakness
from adapters.kit.settings import Settings, SettingsError, read_secret
from protocol.errors import Refused
from protocol.identifiers import parse_address

__all__ = ["commands", "link_of"]

_MAILBOX: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SYSTEM: Final = frozenset(
    {"host", "port", "security", "user", "password_file", "sender", "ca_file", "offices"}
)


def link_of(settings: Settings) -> MailLink:
    """SettingsError with every fault found. No fault quotes a password."""
    told, faults = settings.system, []
    faults += [f"[system] {word} is not known" for word in sorted(set(told) - _SYSTEM)]
    host, security = str(told.get("host", "")), str(told.get("security", "starttls"))
    if not host:
        faults.append("[system] host: expected the mail server")
    if security not in {"starttls", "tls", "none"} or (security == "none" and host not in LOOPBACK):
        faults.append("[system] security: expected starttls or tls; none is for this machine alone")
    sender = str(told.get("sender", ""))
    if not _MAILBOX.fullmatch(sender):
        faults.append(
            "[system] sender: expected an address that somebody reads: what cannot be delivered returns there"
        )
    password = (
        read_secret(settings, told["password_file"], "[system] password_file", faults)
        if "user" in told
        else None
    )
    offices: dict[str, Office] = {}
    rows = told.get("offices", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        faults.append("[system] offices: expected a table [[system.offices]] for each office")
        rows = []
    port = told.get("port", 465 if security == "tls" else 587)
    if not isinstance(port, int) or not 0 < port < 1 << 16:
        faults.append("[system] port: expected a number from 1 to 65535")
    for number, row in enumerate(rows, start=1):
        office = _office(settings, row, f"[[system.offices]] {number}", faults)
        if office is not None and offices.setdefault(office.authority, office) is not office:
            faults.append(f"[[system.offices]] {number}: its authority is there twice")
    if len({office.password for office in offices.values()}) != len(offices):
        faults.append("[[system.offices]]: two offices have one password")
    if not offices and not faults:
        faults.append("[[system.offices]]: expected at least one")
    if faults:
        raise SettingsError("; ".join(faults))
    server = MailServer(
        host=host,
        sender=sender,
        port=port,
        security="tls" if security == "tls" else "none" if security == "none" else "starttls",
        user=told.get("user"),
        password=password,
        ca_file=None if "ca_file" not in told else str(settings.path(str(told["ca_file"]))),
    )
    return MailLink(server, offices)


def _office(settings: Settings, row: Any, where: str, faults: list[str]) -> Office | None:
    before = len(faults)
    authority, to = str(row.get("authority", "")), str(row.get("to", ""))
    try:
        parse_address(authority)
    except (Refused, ValueError):
        faults.append(f"{where} authority: expected an address such as it.servizio-minori")
    if not _MAILBOX.fullmatch(to):
        faults.append(f"{where} to: expected the office's mailbox")
    if not isinstance(row.get("language"), str):
        faults.append(f"{where} language: expected a tag such as fr")
    password = read_secret(settings, row.get("password_file", ""), f"{where} password_file", faults)
    weak = None if password is None else weakness(password, authority, to)
    if weak is not None:
        faults.append(f"{where} password_file: {weak}")
    if len(faults) > before or password is None:
        return None
    return Office(authority=authority, to=to, language=row["language"], password=password)


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[MailLink]:
    yield link_of(settings)


commands = common(_opened, help="Offices whose only system is e-mail.")


@commands.command("password")
def _password() -> None:
    """Make a password for one office. Give it to them by telephone or by hand, and never by e-mail."""
    typer.echo(made_password())
