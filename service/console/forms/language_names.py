"""Languages by the names that people call them, for fields that hold a BCP 47 tag.

A person chooses "Romanian", the message says `ro`. Names are CLDR's; a tag that has no name here can still be
typed as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from babel import Locale
from babel.localedata import locale_identifiers

from protocol.languages import DEFAULT_LANGUAGE, available_languages, language_name, nearest_language
from protocol.messages.form import is_language_tag
from service.console.forms.picker import plain

__all__ = ["language_names", "shown_language", "tag_of"]

# Languages of children on the move that CLDR names, and has no dates and numbers of.
_ALSO: Final = ("rom",)


@cache
def language_names(language: str) -> tuple[tuple[str, str], ...]:
    """Tags and names in the reader's language, in the order of the names. No name stands twice."""
    reader = nearest_language(language)
    found: dict[str, str] = {}
    for tag in _tags():
        if (name := _name(tag, reader)) != tag:
            found.setdefault(name, tag)
    return tuple(sorted(((tag, name) for name, tag in found.items()), key=lambda pair: plain(pair[1])))


def shown_language(text: str, language: str) -> str:
    """The name of a tag in the reader's language, where it leads back to the tag; else what was typed."""
    if not is_language_tag(text):
        return text
    name = _name(text, nearest_language(language))
    return name if tag_of(name, language) == text else text


def tag_of(text: str, language: str) -> str:
    """The tag that `text` is or names, in the reader's language or any other that has labels, or in its own;
    `text` itself where it is neither."""
    typed = text.strip()
    if is_language_tag(typed):
        return typed
    sought = plain(typed)
    reader = nearest_language(language)
    for one in dict.fromkeys((reader, DEFAULT_LANGUAGE, *available_languages())):
        if (tag := _by_name(one).get(sought)) is not None:
            return tag
    return _by_own_name().get(sought, typed)


def _name(tag: str, reader: str) -> str:
    name = language_name(tag, reader=reader)
    # In French, Gã is called "ga", and `ga` is the tag of Irish.
    return f"{name} ({tag})" if name != tag and is_language_tag(name) else name


@cache
def _by_name(language: str) -> Mapping[str, str]:
    return MappingProxyType({plain(name): tag for tag, name in language_names(language)})


@cache
def _by_own_name() -> Mapping[str, str]:
    own: dict[str, str] = {}
    for tag in _tags():
        name = Locale.parse(tag).get_language_name(tag) if tag not in _ALSO else None
        if name:
            own.setdefault(plain(str(name)), tag)
    return MappingProxyType(own)


@cache
def _tags() -> tuple[str, ...]:
    primary = {identifier.partition("_")[0] for identifier in locale_identifiers()}
    return tuple(sorted(tag for tag in {*primary, *_ALSO} if is_language_tag(tag)))
