"""Codes, fields, States and authorities as words in the reader's language.

A code that this release does not have is shown as the nearest broader concept that it has, and says so; where
not even that is known, the code itself stands, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from protocol import vocabularies
from protocol.identifiers import Address, state_of
from protocol.rendering.foreign import printable
from protocol.rendering.sentences import Sentences
from protocol.rendering.words import Value

__all__ = ["Labels", "Names", "no_names"]

type Names = Callable[[Address, str], str | None]
"""The name of an authority in a language, from the directory; None when it has none there."""


def no_names(_address: Address, _language: str) -> str | None:
    """For a reader without a directory: authorities show by their addresses."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Labels for one rendering. `origins` collects where the labels shown so far come from."""

    sentences: Sentences
    names: Names = no_names
    origins: set[str] = field(default_factory=set)

    def text(self, scheme: str, code: str) -> str:
        """The label alone, for headings and field names."""
        value = self.code(scheme, code)
        return " ".join((value.text, *(f"[{note}]" for note in value.notes)))

    def code(self, scheme: str, code: str) -> Value:
        """The value of a coded field, with its notes."""
        code = printable(code)
        label = vocabularies.label(scheme, code, self.sentences.language)
        if not label.known:
            return Value(text=code, direction="ltr", notes=(self.sentences.say("unknown-code"),))
        self.origins.add(label.origin)
        notes = []
        if label.shown_as_broader:
            notes.append(self.sentences.say("broader", code=code))
        if label.note is not None:
            notes.append(label.note)
        return Value(text=label.text, notes=tuple(notes))

    def authority(self, address: Address) -> Value:
        """An authority by its name, State and address; without its name where the directory has none."""
        state = self.sentences.state(state_of(address))
        name = self.name(address)
        if name is None:
            return Value(text=address, direction="ltr", detail=state)
        where = self.sentences.say("state-and-address", state=state, address=address)
        return Value(text=name, direction="auto", detail=where)

    def name(self, address: Address) -> str | None:
        """The authority's own name in the reader's language, when the directory has one."""
        name = self.names(address, self.sentences.language)
        return None if name is None else printable(name).replace("\n", " ")

    def party(self, reference: str) -> Value:
        """Somebody or some place whose name is only in the identity part: `child`, `carer-1`, `place-2`."""
        kind, _, number = reference.partition("-")
        if not self.sentences.knows(f"party-{kind}"):
            return Value(text=reference, direction="ltr")
        return Value(text=self.sentences.say(f"party-{kind}", number=number))
