"""Keys that leave no trace in memory, and texts that leave little, as far as a Python process can promise it.

CPython does not clear what it frees. `wipe` overwrites a key's own bytes. `clear_what_is_freed` has the C
library overwrite what it is given back. After an erasure `overwrite_freed_memory` has the allocators hand out
what they hold free, and writes over it; `overwrite_of_this_thread` does so with what each thread keeps for
itself. What a library keeps in a cache of its own none can reach.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import json
import sys
from typing import Any

__all__ = ["clear_what_is_freed", "overwrite_freed_memory", "overwrite_of_this_thread", "wipe"]

_M_PERTURB = -6
_M_ARENA_MAX = -8
"""Numbers of `mallopt`, from GNU's malloc.h."""

_SMALL = 512
"""Up to here CPython has pools of its own, in steps of 16 bytes; above it asks the C library."""
_EACH_SMALL = 2 << 20
_EACH_LARGE = 4 << 20
_LARGEST = 256 << 10
_OF_A_THREAD = 1_100
_OF_A_SIZE = 16
"""GNU's C library keeps at most 7 pieces of each size up to 1,032 bytes for each thread."""
_DEEP = 900
_HEAD = bytes.__basicsize__ - 1


def wipe(secret: bytes) -> None:
    """Overwrite these bytes where they lie. For a key that nobody else holds, and at once before it is
    dropped: a `bytes` is otherwise never changed."""
    if sys.implementation.name == "cpython" and len(secret) >= 16:
        ctypes.memset(id(secret) + _HEAD, 0, len(secret))


def overwrite_freed_memory() -> None:
    """Collect, write over what is free, and give back what is not needed. Takes a second or two and, for that
    time, about 120 MB; meant for the rare moment after an erasure."""
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


def overwrite_of_this_thread() -> None:
    """What the C library keeps ready for the calling thread alone, which it neither clears nor gives to
    others, and what old calls left on its stack."""
    held = [bytearray(b"\0" * size) for size in range(_SMALL, _OF_A_THREAD, 8) for _ in range(_OF_A_SIZE)]
    held.clear()
    json.loads("[" * _DEEP + "]" * _DEEP)


def clear_what_is_freed() -> None:
    """Have the C library overwrite whatever it is given back, from now on, and keep all of it in one place,
    so that `overwrite_freed_memory` reaches it from any thread. GNU's C library alone can be asked."""
    mallopt = _of_c_library("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_PERTURB, 0xA5)


def _trim() -> None:
    """Whole free pages go back to the system, which clears them."""
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_c_library(name: str) -> Any:
    library = ctypes.util.find_library("c")
    return getattr(ctypes.CDLL(library), name, None) if library else None
