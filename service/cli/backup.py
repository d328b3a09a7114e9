"""`focalpoint backup`: a copy of a node's database, also while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, settings_of
from service.clock import clock_of
from service.monitor.backups import note_backup
from service.store.restoration import back_up

__all__ = ["backup_app"]

backup_app = typer.Typer(add_completion=False)


@backup_app.command()
def backup(
    to: Annotated[Path, typer.Option(help="The file to write. There must be none of that name.")],
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Copy the database into one file, also while the node runs. Without keys and without the ledger.

    Until it is destroyed, whoever has it and the keystore can read what was erased since. After it was put
    back `focalpoint node restored` comes first.
    """
    settings = settings_of(config, network, node)
    now = clock_of(settings).now()
    size = back_up(settings.database, to, now)
    note_backup(settings.ledger_dir, now)
    typer.echo(f"{to}: {size} bytes")
