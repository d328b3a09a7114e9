"""`focalpoint-adapter webhooks`: for whoever builds a receiver."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.kit.commands import fail, here
from adapters.kit.errors import Unfit
from adapters.webhooks.verifying import verified

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="The receiving side of a node's webhooks."
)


@commands.callback()
def _() -> None:
    """Keeps the name of the one command."""


@commands.command("verify")
def _verify(
    body: Annotated[Path, typer.Argument(help="A file with the body, byte for byte as it came.")],
    header: Annotated[
        list[str], typer.Option(help="`name: value`, as it came; webhook-id and its two others.")
    ],
    key: Annotated[list[str], typer.Option(help="The node's key (`focalpoint subscription key`), whpk_…")],
) -> None:
    """Say whether a webhook is the node's, and from these minutes. Prints its id."""
    pairs = (line.partition(":") for line in header)
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    try:
        typer.echo(verified(headers, body.read_bytes(), keys=key, now=here()))
    except Unfit as reason:
        fail(str(reason))
    except OSError:
        fail("the body cannot be read")
