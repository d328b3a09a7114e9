"""The codes that coded fields may hold, and what they are called in each language.

    label("exploitation-form", "exploitation/begging", "ar").text

`<scheme>.json` holds a scheme's codes, `labels/<language>/<scheme>.json` their labels: adding a language is
adding a folder. A code is its identity and never changes its meaning. A code with slashes is narrower than
the code before its last slash, so that a reader with an older release can show the nearest broader concept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from babel import Locale, UnknownLocaleError

from protocol.errors import FocalpointError
from protocol.languages import DEFAULT_LANGUAGE, available_languages, nearest_language

__all__ = [
    "LANGUAGES",
    "RELEASE",
    "Concept",
    "Label",
    "Problem",
    "Scheme",
    "UnknownSchemeError",
    "check",
    "label",
    "nearest_known",
    "scheme",
    "schemes",
    "well_formed",
]

RELEASE: Final = "2026.11"
"""What a message cites as the vocabulary that it was written with."""
LANGUAGES: Final = ("en", "fr", "es", "pt", "ru", "ar", "zh")
"""The languages that every release has. `languages.available_languages()` also lists what was added."""

_STATUSES: Final = frozenset({"stable", "draft", "deprecated"})
_ORIGINS: Final = frozenset({"official", "unterm-aligned", "cldr", "project-wording", "project-translation"})
_CODE: Final = re.compile(r"[A-Za-z0-9]+(?:[-._][A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:[-._][A-Za-z0-9]+)*)*")
_MAX_CODE: Final = 120  # characters


class UnknownSchemeError(FocalpointError):
    """No vocabulary of this name: a mistake in our code, never in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """`definition` says, in English, what the label alone does not. `status` is the scheme's unless its own
    row says otherwise: `stable`, `draft` (it may still go), `deprecated` (read it, no longer write it)."""

    code: str
    definition: str | None = None
    status: str = "stable"

    @property
    def broader(self) -> str | None:
        return self.code.rpartition("/")[0] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A vocabulary. `concepts` by code, in the order in which a person chooses from them."""

    name: str
    status: str
    release: str
    definition: str
    concepts: Mapping[str, Concept]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a code is called.

    `code` is the concept shown; `shown_as_broader` when it is broader than the one asked for. `known` is
    False when this release has no concept near it, and `text` is then the code itself. `origin` is a code of
    the vocabulary `label-origin`. `note` warns of a term that this one is often confused with.
    """

    text: str
    code: str
    language: str
    origin: str
    note: str | None = None
    shown_as_broader: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with the vocabulary data."""

    scheme: str
    detail: str
    language: str | None = None
    code: str | None = None


@cache
def schemes() -> tuple[str, ...]:
    """The names of all vocabularies, in alphabetical order."""
    return tuple(
        sorted(
            entry.name.removesuffix(".json")
            for entry in files("protocol.vocabularies").iterdir()
            if entry.name.endswith(".json")
        )
    )


@cache
def scheme(name: str) -> Scheme:
    """Refuses `UnknownSchemeError`."""
    # Only listed names are opened: at the API the name comes from a URL.
    if name not in schemes():
        raise UnknownSchemeError(name)
    data = _data(f"{name}.json")
    return Scheme(
        name=data["scheme"],
        status=data["status"],
        release=data["release"],
        definition=data["definition"],
        concepts=MappingProxyType(
            {
                row["code"]: Concept(
                    code=row["code"],
                    definition=row.get("definition"),
                    status=row.get("status", data["status"]),
                )
                for row in data["concepts"]
            }
        ),
    )


def well_formed(code: str) -> bool:
    """Whether `code` could be a code of some release."""
    return len(code) <= _MAX_CODE and _CODE.fullmatch(code) is not None


def nearest_known(scheme_name: str, code: str) -> str | None:
    """`code` itself or the nearest broader code that this release has; None when it has none."""
    concepts = scheme(scheme_name).concepts
    candidate = code
    while candidate and candidate not in concepts:
        candidate = candidate.rpartition("/")[0]
    return candidate or None


def label(scheme_name: str, code: str, language: str) -> Label:
    """What `code` is called in `language`, or in the nearest language that has labels, at last in English."""
    reader = nearest_language(language)
    shown = nearest_known(scheme_name, code)
    if shown is None:
        return Label(text=code, code=code, language=reader, origin="project-wording", known=False)
    broader = shown != code
    for candidate in dict.fromkeys((reader, DEFAULT_LANGUAGE)):
        if (entry := _labels(scheme_name, candidate).get(shown)) is not None:
            return Label(
                text=entry["label"],
                code=shown,
                language=candidate,
                origin=entry["origin"],
                note=entry.get("not_to_be_confused_with"),
                shown_as_broader=broader,
            )
    raise LookupError(f"{scheme_name} has no English label for {shown}")


def check() -> tuple[Problem, ...]:
    """What is missing or wrong in the data, in every language there is; empty when it is complete."""
    return tuple(_problems())


def _problems() -> Iterator[Problem]:
    languages = available_languages()
    for missing in (language for language in LANGUAGES if language not in languages):
        yield Problem(scheme="*", language=missing, detail="no labels at all")
    for name in schemes():
        vocabulary = scheme(name)
        codes = vocabulary.concepts
        if vocabulary.name != name:
            yield Problem(scheme=name, detail="file name and scheme differ")
        if len(codes) != len(_data(f"{name}.json")["concepts"]):
            yield Problem(scheme=name, detail="a code stands twice")
        if not vocabulary.definition or not re.fullmatch(r"\d{4}\.\d{2}", vocabulary.release):
            yield Problem(scheme=name, detail="no definition or no release")
        for code, concept in codes.items():
            if concept.status not in _STATUSES:
                yield Problem(scheme=name, code=code, detail="unknown status")
            if not well_formed(code):
                yield Problem(scheme=name, code=code, detail="not a well-formed code")
            if concept.broader is not None and concept.broader not in codes:
                yield Problem(scheme=name, code=code, detail="its broader concept is missing")
        for language in languages:
            yield from _label_problems(name, codes, language)
    for found in files("protocol.vocabularies").joinpath("labels").iterdir():
        for entry in found.iterdir():
            if entry.name.removesuffix(".json") not in schemes():
                yield Problem(scheme=entry.name, language=found.name, detail="labels of no vocabulary")


def _label_problems(name: str, codes: Mapping[str, Concept], language: str) -> Iterator[Problem]:
    labels = _labels(name, language)
    for code in codes:
        entry = labels.get(code)
        if entry is None or not str(entry.get("label", "")).strip():
            yield Problem(scheme=name, language=language, code=code, detail="no label")
        elif entry.get("origin") not in _ORIGINS:
            yield Problem(scheme=name, language=language, code=code, detail="unknown origin")
    for code in labels:
        if code not in codes:
            yield Problem(scheme=name, language=language, code=code, detail="label of no concept")


@cache
def _labels(scheme_name: str, language: str) -> Mapping[str, Mapping[str, Any]]:
    resource = files("protocol.vocabularies").joinpath("labels", language, f"{scheme_name}.json")
    labels: dict[str, Mapping[str, Any]] = {}
    if scheme_name == "country":
        # Names of States and territories are not ours to word.
        names = _territories(language)
        labels = {
            code: {"label": names[code], "origin": "cldr"}
            for code in scheme("country").concepts
            if code in names
        }
    if resource.is_file():
        labels |= json.loads(resource.read_text("utf-8"))
    return MappingProxyType(labels)


def _territories(language: str) -> Mapping[str, str]:
    try:
        return MappingProxyType(Locale.parse(language.replace("_", "-"), sep="-").territories)
    except (UnknownLocaleError, ValueError):
        return {}  # a language that CLDR lacks has to word them itself


@cache
def _data(path: str) -> Any:  # parsed JSON, whose shape `check` and its readers know
    return json.loads(files("protocol.vocabularies").joinpath(path).read_text("utf-8"))
