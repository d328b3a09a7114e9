"""What a mail says of notices: how many of each kind, and until when. It is given nothing else to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, tzinfo
from functools import cache
from importlib.resources import files
from typing import Final

from fluent.runtime import FluentBundle, FluentResource

from protocol.languages import DEFAULT_LANGUAGE, nearest_language
from protocol.rendering.sentences import Sentences, sentences
from service.notices import KINDS
from service.notifying.outgoing import Told

__all__ = ["LOCALES", "lines", "subject", "text", "words"]

LOCALES: Final = files("service.notifying") / "locales"
_UNTIL: Final = frozenset({"approval-waiting", "identity-released", "key-ending", "directory-ending"})
"""Kinds whose date is an end, and no answer's."""


def words(language: str) -> Sentences:
    """What mails say in `language`, or in the nearest language there is."""
    reader = nearest_language(language)
    return _read(reader if (LOCALES / f"{reader}.ftl").is_file() else DEFAULT_LANGUAGE)


@cache
def _read(language: str) -> Sentences:
    bundle = FluentBundle([language], use_isolating=False)
    bundle.add_resource(FluentResource((LOCALES / f"{language}.ftl").read_text("utf-8")))
    rendered = sentences(language)
    return Sentences(language=language, direction=rendered.direction, locale=rendered.locale, bundle=bundle)


def subject(notices: Sequence[Told], language: str, zone: tzinfo) -> str:
    """Such as “1 new message, due 3 December 2026”. Dates are those of `zone`, where the office is."""
    said = words(language)
    kinds = {told.kind for told in notices}
    if len(kinds) == 1:
        return _line(said, kinds.pop(), notices, zone)
    return _dated(said, said.say("several", count=len(notices)), "due", notices, zone)


def lines(notices: Sequence[Told], language: str, zone: tzinfo) -> list[str]:
    """One of each kind, in the order of `KINDS`."""
    said, counted = words(language), Counter(told.kind for told in notices)
    return [
        _line(said, kind, [told for told in notices if told.kind == kind], zone)
        for kind in KINDS
        if counted[kind]
    ]


def text(notices: Sequence[Told], language: str, zone: tzinfo, link: str) -> str:
    """The whole mail. `link`: to the console's own beginning, the same for everybody."""
    said = words(language)
    what = "\n".join(lines(notices, language, zone))
    # The link on a line of its own: what isolates it among right-to-left words would become part of it.
    return f"{what}\n\n{said.say('open')}\n{link}\n\n{said.say('nothing-else')}\n{said.say('who-decides')}\n"


def _line(said: Sentences, kind: str, notices: Sequence[Told], zone: tzinfo) -> str:
    what = said.say(f"notice-{kind}", count=len(notices))
    return _dated(said, what, "until" if kind in _UNTIL else "due", notices, zone)


def _dated(said: Sentences, what: str, how: str, notices: Sequence[Told], zone: tzinfo) -> str:
    days: set[date] = {told.due_at.astimezone(zone).date() for told in notices if told.due_at is not None}
    if not days:
        return what
    form = f"with-{how}" if len(notices) == 1 else f"with-first-{how}"
    return said.say(form, what=what, date=said.day(min(days)))
