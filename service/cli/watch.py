"""`focalpoint watch`: the oldest unanswered first, then what stands still, then each peer. No content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from service.cli.at_api import talks_to_a_node
from service.client import Client, Peer, Stuck

__all__ = ["watch_app"]

watch_app = typer.Typer(add_completion=False)


@watch_app.command()
@talks_to_a_node
async def watch(
    node: Client,
    as_json: Annotated[bool, typer.Option("--json", help="As the API gives it.")] = False,
) -> None:
    """What is overdue, what stands still for longer than it may, and how each peer's node does. With
    --network, `--role operator`."""
    stuck, peers = await node.stuck(), await node.peers()
    if as_json:
        typer.echo(json.dumps({"stuck": stuck, "peers": peers}, indent=2))
        return
    for line in (*_stuck_lines(stuck), *(_peer_line(one) for one in peers)):
        typer.echo(line)


def _stuck_lines(view: Stuck) -> Iterator[str]:
    for one in view["unanswered"]:
        yield (
            f"unanswered  {_span(one['overdue_seconds'])} late  {one['procedure']}  thread {one['thread']}"
            f"  owed by {one['answerer']} ({one['owed_by']})"
        )
    for item in view["stuck"]:
        yield (
            f"stuck       {_span(item['over_seconds'])} over  {item['what']}  {item['subject']}"
            f"  (runbook {item['page']})"
        )
    if view["more"]:
        counts = ", ".join(f"{one['what']} {one['count']}" for one in view["counts"])
        yield f"and more; in all: {counts}"
    if not view["unanswered"] and not view["stuck"]:
        yield "nothing is overdue, and nothing stands still"


def _peer_line(peer: Peer) -> str:
    parts = [f"peer        {peer['node']}{' (this node)' if peer['ours'] else ''}"]
    if not peer["ours"]:
        parts.append(f"heard {peer.get('last_heard', 'never')}")
    flags = {
        f"{peer['waiting']} waiting, oldest {_span(peer['oldest_waiting_seconds'])}": peer["waiting"],
        f"lacks {peer['lacking']}": peer["lacking"],
        "SILENT": peer["silent"],
        "SPLIT VIEW": peer["split"],
        f"{peer['overdue']} answers overdue": peer["overdue"],
        f"{peer['clock_differs']} deadlines counted otherwise": peer["clock_differs"],
    }
    parts += [text for text, holds in flags.items() if holds]
    shortest = min((one["days"] for one in peer["delivery"]), default=0)
    for one in peer["delivery"]:
        if one["days"] == shortest and "met" in one:
            met = "met" if one["met"] else "NOT MET"
            parts.append(
                f"{one['leg']} {one['target']} {met} ({one['share_percent']} % of {one['days']} days)"
            )
    return "; ".join(parts)


def _span(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    return f"{days} d {hours} h" if days else f"{hours} h {rest // 60} min"
