"""Keys that leave no trace in memory, as far as a Python process can promise that.

CPython does not clear what it frees. `wipe` overwrites a key's own bytes; `overwrite_freed_memory` has the
allocators hand out what they hold free, writes over it and gives whole pages back to the system. What a library
keeps in a cache of its own neither can reach.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import sys
from typing import Any

__all__ = ["overwrite_freed_memory", "wipe"]

_SMALL = 512
"""Up to here CPython has pools of its own, in steps of 16 bytes; above it asks the C library."""
_EACH_SMALL = 2 << 20
_EACH_LARGE = 4 << 20
_LARGEST = 256 << 10
_HEAD = bytes.__basicsize__ - 1


def wipe(secret: bytes) -> None:
    """Overwrite these bytes where they lie. For a key that nobody else holds, and at once before it is
    dropped: a `bytes` is otherwise never changed."""
    if sys.implementation.name == "cpython" and len(secret) >= 16:
        ctypes.memset(id(secret) + _HEAD, 0, len(secret))


def overwrite_freed_memory() -> None:
    """Collect, write over what is free, and give back what is not needed. Takes some tenths of a second and, for
    that time, about 120 MB; meant for the rare moment after an erasure."""
    gc.collect()
    held: list[Any] = []
    for size in range(16, _SMALL + 1, 16):
        length = max(1, size - bytes.__basicsize__)
        held.append([bytes(length) for _ in range(_EACH_SMALL // size)])
        if len(held) == 8:
            held.clear()
    held.clear()
    size = _SMALL + 16
    while size <= _LARGEST:
        for step in range(4):
            each = size + step * size // 4
            # Zeroed by hand: `calloc` need not write where the system's page is known to be clean.
            held.append([bytearray(b"\0" * each) for _ in range(max(1, _EACH_LARGE // each))])
        size *= 2
        held.clear()
    gc.collect()
    _trim()


def _trim() -> None:
    """Whole free pages go back to the system, which clears them. GNU's C library alone can be asked."""
    name = ctypes.util.find_library("c")
    trim = getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None
    if trim is not None:
        trim(0)
