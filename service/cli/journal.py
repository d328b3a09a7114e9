"""`focalpoint journal`: the access journal, taken out by an auditor and verified without the node.

focalpoint journal export journal.jsonl --role auditor …
focalpoint journal verify journal.jsonl --checkpoint 120:eM…
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from protocol.errors import Refused
from protocol.journal import ORIGIN, Checkpoint, Entry, read_entry, verify
from service.cli.at_api import talks_to_a_node
from service.client import Client
from service.private_files import write_private

__all__ = ["journal_app"]

journal_app = typer.Typer(no_args_is_help=True, add_completion=False, help="The access journal.")

_FAULTY = 1


@journal_app.command("export")
@talks_to_a_node
async def export(
    node: Client,
    file: Annotated[Path, typer.Argument(help="Where to, a file that is not there yet.")],
    after: Annotated[int, typer.Option(min=0, help="The position of the last entry that you have.")] = 0,
    case: Annotated[str | None, typer.Option(help="An excerpt: one case alone.")] = None,
) -> None:
    """Write the journal to a file, one entry a line."""
    lines = [line + b"\n" async for line in node.journal(after=after, case=case)]
    write_private(file, b"".join(lines))
    typer.echo(f"{len(lines)} entries")


@journal_app.command("verify")
def verify_export(
    file: Annotated[Path, typer.Argument(help="What `journal export` wrote.")],
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            help="POSITION:DIGEST that somebody else holds, such as the counterpart's node. Repeatable."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="POSITION:DIGEST where the export before ended. Default: the beginning."),
    ] = None,
    end: Annotated[
        int | None, typer.Option(help="The position where it has to end, where you know it.")
    ] = None,
    excerpt: Annotated[bool, typer.Option("--excerpt", help="It is an export of one case.")] = False,
) -> None:
    """Say whether the entries are as they were written, and name the first one that is not. Needs no node."""
    known = dict(_checkpoint(text, "--checkpoint") for text in checkpoint or ())
    begin = (0, ORIGIN) if start is None else _checkpoint(start, "--start")
    try:
        report = verify(_entries(file), start=begin, known=known, end=end, excerpt=excerpt)
    except OSError:
        raise typer.BadParameter("it cannot be read", param_hint="FILE") from None
    except _UnreadableLineError as unreadable:
        typer.echo(f"line {unreadable.number} is not an entry", err=True)
        raise typer.Exit(_FAULTY) from None
    if report.fault is not None:
        typer.echo(f"entry {report.fault.position}: {_WORDS[report.fault.kind]}", err=True)
        raise typer.Exit(_FAULTY)
    position, digest = report.last
    typer.echo(f"{report.entries} entries, whole; the last is {position}:{digest}")
    if excerpt:
        typer.echo("It is an excerpt: that no entry of the case is missing shows in a whole export alone.")
    elif not known and end is None:
        typer.echo("That nothing was cut off at its end shows against a checkpoint that somebody else holds.")


_WORDS = {
    "changed": "is not what its digest was made of: it was changed",
    "unlinked": "does not follow the one before it: one was removed, replaced or put in before it",
    "out-of-order": "is not in its place: told twice, or moved",
    "differs": "is another than the checkpoint has there",
    "missing": "is not here, and has to be: the end was cut off, or it was removed",
    "appended": "stands behind the end that was given",
}


class _UnreadableLineError(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _entries(file: Path) -> Iterator[Entry]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield read_entry(line.rstrip(b"\n"))
            except Refused:
                raise _UnreadableLineError(number) from None


def _checkpoint(text: str, option: str) -> Checkpoint:
    position, _, digest = text.partition(":")
    if not position.isdecimal() or not digest:
        raise typer.BadParameter("expected POSITION:DIGEST", param_hint=option)
    return int(position), digest
