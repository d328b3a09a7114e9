"""The commands that every adapter has: run, set-aside, health.

    @contextlib.asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Adapter]:
        async with Register(settings.system["url"], …) as register:
            yield RegisterLink(register, …)

    commands = common(opened, help="The register of …")        in adapters/<name>/cli.py

A commands app may have more of its own. `focalpoint-adapter` finds it by its folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from adapters.kit import logs
from adapters.kit.health import State
from adapters.kit.memory import Damaged, InUse, Memory, glance
from adapters.kit.pace import Pace
from adapters.kit.running import Adapter, Desk, retry_set_aside, run, steady
from adapters.kit.settings import Settings, SettingsError, load

__all__ = [
    "Opened",
    "common",
    "fail",
    "here",
    "in_a_line",
    "read_settings",
    "serve",
    "show_health",
    "show_set_aside",
]

type Opened = Callable[[Settings], AbstractAsyncContextManager[Adapter]]
"""The adapter, with what it holds open. SettingsError for what its own part of the file lacks."""

log = logging.getLogger("focalpoint.adapter")

SettingsFile = Annotated[Path, typer.Option("--settings", help="The adapter's TOML file.")]
_WELL: Final = frozenset({State.WELL, State.SET_ASIDE, State.WAITING})


def here() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (the edge of the process: from here on it is an argument)


def common(opened: Opened, *, help: str) -> typer.Typer:  # noqa: A002 (as typer has it)
    """The group of one adapter."""
    app = typer.Typer(no_args_is_help=True, help=help, pretty_exceptions_enable=False)
    aside = typer.Typer(no_args_is_help=True, help="What did not go through, and waits for a person.")
    app.add_typer(aside, name="set-aside")

    @app.callback()
    def _() -> None:
        """Keeps the name of a command where there is one alone."""

    @app.command("run")
    def _run(settings: SettingsFile) -> None:
        """Work until SIGTERM or SIGINT. SIGHUP tries again what was set aside."""
        serve(settings, opened)

    @aside.command("list")
    def _list(settings: SettingsFile) -> None:
        """Which way, by what name, why, since when; also what waits. Works while the adapter runs."""
        show_set_aside(read_settings(settings))

    @aside.command("retry")
    def _retry(settings: SettingsFile) -> None:
        """Try each once more. While the adapter runs, send it SIGHUP instead (systemctl reload)."""
        through, left = _guarded(_retried(read_settings(settings), opened))
        typer.echo(f"{through} went through, {left} did not")
        if left:
            raise typer.Exit(1)

    @app.command("health")
    def _health(settings: SettingsFile) -> None:
        """How it last said that it is. Ends with 1 unless it works."""
        show_health(read_settings(settings))

    return app


def serve(path: Path, opened: Opened) -> None:
    """What `run` does; for a command of an adapter's own that does more while it runs. An adapter that has
    `nudged` sets it when it has heard that something is new."""
    found = read_settings(path)
    logs.configure()
    _guarded(_serve(found, opened))


def read_settings(path: Path) -> Settings:
    try:
        return load(path)
    except SettingsError as reason:
        fail(str(reason))


def show_set_aside(settings: Settings) -> None:
    with in_a_line():
        seen = glance(settings.state_dir)
    for item in seen.aside:
        typer.echo(f"{item.at.isoformat()}  {item.way:9}  {item.name}  {item.code}")
    for one in seen.waiting:
        again = f"waits, next asked about {one.again.isoformat(timespec='seconds')}"
        typer.echo(f"{one.at.isoformat()}  {one.way:9}  {one.name}  {one.code}  {again}")


def show_health(settings: Settings) -> None:
    with in_a_line():
        seen = glance(settings.state_dir)
    if seen.health is None or seen.said_at is None:
        fail("it has not run yet")
    typer.echo(json.dumps({"said_at": seen.said_at.isoformat(), **seen.health}, indent=2))
    # Three words missed: whoever is well says so.
    silent = (here() - seen.said_at).total_seconds() > 3 * max(settings.report_seconds, 1)
    if silent or seen.health["state"] not in _WELL:
        raise typer.Exit(1)


def fail(reason: str) -> NoReturn:
    typer.echo(f"focalpoint-adapter: {reason}", err=True)
    raise typer.Exit(1)


@contextlib.asynccontextmanager
async def _at_work(settings: Settings, opened: Opened) -> AsyncIterator[tuple[Adapter, Desk]]:
    memory = Memory(settings.state_dir)
    try:
        async with opened(settings) as adapter, settings.node(here) as node:
            pace = Pace(settings.per_second, burst=settings.burst, now=steady)
            yield adapter, Desk(settings=settings, node=node, memory=memory, pace=pace, now=here)
    finally:
        memory.close()


async def _serve(settings: Settings, opened: Opened) -> None:
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        log.info("adapter.stopping", extra={"signal": number.name})
        stop.set()
        # Whoever asks twice does not want to wait.
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    async with _at_work(settings, opened) as (adapter, desk):
        log.info("adapter.started", extra={"adapter": settings.name, "version": adapter.version})
        nudged = getattr(adapter, "nudged", None)
        await run(adapter, desk, stop=stop, again=again, nudged=nudged)
    log.info("adapter.stopped", extra={"adapter": settings.name})


async def _retried(settings: Settings, opened: Opened) -> tuple[int, int]:
    async with _at_work(settings, opened) as (adapter, desk):
        return await retry_set_aside(adapter, desk)


def _guarded[T](work: Coroutine[Any, Any, T]) -> T:
    with in_a_line():
        return asyncio.run(work)
    raise AssertionError


_OF_THE_OPERATOR: Final = (SettingsError, Damaged, sqlite3.DatabaseError, OSError)


@contextlib.contextmanager
def in_a_line(
    *,
    file: str = "memory.db",
    in_use: str = "the adapter runs already",
    remedy: str = "stop the adapter and bring it back from a backup with its -wal file, or move both away:"
    " with the same sameness.secret nothing is sent twice that is read again",
) -> Iterator[None]:
    """What its operator can set right, in a line instead of a traceback. `file`: the SQLite file that is
    worked with; `remedy`: what to do when it is damaged."""
    try:
        yield
    except _OF_THE_OPERATOR as reason:
        fail(_said_of(reason, file, in_use, remedy))
    except BaseExceptionGroup as group:
        found = group
        while isinstance(found.exceptions[0], BaseExceptionGroup):
            found = found.exceptions[0]
        if not isinstance(found.exceptions[0], _OF_THE_OPERATOR):
            raise
        fail(_said_of(found.exceptions[0], file, in_use, remedy))


def _said_of(reason: BaseException, file: str, in_use: str, remedy: str) -> str:
    match reason:
        case InUse():
            return f"its memory is in use: {in_use}"
        case sqlite3.OperationalError():
            # SQLite's own words hold nothing of a row.
            return f"{file} in the state directory cannot be used: {reason}"
        case sqlite3.DatabaseError():
            return f"{file} in the state directory is damaged: {remedy}"
        case OSError():
            return f"{reason.filename or 'the system'}: {reason.strerror or type(reason).__name__}"
        case _:
            return str(reason)
