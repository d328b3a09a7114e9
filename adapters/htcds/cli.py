"""`focalpoint-adapter htcds`: import, export, template."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.htcds.exporting import Sum, bring_out
from adapters.htcds.importing import Refusal, Stopped, Totals, Wanted, bring_in, report_to
from adapters.htcds.mapping import FIRST_CONTACT
from adapters.htcds.workbook import Workbook, WorkbookError, opened, written
from adapters.kit import Desk, Memory, Settings
from adapters.kit.commands import SettingsFile, fail, here, in_a_line, read_settings, show_health
from adapters.kit.pace import Pace
from adapters.kit.running import steady
from service.client import NodeUnreachable, Problem

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Workbooks of the Human Trafficking Case Data Standard 2.0 (IOM, CC BY 4.0).",
)

_REMEDY = (
    "bring it back from a backup with its -wal file. If both are moved away, the same rows are not sent"
    " twice, but who was notified is forgotten: a row that was edited meanwhile would be a new one"
)
GOES_ON = "what was done is kept; the same command goes on from there"


@commands.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A workbook (.xlsx) with the standard's two header rows.")],
    settings: SettingsFile,
    office: Annotated[str, typer.Option(help="The office that notifies, such as it.servizio-minori.")],
    send: Annotated[
        bool, typer.Option("--send", help="Open cases and notify. Without it: a dry run.")
    ] = False,
    declare_no_danger: Annotated[
        bool,
        typer.Option(
            "--declare-no-danger",
            help="You declare that none of these notifications endangers the child or anybody else.",
        ),
    ] = False,
    without_identity: Annotated[
        bool, typer.Option("--without-identity", help="Send nothing of names, birth dates and numbers.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="A CSV file: what became of each row and cell.")] = None,
    another_child: Annotated[
        list[int] | None,
        typer.Option(
            "--another-child",
            help="The number of an undecided row that you looked at: no other row is about the same child.",
        ),
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet's name; the first one without it.")] = None,
) -> None:
    """Read a workbook; say of each row what is understood and what the node would say; with --send, notify.

    The same file again sends nothing twice.
    """
    found = read_settings(settings)
    wanted = Wanted(
        office=office,
        send=send,
        declares_no_danger=declare_no_danger,
        first_contact_declared=_declared(found),
        with_identity=not without_identity,
        another_child=frozenset(another_child or ()),
    )
    totals = _guarded(_imported(found, file, sheet, wanted, report))
    for outcome, number in sorted(totals.rows.items()):
        typer.echo(f"{number:8}  rows   {outcome}")
    for standing, number in sorted(totals.cells.items()):
        typer.echo(f"{number:8}  cells  {standing}")
    if not send:
        typer.echo("a dry run: nothing was sent")
    if totals.rows["refused"]:
        raise typer.Exit(1)


@commands.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="The workbook to make; it must not be there yet.")],
    settings: SettingsFile,
    case: Annotated[str | None, typer.Option(help="This case alone.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on, in UTC.")
    ] = None,
    identity_reason: Annotated[
        str | None,
        typer.Option(help="A code: take in identity that was released for it. Not as an agency's system."),
    ] = None,
) -> None:
    """Write the notifications that this client may read as a workbook."""
    found = read_settings(settings)
    start = None if since is None else since.replace(tzinfo=UTC)
    total = _guarded(_exported(found, file, case, start, identity_reason))
    typer.echo(f"{total.rows} rows; {total.left_out} facts are named on the sheet `not carried`")
    if total.unreleased:
        typer.echo(f"{total.unreleased} identity parts stay sealed: their columns are empty")


@commands.command("template")
def template(file: Annotated[Path, typer.Argument(help="The workbook to make.")]) -> None:
    """An empty workbook with the standard's header."""
    with _refused(), written(file):
        pass


@commands.command("health")
def health(settings: SettingsFile) -> None:
    """How it last said that it is."""
    show_health(read_settings(settings))


def _declared(settings: Settings) -> bool:
    declared = settings.system.get("first_contact")
    if declared not in (None, FIRST_CONTACT):
        fail(f"[system] first_contact: expected {FIRST_CONTACT}, or nothing")
    return declared is not None


@contextlib.asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[Desk]:
    memory = Memory(settings.state_dir)
    try:
        async with settings.node(here) as node:
            pace = Pace(settings.per_second, burst=settings.burst, now=steady)
            yield Desk(settings=settings, node=node, memory=memory, pace=pace, now=here)
    finally:
        memory.close()


async def _imported(
    settings: Settings, file: Path, sheet: str | None, wanted: Wanted, report: Path | None
) -> Totals:
    async with _desk(settings) as desk:
        with opened(file, sheet=sheet) as workbook, report_to(report) as said, _bar(workbook) as bar:
            return await bring_in(
                workbook, desk, wanted, said, progress=lambda row: bar.update(row - 2 - bar.pos)
            )


async def _exported(
    settings: Settings, file: Path, case: str | None, since: datetime | None, reason: str | None
) -> Sum:
    async with _desk(settings) as desk:
        with written(file) as writer:
            return await bring_out(
                desk,
                writer,
                case=case,
                since=since,
                reason=reason,
                first_contact_declared=_declared(settings),
            )


def _bar(workbook: Workbook) -> Any:
    return typer.progressbar(length=max(workbook.rows_at_most - 2, 1), label="rows")


@contextlib.contextmanager
def _refused() -> Any:
    """A line for whoever asked, instead of a traceback."""
    try:
        with in_a_line(in_use="another import runs", remedy=_REMEDY):
            yield
    except (WorkbookError, Refusal) as reason:
        fail(f"{reason.hint}  [{reason.code}]")
    except Stopped as stopped:
        fail(f"the node does not answer as it should [{stopped.code}]: {GOES_ON}")
    except Problem as problem:
        fail(str(problem))
    except NodeUnreachable:
        fail(f"the node does not answer: {GOES_ON}")
    except KeyboardInterrupt:
        fail(f"interrupted: {GOES_ON}")


def _guarded[T](work: Coroutine[Any, Any, T]) -> T:
    with _refused():
        return asyncio.run(work)
    raise AssertionError
