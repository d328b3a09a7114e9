"""Files that only their owner may read, replaced as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["make_private_directory", "write_private"]


def make_private_directory(path: Path) -> Path:
    """Make `path` (0700) with its parents, or narrow the mode of one that exists. Returns it resolved."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path.resolve()


def write_private(path: Path, data: bytes) -> None:
    """Put `data` at `path` (0600): a reader sees the old bytes or the new, never half, also after a power
    cut."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
