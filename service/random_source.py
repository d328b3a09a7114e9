"""The one place where the node draws randomness of its own (keys, salts, ids)."""

from __future__ import annotations

import os

__all__ = ["SystemRandomSource"]


class SystemRandomSource:
    """The operating system's generator."""

    __slots__ = ()

    def bytes(self, count: int, /) -> bytes:
        return os.urandom(count)
