"""`focalpoint relay`: what an intermediary has to hand over to authorities without a node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.at_api import talks_to_a_node
from service.cli.files import write_new
from service.client import Client

__all__ = ["relay_app"]

relay_app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

MessageArgument = Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id, as `pending` shows it.")]
WayOption = Annotated[str, typer.Option(help="How: a code of the vocabulary `relay-way`.")]


@relay_app.command()
@talks_to_a_node
async def pending(node: Client) -> None:
    """What waits to be handed over, oldest first. Never what it says."""
    for one in (await node.pending_relays())["messages"]:
        marks = [mark for mark in ("sealed", "readable") if one[mark]]
        tried = f"tried {one['attempts']} times" if one["attempts"] else "not tried"
        typer.echo(f"{one['id']}  to {one['recipient']}  {one['received_at']}  {tried}  {' '.join(marks)}")


@relay_app.command("handed-over")
@talks_to_a_node
async def handed_over(node: Client, message: MessageArgument, way: WayOption) -> None:
    """Record that the authority has it. The node signs that, and the sender sees it."""
    done = await node.record_relay(message, outcome="handed-over", way=way)
    typer.echo(f"{done['id']}  handed over  {done['recorded_at']}")


@relay_app.command()
@talks_to_a_node
async def failed(
    node: Client,
    message: MessageArgument,
    way: WayOption,
    reason: Annotated[str, typer.Option(help="A code of the family `relay`.")],
) -> None:
    """Record that it could not be handed over. It stays to be handed over, and the clock goes on."""
    done = await node.record_relay(message, outcome="failed", way=way, reason=reason)
    typer.echo(f"{done['id']}  not handed over  {done['recorded_at']}  {done['reason']}")


@relay_app.command("paper-consent")
@talks_to_a_node
async def paper_consent(
    node: Client,
    attestation: Annotated[str, typer.Argument(help="The message that attests it; look at its scan first.")],
) -> None:
    """Ask that another person confirm a consent on paper. Never an agreement, and never by one person."""
    approval = await node.propose_paper_consent(attestation)
    typer.echo(f"{approval['id']}  waits for a second person until {approval['expires_at']}")


@relay_app.command()
@talks_to_a_node
async def envelope(
    node: Client, message: MessageArgument, into: Annotated[Path, typer.Argument(help="A new file.")]
) -> None:
    """The envelope of a message that was sealed past this node: its authority opens it."""
    write_new(into, await node.relay_envelope(message))
    typer.echo(str(into))
