"""Our own pages, which are written in Markdown, as HTML: headings, paragraphs, lists, tables, code and links.

No more than what the runbooks use. What it does not know stays as it was written; everything is escaped,
and a link goes to another runbook, or is shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

__all__ = ["to_html"]

_HEADING: Final = re.compile(r"(#{1,5}) +(.+?) *#*$")
_ITEM: Final = re.compile(r"(?P<mark>[-*]|\d{1,3}\.) +(?P<text>.+)$")
_FENCE: Final = "```"
_INLINE: Final = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\*\*(?P<strong>[^*]+)\*\*"
    r"|(?<!\w)[*_](?P<soft>[^*_]+)[*_](?!\w)"
    r"|\[(?P<words>[^\]]+)\]\((?P<to>[^)\s]+)\)"
)
_PAGE: Final = re.compile(r"(?:\./)?(?P<slug>[a-z0-9-]+)\.md(?:#[\w-]*)?")
_RULE: Final = re.compile(r"\|?[ :|-]+\|[ :|-]*")


def to_html(text: str, *, pages: str) -> tuple[str, Markup]:
    """The title of a page (its first heading) and the rest of it, whose headings begin with the second rank.

    `pages`: the path under which other pages of the same directory are found.
    """
    lines = text.splitlines()
    title = ""
    for number, line in enumerate(lines):
        if found := _HEADING.match(line):
            title = re.sub(r"[`*]", "", found[2])
            lines = lines[number + 1 :]
            break
    return title, Markup("").join(_blocks(lines, pages))


def _blocks(lines: list[str], pages: str) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith(_FENCE):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith(_FENCE)), len(lines))
            # A block that is wider than the window is scrolled, also by keyboard.
            yield Markup('<pre tabindex="0"><code>{}</code></pre>\n').format("\n".join(lines[at + 1 : end]))
            at = end + 1
        elif found := _HEADING.match(line):
            rank = max(2, len(found[1]))
            yield Markup("<h{0}>{1}</h{0}>\n").format(rank, _inline(found[2], pages))
            at += 1
        elif line.startswith("|") and at + 1 < len(lines) and _RULE.fullmatch(lines[at + 1].strip()):
            end = next((n for n in range(at, len(lines)) if not lines[n].startswith("|")), len(lines))
            yield _table(lines[at], lines[at + 2 : end], pages)
            at = end
        elif _ITEM.match(line):
            end = _end_of_list(lines, at)
            yield _list(lines[at:end], pages)
            at = end
        else:
            end = at + 1
            while end < len(lines) and lines[end].strip() and not _begins(lines[end]):
                end += 1
            yield Markup("<p>{}</p>\n").format(_inline(" ".join(lines[at:end]), pages))
            at = end


def _begins(line: str) -> bool:
    return line.startswith((_FENCE, "|")) or bool(_HEADING.match(line) or _ITEM.match(line))


def _end_of_list(lines: list[str], at: int) -> int:
    ordered = lines[at][0].isdigit()

    def is_item(line: str) -> bool:
        return bool(_ITEM.match(line)) and line[0].isdigit() is ordered

    end = at + 1
    while end < len(lines):
        goes_on = lines[end].startswith("  ") or is_item(lines[end])
        after_gap = (
            not lines[end].strip()
            and end + 1 < len(lines)
            and (lines[end + 1].startswith("  ") or is_item(lines[end + 1]))
        )
        if not goes_on and not after_gap:
            break
        end += 1
    return end


def _list(lines: list[str], pages: str) -> Markup:
    first = _ITEM.match(lines[0])
    assert first is not None
    name = "ol" if first["mark"][0].isdigit() else "ul"
    items: list[list[str]] = []
    for line in lines:
        found = _ITEM.match(line)
        if found is not None:
            items.append([found["text"]])
        else:
            items[-1].append(re.sub(r"^ {2,4}", "", line))
    shown = Markup("").join(_item(item, pages) for item in items)
    return Markup("<{0}>\n{1}</{0}>\n").format(name, shown)


def _item(lines: list[str], pages: str) -> Markup:
    plain = 0
    while plain < len(lines) and lines[plain].strip() and (plain == 0 or not _begins(lines[plain])):
        plain += 1
    rest = Markup("").join(_blocks(lines[plain:], pages))
    return Markup("<li>{}{}</li>\n").format(_inline(" ".join(lines[:plain]), pages), rest)


def _table(head: str, rows: list[str], pages: str) -> Markup:
    def cells(line: str, element: str) -> Markup:
        parts = [part.strip() for part in line.strip().strip("|").split("|")]
        return Markup("").join(
            Markup("<{0}>{1}</{0}>").format(element, _inline(part, pages)) for part in parts
        )

    top = Markup("<thead><tr>{}</tr></thead>").format(cells(head, "th")) if head.strip("| ") else Markup("")
    body = Markup("").join(Markup("<tr>{}</tr>\n").format(cells(row, "td")) for row in rows)
    return Markup(
        '<div class="wide" tabindex="0" role="group"><table>{}<tbody>\n{}</tbody></table></div>\n'
    ).format(top, body)


def _inline(text: str, pages: str) -> Markup:
    shown = Markup("")
    last = 0
    for found in _INLINE.finditer(text):
        shown += escape(text[last : found.start()])
        last = found.end()
        if found["code"] is not None:
            shown += Markup('<code class="code">{}</code>').format(found["code"])
        elif found["strong"] is not None:
            shown += Markup("<strong>{}</strong>").format(_inline(found["strong"], pages))
        elif found["soft"] is not None:
            shown += Markup("<em>{}</em>").format(_inline(found["soft"], pages))
        elif page := _PAGE.fullmatch(found["to"]):
            shown += Markup('<a href="{}{}">{}</a>').format(
                pages, page["slug"], _inline(found["words"], pages)
            )
        else:
            shown += _inline(found["words"], pages)
    return shown + escape(text[last:])
