"""Every knob of a node, with its unit.

A TOML file, each key overridden by the environment: `api_port` by `FOCALPOINT_API_PORT`. Paths that are not
absolute stand beside the file. What is unknown, missing or out of range is refused at the start, all of it at
once.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from protocol.errors import Refused
from protocol.identifiers import NodeCode, StateCode, parse_node_code
from protocol.limits import Limits
from service.errors import Misconfigured
from service.store.engine import database_file

__all__ = ["ENVIRONMENT_PREFIX", "Settings", "load", "settings_from"]

ENVIRONMENT_PREFIX = "FOCALPOINT_"

_STATE = re.compile(r"int|[a-z]{2}")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_MAILBOX = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII)
_HOSTS_OF_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One node's settings, checked. Made by `load` or `settings_from`."""

    # Who this is.
    node: NodeCode  # node code, as the hub and the directory know it: `ro`, `int-iom`
    state: StateCode  # ISO 3166-1 alpha-2 in lower case, or `int`
    charter_digest: str  # SHA-256 of the charter, base64url, 43 characters; from out of band

    # Where it keeps things. Unless named, the five below are in `data_dir`.
    data_dir: Path
    database: str = field(repr=False)  # SQLAlchemy URL; default sqlite, `data_dir`/node.db. A secret
    keystore_dir: Path  # default `data_dir`/keys
    passphrase_file: Path  # opens the keystore; 0600; default `data_dir`/passphrase
    hub_seed_file: Path  # the node's NKey seed for the hub; 0600; default `data_dir`/hub.nk
    ledger_dir: Path  # what a restored backup must not bring back; in no backup; default `data_dir`/ledger

    # Its keys.
    keystore: str = "file"  # "file", or "pkcs11": signing keys in a hardware module, the rest in files
    pkcs11_library: Path | None = None  # the module's library, for pkcs11
    pkcs11_token: str = ""  # the token's label, for pkcs11
    pkcs11_pin_file: Path | None = None  # the user's PIN; 0600; for pkcs11
    identity_key_days: int = 7  # how long others seal identity to one key
    identity_key_overlap_days: int = 2  # how long a former one still opens, before it is destroyed
    identity_keys_ahead: int = 8  # how many are made and listed at once

    # The hub.
    hub_url: str  # nats:// (only to this machine) or tls://
    hub_ca_file: Path | None = None  # PEM; when no public authority signs the hub's certificate
    publishes_in_flight: int = 256  # envelopes published and not yet acknowledged, at most
    inbox_batch: int = 128  # envelopes asked for at once

    # The API.
    api_host: str = "127.0.0.1"  # this machine only; put a TLS proxy in front
    api_port: int = 8460  # TCP port; 0 lets the system choose
    api_url: str = ""  # what clients call it, when a proxy stands in front; default http://api_host:api_port
    token_seconds: int = 600  # lifetime of an access token

    # Signing in. Without an identity provider, people come by one-time links alone.
    oidc_issuer: str = ""  # the identity provider's issuer, https:// (http:// only on this machine)
    oidc_client_id: str = ""  # what the provider calls this node
    oidc_client_secret_file: Path | None = None  # 0600; none where the provider takes PKCE alone
    session_idle_seconds: int = 1_800  # a session ends when nothing was asked for that long
    session_most_seconds: int = 28_800  # and this long after it began in any case
    invitation_hours: int = 24  # lifetime of a one-time sign-in link

    # How often one may ask. 0 sets no limit.
    rate_actor_per_second: float = 200.0  # requests of one person or system, over time
    rate_actor_burst: int = 2_000  # and at once
    rate_address_per_second: float = 400.0  # requests from one address, over time; an IPv6 /64 is one
    rate_address_burst: int = 4_000  # and at once
    rate_sign_in_per_minute: float = 30.0  # attempts to sign in, or to get a token, from one address
    rate_sign_in_burst: int = 30  # and at once

    # Two people (docs/operations/two-people.md).
    second_person: str = "identity-release"  # what takes two people here beside what always does: this word
    # and message types, with spaces between them
    approval_seconds: int = 259_200  # how long a proposal waits for its second person
    identity_release_seconds: int = 3_600  # how long a released identity part may be looked at

    # What it accepts from others, as its directory entry says too.
    limit_coded_bytes: int = 65_536  # one coded part, before sealing
    limit_narrative_bytes: int = 131_072  # one narrative part, before sealing
    limit_identity_bytes: int = 131_072  # one identity part, before sealing
    limit_attachment_bytes: int = 20 << 20  # one attachment, as a file; 0 takes none

    # How often.
    outbox_poll_seconds: float = 1.0  # between looks at the outbox when nothing wakes it
    outbox_resend_seconds: float = 30.0  # first wait for evidence before publishing again; doubles each time
    outbox_resend_most_seconds: float = 3_600.0  # the longest such wait
    reconciliation_seconds: float = 60.0  # between signed running digests to each peer
    overdue_check_seconds: float = 60.0  # between looks for overdue answers
    retention_check_seconds: float = 3_600.0  # between looks for what retention rules make due
    directory_check_seconds: float = 60.0  # between looks at the directory's age, and at `entries`

    # What it does by itself.
    automatic_reminders: str = "nudge"  # which of "nudge" and "escalate" it signs when an answer is overdue
    erasure: str = "proposed"  # what is due is "proposed", and a person confirms; or erased "when-due"

    # Telling people and systems (docs/operations/notifications.md).
    smtp_host: str = ""  # the mail server; none sends no mail
    smtp_port: int = 587  # TCP port
    smtp_security: str = "starttls"  # "starttls", "tls" from the first byte, or "none" on this machine alone
    smtp_ca_file: Path | None = None  # PEM; when no public authority signs the mail server's certificate
    smtp_user: str = ""  # what the mail server calls this node; none signs in nowhere
    smtp_password_file: Path | None = None  # 0600
    smtp_from: str = ""  # the address that mail comes from: an office's
    webhook_ca_file: Path | None = None  # PEM; for receivers whose certificate no public authority signs
    webhook_networks: str = ""  # private networks that webhooks may lead to, with spaces, as 10.2.0.0/16
    notices_keep_days: int = 90  # how long what was told is kept
    listeners_per_person: int = 4  # open streams of events of one person or system
    listeners: int = 400  # and of all together

    # How much.
    quarantine_rows: int = 1_000  # unauthenticated envelopes kept, the newest
    store_readers: int = 4  # threads that read from the database

    # For a network on one machine that plays a year in a minute; refused anywhere else.
    simulated_clock_file: Path | None = None  # how far the clock runs ahead of the machine's

    # The log.
    log_level: str = "info"  # debug, info, warning, error
    log_file: Path | None = None  # JSON lines, created 0600; default standard error

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise Misconfigured("settings.invalid", "; ".join(problems))

    @property
    def audience(self) -> str:
        """The API's own name: where its clients call it, and whom their tokens are for."""
        host = f"[{self.api_host}]" if ":" in self.api_host else self.api_host
        return self.api_url or f"http://{host}:{self.api_port}"

    @property
    def on_this_machine(self) -> bool:
        """Whether it talks to this machine alone: a network for trying out, and tests."""
        hosts = {urlsplit(self.hub_url).hostname, self.api_host, urlsplit(self.audience).hostname}
        return hosts <= set(_HOSTS_OF_THIS_MACHINE)

    @property
    def limits(self) -> Limits:
        """What one part may weigh, for `protocol.opening`."""
        return Limits(
            coded=self.limit_coded_bytes,
            narrative=self.limit_narrative_bytes,
            identity=self.limit_identity_bytes,
            attachment=self.limit_attachment_bytes,
        )


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Settings from a TOML file and the environment's overrides. Misconfigured `settings.unreadable`,
    `settings.invalid`."""
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(
            "settings.unreadable", f"the settings file cannot be read: {error.strerror}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured("settings.unreadable", "the settings file is not TOML in UTF-8") from error
    for name in _names():
        override = environment.get(ENVIRONMENT_PREFIX + name.upper())
        if override is not None:
            values[name] = override
    _notice_misspellings(environment)
    return settings_from(values, base=path.parent)


def settings_from(values: Mapping[str, Any], *, base: Path) -> Settings:
    """Settings from plain values, as the file has them. Relative paths stand under `base`."""
    problems = [f"unknown setting `{name}`{_meant(name)}" for name in values if name not in _names()]
    given: dict[str, Any] = {}
    for name, kind in _kinds().items():
        if name in values:
            try:
                given[name] = _converted(values[name], kind, base)
            except ValueError as error:
                problems.append(f"`{name}`: {error}")
    data_dir = given.get("data_dir")
    if isinstance(data_dir, Path):
        given.setdefault("database", f"sqlite:///{data_dir / 'node.db'}")
        given.setdefault("keystore_dir", data_dir / "keys")
        given.setdefault("passphrase_file", data_dir / "passphrase")
        given.setdefault("hub_seed_file", data_dir / "hub.nk")
        given.setdefault("ledger_dir", data_dir / "ledger")
    problems += [
        f"`{spec.name}` is missing"
        for spec in dataclasses.fields(Settings)
        if spec.default is dataclasses.MISSING
        and spec.name not in given
        and spec.name not in values
        # These five follow from `data_dir`, whose absence is told once.
        and not (data_dir is None and spec.name in _IN_DATA_DIR)
    ]
    if problems:
        raise Misconfigured("settings.invalid", "; ".join(problems))
    return Settings(**given)


_IN_DATA_DIR = ("database", "keystore_dir", "passphrase_file", "hub_seed_file", "ledger_dir")


def _names() -> tuple[str, ...]:
    return tuple(spec.name for spec in dataclasses.fields(Settings))


def _kinds() -> dict[str, Any]:
    hints = get_type_hints(Settings)
    return {name: hints[name] for name in _names()}


def _converted(value: Any, kind: Any, base: Path) -> Any:
    """`value` as `kind`. Says what was expected, never what came: a URL may hold a password."""
    if kind in (Path, Path | None):
        if not isinstance(value, str | Path) or not str(value):
            raise ValueError("expected a path")
        return base / Path(value).expanduser()
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError("expected a whole number")
        try:
            return int(value)
        except ValueError:
            raise ValueError("expected a whole number") from None
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("expected a number")
        try:
            return float(value)
        except ValueError:
            raise ValueError("expected a number") from None
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def _problems(settings: Settings) -> list[str]:
    found = []
    try:
        parse_node_code(settings.node)
    except Refused as refused:
        found.append(f"`node`: {refused.detail}")
    if not _STATE.fullmatch(settings.state):
        found.append("`state`: expected two lower-case letters, or `int`")
    elif not f"{settings.node}-".startswith(f"{settings.state}-"):
        found.append("`node`: expected the State's code, alone or followed by a hyphen and a name")
    if not _DIGEST.fullmatch(settings.charter_digest):
        found.append("`charter_digest`: expected the 43 characters that you were given out of band")
    try:
        database_file(settings.database)
    except Exception:  # noqa: BLE001 - whatever the parser says may quote the URL, and with it a password
        found.append("`database`: expected sqlite:////path/to/file or postgresql+psycopg://…")
    hub = urlsplit(settings.hub_url)
    if hub.scheme not in ("nats", "tls") or not hub.hostname:
        found.append("`hub_url`: expected tls://host:port, or nats://127.0.0.1:port on this machine")
    elif hub.scheme == "nats" and hub.hostname not in _HOSTS_OF_THIS_MACHINE:
        found.append("`hub_url`: nats:// is not encrypted and may only lead to this machine; use tls://")
    if settings.simulated_clock_file and not {hub.hostname, settings.api_host} <= set(_HOSTS_OF_THIS_MACHINE):
        found.append("`simulated_clock_file`: only where both the API and the hub are on this machine")
    if not 0 <= settings.api_port <= 65_535:
        found.append("`api_port`: expected 0 to 65535")
    if not set(settings.automatic_reminders.split()) <= {"nudge", "escalate"}:
        found.append("`automatic_reminders`: expected nudge, escalate, both, or nothing")
    if settings.keystore not in ("file", "pkcs11"):
        found.append("`keystore`: expected file or pkcs11")
    elif settings.keystore == "pkcs11" and not (
        settings.pkcs11_library and settings.pkcs11_token and settings.pkcs11_pin_file
    ):
        found.append("`keystore`: pkcs11 needs `pkcs11_library`, `pkcs11_token` and `pkcs11_pin_file`")
    if unknown := [word for word in settings.second_person.split() if not _is_act(word)]:
        found.append(f"`second_person`: {len(unknown)} of its words are no message type")
    if settings.erasure not in ("proposed", "when-due"):
        found.append("`erasure`: expected proposed or when-due")
    if settings.log_level not in _LOG_LEVELS:
        found.append(f"`log_level`: expected one of {', '.join(_LOG_LEVELS)}")
    found += _sign_in_problems(settings)
    found += _telling_problems(settings)
    found += [
        f"`{name}`: expected {least:g} to {most:g}"
        for name, (least, most) in _RANGES.items()
        if not least <= getattr(settings, name) <= most
    ]
    if settings.outbox_resend_most_seconds < settings.outbox_resend_seconds:
        found.append("`outbox_resend_most_seconds`: expected at least `outbox_resend_seconds`")
    return found


def _sign_in_problems(settings: Settings) -> list[str]:
    if not settings.oidc_issuer:
        return []
    found, provider = [], urlsplit(settings.oidc_issuer)
    if not (
        provider.hostname
        and (
            provider.scheme == "https" or (provider.scheme == "http" and _of_this_machine(provider.hostname))
        )
        and not provider.query
        and not provider.fragment
    ):
        found.append("`oidc_issuer`: expected https://host, as the identity provider writes it")
    if not settings.oidc_client_id:
        found.append("`oidc_client_id`: expected what the identity provider calls this node")
    return found


def _telling_problems(settings: Settings) -> list[str]:
    found = []
    if settings.smtp_security not in ("starttls", "tls", "none"):
        found.append("`smtp_security`: expected starttls, tls or none")
    elif settings.smtp_host and settings.smtp_security == "none" and not _of_this_machine(settings.smtp_host):
        found.append("`smtp_security`: none only where the mail server is on this machine")
    if settings.smtp_host and not _MAILBOX.fullmatch(settings.smtp_from):
        found.append("`smtp_from`: expected the mail address of an office")
    if bool(settings.smtp_user) != (settings.smtp_password_file is not None):
        found.append("`smtp_user`: expected together with `smtp_password_file`")
    for network in settings.webhook_networks.split():
        try:
            ip_network(network)
        except ValueError:
            found.append("`webhook_networks`: expected networks such as 10.2.0.0/16, with spaces between")
            break
    return found


def _of_this_machine(host: str) -> bool:
    return host in _HOSTS_OF_THIS_MACHINE


_RANGES: Mapping[str, tuple[float, float]] = {
    "publishes_in_flight": (1, 4_096),
    "inbox_batch": (1, 1_024),
    "token_seconds": (30, 600),  # checked without a look-up: a revoked one lives this long
    "session_idle_seconds": (60, 28_800),
    "session_most_seconds": (60, 86_400),
    "invitation_hours": (1, 168),
    "rate_actor_per_second": (0, 1_000_000),
    "rate_actor_burst": (1, 1_000_000),
    "rate_address_per_second": (0, 1_000_000),
    "rate_address_burst": (1, 1_000_000),
    "rate_sign_in_per_minute": (0, 1_000_000),
    "rate_sign_in_burst": (1, 1_000_000),
    "identity_key_days": (1, 90),
    "identity_key_overlap_days": (1, 30),
    "identity_keys_ahead": (1, 60),
    "approval_seconds": (60, 2_592_000),
    "identity_release_seconds": (60, 86_400),
    "limit_coded_bytes": (1_024, 1_048_576),
    "limit_narrative_bytes": (1_024, 1_048_576),
    "limit_identity_bytes": (1_024, 1_048_576),
    "limit_attachment_bytes": (0, 1 << 30),
    "outbox_poll_seconds": (0.05, 60),
    "outbox_resend_seconds": (0.5, 86_400),
    "outbox_resend_most_seconds": (0.5, 86_400),
    "reconciliation_seconds": (1, 86_400),
    "overdue_check_seconds": (1, 86_400),
    "retention_check_seconds": (1, 86_400),
    "directory_check_seconds": (1, 3_600),
    "smtp_port": (1, 65_535),
    "notices_keep_days": (1, 3_650),
    "listeners_per_person": (1, 100),
    "listeners": (1, 10_000),
    "quarantine_rows": (0, 1_000_000),
    "store_readers": (1, 64),
}


def _is_act(word: str) -> bool:
    if word == "identity-release":
        return True
    # Not for every short command: the forms take a second to build.
    from protocol.messages import FORMS  # noqa: PLC0415

    return word in FORMS


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, _names(), n=1, cutoff=0.7)
    return f" (did you mean `{close[0]}`?)" if close else ""


def _notice_misspellings(environment: Mapping[str, str]) -> None:
    """A misspelt override would be obeyed by nobody. Other variables of ours (a client's) are left alone."""
    known = [ENVIRONMENT_PREFIX + name.upper() for name in _names()]
    problems = [
        f"unknown variable `{name}` (did you mean `{close[0]}`?)"
        for name in environment
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known
        if (close := difflib.get_close_matches(name, known, n=1, cutoff=0.9))
    ]
    if problems:
        raise Misconfigured("settings.invalid", "; ".join(problems))
