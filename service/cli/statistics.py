"""`focalpoint statistics`: make a release of numbers that reveal no small group, list releases, read one."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from service.cli.at_api import talks_to_a_node
from service.cli.files import OutputOption, hand_over, write_new
from service.client import Client

__all__ = ["statistics_app"]

statistics_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Numbers of cases, told so that no small group of children can be worked out. For statisticians.",
)


@statistics_app.command()
@talks_to_a_node
async def release(
    node: Client,
    part: Annotated[
        Literal["destination", "origin"],
        typer.Argument(
            metavar="ROLE", help="Cases of children found here (destination) or from here (origin)."
        ),
    ],
    year: Annotated[int | None, typer.Option(help="The cases that became known in this year.")] = None,
    day: Annotated[
        str | None, typer.Option(help="The cases open at the end of this day, as 2026-12-31.")
    ] = None,
    by_sex: Annotated[bool, typer.Option("--by-sex", help="Every table again within each sex.")] = False,
    coarsen: Annotated[
        bool, typer.Option("--coarsen", help="Hide more, where an earlier release makes it necessary.")
    ] = False,
) -> None:
    """Release statistics on a year that is over, or on the cases open on a past day. It stays as it is."""
    if (year is None) == (day is None):
        raise typer.BadParameter("say which time: --year or --day")
    made = await node.make_statistics(part, year=year, day=day, by_sex=by_sex, coarsen=coarsen)
    typer.echo(f"{made['id']}: {_total(made)}")


@statistics_app.command(name="list")
@talks_to_a_node
async def list_releases(node: Client) -> None:
    """What was released, the newest first."""
    for made in await node.statistics():
        typer.echo(f"{made['made_at'][:10]}  {made['id']}  {_total(made)}")


@statistics_app.command()
@talks_to_a_node
async def show(
    node: Client,
    id: Annotated[str, typer.Argument(help="The release, such as destination-period-2026.")],  # noqa: A002
    lang: Annotated[str, typer.Option(help="The reader's language, such as es.")] = "en",
    format: Annotated[  # noqa: A002
        Literal["text", "html", "pdf", "csv", "json"], typer.Option(help="A PDF needs --output.")
    ] = "text",
    output: OutputOption = None,
) -> None:
    """A release as a page, or as a file for a spreadsheet."""
    if format != "csv" and format != "json":  # noqa: PLR1714 (a set would not narrow the type)
        hand_over(await node.printed_statistics(id, language=lang, format=format), output)
        return
    content = await node.statistics_file(id, language=lang, format=format)
    if output is None:
        typer.echo(content.decode(), nl=False)
    else:
        write_new(output, content)
        typer.echo(f"{output}: {format}")


def _total(made: dict[str, object]) -> str:
    return f"{made['total']} cases" if "total" in made else f"fewer than {made['threshold']} cases"
