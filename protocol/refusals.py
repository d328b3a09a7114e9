"""Every reason why something is refused, as data, and what it says to a reader.

`vocabularies/refusal.json` holds the codes, each with the side that has to act, what the peer learns of it
and its remedy; `vocabularies/remedy.json` the remedies; `labels/<language>/` the sentences of both. A
sentence may name facts of the refusal as `{name}`; whoever refuses supplies them, and none of them is
personal data.

What the peer learns (`Disclosure`) is a rule of the protocol: an answer that told apart every way of failing
would let a stranger ask which keys, cases or authorities exist here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from protocol.errors import Side
from protocol.languages import best_language, direction, isolated, nearest_language

__all__ = [
    "UNKNOWN",
    "Disclosure",
    "Explanation",
    "RefusalCode",
    "best_language",
    "cited_in",
    "explain",
    "refusal",
    "refusals",
    "told_to_peer",
]

_SOURCES: Final = "safeguard-source"
UNKNOWN: Final = "unknown"
"""What a reader is shown in place of a code that this release does not have."""


class Disclosure(StrEnum):
    """What the peer learns of a refusal."""

    TOLD = "told"
    """The code itself, in a signed refusal."""
    CANNOT_OPEN = "cannot_open"
    """Only that the envelope could not be opened."""
    NEVER = "never"
    """Nothing: no answer is sent, or the refusal never leaves the node where it was raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalCode:
    """`side` has to act before the same thing can succeed; `remedy` is a code of the remedy vocabulary.

    `reserved` says why a code is in the data that nothing raises yet.
    """

    code: str
    side: Side
    disclosure: Disclosure
    remedy: str
    reserved: str | None = None

    @property
    def problem(self) -> str:
        """The last segment of the problem type (RFC 9457) that says this refusal over HTTP."""
        return re.sub(r"[._]", "-", self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A refusal in the reader's language. `title` says what is wrong, `remedy` what to do about it."""

    title: str
    remedy: str
    language: str


def refusals() -> Mapping[str, RefusalCode]:
    """Every refusal of this release, by code."""
    return _refusals()


def refusal(code: str) -> RefusalCode:
    """One refusal; `KeyError` when this release has no such code (ask `explain` what to show then)."""
    return _refusals()[code]


def told_to_peer(code: str) -> str | None:
    """The code that the peer may learn in place of `code`: itself, `cannot_open`, or nothing at all.

    A code that is not in the data is never told.
    """
    known = _refusals().get(code)
    if known is None or known.disclosure is Disclosure.NEVER:
        return None
    return code if known.disclosure is Disclosure.TOLD else Disclosure.CANNOT_OPEN.value


def explain(code: str, language: str, facts: Mapping[str, str] | None = None) -> Explanation:
    """Say a refusal in `language`, or in the nearest language there is, in the end English.

    A code from a newer release is said to be one. A fact that the sentence names and nobody supplied shows
    as an ellipsis.
    """
    reader = nearest_language(language)
    known = _refusals().get(code)
    if known is None:
        facts = {"code": code}
        known = _refusals()[UNKNOWN]
    return Explanation(
        title=_filled(_sentence("refusal", known.code, reader), reader, facts or {}),
        remedy=_filled(_sentence("remedy", known.remedy, reader), reader, facts or {}),
        language=reader,
    )


def cited_in(source: str, language: str) -> str:
    """The sources of something missing, which a refusal carries in English, in `language`. One that this
    release does not know stays as it came."""
    reader = nearest_language(language)
    codes = {label: code for code, label in _labels(_SOURCES, "en").items()}
    return "; ".join(
        _sentence(_SOURCES, codes[one], reader) if one in codes else one for one in source.split("; ")
    )


def _filled(sentence: str, language: str, facts: Mapping[str, str]) -> str:
    def fact(match: re.Match[str]) -> str:
        return isolated(str(facts.get(match[1], "…")), reading=direction(language))

    return re.sub(r"\{([a-z_]+)\}", fact, sentence)


def _sentence(scheme: str, code: str, language: str) -> str:
    labels = _labels(scheme, language)
    return labels[code] if code in labels else _labels(scheme, "en")[code]


@cache
def _refusals() -> Mapping[str, RefusalCode]:
    return MappingProxyType(
        {
            concept["code"]: RefusalCode(
                code=concept["code"],
                side=Side(concept["side"]),
                disclosure=Disclosure(concept["disclosure"]),
                remedy=concept["remedy"],
                reserved=concept.get("reserved"),
            )
            for concept in _data("refusal.json")["concepts"]
        }
    )


@cache
def _labels(scheme: str, language: str) -> Mapping[str, str]:
    path = f"labels/{language}/{scheme}.json"
    # A language that is being added may not have this file yet: its readers get English meanwhile.
    entries = _data(path) if (files("protocol") / "vocabularies" / path).is_file() else {}
    return MappingProxyType({code: entry["label"] for code, entry in entries.items()})


def _data(path: str) -> Any:  # parsed JSON, of which each reader knows the shape
    return json.loads((files("protocol") / "vocabularies" / path).read_text("utf-8"))
