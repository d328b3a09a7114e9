"""Text that came from elsewhere, made harmless to whatever shows it.

A message comes from another State, a name from its directory entry. Control characters could move a cursor
or recolour a line, and directional formatting could make a line read otherwise than it was signed.
"""

from __future__ import annotations

import re

__all__ = ["printable"]

# C0 and C1 controls except the line end; and UAX 9's embeddings, overrides and isolates.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def printable(text: str) -> str:
    """`text` without control characters and directional formatting; line ends are `\\n`."""
    return _UNPRINTABLE.sub(" ", _LINE_END.sub("\n", text))
