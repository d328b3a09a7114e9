"""What lies in a node's directory before its first start: keys, their passphrase, the hub's seed, settings.

    node.toml    passphrase    keys/    hub.nk

The rest (`entries/`, `node.db`) comes when there is something to put into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.keystore import FileKeyStore, new_passphrase_file, read_passphrase
from service.ports import Clock, RandomSource
from service.private_files import make_private_directory, write_private
from service.routing.hub import new_user_seed, public_user_key

__all__ = ["NodeFiles", "lay_out_node", "open_keys", "write_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFiles:
    """A node's secrets, laid out. `hub_key` is its public user key."""

    keys: FileKeyStore
    hub_key: str


def lay_out_node(directory: Path, signers: Iterable[str], *, clock: Clock, random: RandomSource) -> NodeFiles:
    """Make what is missing, and find the rest: a signing key for each of `signers`, sealing keys for content
    and identity, a seed for the hub. Keys that are there are never replaced."""
    make_private_directory(directory)
    keys = open_keys(directory, clock=clock, random=random)
    present = {entry.owner for entry in keys.entries()}
    for owner in signers:
        if owner not in present:
            keys.add_signing(owner)
    if "node" not in present:
        keys.add_sealing("content")
        keys.add_sealing("identity")
    seed = directory / "hub.nk"
    if not seed.exists():
        write_private(seed, new_user_seed(random.bytes).encode())
    return NodeFiles(keys=keys, hub_key=public_user_key(seed.read_text().strip()))


def open_keys(directory: Path, *, clock: Clock, random: RandomSource) -> FileKeyStore:
    """The keystore in `directory`/keys under `directory`/passphrase, each made unless it is there."""
    passphrase = directory / "passphrase"
    if not passphrase.exists():
        new_passphrase_file(passphrase, random)
    secret = read_passphrase(passphrase)
    if not (directory / "keys" / "index.json").exists():
        return FileKeyStore.create(directory / "keys", secret, clock=clock, random=random)
    return FileKeyStore(directory / "keys", secret, clock=clock, random=random)


def write_settings(path: Path, values: Mapping[str, Any], *, heading: str) -> None:
    """Write a settings file. Strings, numbers and booleans only."""
    lines = [f"# {heading}"]
    # JSON's spelling of strings, numbers and booleans is TOML's too.
    lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    write_private(path, ("\n".join(lines) + "\n").encode())
