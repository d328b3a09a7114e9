"""What a file proves, by the charter's digest and, where there is one, by the verifier's own directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from protocol.bundle import Report, verify_bundle
from protocol.conversations import procedure_of
from protocol.directory import Directory
from service.clock import clock_of
from service.directory.follow import ReplicatedDirectory
from service.errors import NotFound
from service.settings import Settings, load
from service.store import Store
from service.store.engine import database_file

__all__ = [
    "NOT_WHOLE",
    "CharterDigestOption",
    "OwnDirectoryOption",
    "last_good",
    "own_directory",
    "report_on",
    "silent",
]

NOT_WHOLE = 1
"""Exit status when anything was found."""

CharterDigestOption = Annotated[
    str,
    typer.Option(help="The charter's digest, 43 characters, from somebody you trust and not from the file."),
]
OwnDirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        exists=True,
        dir_okay=False,
        help="Settings of a node of yours: what its directory says of stolen keys counts too, although the"
        " file leaves it out.",
    ),
]


def report_on(bundle: bytes, charter_digest: str, known: Directory | None = None) -> Report:
    """The verifier's report, competence of every signer for its procedure included. `known`: a directory that
    the verifier holds itself."""
    return verify_bundle(
        bundle, charter_digest, procedure_of=procedure_of, known=known.archive if known else None
    )


def own_directory(config: Path | None) -> Directory | None:
    """The directory as the node of these settings has it, also past its expiry; None without settings. Says
    on stderr how far it has come.

    NotFound `directory.none_yet`; refuses as `last_good`.
    """
    if config is None:
        return None
    settings = load(config, os.environ)
    directory = last_good(settings)
    if directory is None:
        raise NotFound("directory.none_yet", "no directory has come to this node from the hub yet")
    snapshot = directory.snapshot
    typer.echo(
        f"with the directory of node {settings.node}: snapshot {snapshot.sequence} of"
        f" {snapshot.issued_at:%Y-%m-%d %H:%M} UTC",
        err=True,
    )
    return directory


def last_good(settings: Settings) -> Directory | None:
    """The last good directory in a node's store, verified down to the charter of its settings. Refuses as
    `ReplicatedDirectory.load`."""
    file = database_file(settings.database)
    if file is not None and not file.exists():
        return None
    store = Store(settings.database, readers=1)
    try:
        return ReplicatedDirectory.load(
            store, settings=settings, clock=clock_of(settings), log=silent()
        ).last_good
    finally:
        store.close()


def silent() -> Any:  # a structlog logger, whose types differ by configuration
    """A log for a command, which says what it finds itself."""
    return structlog.wrap_logger(None, processors=[_dropped])


def _dropped(_logger: object, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent
