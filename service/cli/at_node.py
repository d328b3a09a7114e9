"""Which node a command works on, on this machine: its settings file, named or found in a local network.

--config /etc/focalpoint/node.toml
--network .network --node it
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service.cli.local_network import described_node, read_description
from service.clock import clock_of
from service.keystore import FileKeyStore
from service.open_keystore import open_keystore
from service.random_source import SystemRandomSource
from service.settings import Settings, load

__all__ = ["ConfigOption", "NetworkOption", "NodeOption", "keystore_of", "settings_file", "settings_of"]

ConfigOption = Annotated[Path | None, typer.Option("--config", help="The node's settings, a TOML file.")]
NetworkOption = Annotated[
    Path | None, typer.Option("--network", help="The directory of a local network (`network up --dir`).")
]
NodeOption = Annotated[
    str | None, typer.Option("--node", help="With --network: the node's code, such as it.")
]


def settings_file(config: Path | None, network: Path | None, node: str | None) -> Path:
    """The settings file that was meant. Unavailable `network.not_running`, NotFound
    `network.unknown_node`."""
    if config is not None and network is None:
        return config
    if config is None and network is not None and node is not None:
        return Path(described_node(read_description(network), node)["config"])
    raise typer.BadParameter("name the node: --config FILE, or --network DIR --node CODE")


def settings_of(config: Path | None, network: Path | None, node: str | None) -> Settings:
    """The node's settings, as the node itself would read them."""
    return load(settings_file(config, network, node), os.environ)


def keystore_of(settings: Settings) -> FileKeyStore:
    """Its keys. A running node notices what is changed."""
    return open_keystore(settings, clock=clock_of(settings), random=SystemRandomSource())
