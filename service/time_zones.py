"""Which release of the time-zone database this machine counts by.

`zoneinfo` takes the system's files before the `tzdata` package's; so does this.
"""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib import import_module
from pathlib import Path

__all__ = ["release"]

UNKNOWN = "unknown"


@cache
def release() -> str:
    """Such as `2026b`; `unknown` where the files do not say."""
    for folder in zoneinfo.TZPATH:
        named = _named_in(Path(folder))
        if named:
            return named
        if (Path(folder) / "UTC").exists():
            return UNKNOWN
    try:
        return str(import_module("tzdata").IANA_VERSION)
    except (ImportError, AttributeError):
        return UNKNOWN


def _named_in(folder: Path) -> str | None:
    for name, mark in (("tzdata.zi", "# version "), ("+VERSION", "")):
        try:
            with (folder / name).open(encoding="ascii") as file:
                first = file.readline().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if first.startswith(mark):
            return first.removeprefix(mark) or None
    return None
