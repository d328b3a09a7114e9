"""The languages a reader can choose, and which one to choose for them.

A language exists when `protocol/vocabularies/labels/<language>/` does: adding one is adding files. Tags are
BCP 47; only the subtags before the first unknown one matter, so `pt-BR` reads as `pt`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from babel import Locale, UnknownLocaleError

__all__ = [
    "DEFAULT_LANGUAGE",
    "Direction",
    "available_languages",
    "best_language",
    "direction",
    "isolated",
    "language_name",
    "nearest_language",
    "same_language",
]

type Direction = Literal["ltr", "rtl"]

DEFAULT_LANGUAGE: Final = "en"

# Long enough for any browser; the rest of a longer header is not read.
_HEADER_READ: Final = 1000  # characters
_RANGE = re.compile(
    r"(?P<tag>\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:\s*;\s*q\s*=\s*(?P<weight>[01](?:\.\d{0,3})?))?"
)


@cache
def available_languages() -> tuple[str, ...]:
    """The languages that have labels, in alphabetical order."""
    labels = files("protocol") / "vocabularies" / "labels"
    return tuple(sorted(entry.name for entry in labels.iterdir() if entry.is_dir()))


def nearest_language(tag: str) -> str:
    """The available language that serves `tag` best: itself, a shorter form of it, or English."""
    known = {language.lower(): language for language in available_languages()}
    subtags = tag.lower().replace("_", "-").split("-")
    while subtags:
        if (found := known.get("-".join(subtags))) is not None:
            return found
        subtags.pop()
    return DEFAULT_LANGUAGE


def best_language(accept_language: str | None) -> str:
    """The available language that an `Accept-Language` header prefers; English when it prefers none of them.

    Unreadable parts of the header are passed over. Source: RFC 9110, section 12.5.4.
    """
    wanted: list[tuple[float, str]] = []
    for part in (accept_language or "")[:_HEADER_READ].split(","):
        if (matched := _RANGE.fullmatch(part.strip())) is None:
            continue
        weight = float(matched["weight"] or 1)
        if 0 < weight <= 1:
            wanted.append((weight, matched["tag"]))
    # sorted() is stable: among equal weights the order of the header decides.
    for _weight, tag in sorted(wanted, key=lambda preference: -preference[0]):
        if tag == "*":
            return DEFAULT_LANGUAGE
        found = nearest_language(tag)
        if same_language(found, tag):
            return found
    return DEFAULT_LANGUAGE


def same_language(one: str, other: str) -> bool:
    """Whether a reader of one language reads the other: the primary subtags are equal."""
    return _primary(one) == _primary(other)


def direction(tag: str) -> Direction:
    """From the script that the language is written in; `ltr` when that is not known."""
    locale = _locale(tag)
    return "rtl" if locale is not None and locale.text_direction == "rtl" else "ltr"


def isolated(text: str, *, reading: Direction, towards: Direction | None = None) -> str:
    """`text` so that it can stand in a sentence that reads `reading` without reordering what is around it.

    Unchanged where it cannot disturb. Otherwise in a directional isolate (Unicode UAX 9): of direction
    `towards`, or by its own first letter.
    """
    disturbing = {"R", "AL", "AN"} if reading == "ltr" else {"L", "EN"}
    if not disturbing.intersection(map(unicodedata.bidirectional, text)):
        return text
    opening = {"ltr": "\u2066", "rtl": "\u2067", None: "\u2068"}[towards]
    return f"{opening}{text}\u2069"


def language_name(tag: str, *, reader: str) -> str:
    """The name of the language `tag` in the reader's language; the tag itself when it has no name there."""
    shown_in = _locale(nearest_language(reader)) or Locale(DEFAULT_LANGUAGE)
    locale = _locale(tag)
    if locale is not None and (name := locale.get_display_name(shown_in)):
        return str(name)
    return str(shown_in.languages.get(_primary(tag), tag))


def _primary(tag: str) -> str:
    return re.split(r"[-_]", tag, maxsplit=1)[0].lower()


@cache
def _locale(tag: str) -> Locale | None:
    for candidate in (tag, _primary(tag)):
        try:
            return Locale.parse(candidate.replace("_", "-"), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return None
