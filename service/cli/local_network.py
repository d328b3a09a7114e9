"""What `DIR/network.json` says about a local network: addresses, databases and one token per role."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from service.errors import NotFound, Unavailable

__all__ = ["described_node", "read_description", "token_of"]


def read_description(directory: Path) -> Mapping[str, Any]:
    """Unavailable `network.not_running`: the file exists exactly while a network runs."""
    try:
        description: dict[str, Any] = json.loads((directory / "network.json").read_bytes())
    except (OSError, ValueError) as reason:
        raise Unavailable(
            "network.not_running",
            f"no network runs in {directory}; start one with `focalpoint network up --dir {directory}`",
        ) from reason
    return description


def described_node(description: Mapping[str, Any], code: str) -> Mapping[str, Any]:
    """NotFound `network.unknown_node`."""
    nodes: dict[str, Mapping[str, Any]] = {node["code"]: node for node in description["nodes"]}
    if code not in nodes:
        raise NotFound("network.unknown_node", f"this network runs {', '.join(nodes)}")
    return nodes[code]


def token_of(node: Mapping[str, Any], role: str, *, person: int = 1) -> str:
    """A token for the role's first, or second, person."""
    if role not in node["clients"]:
        raise typer.BadParameter(f"the roles are {', '.join(node['clients'])}")
    tokens = node["clients"][role]
    people: list[str] = [tokens] if isinstance(tokens, str) else tokens
    if not 1 <= person <= len(people):
        raise typer.BadParameter(f"this network has {len(people)} of the role {role}")
    return people[person - 1]
