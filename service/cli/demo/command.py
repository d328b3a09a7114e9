"""The command: a directory, the stage, the story, and an honest word when something fails."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from protocol.errors import FocalpointError
from service.cli.demo.stage import last_words, local_network
from service.cli.demo.story import tell_story
from service.cli.demo.telling import Teller
from service.client import NodeUnreachable, Problem

demo_app = typer.Typer(add_completion=False)

_FAILED = 1
_BY_SIGNAL = 128


@demo_app.command()
def demo(
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="Keep the network and the evidence here; a temporary directory otherwise."
        ),
    ] = None,
) -> None:
    """Two example States go through the whole case of an invented child, and prove it. A third, which has no
    node, is reached through an intermediary.

    The network's clock is simulated, so that the year of follow-up passes in moments. Starts a hub and three
    nodes on this machine, tells every step, and leaves nothing running.
    """
    began = time.monotonic()
    with _ends_on_signals(), _place(directory) as place:
        teller = Teller()
        try:
            teller.title("Focalpoint: two States, one child")
            teller.say(
                """Everything below really happens, on this machine alone. The States are examples, and the
                child, the family and the case are invented; no real authority takes part."""
            )
            with local_network(place, "it,ro,int-iom", without_node="md:int-iom"):
                asyncio.run(tell_story(place, teller))
        except (Problem, NodeUnreachable, FocalpointError, TimeoutError, AssertionError) as reason:
            typer.echo(f"\nThe demo stopped at {teller.at}.\n  {type(reason).__name__}: {reason}\n", err=True)
            for line in last_words(place):
                typer.echo(line, err=True)
            raise typer.Exit(_FAILED) from reason
        teller.say("")
        teller.say(f"Done in {time.monotonic() - began:.0f} s; nothing is left running.")
        if directory is not None:
            teller.say(
                f"The network is kept in {place}: `focalpoint network up --dir {place}` goes on with it."
            )


@contextlib.contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="focalpoint-demo-") as temporary:
        yield Path(temporary)


@contextlib.contextmanager
def _ends_on_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does: through every `finally`."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(_BY_SIGNAL + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
