"""Words as plain text, for a terminal, an e-mail or a printer.

Free text stands behind a bar that our own lines never have, so that none of it passes for a line of ours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from protocol.languages import Direction, isolated
from protocol.rendering.foreign import printable
from protocol.rendering.words import Block, Document, Fact, Group, Narrative, Remark, Value

__all__ = ["to_text"]

_WIDTH: Final = 100  # characters
_INDENT: Final = "  "
_RIGHT_TO_LEFT_MARK: Final = "\u200f"


def to_text(document: Document) -> str:
    """The document as lines that end in `\\n`."""
    lines = [document.title, "=" * min(max(len(document.title), 8), _WIDTH)]
    for section in document.sections:
        lines.append("")
        if section.heading is not None:
            lines += [section.heading, "-" * min(max(len(section.heading), 8), _WIDTH)]
        for block in section.blocks:
            lines += _block(block, document.direction)
    # A terminal takes a line's direction from its first letter outside isolates: that may be a Latin one.
    mark = _RIGHT_TO_LEFT_MARK if document.direction == "rtl" else ""
    return "".join(f"{mark}{line}\n" if line else "\n" for line in lines)


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
    text = value.text
    if value.direction is not None:
        towards = None if value.direction == "auto" else value.direction
        text = isolated(printable(text).replace("\n", " "), reading=reading, towards=towards)
    if value.detail is not None:
        text += f" ({value.detail})"
    return text + "".join(f" [{note}]" for note in value.notes)
