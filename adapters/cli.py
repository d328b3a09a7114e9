"""The `focalpoint-adapter` command: one group for each adapter, and what all of them have.

    focalpoint-adapter run --settings FILE            whichever adapter the file is for ([adapter] kind)
    focalpoint-adapter set-aside list|retry --settings FILE
    focalpoint-adapter health --settings FILE
    focalpoint-adapter primero …                      what one adapter has of its own

An adapter is found by its folder: `adapters/<name>/cli.py` has `commands`, a Typer app made by
`adapters.kit.commands`.
One that a national team keeps in a package of its own names that app as an entry point in the group
`focalpoint.adapters`. It is imported only when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

import adapters.xroad.consumer  # noqa: F401 ([node.xroad] may then stand in any adapter's settings)
from adapters.kit.commands import SettingsFile, fail, read_settings, show_health, show_set_aside

__all__ = ["app", "known"]

_ENTRY_POINTS: Final = "focalpoint.adapters"


def known() -> tuple[str, ...]:
    """The adapters that are installed, by name. Ours come first where two have one name."""
    return tuple(sorted(_folders() | {point.name for point in entry_points(group=_ENTRY_POINTS)}))


def _folders() -> set[str]:
    return {path.parent.name for path in Path(__file__).parent.glob("*/cli.py") if path.parent.name != "kit"}


def _commands(name: str) -> Any:
    """The Click group of one adapter; None where there is none of this name."""
    if name in _folders():
        found = import_module(f"adapters.{name}.cli").commands
    else:
        points: tuple[EntryPoint, ...] = tuple(entry_points(group=_ENTRY_POINTS, name=name))
        if not points:
            return None
        found = points[0].load()
    group = get_command(found)
    group.name = name
    return group


class _Adapters(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *known()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or _commands(cmd_name)


app = typer.Typer(
    cls=_Adapters,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Adapters: a State's node and the systems that its agencies already have.",
)
_aside = typer.Typer(no_args_is_help=True, help="What did not go through, and waits for a person.")
app.add_typer(_aside, name="set-aside")


@app.command("run")
def _run(settings: SettingsFile) -> None:
    """Run the adapter that the settings are for, until SIGTERM or SIGINT."""
    _passed_on(settings, "run")


@app.command("health")
def _health(settings: SettingsFile) -> None:
    """How the adapter last said that it is. Ends with 1 unless it works."""
    show_health(read_settings(settings))


@_aside.command("list")
def _list(settings: SettingsFile) -> None:
    """Which way, by what name, why, since when. Works while the adapter runs."""
    show_set_aside(read_settings(settings))


@_aside.command("retry")
def _retry(settings: SettingsFile) -> None:
    """Try each once more. While the adapter runs, send it SIGHUP instead (systemctl reload)."""
    _passed_on(settings, "set-aside", "retry")


def _passed_on(settings: Path, *words: str) -> None:
    kind = read_settings(settings).kind
    group = _commands(kind)
    if group is None:
        fail(f"no adapter is called {kind}; there are {', '.join(known())}")
    code = group.main([*words, "--settings", str(settings)], standalone_mode=False)
    if code:
        raise typer.Exit(int(code))


if __name__ == "__main__":
    app()
