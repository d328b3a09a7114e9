"""`focalpoint approvals` and `approve`: what takes two people, seen and decided."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.cli.at_api import talks_to_a_node
from service.client import Approval, Client

__all__ = ["approvals_app", "approve_app"]

approvals_app = typer.Typer(add_completion=False, no_args_is_help=False)
approve_app = typer.Typer(add_completion=False)

ApprovalArgument = Annotated[str, typer.Argument(metavar="APPROVAL", help="Its id, as `approvals` shows it.")]


@approvals_app.command()
@talks_to_a_node
async def approvals(
    node: Client,
    state: Annotated[
        str | None, typer.Option(help="Only these: proposed, approved, returned or lapsed.")
    ] = None,
    show: Annotated[str | None, typer.Option(metavar="APPROVAL", help="One, with what waits.")] = None,
    release: Annotated[
        str | None, typer.Option(metavar="MESSAGE", help="Ask that this message's identity part be released.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="With --release: why, as a code.")] = None,
) -> None:
    """What waits for a second person, and what became of the rest. Never an identity."""
    if release is not None:
        if reason is None:
            raise typer.BadParameter("a release names its reason", param_hint="--reason")
        typer.echo(_line(await node.request_release(release, reason=reason)))
        return
    if show is not None:
        one = await node.approval(show)
        typer.echo(_line(one))
        for line in one["preview"]:
            typer.echo(f"  {line}")
        if "message" in one:
            typer.echo(json.dumps(one["message"], indent=2, ensure_ascii=False))
        return
    for one in await node.approvals(state=state):
        typer.echo(_line(one))


@approve_app.command()
@talks_to_a_node
async def approve(
    node: Client,
    approval: ApprovalArgument,
    back: Annotated[
        str | None,
        typer.Option("--return", metavar="REASON", help="Return it instead, with the code of a reason."),
    ] = None,
) -> None:
    """Approve what another person has proposed: it is carried out at once. Look at it first."""
    if back is None:
        decided = await node.approve(approval)
    else:
        decided = await node.send_back(approval, reason=back)
    typer.echo(_line(decided))
    if "accepted" in decided:
        typer.echo(f"sent as {decided['accepted']['id']}")
    if "invitation" in decided:
        typer.echo(decided["invitation"]["link"])
        typer.echo(
            f"Good once, until {decided['invitation']['expires_at']}. Hand it over yourself.", err=True
        )


def _line(one: Approval) -> str:
    reason = f"  for {one['reason']}" if "reason" in one else ""
    until = "" if one["state"] in ("returned", "lapsed") else f"  until {one['expires_at'][:16]}"
    decided = f"  by {one['decided_by']}" if "decided_by" in one else ""
    why = f" ({one['decided_reason']})" if "decided_reason" in one else ""
    held = f"  in force since {one['in_force_since'][:16]}" if "in_force_since" in one else ""
    return (
        f"{one['id']}  {one['state']}  {one['kind']} of {one['subject']}{reason}{held}"
        f"  proposed by {one['proposed_by']}{until}{decided}{why}"
    )
