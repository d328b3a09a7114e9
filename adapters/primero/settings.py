"""The adapter's own part of its TOML file.

[system]
url = "https://primero.example"
user = "focalpoint"                    # an account of its own (README.md)
password_file = "primero-password"     # 0600
sender = "it.servizio-minori"          # the office that writes
inbox_user = "intake"                  # whom notes of messages are for
console_url = "https://node.example/console"
# module = "primeromodule-cp"
# language = "en"                      # of the notes
# incoming = "referral"                # or "transfer"
# accept_transfers = false
# remote_agencies = ["agency-unicef"]
# identity_legal_basis = "national-law"
# sweep_seconds = 600
# webhook_listen = "127.0.0.1:8470"
# webhook_key_file = "webhook-key"     # or webhook_user and webhook_password_file
[system.recipients]                    # by country
RO = "ro.anpdca"
[system.nationalities]                 # their lookup, to ISO 3166-1 alpha-2
romanian = "RO"
[system.services]                      # a referral for this service is that message
focalpoint_inquiry = "social-inquiry.request"
[system.reasons]                       # what people write, and the code of decline-reason that it stands for
[system.contacts]
case_contact = { authority = "it.servizio-minori", office = "case-desk" }
alternate_contact = { authority = "it.servizio-minori", office = "duty-desk" }
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError

from adapters.kit.settings import Settings, SettingsError
from adapters.primero.client import MOST_PER_PAGE
from adapters.primero.mapping import Profile
from adapters.primero.webhook import Caller
from adapters.primero.worker import Way
from protocol.errors import Refused
from protocol.identifiers import parse_address
from protocol.messages.accept import Accept
from protocol.vocabularies import LANGUAGES, scheme

__all__ = ["Listening", "Primero", "listening", "read"]

_TEXTS: Final = ("url", "user", "password_file", "sender", "inbox_user", "console_url")
_KNOWN: Final = frozenset(
    {
        *_TEXTS,
        "module",
        "language",
        "incoming",
        "accept_transfers",
        "remote_agencies",
        "identity_legal_basis",
        "sweep_seconds",
        "page",
        "webhook_listen",
        "webhook_key_file",
        "webhook_user",
        "webhook_password_file",
        "recipients",
        "nationalities",
        "services",
        "reasons",
        "contacts",
    }
)
_SERVICES: Final = frozenset({"case.notification", "social-inquiry.request"})
_INCOMING: Final = {"referral": "referrals", "transfer": "transfers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    host: str
    port: int
    caller: Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Primero:
    """Checked."""

    url: str
    user: str
    password: str = field(repr=False)
    profile: Profile
    way: Way


def read(settings: Settings) -> Primero:
    """SettingsError with every fault found."""
    told, faults = settings.system, []
    faults += [f"[system] {word} is not known" for word in sorted(set(told) - _KNOWN)]
    faults += [
        f"[system] {word} is missing"
        for word in _TEXTS
        if not isinstance(told.get(word), str) or not told[word]
    ]
    for word in ("url", "console_url"):
        if not str(told.get(word, "")).startswith(("https://", "http://127.0.0.1", "http://[::1]")):
            faults.append(f"[system] {word}: expected https://, or http:// on this machine alone")
    recipients = _texts(told, "recipients", faults)
    for country, address in recipients.items():
        if country not in scheme("country").concepts:
            faults.append(f"[system.recipients] {country}: expected a code of ISO 3166-1 alpha-2")
        _address(address, f"[system.recipients] {country}", faults)
    _address(str(told.get("sender", "")), "[system] sender", faults)
    nationalities = _texts(told, "nationalities", faults)
    faults += [
        f"[system.nationalities] {value}: expected a code of ISO 3166-1 alpha-2"
        for value, country in nationalities.items()
        if country not in scheme("country").concepts
    ]
    services = _texts(told, "services", faults)
    faults += [
        f"[system.services] {name}: expected {' or '.join(sorted(_SERVICES))}"
        for name, type_ in services.items()
        if type_ not in _SERVICES
    ]
    reasons = _texts(told, "reasons", faults)
    faults += [
        f"[system.reasons]: {code} is no code of decline-reason"
        for code in reasons.values()
        if code not in scheme("decline-reason").concepts
    ]
    basis = told.get("identity_legal_basis")
    if basis is not None and basis not in scheme("legal-basis").concepts:
        faults.append("[system] identity_legal_basis: expected a code of legal-basis")
    language = told.get("language", "en")
    if language not in LANGUAGES:
        faults.append(f"[system] language: expected one of {', '.join(LANGUAGES)}")
    incoming = _INCOMING.get(str(told.get("incoming", "referral")))
    if incoming is None:
        faults.append("[system] incoming: expected referral or transfer")
    agencies = told.get("remote_agencies", [])
    if not isinstance(agencies, list) or not all(isinstance(one, str) for one in agencies):
        faults.append("[system] remote_agencies: expected a list")
        agencies = []
    accepts = told.get("accept_transfers", False)
    if not isinstance(accepts, bool):
        faults.append("[system] accept_transfers: expected true or false")
    sweep = _number(told, "sweep_seconds", 600, 1, 86_400, faults)
    page = _number(told, "page", 50, 1, MOST_PER_PAGE, faults)
    contacts = _contacts(told, faults)
    if faults:
        raise SettingsError("; ".join(faults))
    return Primero(
        url=str(told["url"]).rstrip("/"),
        user=told["user"],
        password=settings.secret("password_file"),
        profile=Profile(
            sender=told["sender"],
            recipients=recipients,
            nationalities=nationalities,
            services=services,
            reasons=reasons,
            contacts=contacts,
            identity_legal_basis=basis,
            language=language,
        ),
        way=Way(
            inbox=told["inbox_user"],
            console=str(told["console_url"]).rstrip("/"),
            module=str(told.get("module", "primeromodule-cp")),
            incoming="transfers" if incoming == "transfers" else "referrals",
            accept_transfers=accepts,
            remote_agencies=frozenset(agencies),
            sweep=timedelta(seconds=sweep),
            page=int(page),
        ),
    )


def listening(settings: Settings) -> Listening:
    """Where Primero's webhooks come in, and how they show who they are."""
    told = settings.system
    host, _, port = str(told.get("webhook_listen", "")).rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise SettingsError("[system] webhook_listen: expected an address and a port, as in 127.0.0.1:8470")
    by_key, by_user = "webhook_key_file" in told, "webhook_user" in told
    if by_key == by_user:
        raise SettingsError("[system] expected webhook_key_file, or webhook_user with webhook_password_file")
    if by_key:
        caller = Caller(key=settings.secret("webhook_key_file"))
    else:
        caller = Caller(user=str(told["webhook_user"]), password=settings.secret("webhook_password_file"))
    return Listening(host=host.strip("[]"), port=int(port), caller=caller)


def _texts(told: Mapping[str, Any], word: str, faults: list[str]) -> dict[str, str]:
    table = told.get(word, {})
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        faults.append(f"[system.{word}] expected names and texts")
        return {}
    return dict(table)


def _number(
    told: Mapping[str, Any], word: str, usual: float, least: float, most: float, faults: list[str]
) -> float:
    value = told.get(word, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        faults.append(f"[system] {word}: expected a number from {least:g} to {most:g}")
        return usual
    return float(value)


def _address(text: str, word: str, faults: list[str]) -> None:
    try:
        parse_address(text)
    except Refused:
        faults.append(f"{word}: expected an address, as in ro.anpdca")


def _contacts(told: Mapping[str, Any], faults: list[str]) -> Mapping[str, Any] | None:
    """None where there are none: then nobody can accept in Primero."""
    table = told.get("contacts")
    if table is None:
        return None
    try:
        Accept.model_validate(table)
    except ValidationError:
        faults.append("[system.contacts] expected case_contact and alternate_contact, two offices")
        return None
    return dict(table)
