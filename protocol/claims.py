"""Reading signed claims member by member: the right type, or a refusal that names the member.

What a statement says beyond the members that are read is left alone (unknown optional claims are kept with
the token), except what its `crit` claim declares critical: a reader that does not know those must not go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from protocol.errors import NotAcceptable, Refused

__all__ = ["Claims", "moment_of", "seconds_of"]

_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z: what a datetime can hold


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970 of an aware `moment`, as claims write it. The fraction is dropped."""
    return int(moment.timestamp() // 1)


def moment_of(seconds: int) -> datetime:
    """The aware UTC datetime of a claim that `Claims.moment` has let pass."""
    return datetime.fromtimestamp(seconds, UTC)


class Claims:
    """The members of one JSON object, each read once with its expected type.

    Every mismatch refuses `code` as a `refuse`, with the member's JSON pointer and never its value.
    """

    __slots__ = ("_at", "_code", "_refuse", "_values")

    def __init__(
        self, values: Mapping[str, Any], *, code: str, at: str = "", refuse: type[Refused] = NotAcceptable
    ) -> None:
        self._values = values
        self._code = code
        self._at = at
        self._refuse = refuse

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def members(self) -> Iterable[tuple[str, Any]]:
        return self._values.items()

    def no_unknown_critical(self, code: str, known: Iterable[str] = ()) -> None:
        """Refuses `code` when `crit` lists a claim that this reader does not know."""
        if "crit" not in self._values:
            return
        unknown = set(self.texts("crit")) - set(known)
        if unknown:
            raise self._refuse(code, "the statement has critical claims that this version does not know")

    def wrong(self, name: str, expected: str) -> Refused:
        """The refusal for member `name`, for checks that only the caller can make."""
        return self._refuse(self._code, f"expected {expected}", field=f"{self._at}/{name}")

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str) or not value:
            raise self.wrong(name, "a text that is not empty")
        return value

    def text_or_none(self, name: str) -> str | None:
        return self.text(name) if self._values.get(name) is not None else None

    def integer(self, name: str, *, least: int = 0) -> int:
        value = self._values.get(name)
        # True is an int to Python, and not to JSON.
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(name, f"an integer, {least} or more")
        return value

    def boolean(self, name: str, *, default: bool = False) -> bool:
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def moment(self, name: str) -> datetime:
        """Seconds since 1970, as an aware UTC datetime."""
        seconds = self.integer(name)
        if seconds > _LAST_SECOND:
            raise self.wrong(name, "seconds since 1970")
        return moment_of(seconds)

    def moment_or_none(self, name: str) -> datetime | None:
        return self.moment(name) if self._values.get(name) is not None else None

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of texts; an absent member is an empty one."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(name, "an array of texts")
        return tuple(value)

    def integers(self, name: str) -> tuple[int, ...]:
        """An array of integers; an absent member is an empty one."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise self.wrong(name, "an array of integers")
        return tuple(value)

    def dates(self, name: str) -> tuple[date, ...]:
        """An array of `YYYY-MM-DD`; an absent member is an empty one."""
        try:
            return tuple(date.fromisoformat(item) for item in self.texts(name))
        except ValueError:
            raise self.wrong(name, "an array of dates, YYYY-MM-DD") from None

    def texts_by_name(self, name: str) -> dict[str, str]:
        """An object whose members are all texts; an absent member is an empty one."""
        value = self._values.get(name, {})
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self.wrong(name, "an object of texts")
        return dict(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """An object as it stands; an absent member is an empty one."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return value

    def inside(self, name: str) -> Claims:
        """The object `name`, to be read in the same way."""
        value = self._values.get(name)
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Claims(value, code=self._code, at=f"{self._at}/{name}", refuse=self._refuse)

    def each(self, name: str) -> Iterator[Claims]:
        """The objects in array `name`; an absent member is an empty one."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(name, "an array of objects")
        for position, item in enumerate(value):
            yield Claims(item, code=self._code, at=f"{self._at}/{name}/{position}", refuse=self._refuse)
