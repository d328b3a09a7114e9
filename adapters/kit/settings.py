"""An adapter's settings: which node, as whom, how fast, where it remembers. A TOML file.

[adapter]
name = "primero-registry"      # what the operator sees it under
kind = "primero"               # which adapter it is; the name says it where this is left out
state_dir = "state"            # beside this file, unless absolute
per_second = 2.0               # calls of the other system, over time
poll_seconds = 60.0            # between looks for what is new there

[node]
url = "https://node.example"
client = "primero-registry"    # as the administrator registered it
key_file = "adapter-key.json"  # private JWK, 0600
# or, on one's own machine: token_file = "token"
# or, where an adapter has another way to the node, [node.<way>]: adapters/xroad/README.md

[system]
…                              # the adapter's own
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from service.client import Client, ClientCredentials

__all__ = [
    "Settings",
    "SettingsError",
    "Way",
    "credentials",
    "load",
    "read_secret",
    "signing_key",
    "way_to_the_node",
]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")
_ALGORITHMS: Final = {"OKP": "Ed25519", "EC": "ES256", "RSA": "PS256"}
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "adapter": frozenset(
        {"name", "kind", "state_dir", "per_second", "burst", "poll_seconds", "report_seconds"}
    ),
    "node": frozenset({"url", "client", "key_file", "token_file"}),
}

type Way = Callable[[Settings], httpx.AsyncBaseTransport]
"""How the node is reached where that is not by HTTP alone: what carries the requests, and says who calls.
`Settings.way` is what the file tells it. SettingsError for what that lacks."""
_WAYS: Final[dict[str, Way]] = {}


class SettingsError(Exception):
    """What is wrong with the file, all of it, for whoever wrote it."""


def way_to_the_node(name: str) -> Callable[[Way], Way]:
    """Makes [node.<name>] one that settings may have. The kit rests on no adapter: the adapter that knows the
    way registers it."""

    def registered(way: Way) -> Way:
        _WAYS[name] = way
        return way

    return registered


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked. `system` is what the adapter itself has to read. `report_seconds`: between two words to the
    node of how it is. `way`: by name, with what [node.<name>] says; None for HTTP alone."""

    name: str
    state_dir: Path
    node_url: str
    client: str | None = None
    key: Key | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    per_second: float = 2.0
    burst: int = 5
    poll_seconds: float = 60.0
    report_seconds: float = 60.0
    system: Mapping[str, Any] = field(default_factory=dict, repr=False)
    directory: Path = Path()
    kind: str = ""
    way: tuple[str, Mapping[str, Any]] | None = None

    def node(self, now: Callable[[], datetime], **options: Any) -> Client:
        """The client of the node that this adapter works for. SettingsError for what [node.<way>] lacks."""
        if self.way is not None:
            return Client(self.node_url, "", transport=_WAYS[self.way[0]](self), **options)
        if self.token is not None:
            return Client(self.node_url, self.token, **options)
        assert self.key is not None
        assert self.client is not None
        tokens = credentials(self.node_url, client=self.client, key=self.key, now=now)
        return Client(self.node_url, tokens, **options)

    def secret(self, word: str) -> str:
        """What is in the file that `[system] <word>` names. SettingsError where others may read it, so that a
        secret is never in the settings themselves, which are shown around."""
        faults: list[str] = []
        text = _read_secret(self.path(str(self.system.get(word, ""))), f"[system] {word}", faults)
        if text is None:
            raise SettingsError("; ".join(faults))
        return text

    def path(self, text: str) -> Path:
        """A path of the file: beside it, unless absolute."""
        return self.directory / text


