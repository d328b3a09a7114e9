"""Who is who in X-Road. Pure. PR-REST §4.1 to §4.3: parts are UTF-8, each percent-encoded by itself, with a
slash between them; a slash that is not encoded never belongs to a part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

__all__ = ["Member", "Party", "Service", "Unreadable"]

_LONGEST: Final = 255
"""Of one part. PR-REST §4.2 wants a limit and names none; the choice is ours."""
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")


class Unreadable(ValueError):
    """Not written as X-Road writes it."""


def _parts(text: str, least: int, most: int) -> tuple[str, ...]:
    parts = tuple(_decoded(part) for part in text.split("/"))
    if not least <= len(parts) <= most:
        raise Unreadable(f"expected {least} to {most} parts")
    return parts


def _decoded(part: str) -> str:
    if not _ENCODED.fullmatch(part):
        raise Unreadable("a part is empty, or not percent-encoded")
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("a part is not UTF-8") from None
    if len(text) > _LONGEST or not text.isprintable() or text in {".", ".."}:
        raise Unreadable("a part is too long, or has what cannot be read")
    return text


def _encoded(parts: tuple[str | None, ...]) -> str:
    return "/".join(quote(part, safe="") for part in parts if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Who calls: a member, or one of its subsystems. Another subsystem is another caller."""

    instance: str
    member_class: str
    code: str
    subsystem: str | None = None

    @classmethod
    def parse(cls, text: str) -> Member:
        instance, member_class, code, *rest = _parts(text, 3, 4)
        return cls(
            instance=instance, member_class=member_class, code=code, subsystem=rest[0] if rest else None
        )

    def __str__(self) -> str:
        return _encoded((self.instance, self.member_class, self.code, self.subsystem))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """On whose behalf: the class may be left out."""

    party_class: str | None
    code: str

    @classmethod
    def parse(cls, text: str) -> Party:
        *rest, code = _parts(text, 1, 2)
        return cls(party_class=rest[0] if rest else None, code=code)

    def __str__(self) -> str:
        return _encoded((self.party_class, self.code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is called: a service that a subsystem provides."""

    provider: Member
    code: str

    @classmethod
    def parse(cls, text: str) -> Service:
        """With its subsystem: a service of a member itself is written alike, and cannot be told apart."""
        instance, member_class, code, subsystem, service = _parts(text, 5, 5)
        provider = Member(instance=instance, member_class=member_class, code=code, subsystem=subsystem)
        return cls(provider=provider, code=service)

    def __str__(self) -> str:
        return f"{self.provider}/{quote(self.code, safe='')}"
