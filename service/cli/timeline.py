"""`focalpoint timeline`: what happened on a case and what is owed, in words."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.at_api import talks_to_a_node
from service.cli.files import FormatOption, OutputOption, hand_over
from service.client import Client

__all__ = ["timeline_app"]

timeline_app = typer.Typer(add_completion=False)


@timeline_app.command()
@talks_to_a_node
async def timeline(
    node: Client,
    case: Annotated[str, typer.Argument(help="The case's reference, such as K7QM-3XPT-9V2D-6.")],
    lang: Annotated[str, typer.Option(help="The reader's language, such as es.")] = "en",
    format: FormatOption = "text",  # noqa: A002
    output: OutputOption = None,
) -> None:
    """What happened on a case, oldest first, with what is owed. Facts only, no content."""
    hand_over(await node.printed_timeline(case, language=lang, format=format), output)
