"""`focalpoint node`: set one State's node up, and run it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service.app import build_node, run_node
from service.cli.node_init import init
from service.exchange.running import take_up_restored
from service.settings import load

node_app = typer.Typer(no_args_is_help=True, add_completion=False, help="Set a State's node up, and run it.")
node_app.command()(init)


@node_app.callback()
def _() -> None:
    """Set a State's node up, and run it."""


@node_app.command()
def run(config: Annotated[Path, typer.Option(help="The node's settings, a TOML file.")]) -> None:
    """Serve the API and carry messages until SIGTERM."""

    run_node(load(config, os.environ))


@node_app.command()
def restored(config: Annotated[Path, typer.Option(help="The node's settings, a TOML file.")]) -> None:
    """After a backup of the database was put back, and before the node starts: open new epochs, doubt every
    protection status, erase and restrain again what the ledger names.

    What had no answer is sent under new numbers, of a child who is here only once two people have settled
    the protection status anew; what peers sent since the backup they send again by themselves.
    """
    node = build_node(load(config, os.environ))
    try:
        done = take_up_restored(node)
    finally:
        node.store.close()
    typer.echo(f"new epoch {done.epoch} on every channel; {done.erased} case(s) erased again from the ledger")
    typer.echo(
        f"{done.doubted} case(s) of children who are here: nothing leaves until two people settle the"
        " protection status anew"
    )
    again = done.repeated
    typer.echo(
        f"from the ledger again: {again.held} legal hold(s), {again.blocked} block(s); disabled"
        f" {again.people} person(s), {again.systems} system(s)"
    )
    if done.ledger_is_new:
        typer.echo(
            "the ledger is new, and what the old one had is lost: administrators have to erase, hold and"
            " block again what was since the backup, and to disable again whoever was disabled"
        )
