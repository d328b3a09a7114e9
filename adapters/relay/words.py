"""What the adapter says to an authority without a system, in its language: locales/<language>.ftl."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from adapters.kit.words import words_in
from protocol.languages import DEFAULT_LANGUAGE, nearest_language, same_language
from protocol.rendering.sentences import Sentences

__all__ = ["LOCALES", "language_of", "words"]

LOCALES: Final = files("adapters.relay") / "locales"


@cache
def words(language: str) -> Sentences:
    """The words in `language`, or in the nearest there is."""
    return words_in(LOCALES, language)


def language_of(spoken: Iterable[str]) -> str:
    """The first of an authority's languages that we have; English where we have none of them."""
    for tag in spoken:
        found = nearest_language(tag)
        if same_language(found, tag):
            return found
    return DEFAULT_LANGUAGE