def load(path: Path) -> Settings:
    """SettingsError with every fault found."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError:
        raise SettingsError("the settings file cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise SettingsError(f"the settings file is not TOML: {reason}") from None
    faults: list[str] = []
    adapter, node = _table(data, "adapter", faults), _table(data, "node", faults)
    for table in sorted(set(data) - {"adapter", "node", "system"}):
        faults.append(f"[{table}] is not known; there are [adapter], [node] and [system]")
    name = adapter.get("name", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        faults.append("[adapter] name: expected 3 to 40 of a-z, 0-9 and inner hyphens")
    kind = adapter.get("kind", name)
    if not isinstance(kind, str) or not _NAME.fullmatch(kind):
        faults.append("[adapter] kind: expected the name of an adapter")
    url = node.get("url", "")
    if not isinstance(url, str) or not _is_address(url):
        faults.append("[node] url: expected https://, or http:// on this machine alone")
    way = _way(node, faults)
    key, token = (None, None) if way else _secrets(node, path.parent, faults)
    numbers = {
        word: _number(adapter, word, most, faults)
        for word, most in (("per_second", 1_000.0), ("poll_seconds", 86_400.0), ("report_seconds", 3_600.0))
        if word in adapter
    }
    burst = _number(adapter, "burst", 1_000.0, faults) if "burst" in adapter else 5.0
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(
        name=name,
        state_dir=path.parent / str(adapter.get("state_dir", "state")),
        node_url=url,
        client=node.get("client"),
        key=key,
        token=token,
        burst=int(burst),
        system=data.get("system", {}),
        directory=path.parent,
        kind=kind,
        way=way,
        **numbers,
    )


def _is_address(url: str) -> bool:
    try:
        read = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return False
    here = read.scheme == "http" and read.host in ("127.0.0.1", "::1")
    return (here or (read.scheme == "https" and read.host != "")) and (read.port or 443) < 1 << 16


def _table(data: Mapping[str, Any], name: str, faults: list[str]) -> Mapping[str, Any]:
    table = data.get(name)
    if not isinstance(table, dict):
        faults.append(f"[{name}] is missing")
        return {}
    for word in sorted(set(table) - _KNOWN[name] - (set(_WAYS) if name == "node" else set())):
        faults.append(f"[{name}] {word} is not known")
    return table


def _way(node: Mapping[str, Any], faults: list[str]) -> tuple[str, Mapping[str, Any]] | None:
    named = sorted(set(node) & set(_WAYS))
    if not named:
        return None
    if len(named) > 1 or not isinstance(node[named[0]], dict):
        faults.append(f"[node] {', '.join(named)}: expected one table, [node.{named[0]}]")
    return named[0], node[named[0]]


def _number(table: Mapping[str, Any], word: str, most: float, faults: list[str]) -> float:
    value = table[word]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        faults.append(f"[adapter] {word}: expected a number from 0 to {most:g}")
        return 0.0
    return float(value)


def _secrets(node: Mapping[str, Any], directory: Path, faults: list[str]) -> tuple[Key | None, str | None]:
    if ("key_file" in node) == ("token_file" in node):
        faults.append("[node] expected key_file with client, or token_file")
        return None, None
    word = "key_file" if "key_file" in node else "token_file"
    text = _read_secret(directory / str(node[word]), f"[node] {word}", faults)
    if text is None:
        return None, None
    if word == "token_file":
        return None, text
    if not isinstance(node.get("client"), str):
        faults.append("[node] client: expected the name that the key is registered for")
    return _key(text, "[node] key_file", faults), None


def credentials(
    url: str, *, client: str, key: Key, now: Callable[[], datetime], issuer: str | None = None
) -> ClientCredentials:
    """Tokens of the node at `url` for a client that is registered there."""
    return ClientCredentials(
        url, client=client, key=key, algorithm=_ALGORITHMS[key.key_type], now=now, issuer=issuer
    )


def signing_key(path: Path, word: str) -> Key:
    """The private JWK in a file. SettingsError, which names it by `word`."""
    faults: list[str] = []
    text = _read_secret(path, word, faults)
    key = None if text is None else _key(text, word, faults)
    if key is None:
        raise SettingsError("; ".join(faults))
    return key


def _key(text: str, word: str, faults: list[str]) -> Key | None:
    try:
        (key,) = KeySet.import_key_set({"keys": [json.loads(text)]}).keys
        if not key.is_private or key.kid is None or key.key_type not in _ALGORITHMS:
            raise ValueError
    except (JoseError, ValueError, TypeError, KeyError):
        faults.append(f"{word}: expected one private JWK with a kid (Ed25519, P-256 or RSA)")
        return None
    return key


def read_secret(settings: Settings, name: object, word: str, faults: list[str]) -> str | None:
    """What is in the file called so, beside the settings; None, and a fault that names it by `word`, where it
    cannot be read or others may read it."""
    return _read_secret(settings.path(str(name)), word, faults)


def _read_secret(path: Path, word: str, faults: list[str]) -> str | None:
    try:
        if path.stat().st_mode & 0o077:
            faults.append(f"{word}: others may read it; expected mode 0600")
            return None
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        faults.append(f"{word}: it cannot be read")
        return None
