"""`focalpoint indicators`: how timely States answer each other, as a page or as a file."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from service.cli.at_api import talks_to_a_node
from service.cli.files import OutputOption, hand_over, write_new
from service.client import Client

__all__ = ["indicators_app"]

indicators_app = typer.Typer(add_completion=False)


@indicators_app.command()
@talks_to_a_node
async def indicators(
    node: Client,
    year: Annotated[
        int | None,
        typer.Argument(help="The year in which the requests were made; the newest there is without it."),
    ] = None,
    procedure: Annotated[str | None, typer.Option(help="One procedure, such as social-inquiry.")] = None,
    peer: Annotated[str | None, typer.Option(help="Only with this State, such as ro.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="As of this moment, such as 2026-07-01T00:00:00Z.")
    ] = None,
    publication: Annotated[
        bool, typer.Option("--publication", help="As everybody may see it: without small numbers.")
    ] = False,
    lang: Annotated[str, typer.Option(help="The reader's language, such as es.")] = "en",
    format: Annotated[  # noqa: A002
        Literal["text", "html", "pdf", "csv", "json"], typer.Option(help="A PDF needs --output.")
    ] = "text",
    output: OutputOption = None,
) -> None:
    """How timely States answered the requests of a year, and whether the peers' nodes count the same."""
    if format != "csv" and format != "json":  # noqa: PLR1714 (a set would not narrow the type)
        page = await node.printed_indicators(
            year=year,
            procedure=procedure,
            peer=peer,
            as_of=as_of,
            publication=publication,
            language=lang,
            format=format,
        )
        hand_over(page, output)
        return
    content = await node.indicators_file(
        year=year,
        procedure=procedure,
        peer=peer,
        as_of=as_of,
        publication=publication,
        language=lang,
        format=format,
    )
    if output is None:
        typer.echo(content.decode(), nl=False)
    else:
        write_new(output, content)
        typer.echo(f"{output}: {format}")
