"""Choosing a code of a vocabulary by its label, in the officer's language.

A plain list in the vocabulary's own order serves every vocabulary; for the long ones there is a search beside
it. The search also knows the code and the labels in other languages: an officer who reads a foreign paper
finds "Румыния" as "Romania".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from protocol import vocabularies
from protocol.languages import available_languages, nearest_language
from protocol.vocabularies import Label, label

__all__ = ["LONG", "Choice", "Found", "choices", "options", "plain", "search"]

LONG: Final = 40
"""Concepts of a vocabulary that is quicker searched than read through."""

_MOST_SOUGHT: Final = 100  # characters; the rest of a longer text is not read
# Letters that Unicode does not take apart, and that people type or leave out by habit.
_LETTERS: Final = str.maketrans(
    {
        "-": " ",
        "/": " ",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "\u0649": "\u064a",  # alef maksura, typed for yeh
        "\u0629": "\u0647",  # teh marbuta, typed for heh
        "\u0671": "\u0627",  # alef wasla
        "\u06a9": "\u0643",  # the Persian kaf
        "\u06cc": "\u064a",  # the Persian yeh
        "\u0621": None,  # a hamza that stands alone
        "\u0640": None,  # tatweel only stretches a word
        "\u2019": "'",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One code to choose. `depth`: how many broader concepts stand above it. `note`: what it is not to be
    confused with."""

    value: str
    label: str
    depth: int = 0
    note: str | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One code that was found. `within`: the labels of its broader concepts, the broadest first. `matched`:
    the label in another language that was found, when it was not the reader's."""

    code: str
    label: str
    within: tuple[str, ...] = ()
    matched: str | None = None


def choices(scheme: str, language: str, chosen: tuple[str, ...] = ()) -> tuple[Choice, ...]:
    """The codes of `scheme` in its own order. A code that is no longer to be written, or that the vocabulary
    does not have, is offered only where it stands already."""
    concepts = vocabularies.scheme(scheme).concepts
    found = [
        _choice(scheme, code, language, chosen)
        for code, concept in concepts.items()
        if concept.status != "deprecated" or code in chosen
    ]
    found += [
        Choice(value=code, label=code, chosen=True) for code in dict.fromkeys(chosen) if code not in concepts
    ]
    return tuple(found)


def options(scheme: str, text: str, language: str, chosen: str = "", limit: int = LONG) -> tuple[Choice, ...]:
    """What a list shows while somebody searches in it: what was found, each below its broader concepts, and
    what is chosen already, which a search may not take away. Refuses `vocabularies.UnknownSchemeError`."""
    found = search(scheme, text, language, limit)
    offered = [
        Choice(
            value=one.code,
            label=" – ".join((*one.within, one.label)) + (f" ({one.matched})" if one.matched else ""),
            chosen=one.code == chosen,
        )
        for one in found
    ]
    if chosen and all(one.code != chosen for one in found):
        offered += [one for one in choices(scheme, language, (chosen,)) if one.value == chosen]
    return tuple(offered)


def search(scheme: str, text: str, language: str, limit: int = 20) -> tuple[Found, ...]:
    """Codes whose label, code or label in another language has every word of `text`, the best first.

    Case, accents and the ways to write one Arabic letter make no difference; Chinese is found by any part.
    The reader's labels come before codes, codes before other languages; a whole label before a beginning,
    a beginning before a middle; then the vocabulary's own order. An empty `text` finds everything.
    Refuses `vocabularies.UnknownSchemeError`.
    """
    reader = nearest_language(language)
    words = plain(text[:_MOST_SOUGHT]).split()
    ranked = []
    for number, code in enumerate(vocabularies.scheme(scheme).concepts):
        place = _place(_index(scheme)[code], code, words, reader)
        if place is not None:
            rank, spoken = place
            ranked.append((rank, number, code, spoken))
    ranked.sort(key=lambda one: one[:2])
    return tuple(_found(scheme, code, reader, spoken) for _, _, code, spoken in ranked[: max(limit, 0)])


def plain(text: str) -> str:
    """`text` as it is compared: without case, accents, vowel signs and ways of writing that vary."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")
    return " ".join(bare.translate(_LETTERS).split())


def _choice(scheme: str, code: str, language: str, chosen: tuple[str, ...]) -> Choice:
    words = _labels(scheme, nearest_language(language))[code]
    return Choice(value=code, label=words.text, depth=code.count("/"), note=words.note, chosen=code in chosen)


@cache
def _labels(scheme: str, language: str) -> Mapping[str, Label]:
    # A page has the countries several times.
    concepts = vocabularies.scheme(scheme).concepts
    return MappingProxyType({code: label(scheme, code, language) for code in concepts})


@cache
def _index(scheme: str) -> Mapping[str, Mapping[str, str]]:
    """Labels as they are compared, by code and language."""
    return MappingProxyType(
        {
            code: MappingProxyType(
                {language: plain(label(scheme, code, language).text) for language in available_languages()}
            )
            for code in vocabularies.scheme(scheme).concepts
        }
    )


def _place(
    labels: Mapping[str, str], code: str, words: list[str], reader: str
) -> tuple[int, str | None] | None:
    """How well it fits, 0 the best, and the language whose label it was, if that is not the reader's."""
    if not words:
        return 0, None
    own = _fit(labels[reader], words)
    by_code = _fit(plain(code), words)
    if by_code == 0 or (own is not None and own == 0):
        return 0, None
    if own is not None:
        return own, None
    if by_code is not None:
        return 10 + by_code, None
    others = [
        (fit, language)
        for language, text in sorted(labels.items())
        if language != reader and (fit := _fit(text, words)) is not None
    ]
    if not others:
        return None
    fit, language = min(others)
    return 20 + fit, language


def _fit(text: str, words: list[str]) -> int | None:
    sought = " ".join(words)
    if text == sought:
        return 0
    if text.startswith(sought):
        return 1
    starts = [f" {text}".find(f" {word}") for word in words]
    if all(start >= 0 for start in starts):
        return 2
    return 3 if all(word in text for word in words) else None


def _found(scheme: str, code: str, reader: str, spoken: str | None) -> Found:
    steps = code.split("/")
    above = ("/".join(steps[:count]) for count in range(1, len(steps)))
    return Found(
        code=code,
        label=label(scheme, code, reader).text,
        within=tuple(label(scheme, one, reader).text for one in above),
        matched=None if spoken is None else label(scheme, code, spoken).text,
    )
