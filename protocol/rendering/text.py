"""Words as plain text, for a terminal, an e-mail or a printer.

A message comes from another State, so its free text is not trusted with the screen: control characters, which
could move the cursor or recolour a line, and directional overrides, which could make a line read otherwise
than it was signed, are taken out, and every line of it stands behind a bar that our own lines never have.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from protocol.languages import Direction, isolated
from protocol.rendering.words import Block, Document, Fact, Group, Narrative, Remark, Value

__all__ = ["printable", "to_text"]

# C0 and C1 controls except the line end; and UAX 9's embeddings, overrides and isolates.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WIDTH: Final = 100  # characters
_INDENT: Final = "  "


def printable(text: str) -> str:
    """`text` without control characters and directional formatting; line ends are `\\n`."""
    return _UNPRINTABLE.sub(" ", re.sub("\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text))


def to_text(document: Document) -> str:
    """The document as lines that end in `\\n`."""
    lines = [document.title, "=" * min(max(len(document.title), 8), _WIDTH)]
    for section in document.sections:
        lines.append("")
        if section.heading is not None:
            lines += [section.heading, "-" * min(max(len(section.heading), 8), _WIDTH)]
        for block in section.blocks:
            lines += _block(block, document.direction)
    return "\n".join(lines) + "\n"


def _block(block: Block, reading: Direction) -> Iterator[str]:
    match block:
        case Fact(label=label, values=(value,)):
            yield f"{label}: {_value(value, reading)}"
        case Fact(label=label, values=values):
            yield f"{label}:"
            yield from (f"{_INDENT}• {_value(value, reading)}" for value in values)
        case Group(label=label, blocks=blocks):
            yield f"{label}:"
            yield from (_INDENT + line for inner in blocks for line in _block(inner, reading))
        case Narrative():
            yield f"{block.label} [{block.mark}]:" if block.mark else f"{block.label}:"
            yield from _narrative(block, reading)
        case Remark(text=text):
            yield from textwrap.wrap(text, _WIDTH)


def _narrative(block: Narrative, reading: Direction) -> Iterator[str]:
    for paragraph in printable(block.text).split("\n"):
        # Wrapped before isolating: an isolate does not reach over the end of a line.
        for line in textwrap.wrap(paragraph, _WIDTH - 4) or [""]:
            yield f"{_INDENT}│ {isolated(line, reading=reading, towards=block.direction)}"


def _value(value: Value, reading: Direction) -> str:
    text = printable(value.text).replace("\n", " ")
    if value.direction is not None:
        towards = None if value.direction == "auto" else value.direction
        text = isolated(text, reading=reading, towards=towards)
    if value.detail is not None:
        text += f" ({value.detail})"
    return text + "".join(f" [{note}]" for note in value.notes)
