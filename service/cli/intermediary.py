"""`focalpoint intermediary`: what the administrators of an intermediary's node, and of a new node, do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.at_api import talks_to_a_node
from service.cli.files import pieces, write_pieces
from service.client import Client

__all__ = ["intermediary_app"]

intermediary_app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
hand_over_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="A State's open cases move to its own node."
)
intermediary_app.add_typer(hand_over_app, name="hand-over")


@hand_over_app.command("export")
@talks_to_a_node
async def export_(
    node: Client,
    state: Annotated[str, typer.Argument(help="Its code, such as md. It has to have a node by now.")],
    into: Annotated[Path, typer.Argument(help="A new file; sealed, so whoever carries it reads nothing.")],
) -> None:
    """Write the State's cases and documents for its own node. Here they are blocked from then on."""
    await write_pieces(into, node.export_hand_over(state))
    typer.echo(str(into))


@hand_over_app.command("import")
@talks_to_a_node
async def import_(node: Client, file: Annotated[Path, typer.Argument(exists=True)]) -> None:
    """Take the cases in at the State's own node. Twice does no harm; what broke off goes on."""
    taken = await node.import_hand_over(pieces(file))
    typer.echo(f"{taken['cases']} case(s), {taken['messages']} message(s) that were not here yet")
