"""`crosswalk.json` of an adapter: which field of theirs is which of ours, and what cannot be carried.

    {"system": "…", "release": "…", "source": "…", "licence": "…", "codes": "primero",
     "carried": [{"theirs": "sex", "ours": "case.notification/coded/sex", "note": "…"}],
     "not_carried": [{"theirs": "name_nickname", "why": "…"}],
     "not_filled": [{"ours": "case.notification/coded/urgency", "why": "…"}]}

Codes go through a crosswalk of the vocabulary (`protocol.vocabularies.crosswalk`): what has no certain match
comes in as unknown, never as a guess. Silence is the fault that this file exists against: a test lays it
beside what the mapping reads and writes (`silent_about`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from protocol.vocabularies.crosswalk import Crosswalk as Codes
from protocol.vocabularies.crosswalk import crosswalk as codes_of

__all__ = ["Carried", "Crosswalk", "Omitted", "crosswalk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """`ours`: `<message type>/<part>/<path>`."""

    theirs: str
    ours: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Omitted:
    """A field that is left out, and why. Never because nobody looked."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosswalk:
    """`codes`: the crosswalk of codes that goes with it, where there is one."""

    system: str
    release: str
    source: str
    licence: str
    codes: Codes | None
    carried: tuple[Carried, ...]
    not_carried: tuple[Omitted, ...]
    not_filled: tuple[Omitted, ...]

    def silent_about(self, theirs: Iterable[str]) -> tuple[str, ...]:
        """Fields of theirs that the file says nothing of."""
        told = {row.theirs for row in self.carried} | {row.name for row in self.not_carried}
        return tuple(sorted(set(theirs) - told))

    def silent_about_ours(self, ours: Iterable[str]) -> tuple[str, ...]:
        """Fields of ours that the file says nothing of."""
        told = {row.ours for row in self.carried} | {row.name for row in self.not_filled}
        return tuple(sorted(set(ours) - told))


def crosswalk(package: str) -> Crosswalk:
    """The one of the adapter whose package is called so, such as `adapters.primero`."""
    data: dict[str, Any] = json.loads(files(package).joinpath("crosswalk.json").read_text("utf-8"))
    return Crosswalk(
        system=data["system"],
        release=data["release"],
        source=data["source"],
        licence=data["licence"],
        codes=codes_of(data["codes"]) if data.get("codes") else None,
        carried=tuple(Carried(**row) for row in data["carried"]),
        not_carried=tuple(Omitted(name=row["theirs"], why=row["why"]) for row in data["not_carried"]),
        not_filled=tuple(Omitted(name=row["ours"], why=row["why"]) for row in data.get("not_filled", ())),
    )
