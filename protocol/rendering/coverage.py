"""Which characters the shipped fonts can show, and what stands for those that they cannot.

A PDF/A holds no character without a glyph, and a text must not lose one without a word.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["STAND_IN", "Shown", "characters_of", "font_files", "shown"]

STAND_IN: Final = "\ufffd"
"""What stands where a character cannot be shown."""

_PLAIN = re.compile(r"[\n\x20-\x7e]*")
# Marks that fonts have, and PDF/A forbids: they mark how bytes are to be read, and this is no byte.
_BYTE_ORDER: Final = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`text` as the fonts can show it; `lacking`: how many of its characters a stand-in stands for."""

    text: str
    lacking: int


def shown(text: str) -> Shown:
    """`text` with a stand-in for each character that no font has. What is invisible anyway is left out."""
    if _PLAIN.fullmatch(text):
        return Shown(text=text, lacking=0)
    pieces: list[str] = []
    lacking = 0
    # The fonts that can show the letter and its marks so far: a font shows them together or not at all.
    able: list[frozenset[int]] = []
    for character in text:
        kind = unicodedata.category(character)
        of_letter = kind in ("Mn", "Me", "Mc") and bool(pieces)
        candidates = able if of_letter else _repertoires()
        able_now = [] if character == _BYTE_ORDER else [font for font in candidates if ord(character) in font]
        if able_now or character == "\n":
            able = able_now
            pieces.append(character)
        elif not (kind == "Cf" or "\ufe00" <= character <= "\ufe0f"):
            if not of_letter:
                able = [font for font in _repertoires() if ord(STAND_IN) in font]
            pieces.append(STAND_IN)
            lacking += 1
    return Shown(text="".join(pieces), lacking=lacking)


def font_files() -> dict[str, bytes]:
    """The fonts of this package by their file names, in alphabetical order."""
    folder = files("protocol") / "rendering" / "fonts"
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".ttf"))
    return {entry.name: entry.read_bytes() for entry in sorted(found, key=lambda entry: entry.name)}


@cache
def _repertoires() -> tuple[frozenset[int], ...]:
    """What each regular font has. The bold ones have the same, which a test holds."""
    return tuple(characters_of(font) for name, font in font_files().items() if "Bold" not in name)


def characters_of(font: bytes) -> frozenset[int]:
    """The code points that a TrueType font has glyphs for, by formats 4 and 12 of its `cmap`.

    Source: OpenType 1.9, "cmap: Character to Glyph Index Mapping Table".
    """
    base = _table(font, b"cmap")
    found: set[int] = set()
    for number in range(_short(font, base + 2)):
        (offset,) = struct.unpack_from(">I", font, base + 8 + 8 * number)
        match _short(font, base + offset):
            case 4:
                found |= _in_segments(font, base + offset)
            case 12:
                found |= _in_groups(font, base + offset)
    return frozenset(found)


def _in_segments(font: bytes, at: int) -> set[int]:
    count = _short(font, at + 6) // 2
    ends = struct.unpack_from(f">{count}H", font, at + 14)
    starts = struct.unpack_from(f">{count}H", font, at + 16 + 2 * count)
    shifts = struct.unpack_from(f">{count}H", font, at + 16 + 4 * count)
    offsets_at = at + 16 + 6 * count
    found: set[int] = set()
    for number, offset in enumerate(struct.unpack_from(f">{count}H", font, offsets_at)):
        for character in range(starts[number], ends[number] + 1):
            glyph = character
            if offset:
                glyph = _short(font, offsets_at + 2 * number + offset + 2 * (character - starts[number]))
            # Glyph 0 is the box that stands for what is not there.
            if (glyph or not offset) and (glyph + shifts[number]) % 0x10000:
                found.add(character)
    return found - {0xFFFF}


def _in_groups(font: bytes, at: int) -> set[int]:
    (count,) = struct.unpack_from(">I", font, at + 12)
    found: set[int] = set()
    for number in range(count):
        first, last, _glyph = struct.unpack_from(">III", font, at + 16 + 12 * number)
        found.update(range(first, last + 1))
    return found


def _table(font: bytes, tag: bytes) -> int:
    for number in range(_short(font, 4)):
        name, _checksum, offset, _length = struct.unpack_from(">4sIII", font, 12 + 16 * number)
        if name == tag:
            return int(offset)
    raise LookupError(f"the font has no table {tag.decode()}")


def _short(font: bytes, at: int) -> int:
    return int.from_bytes(font[at : at + 2], "big")
