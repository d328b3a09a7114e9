"""Words as one small HTML document that stands alone: no script, no external resource, every text escaped.

The style uses logical properties only, so that the same rules serve both reading directions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from protocol.rendering.words import Block, Document, Fact, Group, Narrative, Remark, Value

__all__ = ["to_html"]

# HTML allows no control but tab and line end; an override would make a line read otherwise than signed.
_NOT_ALLOWED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e]")

_STYLE: Final = """
:root { color-scheme: light; }
body { margin: 2rem auto; max-inline-size: 46rem; padding-inline: 1rem; background: #fff; color: #1b1b1b;
  font: 1rem/1.6 system-ui, "Noto Sans", "Noto Sans Arabic", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.3; margin-block: 0 1rem; }
h2 { font-size: 1.15rem; margin-block: 2rem .5rem; padding-block-end: .25rem;
  border-block-end: 2px solid #1f4e79; }
h3 { font-size: 1rem; margin-block: .75rem .25rem; }
dl { display: grid; grid-template-columns: minmax(9rem, 16rem) 1fr; gap: .25rem 1rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
dd ul { margin: 0; padding-inline-start: 1.1rem; }
.group { margin-block: .5rem 1rem; padding-inline-start: 1rem; border-inline-start: 3px solid #b8c7d9; }
.narrative blockquote { margin: .25rem 0 0; padding: .5rem 1rem; background: #f5f3ec;
  border-inline-start: 3px solid #8a6d1d; white-space: pre-wrap; overflow-wrap: anywhere; }
.mark, .note { font-size: .875rem; font-weight: 400; color: #6b4e00; }
.remark { margin-block: .25rem; font-size: .9rem; color: #444; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-block-end: .5rem; } }
"""


def to_html(document: Document) -> str:
    """The document as HTML5. `lang` and `dir` are set on it, and again where they change."""
    return "".join(_document(document))


def _document(document: Document) -> Iterator[str]:
    title = _text(document.title)
    yield f'<!DOCTYPE html>\n<html lang="{_text(document.language)}" dir="{document.direction}">\n<head>\n'
    yield '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    for section in document.sections:
        yield "<section>\n"
        if section.heading is not None:
            yield f"<h2>{_text(section.heading)}</h2>\n"
        yield from _blocks(section.blocks)
        yield "</section>\n"
    yield "</main>\n</body>\n</html>\n"


def _blocks(blocks: tuple[Block, ...]) -> Iterator[str]:
    in_list = False
    for block in blocks:
        if isinstance(block, Fact) is not in_list:
            yield "</dl>\n" if in_list else "<dl>\n"
            in_list = not in_list
        yield from _block(block)
    if in_list:
        yield "</dl>\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Fact(label=label, values=(value,)):
            yield f"<dt>{_text(label)}</dt><dd>{_value(value)}</dd>\n"
        case Fact(label=label, values=values):
            items = "".join(f"<li>{_value(value)}</li>" for value in values)
            yield f"<dt>{_text(label)}</dt><dd><ul>{items}</ul></dd>\n"
        case Group(label=label, blocks=blocks):
            yield f'<div class="group"><h3>{_text(label)}</h3>\n'
            yield from _blocks(blocks)
            yield "</div>\n"
        case Narrative():
            mark = f' <span class="mark">[{_text(block.mark)}]</span>' if block.mark else ""
            yield f'<div class="narrative"><h3>{_text(block.label)}{mark}</h3>\n'
            yield f'<blockquote lang="{_text(block.language)}" dir="{block.direction}">'
            yield f"{_text(block.text)}</blockquote></div>\n"
        case Remark(text=text):
            yield f'<p class="remark">{_text(text)}</p>\n'


def _value(value: Value) -> str:
    text = _text(value.text)
    if value.direction is not None:
        text = f'<bdi dir="{value.direction}">{text}</bdi>'
    if value.detail is not None:
        text += f" ({_text(value.detail)})"
    return text + "".join(f' <span class="note">[{_text(note)}]</span>' for note in value.notes)


def _text(text: str) -> str:
    return escape(_NOT_ALLOWED.sub(" ", re.sub("\r\n?", "\n", text)))
