"""`focalpoint deadlines`: what is owed, the earliest first, and how far its reminders have gone."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from service.cli.at_api import talks_to_a_node
from service.client import Client
from service.client.types import Deadline

__all__ = ["deadlines_app"]

deadlines_app = typer.Typer(add_completion=False)


@deadlines_app.command()
@talks_to_a_node
async def deadlines(
    node: Client,
    owed_by: Annotated[str | None, typer.Option(help="us or them.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is late.")] = False,
    case: Annotated[str | None, typer.Option(help="Only of this case.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 100,
) -> None:
    """What is owed: until when, by whom, which step of the ladder is reached, and when the next one comes."""
    side: Literal["us", "them"] | None = None
    if owed_by is not None:
        if owed_by not in ("us", "them"):
            raise typer.BadParameter("expected us or them", param_hint="--owed-by")
        side = "us" if owed_by == "us" else "them"
    shown, after = 0, None
    while shown < limit:
        page = await node.deadline_page(
            owed_by=side,
            overdue=True if overdue else None,
            case=case,
            after=after,
            limit=min(500, limit - shown),
        )
        for one in page["deadlines"]:
            _print(one)
        shown += len(page["deadlines"])
        after = page.get("after")
        if after is None:
            return
    typer.echo("There are more.", err=True)


def _print(one: Deadline) -> None:
    late = "late" if one["overdue"] else "paused" if one["due"].get("paused") else ""
    typer.echo(
        f"{one['due']['at']:<26} {late:<6} {one['owing']:<26} {one['obligation']:<20}"
        f" {one['procedure']:<16} {one['state']:<12} {one['case']}"
    )
    ladder = one.get("ladder") or {}
    parts = []
    if "step" in ladder:
        parts.append(f"{ladder['step']} on {ladder.get('taken_at', '')}")
    if "next_step" in ladder:
        parts.append(f"next {ladder['next_step']} on {ladder.get('next_at', '')}")
    intermediaries = ladder.get("turn_to", {}).get("intermediaries", [])
    if intermediaries:
        parts.append(f"a mandate is held by {', '.join(intermediaries)}")
    if "differs" in one:
        parts.append(
            f"{one['differs']['node']} counts {one['differs']['theirs_at']}: {one['differs']['cause']}"
        )
    if parts:
        typer.echo(f"{'':<26} {'; '.join(parts)}")
