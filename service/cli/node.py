"""`focalpoint node`: run one State's node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service.app import run_node
from service.settings import load

node_app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run a State's node.")


@node_app.callback()
def _() -> None:
    """Run a State's node."""


@node_app.command()
def run(config: Annotated[Path, typer.Option(help="The node's settings, a TOML file.")]) -> None:
    """Serve the API and carry messages until SIGTERM."""

    run_node(load(config, os.environ))
