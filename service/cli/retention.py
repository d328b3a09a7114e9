"""`focalpoint retention`: until when cases keep narrative and identity, and what is due.

focalpoint retention run                      what would be done, case by case; nothing is done
focalpoint retention run --carry-out          do it
"""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.at_api import talks_to_a_node
from service.client import Client, Retention, RetentionAct

__all__ = ["retention_app"]

retention_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Until when cases keep narrative and identity."
)

CaseArgument = Annotated[str, typer.Argument(help="The case's reference, such as K7QM-3XPT-9V2D-6.")]
ReasonOption = Annotated[
    str, typer.Option(help="Why: a code of `vocabulary show retention-reason`, such as court-proceedings.")
]

_NEXT = {
    "block": "block it: nobody reads it from then on",
    "propose": "propose to erase it; a second administrator decides",
    "erase": "ERASE it for good",
}


@retention_app.callback()
def _() -> None:
    """Until when cases keep narrative and identity."""


@retention_app.command()
@talks_to_a_node
async def show(node: Client, case: CaseArgument) -> None:
    """Until when a case's narrative and identity are kept, and what stands in the way."""
    for line in _lines(await node.case_retention(case)):
        typer.echo(line)


@retention_app.command()
@talks_to_a_node
async def run(
    node: Client,
    carry_out: Annotated[
        bool, typer.Option("--carry-out/--dry-run", help="Do it. Without, only say what would be done.")
    ] = False,
) -> None:
    """What is due now. With --carry-out it is done; what cannot be taken back first waits for two people,
    unless the node's settings say otherwise."""
    if not carry_out:
        due = await node.due_for_retention()
        for one in due:
            typer.echo(f"{one['reference']}  would {_NEXT[one['next_act']]}")
        typer.echo(f"{len(due)} case(s); nothing was done (--carry-out does it)")
        return
    done = await node.run_retention()
    for references, word in (
        (done["blocked"], "blocked"),
        (done["proposed"], "proposed to be erased"),
        (done["erased"], "erased"),
        (done["waiting"], "waits for an administrator, or for the node itself"),
    ):
        for reference in references:
            typer.echo(f"{reference}  {word}")
    typer.echo(f"{sum(len(rows) for rows in (done['blocked'], done['proposed'], done['erased']))} case(s)")


@retention_app.command()
@talks_to_a_node
async def block(node: Client, case: CaseArgument, reason: ReasonOption) -> None:
    """From now on nobody reads narrative and identity of the case, and nothing is attached."""
    await _change(node, case, "block", reason)


@retention_app.command()
@talks_to_a_node
async def unblock(node: Client, case: CaseArgument, reason: ReasonOption) -> None:
    """Take a block back."""
    await _change(node, case, "unblock", reason)


@retention_app.command()
@talks_to_a_node
async def hold(node: Client, case: CaseArgument, reason: ReasonOption) -> None:
    """Nothing of the case is erased, whatever is due, until two administrators lift the hold."""
    await _change(node, case, "hold", reason)


@retention_app.command("lift-hold")
@talks_to_a_node
async def lift_hold(node: Client, case: CaseArgument, reason: ReasonOption) -> None:
    """Propose to lift a hold; a second administrator decides."""
    await _change(node, case, "lift-hold", reason)


@retention_app.command()
@talks_to_a_node
async def erase(node: Client, case: CaseArgument, reason: ReasonOption) -> None:
    """Propose to erase a blocked case's narrative and identity; a second administrator decides. It cannot
    be taken back."""
    await _change(node, case, "erase", reason)


async def _change(node: Client, case: str, act: RetentionAct, reason: str) -> None:
    for line in _lines(await node.change_retention(case, act, reason=reason)):
        typer.echo(line)


def _lines(found: Retention) -> list[str]:
    lines = [f"{found['reference']}  {_closed(found)}"]
    for part in found["parts"]:
        dates = [
            f"{word} {part[name]}"  # type: ignore[literal-required]
            for name, word in (
                ("blocked_from", "to be blocked"),
                ("erased_from", "to be erased"),
                ("erased_at", "erased"),
            )
            if name in part
        ]
        lines.append(f"  {part['part']}: {'; '.join([part['state'], *dates])}")
    if "blocked_at" in found:
        lines.append(f"  blocked since {found['blocked_at']} ({found.get('block_reason', '')})")
    if "held_at" in found:
        lines.append(f"  held since {found['held_at']} ({found.get('hold_reason', '')})")
    if found["proposed"]:
        lines.append("  waits for a second person")
    return lines


def _closed(found: Retention) -> str:
    return f"closed {found['closed_at']}" if "closed_at" in found else "not closed: nothing is due"
