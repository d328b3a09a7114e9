"""How the demo is told on a terminal: steps, plain words, and quotations of what the nodes answered."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import count

import typer

from service.cli.at_api import problem_lines
from service.client import Problem

__all__ = ["Teller"]

_WIDTH = 96
_WHO = 22


class Teller:
    """Prints as it goes, so that whoever watches sees where it is."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.at = "the start"
        """The step under way, for whoever has to say where it stopped."""

    def title(self, text: str) -> None:
        typer.secho(f"\n{text}\n{'=' * len(text)}", bold=True)

    def step(self, what: str) -> None:
        self.at = f"step {next(self._numbers)}: {what}"
        typer.secho(f"\n{self.at[5:]}", bold=True)

    def say(self, text: str) -> None:
        """A paragraph in plain words."""
        typer.echo(
            textwrap.fill(
                " ".join(text.split()),
                _WIDTH,
                initial_indent="   ",
                subsequent_indent="   ",
                break_on_hyphens=False,
            )
        )

    def act(self, who: str, what: str) -> None:
        """Somebody does something."""
        line = textwrap.fill(
            what,
            _WIDTH - _WHO,
            subsequent_indent=" " * (_WHO + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
        typer.echo(f"   {who:<{_WHO}} {line}")

    def refused(self, problem: Problem) -> None:
        """What the node said no to, in its own words."""
        for line in problem_lines(problem):
            self.quote([line])

    def quote(self, lines: Iterable[str]) -> None:
        """What a node or a file says, as it is."""
        for line in lines:
            typer.secho(f"      {line}".rstrip(), fg=typer.colors.CYAN)
