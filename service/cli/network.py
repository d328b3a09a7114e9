"""`focalpoint network`: a local network to try things on, every State's node on this machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.clock import SimulatedClock, SystemClock
from service.logs import configure
from service.network.control import ask
from service.private_files import make_private_directory
from service.random_source import SystemRandomSource

network_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Run a local network of example States."
)

Directory = Annotated[Path, typer.Option("--dir", help="Where the network lives; kept between runs.")]


@network_app.command()
def up(
    directory: Directory,
    states: Annotated[str, typer.Option(help="Node codes, such as it,ro or it,ro,int-iom.")] = "it,ro",
    without_node: Annotated[
        list[str] | None,
        typer.Option(
            "--without-node",
            help="A State that has no node, and the node of the body that serves it: md:int-iom. Repeatable.",
        ),
    ] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="A setting for every node: name=value. Repeatable.")
    ] = None,
    simulated_clock: Annotated[
        bool,
        typer.Option(
            "--simulated-clock",
            help="Let `network advance-clock` move every node's clock ahead. On this machine only.",
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Show the hub's and the registrar's log.")] = False,
) -> None:
    """Start the hub and one process per node, and run until SIGTERM or Ctrl-C.

    Ready when DIR/network.json exists. Insecure on purpose in one respect: one machine holds every State's
    keys, and its tokens live for 30 days. A real State runs its node alone (docs/operations).
    """
    # Only here: a restart need not wait for what brings a whole network up.
    from service.network.layout import lay_out_network  # noqa: PLC0415
    from service.network.supervisor import LocalNetwork, only_one  # noqa: PLC0415

    directory = make_private_directory(directory)
    random = SystemRandomSource()
    clock_file = directory / "clock.json"
    # A network whose clock was moved ahead has signed in the future: it cannot go back to the machine's.
    simulated = simulated_clock or clock_file.exists()
    clock = SimulatedClock(clock_file) if simulated else SystemClock()
    overrides = dict(_setting(text) for text in change or ())
    if simulated:
        overrides["simulated_clock_file"] = str(clock_file)
        typer.echo(f"the clock is simulated: it is {clock.now():%d %b %Y, %H:%M} UTC in this network")
    log = configure(level="info" if verbose else "error")
    with only_one(directory):
        codes = [code.strip() for code in states.split(",") if code.strip()]
        served = dict(_served(text) for text in without_node or ())
        layout = lay_out_network(directory, codes, without_node=served, clock=clock, random=random)
        network = LocalNetwork(
            layout,
            clock=clock,
            random=random,
            log=log,
            overrides=overrides,
            say=typer.echo,
        )
        asyncio.run(network.run())


@network_app.command("restart-node")
def restart_node(
    directory: Directory, code: Annotated[str, typer.Argument(help="The node's code, such as ro.")]
) -> None:
    """Bring a node back, or replace a running one. Returns when it is ready."""
    _told(directory, "restart-node", code)


@network_app.command("restart-hub")
def restart_hub(directory: Directory) -> None:
    """Bring the hub back, with new streams if its store was deleted. Returns when it is ready."""
    _told(directory, "restart-hub")


@network_app.command("add-node")
def add_node(
    directory: Directory, code: Annotated[str, typer.Argument(help="A State's code, such as fr.")]
) -> None:
    """Have one more State join while the others run. Returns when everybody's directory has it."""
    _told(directory, "add-node", code)


@network_app.command()
def suspend(
    directory: Directory, member: Annotated[str, typer.Argument(help="A member, such as fr.")]
) -> None:
    """The keepers suspend a member: no node sends to it or takes from it until it is readmitted."""
    _told(directory, "suspend", member)


@network_app.command()
def readmit(
    directory: Directory, member: Annotated[str, typer.Argument(help="A member, such as fr.")]
) -> None:
    """The keepers readmit a member that they had suspended."""
    _told(directory, "readmit", member)


@network_app.command("rotate-charter")
def rotate_charter(directory: Directory) -> None:
    """New keepers' keys; nodes that were given the old charter's digest follow by themselves."""
    _told(directory, "rotate-charter")


@network_app.command("advance-clock")
def advance_clock(
    directory: Directory,
    by: Annotated[str, typer.Argument(help="How far: P1M, P10D, PT12H.")],
) -> None:
    """Move the clock of a network that was started with --simulated-clock.

    Returns when every node is ready again; network.json then has new tokens."""
    _told(directory, "advance-clock", by)


def _told(directory: Path, command: str, argument: str = "") -> None:
    answer = asyncio.run(ask(directory, command, argument))
    typer.echo(json.dumps(answer))


def _served(text: str) -> tuple[str, str]:
    state, colon, node = text.partition(":")
    if not colon:
        raise typer.BadParameter("expected STATE:NODE, such as md:int-iom", param_hint="--without-node")
    return state, node


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("expected name=value", param_hint="--set")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
