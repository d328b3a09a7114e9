"""How other lists of codes stand to ours: `crosswalks/<name>.json`.

    crosswalk("primero").to_ours("protection_concerns", "trafficked_smuggled").imported   # "unknown"

A mapping is used only where it is certain. A value that has no certain match, or that its list does not have,
comes in as `unknown`: a person looks at it, nobody guesses. Another list is another file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Rows
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from protocol.errors import FocalpointError
from protocol.vocabularies import scheme

__all__ = [
    "UNKNOWN",
    "Crosswalk",
    "ForeignField",
    "Mapping",
    "Mark",
    "State",
    "UnknownCrosswalkError",
    "crosswalk",
    "crosswalks",
]

UNKNOWN: Final = "unknown"
"""What a value without a certain match comes in as. Where the scheme has no such code, the field stays empty
until a person has filled it in."""


class UnknownCrosswalkError(FocalpointError):
    """No crosswalk of this name."""


class Mark(StrEnum):
    """How our code stands to the other list's value."""

    EXACT = "exact"
    BROADER = "broader"
    """Ours says less than theirs: true, and used."""
    NARROWER = "narrower"
    """Ours says more than theirs: it would be a guess, and is shown but never used."""
    NONE = "none"


class State(StrEnum):
    """How much of the other list the file has."""

    COMPLETE = "complete"
    IN_PART = "in-part"
    NOT_AVAILABLE = "not-available"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One value of the other list. `scheme` and `code` are ours; a `code` of None is no match."""

    field: str
    value: str
    mark: Mark
    scheme: str | None = None
    code: str | None = None
    note: str | None = None

    @property
    def imported(self) -> str:
        """The code to take in: ours where it is certain, else `UNKNOWN`."""
        if self.code is None or self.mark not in (Mark.EXACT, Mark.BROADER):
            return UNKNOWN
        return self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignField:
    """A coded field of the other list, with all of its values as it spells them.

    `pinned` says which one counts where the list has two that disagree. `same_codes_as` names a scheme of
    ours whose codes of the shape `code_shape` are also the field's, so that none are listed.
    """

    name: str
    label: str
    source: str
    scheme: str | None
    values: tuple[str, ...]
    pinned: bool = True
    same_codes_as: str | None = None
    code_shape: str = ".*"
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosswalk:
    """`uri` begins the URIs of the other list's values; None where they have none."""

    name: str
    title: str
    version: str
    source: str
    licence: str
    state: State
    note: str
    publisher: str | None
    commit: str | None
    uri: str | None
    fields: tuple[ForeignField, ...]
    mappings: tuple[Mapping, ...]
    _by_value: Rows[tuple[str, str], Mapping] = field(repr=False, compare=False)
    _by_code: Rows[tuple[str, str], tuple[Mapping, ...]] = field(repr=False, compare=False)

    def to_ours(self, field: str, value: str) -> Mapping:
        """What `value` is here. A value that the list does not have maps to none."""
        if (row := self._by_value.get((field, value))) is not None:
            return row
        for declared in self.fields:
            shared = declared.same_codes_as
            if declared.name == field and shared is not None and _shares(declared, shared, value):
                return Mapping(field=field, value=value, mark=Mark.EXACT, scheme=shared, code=value)
        return Mapping(field=field, value=value, mark=Mark.NONE)

    def from_ours(self, scheme_name: str, code: str) -> tuple[Mapping, ...]:
        """The other list's values for our `code`, one per field: equal, else the nearest that says less.

        Empty where the list can say nothing that is certainly true.
        """
        pinned = {declared.name for declared in self.fields if declared.pinned}
        found: dict[str, Mapping] = {}
        broader: str | None = code
        while broader is not None:
            for row in self.matches(scheme_name, broader):
                if row.field not in pinned:
                    continue
                if row.mark is Mark.EXACT or (row.mark is Mark.NARROWER and broader == code):
                    mark = Mark.EXACT if row.mark is Mark.EXACT and broader == code else Mark.NARROWER
                    found.setdefault(row.field, _with(row, code, mark))
            broader = broader.rpartition("/")[0] or None
        for declared in self.fields:
            if declared.same_codes_as == scheme_name and _shares(declared, scheme_name, code):
                found[declared.name] = self.to_ours(declared.name, code)
        return tuple(found.values())

    def matches(self, scheme_name: str, code: str) -> tuple[Mapping, ...]:
        """Every row that names this very code, whatever its mark: for a person to see."""
        return self._by_code.get((scheme_name, code), ())

    def uri_of(self, row: Mapping) -> str | None:
        """The URI of the row's value; None where the list has none."""
        return None if self.uri is None else f"{self.uri}:{quote(row.field)}:{quote(row.value)}"


@cache
def crosswalks() -> tuple[str, ...]:
    """The names of all crosswalks, in alphabetical order."""
    folder = files("protocol.vocabularies").joinpath("crosswalks")
    return tuple(sorted(e.name.removesuffix(".json") for e in folder.iterdir() if e.name.endswith(".json")))


@cache
def crosswalk(name: str) -> Crosswalk:
    """Refuses `UnknownCrosswalkError`."""
    if name not in crosswalks():
        raise UnknownCrosswalkError(name)
    path = files("protocol.vocabularies").joinpath("crosswalks", f"{name}.json")
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    mappings = tuple(Mapping(**{**given, "mark": Mark(given["mark"])}) for given in data["mappings"])
    by_code: dict[tuple[str, str], tuple[Mapping, ...]] = {}
    for row in mappings:
        if row.scheme is not None and row.code is not None:
            named = (row.scheme, row.code)
            by_code[named] = (*by_code.get(named, ()), row)
    return Crosswalk(
        name=data["crosswalk"],
        title=data["title"],
        version=data["version"],
        source=data["source"],
        licence=data["licence"],
        state=State(data["state"]),
        note=data["note"],
        publisher=data["publisher"],
        commit=data["commit"],
        uri=data["uri"],
        fields=tuple(_field(row) for row in data["fields"]),
        mappings=mappings,
        _by_value=MappingProxyType({(row.field, row.value): row for row in mappings}),
        _by_code=MappingProxyType(by_code),
    )


def _shares(declared: ForeignField, scheme_name: str, code: str) -> bool:
    return code in scheme(scheme_name).concepts and re.fullmatch(declared.code_shape, code) is not None


def _field(row: dict[str, Any]) -> ForeignField:
    return ForeignField(
        name=row["field"],
        label=row["label"],
        source=row["source"],
        scheme=row["scheme"],
        values=tuple(row["values"]),
        pinned=row.get("pinned", True),
        same_codes_as=row.get("same_codes_as"),
        code_shape=row.get("code_shape", ".*"),
        note=row.get("note"),
    )


def _with(row: Mapping, code: str, mark: Mark) -> Mapping:
    return Mapping(field=row.field, value=row.value, mark=mark, scheme=row.scheme, code=code, note=row.note)
