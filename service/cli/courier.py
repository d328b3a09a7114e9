"""`focalpoint courier`: envelopes carried by hand, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from protocol import courier
from protocol.errors import Refused
from service.cli.at_api import REFUSED, problem_lines, talks_to_a_node
from service.cli.courier_open import open_file
from service.cli.files import write_new
from service.client import Client, Problem

__all__ = ["courier_app"]

courier_app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
courier_app.command("open")(open_file)


@courier_app.command("export")
@talks_to_a_node
async def export(
    node: Client,
    messages: Annotated[
        list[str], typer.Argument(help="Ids of own messages, in the order they shall arrive.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The new file.")],
) -> None:
    """Write the sealed envelopes of messages into one file, to go on a stick or with an e-mail.

    The hub goes on trying: whichever comes first is taken in, and the other is known. What waits for a hub
    that is away leaves by this file.
    """
    envelopes = [await node.export_envelope(message) for message in messages]
    write_new(output, courier.pack(envelopes))
    typer.echo(f"{output}: {len(envelopes)} envelopes")


@courier_app.command("import")
@talks_to_a_node
async def import_(
    node: Client,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `courier export` wrote.")],
) -> None:
    """Take in what a courier file holds, each envelope by itself. Exit status 1 when one was not taken in.

    Importing the same file again is safe: what is known is said to be known.
    """
    if file.stat().st_size > courier.MOST_BYTES:
        raise typer.BadParameter(f"expected at most {courier.MOST_BYTES >> 20} MiB", param_hint="FILE")
    envelopes = courier.unpack(file.read_bytes())
    left = 0
    for number, envelope in enumerate(envelopes, 1):
        try:
            done = await node.import_envelope(envelope)
        except Problem as problem:
            left += 1
            typer.echo(f"{number:4}  not taken in")
            for line in problem_lines(problem):
                typer.echo(f"      {line}", err=True)
            continue
        left += done["outcome"] == "waiting"
        code = f"  {done['code']}" if done.get("code") else ""
        typer.echo(f"{number:4}  {done['outcome']}  {done['id']} from {done['sender_node']}{code}")
    if left:
        typer.echo(f"{left} of {len(envelopes)} not taken in; keep the file", err=True)
        raise typer.Exit(REFUSED)


@courier_app.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A courier file.")],
) -> None:
    """Say whether the copy is whole, without a node. Nothing in it can be read here."""
    try:
        envelopes = courier.unpack(file.read_bytes()) if file.stat().st_size <= courier.MOST_BYTES else ()
    except Refused as reason:
        typer.echo(f"refused: {reason}", err=True)
        raise typer.Exit(REFUSED) from reason
    typer.echo(f"{len(envelopes)} envelopes, whole" if envelopes else "it is too large")
    if not envelopes:
        raise typer.Exit(REFUSED)
