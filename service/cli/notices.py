"""`focalpoint notices` and `focalpoint subscription`: what somebody is told, and where else it is sent.

focalpoint notices list                                      what there is, and what is new
focalpoint notices follow                                    as it happens
focalpoint notices read                                      it was read, up to the last
focalpoint subscription put registry webhook --target https://registry.example/notices --authority ro.anpdca
focalpoint subscription put office email --authority ro.anpdca --daily-at 7
focalpoint subscription list
focalpoint subscription remove registry
focalpoint subscription key                                  by which a receiver knows a webhook of this node
"""

from __future__ import annotations

from typing import Annotated, Literal, cast

import typer

from service.cli.at_api import talks_to_a_node
from service.client import Client, Notice, NoticeEvent, Subscription

__all__ = ["notices_app", "subscription_app"]

notices_app = typer.Typer(no_args_is_help=True, add_completion=False, help="What somebody is told.")
subscription_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Where notices are sent: mailboxes and systems."
)

Id = Annotated[str, typer.Argument(help="The subscription's id, chosen by you.")]


@notices_app.command("list")
@talks_to_a_node
async def list_notices(
    node: Client,
    unread: Annotated[bool, typer.Option(help="Only those that were not read.")] = False,
) -> None:
    """Every notice, the oldest first; how many are unread goes to standard error."""
    page = await node.notices(limit=200)
    if unread:
        page = await node.notices(after=page["read"], limit=200)
    waiting = page["unread"]
    while True:
        for notice in page["notices"]:
            typer.echo(_line(notice, notice["at"]))
        if not page["more"]:
            break
        page = await node.notices(after=page["cursor"], limit=200)
    typer.echo(f"{waiting} unread", err=True)


@notices_app.command("follow")
@talks_to_a_node
async def follow_notices(
    node: Client,
    seconds: Annotated[int, typer.Option(help="How long at most.")] = 3_600,
) -> None:
    """What happens from now on, until the token or the time is over."""
    async for notice in node.events(seconds=seconds):
        typer.echo(_line(notice, ""))


@notices_app.command("read")
@talks_to_a_node
async def mark_read(node: Client) -> None:
    """Say that everything there is was read."""
    page = await node.notices(limit=200)
    page = await node.notices(after=page["read"], limit=200)
    while page["more"]:
        page = await node.notices(after=page["cursor"], limit=200)
    read = await node.mark_read(page["cursor"])
    typer.echo(f"{read['unread']} unread")


@subscription_app.command("put")
@talks_to_a_node
async def put_subscription(
    node: Client,
    id: Id,  # noqa: A002
    channel: Annotated[str, typer.Argument(help="email or webhook.")],
    target: Annotated[
        str | None, typer.Option(help="The office's mailbox, or the URL. Without it, that of the directory.")
    ] = None,
    authority: Annotated[
        str | None, typer.Option(help="Whose notices, such as ro.anpdca; without it the node's own.")
    ] = None,
    audience: Annotated[
        str | None, typer.Option(help="officer or supervisor; operator or administrator for the node's.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="These alone. Repeatable.")] = None,
    daily_at: Annotated[
        int | None, typer.Option(help="The hour at which what has gathered goes out; without it, at once.")
    ] = None,
    mail_language: Annotated[str | None, typer.Option(help="Of the mail, such as fr.")] = None,
) -> None:
    """Have notices sent somewhere, or say anew how. What waits for it goes out at once."""
    if channel not in ("email", "webhook"):
        raise typer.BadParameter("expected email or webhook", param_hint="CHANNEL")
    put = await node.put_subscription(
        id,
        channel=cast("Literal['email', 'webhook']", channel),
        authority=authority,
        audience=audience,
        target=target,
        kinds=kind or (),
        daily_at=daily_at,
        language=mail_language,
    )
    typer.echo(_subscription(put))


@subscription_app.command("list")
@talks_to_a_node
async def list_subscriptions(node: Client) -> None:
    """All of them, and how each does."""
    for one in await node.subscriptions():
        typer.echo(_subscription(one))


@subscription_app.command("remove")
@talks_to_a_node
async def remove_subscription(node: Client, id: Id) -> None:  # noqa: A002
    """Send nothing there any more. What waits for it is told nobody."""
    typer.echo(_subscription(await node.delete_subscription(id)))


@subscription_app.command("key")
@talks_to_a_node
async def show_key(node: Client) -> None:
    """The public keys that webhooks of this node are signed with, the current one first."""
    for key in await node.webhook_keys():
        typer.echo(key)


def _line(notice: Notice | NoticeEvent, at: str) -> str:
    parts = (at, notice["kind"], str(notice.get("authority", "")), notice["id"])
    due = f"until {notice['due_at']}" if "due_at" in notice else ""
    return "  ".join(part for part in (*parts, due) if part)


def _subscription(one: Subscription) -> str:
    whose = one.get("authority", "the node")
    when = f"daily at {one['daily_at']}:00" if "daily_at" in one else "at once"
    kinds = ", ".join(one["kinds"]) or "every kind"
    failing = f"  {one['failure_code']}" if "failure_code" in one else ""
    return (
        f"{one['id']}  {one['channel']}  {one['target']}  {whose} ({one['audience']})  {kinds}  {when}  "
        f"{one['state']}{failing}  {one['waiting']} waiting"
    )
