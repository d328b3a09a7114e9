"""A database with the tables of this release, copied from one that went through every revision."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from service.store.engine import database_file
from service.store.migrate import upgrade

__all__ = ["ready_database"]


def ready_database(url: str) -> None:
    """As `upgrade`, which takes a tenth of a second; and most tests start two nodes."""
    file = database_file(url)
    assert file is not None
    if file.exists():
        upgrade(url)
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
        new.write(_pristine())


@cache
def _pristine() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "pristine.db"
        upgrade(f"sqlite:///{file}")
        # Whoever disconnects last writes the log back.
        assert sorted(Path(directory).iterdir()) == [file]
        return file.read_bytes()
