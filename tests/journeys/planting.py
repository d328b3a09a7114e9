"""Words that stand nowhere else: planted in everything that a person writes, then looked for everywhere.

Every planted text has the same core, so one search finds all of them, in whatever spelling a file, a log, a
query string or a token might hold them.
"""

from __future__ import annotations

import base64
import copy
import functools
import json
import re
import secrets
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protocol import messages
from protocol.messages.form import FormField
from tests.protocol.sample_contents import NarrativeBlock, SampleContent, sample

__all__ = ["Planter", "files_below", "occurrences", "spellings"]

type Json = dict[str, Any]


@functools.cache
def spellings(word: str) -> Mapping[str, bytes]:
    """Every way in which `word` may stand in a file, by name. Base64 at each alignment, cut to what does
    not depend on its neighbours."""
    escaped = json.dumps(word)[1:-1]
    texts = {
        "utf-8": word.encode(),
        "json-escaped": escaped.encode(),
        "json-escaped-upper": re.sub(
            r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), escaped
        ).encode(),
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
    }
    found: dict[str, bytes] = {"percent": urllib.parse.quote(word).encode()}
    for name, text in texts.items():
        found[name] = text
        found[f"{name} hex"] = text.hex().encode()
        found[f"{name} HEX"] = text.hex().upper().encode()
        for alignment, once in enumerate(_base64(text)):
            for spelling, encoded in _alphabets(once):
                found[f"{name} {spelling} at {alignment}"] = encoded
                # A token in a token, as a manifest holds its header.
                for outer, twice in enumerate(_base64(encoded)):
                    for again, both in _alphabets(twice):
                        found[f"{name} {spelling} at {alignment} in {again} at {outer}"] = both
    return found


def _base64(text: bytes) -> Iterator[bytes]:
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + text)
        # Characters that also hold bits of what stands before or after are not ours.
        first = -(-before * 8 // 6)
        last = (before + len(text)) * 8 // 6
        yield encoded[first:last]


def _alphabets(encoded: bytes) -> Iterator[tuple[str, bytes]]:
    yield "base64", encoded
    urlsafe = encoded.translate(bytes.maketrans(b"+/", b"-_"))
    if urlsafe != encoded:
        yield "base64url", urlsafe


def occurrences(word: str, places: Iterable[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Where `word` stands, and in which spelling."""
    wanted = spellings(word)
    return [(place, spelling) for place, data in places for spelling, text in wanted.items() if text in data]


def files_below(directory: Path, *, leave_out: Iterable[Path] = ()) -> Iterator[tuple[str, bytes]]:
    """Every file, with its bytes as they are now. One that goes away meanwhile is left out."""
    excluded = tuple(leave_out)
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(one) for one in excluded):
            try:
                yield str(path.relative_to(directory)), path.read_bytes()
            except FileNotFoundError:
                continue


@dataclass
class Planter:
    """Makes contents in which everything that is free text carries the core.

    `planted`: each text, by form and field.
    """

    core: str = field(
        # A Cyrillic letter among the rest: escaped JSON and UTF-8 then differ.
        default_factory=lambda: f"Щw{secrets.token_hex(9)}ß"
    )
    planted: dict[str, str] = field(default_factory=dict)

    def content(self, message_type: str) -> SampleContent:
        """The sample of that type, with every narrative field and every line of its identity part planted,
        those that the sample leaves out included."""
        form = messages.form(message_type)
        content = sample(message_type)
        narrative = tuple(
            NarrativeBlock(field=name, language="fr", text=self._text(f"{message_type}/narrative/{name}"))
            for name in form.narrative_fields
        )
        identity = copy.deepcopy(content.identity)
        if form.identity_model is not None:
            identity = identity or {}
            self._plant(identity, form.identity_fields, f"{message_type}/identity")
        made = SampleContent(type=message_type, coded=content.coded, narrative=narrative, identity=identity)
        messages.validate(made)
        return made

    def of_form(self, message_type: str, part: str) -> list[str]:
        return [text for at, text in self.planted.items() if at.startswith(f"{message_type}/{part}")]

    def _plant(self, group: Json, fields: Iterable[FormField], at: str) -> None:
        for one in fields:
            here = f"{at}/{one.name}"
            if one.kind == "text" and not _dated(one.name):
                text = self._text(here)
                group[one.name] = [text] if one.many else text
            elif one.kind == "group" and one.name in group:
                inner = group[one.name]
                for index, member in enumerate(inner if one.many else [inner]):
                    self._plant(member, one.fields, f"{here}/{index}")

    def _text(self, at: str) -> str:
        self.planted[at] = f"mot {len(self.planted)} {self.core} fin"
        return self.planted[at]


def _dated(name: str) -> bool:
    # A year, a month or a day, written as digits: nothing can be planted there.
    return name == "born"
