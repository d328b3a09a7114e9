"""What the consoles say, one directory of Fluent files per language: `locales/<language>/<area>.ftl`.

The names of an area's messages begin with its name (`operator-…` in operator.ftl); those of base.ftl do not.
A message that a language lacks is a fault of ours, not said in English instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from babel.dates import format_timedelta
from fluent.runtime import FluentBundle, FluentResource

from protocol.languages import Direction, nearest_language
from protocol.rendering.sentences import Sentences, sentences
from protocol.vocabularies import label

__all__ = ["LOCALES", "Words", "words"]

LOCALES: Final = files("service.console") / "locales"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What can be said in one language; dates, numbers and States as renderings say them."""

    said: Sentences
    rendered: Sentences

    @property
    def language(self) -> str:
        return self.said.language

    @property
    def direction(self) -> Direction:
        return self.said.direction

    def say(self, message: str, **values: str | int) -> str:
        """The sentence `message`; LookupError when there is none."""
        return self.said.say(message, **values)

    def knows(self, message: str) -> bool:
        return self.said.knows(message)

    def label(self, scheme: str, code: str) -> str:
        """The words of a code of a vocabulary."""
        return label(scheme, code, self.language).text

    def day(self, value: date) -> str:
        return self.rendered.day(value)

    def moment(self, value: datetime) -> str:
        """An instant, in UTC and to the minute."""
        return self.rendered.moment(value)

    def number(self, value: int) -> str:
        return self.rendered.number(value)

    def state(self, code: str) -> str:
        return self.rendered.state(code)

    def lasting(self, seconds: float) -> str:
        """A length of time in its largest unit, rounded: `3 days`."""
        return str(format_timedelta(round(abs(seconds)), threshold=1, locale=self.rendered.locale))


@cache
def words(language: str) -> Words:
    """The words in `language`, which is one that there is, or in the nearest."""
    reader = nearest_language(language)
    rendered = sentences(reader)
    # `say` isolates, and only where needed: Fluent would put invisible characters around every value.
    bundle = FluentBundle([reader], use_isolating=False)
    for area in sorted((LOCALES / reader).iterdir(), key=lambda file: file.name):
        bundle.add_resource(FluentResource(area.read_text("utf-8")))
    said = Sentences(language=reader, direction=rendered.direction, locale=rendered.locale, bundle=bundle)
    return Words(said=said, rendered=rendered)
