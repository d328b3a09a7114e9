"""What a State says of its authorities, in a file that people write: TOML or JSON, offices and no persons.

    network = "focalpoint"           the name in the charter

    [[authority]]                    one of each
    address = "ro.anpdca"
    role = "focal-point"             and so on, named as in the entry: deploy/authorities.example.toml

    [targets]                        how fast the State says that it takes messages in; may be left out
    consign = "PT1H"
    collect = "P2D"

Whatever an entry does not have is refused, so that nothing goes to every State by accident; what it has is
to be said, but for `escalation` and `targets`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from protocol.directory.targets import DeliveryTargets, read_targets, targets_of
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, NodeCode, parse_address, state_of
from protocol.vocabularies import RELEASE
from service.directory.own_entries import claims_of
from service.errors import Misconfigured

__all__ = ["StateFacts", "facts_of_last", "read_facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFacts:
    """`authorities`: what is said of each, as `AuthorityFacts.metadata` writes it."""

    network: str
    authorities: Mapping[Address, Mapping[str, Any]]
    targets: DeliveryTargets | None = None


def read_facts(path: Path, *, node: NodeCode, state: str) -> StateFacts:
    """The facts in `path`, for authorities that `node` serves.

    Misconfigured `settings.unreadable`; refuses `directory.malformed`, `directory.wrong_state`,
    `identifier.address`.
    """
    document = _document(path)
    network, tables = document.pop("network", None), document.pop("authority", None)
    targets = document.pop("targets", None)
    if document or not isinstance(network, str) or not isinstance(tables, list):
        raise NotAcceptable("directory.malformed", "expected `network`, and `authority` once for each")
    if targets is not None and not isinstance(targets, dict):
        raise NotAcceptable("directory.malformed", "expected a table", field="/targets")
    authorities: dict[Address, Mapping[str, Any]] = {}
    for position, table in enumerate(tables):
        said = dict(table)
        address = parse_address(str(said.pop("address", "")))
        if state_of(address) != state:
            raise NotAcceptable("directory.wrong_state", f"{address} is another State's to describe")
        if address in authorities:
            raise NotAcceptable("directory.malformed", f"{address} is described twice")
        _require_timezone(said.get("timezone"), position)
        authorities[address] = {"node": node, "vocabulary_releases": [RELEASE], **said}
    return StateFacts(
        network=network, authorities=authorities, targets=None if targets is None else targets_of(targets)
    )


def facts_of_last(entries: Mapping[str, str]) -> StateFacts | None:
    """What the entries that lie there say, to be said again with today's keys. None when there are none."""
    authorities: dict[Address, Mapping[str, Any]] = {}
    network, targets = None, None
    for path, token in entries.items():
        claims = claims_of(token)
        network = claims["authority_hints"][0]
        if path.split("/")[1] == "node":
            targets = read_targets(next(iter(claims["metadata"].values())).get("targets"))
        if path.split("/")[1] == "authority":
            authorities[Address(claims["sub"])] = next(iter(claims["metadata"].values()))
    if network is None:
        return None
    return StateFacts(network=network, authorities=authorities, targets=targets)


def _document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as reason:
        raise Misconfigured("settings.unreadable", f"{path} cannot be read: {reason.strerror}") from reason
    except (ValueError, RecursionError) as reason:
        raise Misconfigured("settings.unreadable", f"{path} is not TOML, or JSON, in UTF-8") from reason
    if not isinstance(value, dict):
        raise Misconfigured("settings.unreadable", f"{path} holds no table of facts")
    plain: dict[str, Any] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    """TOML's dates as an entry writes them."""
    match value:
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case date():
            return value.isoformat()
        case _:
            return value


def _require_timezone(name: Any, position: int) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError) as reason:
        raise NotAcceptable(
            "directory.malformed",
            "expected a time zone such as Europe/Rome",
            field=f"/authority/{position}/timezone",
        ) from reason
