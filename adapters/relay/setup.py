"""The adapter's own part of the settings file.

[system]
intermediary = "International organisation (example)"   # as the reply page and the e-mails name it
return_to = "…"                                         # where paper goes
page = "https://relay.example"                          # of the reply page; leave out when there is none
confirm_within_days = 5
link_days = 14
desk_key = "/somewhere/else/desk.key"                   # else beside desk.db
spool_dir = "/var/lib/relay-spool"                      # what the page has; docs/operations/relay.md says how

[system.mail]
host = "mail.example"
port = 587
sender = "relay@organisation.example"
security = "starttls"
user = "relay"
password_file = "mail-password"                         # 0600

[system.offices."md.protectia-copilului"]
email = "office@ministry.example"
password_file = "md-password"                           # agreed by telephone, another for each office; 0600
language = "ru"                                         # else the first of its languages that we have
web_narrative = false                                   # whether the page asks for free text
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from adapters.kit import Settings
from adapters.kit.mail import LOOPBACK, MailServer
from adapters.kit.passwords import weakness
from adapters.kit.settings import SettingsError, read_secret
from adapters.relay.desk import DeskBook

__all__ = ["Setup", "setup_of"]

_KNOWN: Final = frozenset(
    {
        "intermediary",
        "return_to",
        "page",
        "confirm_within_days",
        "link_days",
        "desk_key",
        "spool_dir",
        "mail",
        "offices",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    intermediary: str
    return_to: str
    offices: Mapping[str, Any]
    mail: MailServer | None
    page: str | None
    confirm_within: timedelta
    link_lasts: timedelta
    state_dir: Path
    desk_key: Path | None
    spool_dir: Path | None

    def book(self) -> DeskBook:
        """SettingsError as `DeskBook`."""
        return DeskBook(self.state_dir, key=self.desk_key, spool=self.spool_dir)


def setup_of(settings: Settings) -> Setup:
    """SettingsError with every fault found."""
    given, faults = settings.system, list[str]()
    faults += [f"[system] {word} is not known" for word in sorted(set(given) - _KNOWN)]
    for word in ("intermediary", "return_to"):
        if not isinstance(given.get(word), str) or not given[word].strip():
            faults.append(f"[system] {word}: expected a text")
    page = given.get("page")
    if page is not None and not str(page).startswith(("https://", "http://127.0.0.1")):
        faults.append("[system] page: expected https://")
    days = {word: given.get(word, most) for word, most in (("confirm_within_days", 5), ("link_days", 14))}
    for word, value in days.items():
        if not isinstance(value, int) or not 1 <= value <= 90:
            faults.append(f"[system] {word}: expected 1 to 90")
    offices = {
        address: _office(settings, address, own, faults)
        for address, own in dict(given.get("offices", {})).items()
    }
    faults += _shared(offices)
    mail = _mail(settings, given["mail"], faults) if "mail" in given else None
    if faults:
        raise SettingsError("; ".join(faults))
    return Setup(
        intermediary=given["intermediary"],
        return_to=given["return_to"],
        offices=offices,
        mail=mail,
        page=None if page is None else str(page).rstrip("/"),
        confirm_within=timedelta(days=days["confirm_within_days"]),
        link_lasts=timedelta(days=days["link_days"]),
        state_dir=settings.state_dir,
        desk_key=settings.path(given["desk_key"]) if "desk_key" in given else None,
        spool_dir=settings.path(given["spool_dir"]) if "spool_dir" in given else None,
    )


def _office(settings: Settings, address: str, own: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    known = {"email", "password_file", "language", "web_narrative"}
    faults += [f"[system.offices.{address!r}] {word} is not known" for word in sorted(set(own) - known)]
    read = {word: value for word, value in own.items() if word != "password_file"}
    if "password_file" in own:
        where = f"[system.offices.{address!r}] password_file"
        password = read_secret(settings, own["password_file"], where, faults)
        weak = None if password is None else weakness(password, address, str(own.get("email", "")))
        if weak is not None:
            faults.append(f"{where}: {weak}")
        elif password is not None:
            read["password"] = password
    return read


def _shared(offices: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Whoever opens their own messages must not open another office's."""
    whose: dict[str, list[str]] = {}
    for address, own in offices.items():
        if "password" in own:
            whose.setdefault(own["password"], []).append(address)
    return [
        f"[system.offices] {' and '.join(sorted(some))} have one password: expected one for each"
        for some in whose.values()
        if len(some) > 1
    ]


def _mail(settings: Settings, own: Mapping[str, Any], faults: list[str]) -> MailServer | None:
    if own.get("security", "starttls") not in ("starttls", "tls", "none"):
        faults.append("[system.mail] security: expected starttls, tls or none")
    if own.get("security") == "none" and own.get("host") not in LOOPBACK:
        faults.append("[system.mail] security: none is for this machine alone")
    if not isinstance(own.get("host"), str) or "@" not in str(own.get("sender", "")):
        faults.append("[system.mail] expected host and sender")
        return None
    password = (
        read_secret(settings, own["password_file"], "[system.mail] password_file", faults)
        if "password_file" in own
        else None
    )
    return MailServer(
        host=own["host"],
        port=int(own.get("port", 587)),
        sender=own["sender"],
        security=own.get("security", "starttls"),
        user=own.get("user"),
        password=password,
    )
