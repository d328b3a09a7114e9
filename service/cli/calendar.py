"""`focalpoint directory calendar`: holidays, weekend and time zone, proposed for the State to confirm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from protocol.identifiers import StateCode
from service.cli.at_api import talks_to_a_node
from service.client import Client
from service.directory.calendars import propose

__all__ = ["calendar_app"]

calendar_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Propose calendars for this State's entries. Nothing is published here.",
)


@calendar_app.callback()
def _group() -> None:
    """One command so far, named all the same."""


@calendar_app.command("propose")
@talks_to_a_node
async def propose_calendar(
    node: Client,
    state: Annotated[str, typer.Option(help="Such as ro.")],
    years: Annotated[str, typer.Option(help="One, or from and to: 2027-2028.")],
    subdivision: Annotated[str | None, typer.Option(help="Part of the State, as ISO 3166-2 has it.")] = None,
    authority: Annotated[str | None, typer.Option(help="Only this one, such as ro.anpdca.")] = None,
    out: Annotated[Path, typer.Option(help="Where the facts files go.", file_okay=False)] = Path(),
) -> None:
    """Show what would change in each entry, and write a facts file that `directory publish` takes."""
    wanted = _years(years)
    for entry in await node.authorities(state=state):
        if authority not in (None, entry["address"]):
            continue
        proposed = propose(entry, StateCode(state), wanted, subdivision=subdivision)
        name = entry["address"].partition(".")[2]
        for change in proposed.changes:
            typer.echo(f"{entry['address']}: {change}")
        if not proposed.changes:
            typer.echo(f"{entry['address']}: nothing changes")
            continue
        file = out / f"{name}.calendar.json"
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(proposed.facts, indent=1, ensure_ascii=False), "utf-8")
        typer.echo(f"Look through {file}, then: focalpoint directory publish authority {name} --facts {file}")


def _years(text: str) -> list[int]:
    first, _, last = text.partition("-")
    try:
        years = list(range(int(first), int(last or first) + 1))
    except ValueError:
        years = []
    if not 1 <= len(years) <= 10:
        raise typer.BadParameter("expected a year, or two as in 2027-2028", param_hint="--years")
    return years
