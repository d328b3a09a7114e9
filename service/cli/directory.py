"""`focalpoint directory`: who is who, as a node has it now; and what this State says of its own."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.cli.at_api import talks_to_a_node
from service.cli.entry import sign_entries
from service.client import Client
from service.errors import NotFound

directory_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Look authorities up in a node's directory; publish this State's own.",
)
directory_app.command("entry")(sign_entries)


@directory_app.command("list")
@talks_to_a_node
async def list_authorities(
    node: Client,
    state: Annotated[str | None, typer.Option(help="Only this State's, such as ro.")] = None,
    procedure: Annotated[str | None, typer.Option(help="Only those competent for it.")] = None,
) -> None:
    """Every authority: address, role, name, and what it is competent for."""
    for entry in await node.authorities(state=state, procedure=procedure):
        names = entry["names"]
        name = names.get("en") or next(iter(names.values()), "")
        typer.echo(f"{entry['address']:<26} {entry['role']:<14} {name}")
        typer.echo(f"{'':<26} {', '.join(entry['competences'])}")


@directory_app.command("show")
@talks_to_a_node
async def show_authority(
    node: Client, address: Annotated[str, typer.Argument(help="Such as ro.anpdca.")]
) -> None:
    """One authority's entry, as JSON: competences, languages, working hours, offices."""
    for entry in await node.authorities(state=address.partition(".")[0]):
        if entry["address"] == address:
            typer.echo(json.dumps(entry, indent=2, ensure_ascii=False))
            return
    raise NotFound("directory.unknown_authority", f"the directory has no authority {address}")
