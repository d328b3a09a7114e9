"""The adapter's own part of the settings file.

[system]
intermediary = "International organisation (example)"   # as the reply page and the e-mails name it
return_to = "…"                                         # where paper goes
page = "https://relay.example"                          # of the reply page; leave out when there is none
confirm_within_days = 5
link_days = 14
desk_key = "/somewhere/else/desk.key"                   # not where the page's process can read it

[system.mail]
host = "mail.example"
port = 587
sender = "relay@organisation.example"
security = "starttls"
user = "relay"
password_file = "mail-password"                         # 0600

[system.offices."md.protectia-copilului"]
email = "office@ministry.example"
password_file = "md-password"                           # agreed by telephone; 0600
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
from adapters.kit.settings import SettingsError
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
        "mail",
        "offices",
    }
)
_LEAST_PASSWORD: Final = 12


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

    def book(self) -> DeskBook:
        return DeskBook(self.state_dir, key=self.desk_key)


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
    )


def _office(settings: Settings, address: str, own: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    known = {"email", "password_file", "language", "web_narrative"}
    faults += [f"[system.offices.{address!r}] {word} is not known" for word in sorted(set(own) - known)]
    read = {word: value for word, value in own.items() if word != "password_file"}
    if "password_file" in own:
        read["password"] = _secret(settings.path(own["password_file"]), address, faults)
        if len(read["password"]) < _LEAST_PASSWORD:
            faults.append(f"[system.offices.{address!r}] password: expected {_LEAST_PASSWORD} characters")
    return read


def _mail(settings: Settings, own: Mapping[str, Any], faults: list[str]) -> MailServer | None:
    if own.get("security", "starttls") not in ("starttls", "tls", "none"):
        faults.append("[system.mail] security: expected starttls, tls or none")
    if own.get("security") == "none" and own.get("host") not in LOOPBACK:
        faults.append("[system.mail] security: none is for this machine alone")
    if not isinstance(own.get("host"), str) or "@" not in str(own.get("sender", "")):
        faults.append("[system.mail] expected host and sender")
        return None
    password = (
        _secret(settings.path(own["password_file"]), "mail", faults) if "password_file" in own else None
    )
    return MailServer(
        host=own["host"],
        port=int(own.get("port", 587)),
        sender=own["sender"],
        security=own.get("security", "starttls"),
        user=own.get("user"),
        password=password,
    )


def _secret(path: Path, whose: str, faults: list[str]) -> str:
    try:
        if path.stat().st_mode & 0o077:
            faults.append(f"password_file of {whose}: others may read it; expected mode 0600")
            return " " * _LEAST_PASSWORD
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        faults.append(f"password_file of {whose}: it cannot be read")
        return " " * _LEAST_PASSWORD
