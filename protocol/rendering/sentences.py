"""Sentences around the coded values, one Fluent file per language, and Babel's dates, numbers and names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from fluent.runtime import FluentBundle, FluentResource

from protocol.languages import DEFAULT_LANGUAGE, Direction, direction, isolated, nearest_language

__all__ = ["Sentences", "sentences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """What can be said in one language."""

    language: str
    direction: Direction
    locale: Locale
    bundle: FluentBundle

    def say(self, message: str, **values: str | int) -> str:
        """The sentence `message` with its values, isolated where their direction would disturb it.

        An unknown message, or a missing value, is a fault in this package: `LookupError`.
        """
        if (
            not self.bundle.has_message(message)
            or (pattern := self.bundle.get_message(message).value) is None
        ):
            raise LookupError(f"{self.language}.ftl says nothing for {message}")
        shown = {
            name: self._apart(value) if isinstance(value, str) else value for name, value in values.items()
        }
        text, faults = self.bundle.format_pattern(pattern, shown)
        if faults:
            raise LookupError(f"{self.language}.ftl, {message}: {faults[0]}")
        return str(text)

    def _apart(self, value: str) -> str:
        # What has isolates already is a sentence of ours, such as a moment. The letters in them do not count
        # for its direction, and those that do may be Latin.
        ours = any("\u2066" <= character <= "\u2068" for character in value)
        return isolated(value, reading=self.direction, towards=self.direction if ours else None)

    def knows(self, message: str) -> bool:
        """Whether there is such a message."""
        return bool(self.bundle.has_message(message))

    def day(self, value: date) -> str:
        """A calendar date, in words."""
        return str(format_date(value, format="long", locale=self.locale))

    def moment(self, value: datetime) -> str:
        """An instant, in UTC and to the minute. `value` is aware."""
        in_utc = value.astimezone(UTC)
        time = format_time(in_utc.time(), format="HH:mm", locale=self.locale)
        return self.say("moment", date=self.day(in_utc.date()), time=str(time))

    def number(self, value: int) -> str:
        """A number with the language's grouping, in European digits: they are what the signed text has."""
        return str(format_decimal(value, locale=self.locale, numbering_system="latn"))

    def territory(self, code: str) -> str | None:
        """The name of a country or territory by its ISO 3166-1 alpha-2 code, in any case."""
        name = self.locale.territories.get(code.upper())
        return None if name is None else str(name)

    def state(self, code: str) -> str:
        """The name of a State by the code in an address; `int` is an international body."""
        return self.say("international-body") if code == "int" else self.territory(code) or code


def sentences(language: str) -> Sentences:
    """The sentences in `language`, or in the nearest language there is."""
    reader = nearest_language(language)
    return _read(reader if _file(reader).is_file() else DEFAULT_LANGUAGE)


def _file(language: str) -> Traversable:
    return files("protocol") / "rendering" / "locales" / f"{language}.ftl"


@cache
def _read(language: str) -> Sentences:
    # `say` isolates, and only where needed: Fluent would put invisible characters around every value.
    bundle = FluentBundle([language], use_isolating=False)
    bundle.add_resource(FluentResource(_file(language).read_text("utf-8")))
    return Sentences(
        language=language,
        direction=direction(language),
        locale=_locale(language),
        bundle=bundle,
    )


def _locale(language: str) -> Locale:
    """The language's dates, numbers and names of States; the English ones for a language that CLDR lacks."""
    try:
        return Locale.parse(language.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale(DEFAULT_LANGUAGE)
