"""The one-time reply page: a form to fill in, for whoever holds the link.

What the holder of a link may see is decided here, once: that a message waits, the beginning of its number,
and the questions of the form. Not what the message says, nor about whom, nor in which case, nor who sent it:
a link is forwarded, copied into a chat, fetched by a mail scanner, and nobody is asked who they are. Free
text is asked for only where the settings say so for that authority.

Works without scripts and without cookies. To look at a page uses nothing up, because scanners look at links;
only an answer does. Whatever is wrong with a link, the page is the same; but a good one that the desk has
closed, because nobody could pass an answer on, says so and whom to ask, and keeps nothing.
"""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from adapters.relay.mapping import Question, questions, read_reply
from adapters.relay.spool import Link, Spool
from adapters.relay.words import words
from protocol.languages import available_languages, best_language, direction, language_name
from protocol.messages import MAX_NARRATIVE_LENGTH
from protocol.rendering.labels import Labels
from protocol.rendering.sentences import Sentences

__all__ = ["Attempts", "page_app"]

MOST_BYTES: Final = 256 << 10
MOST_FIELDS: Final = 1_000
_TOKEN_LENGTH: Final = 43
_SHOWN_OF_NUMBER: Final = 8  # characters: enough to find the paper beside it, too few to ask for anything

_STYLE: Final = files("adapters.relay").joinpath("page.css").read_text("utf-8")
_STYLE_DIGEST: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}


class Attempts:
    """At most `most` requests from one place in `seconds`. It forgets the rest, and keeps no more than
    `places` of them: beyond that, whoever is new waits."""

    def __init__(
        self,
        *,
        most: int = 30,
        seconds: float = 60.0,
        places: int = 10_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._places, self._now = most, seconds, places, now
        self._seen: dict[str, list[float]] = {}

    def allowed(self, place: str) -> bool:
        now = self._now()
        if place not in self._seen and len(self._seen) >= self._places:
            self._seen = {one: at for one, at in self._seen.items() if at[-1] > now - self._seconds}
            if len(self._seen) >= self._places:
                return False
        recent = [at for at in self._seen.get(place, ()) if at > now - self._seconds]
        if len(recent) >= self._most:
            return False
        self._seen[place] = [*recent, now]
        return True


def page_app(
    spool: Spool,
    *,
    intermediary: str,
    now: Callable[[], datetime],
    attempts: Attempts | None = None,
) -> Starlette:
    """`intermediary`: the name that the page shows. It takes the client's address from the server, which has
    it from the proxy in front."""
    page = _Page(spool, intermediary, now, attempts or Attempts())
    return Starlette(
        routes=[
            Route("/reply/{token}", page.show, methods=["GET"]),
            Route("/reply/{token}", page.take, methods=["POST"]),
            Route("/healthz", _healthy, methods=["GET"]),
        ]
    )


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


class _Page:
    def __init__(
        self, spool: Spool, intermediary: str, now: Callable[[], datetime], attempts: Attempts
    ) -> None:
        self._spool, self._who, self._now, self._attempts = spool, intermediary, now, attempts

    async def show(self, request: Request) -> Response:
        language, link, refused = self._looked_up(request)
        if refused is not None or link is None:
            return refused or self._gone(language)
        return self._closed(language) if link.closed else self._form(link, language, {}, ())

    async def take(self, request: Request) -> Response:
        language, link, refused = self._looked_up(request)
        if refused is not None or link is None:
            return refused or self._gone(language)
        if link.closed:
            return self._closed(language)
        values = await _posted(request)
        if values is None:
            return self._form(link, language, {}, ("",), status=413)
        asked = {one.name for one in questions(link.reply, narrative=link.narrative)}
        kept = {name: value for name, value in values.items() if name in asked and value.strip()}
        read = read_reply(link.reply, kept, language=link.language, narrative=link.narrative)
        wrong = tuple(one.name for one in read.fields if one.outcome == "not-understood")
        if wrong or not any(one.outcome == "taken" for one in read.fields):
            return self._form(link, language, kept, wrong, status=422)
        token = str(request.path_params["token"])
        if not self._spool.take_reply(token, kept, self._now()):
            # Used, or closed, since it was looked up.
            now = self._spool.link(token, self._now())
            return self._gone(language) if now is None else self._closed(language)
        say = words(language)
        return _page(say, say.say("web-sent-title"), [f"<p>{escape(say.say('web-sent'))}</p>"])

    def _looked_up(self, request: Request) -> tuple[str, Link | None, Response | None]:
        asked = request.query_params.get("lang", "")
        place = request.client.host if request.client else ""
        token = str(request.path_params["token"])
        link = None
        if self._attempts.allowed(place) and len(token) == _TOKEN_LENGTH:
            link = self._spool.link(token, self._now())
        elif len(token) == _TOKEN_LENGTH:
            language = asked if asked in available_languages() else best_language(_accepted(request))
            say = words(language)
            return (
                language,
                None,
                _page(say, say.say("web-gone-title"), [f"<p>{escape(say.say('web-busy'))}</p>"], status=429),
            )
        if asked in available_languages():
            return asked, link, None
        return (link.language if link else best_language(_accepted(request))), link, None

    def _gone(self, language: str) -> Response:
        say = words(language)
        return _page(say, say.say("web-gone-title"), [f"<p>{escape(say.say('web-gone'))}</p>"], status=404)

    def _closed(self, language: str) -> Response:
        say = words(language)
        told = escape(say.say("web-closed", who=self._who))
        return _page(say, say.say("web-closed-title"), [f"<p>{told}</p>"], status=410)

    def _form(
        self, link: Link, language: str, values: Mapping[str, str], wrong: Sequence[str], *, status: int = 200
    ) -> Response:
        say = words(language)
        labels = Labels(sentences=say)
        intro = say.say("web-intro", who=self._who, number=link.message[:_SHOWN_OF_NUMBER])
        body = [
            f"<p>{escape(intro)}</p>",
            '<div class="notice">'
            f"<p>{escape(say.say('web-unauthenticated', who=self._who))}</p>"
            f"<p><strong>{escape(say.say('web-no-consent'))}</strong></p>"
            f"<p>{escape(say.say('web-no-names'))}</p></div>",
            f"<p>{escape(say.say('web-once', when=say.moment(link.expires_at)))}</p>",
        ]
        if status != 200:
            reason = "web-wrong" if wrong and wrong != ("",) else "web-nothing"
            body.append(f'<p class="notice" role="alert">{escape(say.say(reason))}</p>')
        # Without an address of its own it goes to where it came from, and the link stands in no page.
        body.append('<form method="post" autocomplete="off" novalidate>')
        body += _inputs(questions(link.reply, narrative=link.narrative), labels, say, values, set(wrong))
        body.append(f'<button type="submit">{escape(say.say("web-send"))}</button></form>')
        return _page(say, say.say("web-title"), body, status=status)


def _accepted(request: Request) -> str | None:
    return request.headers.get("accept-language")


async def _posted(request: Request) -> dict[str, str] | None:
    """None for too much, or for what no form sends."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        return None
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            return None
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=MOST_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        return None
    # What is too long is given back as not understood, and never left out in silence.
    return dict(pairs)


def _inputs(
    asked: Sequence[Question],
    labels: Labels,
    say: Sentences,
    values: Mapping[str, str],
    wrong: set[str],
) -> list[str]:
    made: list[str] = []
    group: tuple[tuple[str, int], ...] = ()
    box: str | None = None
    for number, one in enumerate(asked):
        label = labels.text("field", one.label)
        if box is not None and (one.kind != "tick" or one.label != box or one.of != group):
            made.append("</fieldset>")
            box = None
        if one.of != group:
            group = one.of
            if group:
                made.append(f"<h2>{escape(_heading(group, labels, say))}</h2>")
        if one.kind == "tick":
            if box is None:
                several = f"{label} ({say.say('several')})"
                made.append(f"<fieldset><legend>{escape(several)}</legend>")
                box = one.label
            ticked = " checked" if values.get(one.name) else ""
            shown = labels.text(one.scheme or "", one.options[0])
            made.append(
                f'<div class="box"><input type="checkbox" id="q{number}" name="{escape(one.name)}"{ticked}>'
                f'<label for="q{number}">{escape(shown)}</label></div>'
            )
            continue
        made.append(_input(number, one, label, labels, say, values.get(one.name, ""), one.name in wrong))
    if box is not None:
        made.append("</fieldset>")
    return made


def _input(
    number: int, one: Question, label: str, labels: Labels, say: Sentences, value: str, wrong: bool
) -> str:
    if one.kind == "language":
        label = f"{label}: {say.say('text-language')}"
    why = ""
    told = ""
    if wrong:
        why = f'<span class="why" id="w{number}">{escape(say.say("web-field"))}</span>'
        told = f' aria-invalid="true" aria-describedby="w{number}"'
    name = escape(one.name)
    head = f'<label for="q{number}">{escape(label)}</label>{why}'
    if one.kind in ("code", "reference"):
        shown = (
            [labels.party(code).text for code in one.options]
            if one.scheme is None
            else [labels.text(one.scheme, code) for code in one.options]
        )
        choices = "".join(
            f'<option value="{escape(code)}"{" selected" if code == value else ""}>{escape(text)}</option>'
            for code, text in zip(one.options, shown, strict=True)
        )
        blank = f'<option value="">{escape(say.say("empty"))}</option>'
        control = f'<select id="q{number}" name="{name}"{told}>{blank}{choices}</select>'
    elif one.kind == "text":
        control = (
            f'<textarea id="q{number}" name="{name}" rows="6" maxlength="{MAX_NARRATIVE_LENGTH}"'
            f' dir="auto"{told}>{escape(value)}</textarea>'
        )
    else:
        hint = ' placeholder="YYYY-MM-DD"' if one.kind == "date" else ""
        control = (
            f'<input type="text" id="q{number}" name="{name}" value="{escape(value)}" maxlength="40"'
            f"{hint}{told}>"
        )
    mark = ' class="wrong"' if wrong else ""
    return f"<div{mark}>{head}{control}</div>"


def _heading(of: Sequence[tuple[str, int]], labels: Labels, say: Sentences) -> str:
    return " – ".join(
        say.say("numbered", label=labels.text("field", code), number=number)
        if number
        else labels.text("field", code)
        for code, number in of
    )


def _page(say: Sentences, title: str, body: Sequence[str], *, status: int = 200) -> Response:
    others = "".join(
        f'<li><a href="?lang={one}" hreflang="{one}" lang="{one}" dir="{direction(one)}"'
        f"{' aria-current="true"' if one == say.language else ''}>"
        f"{escape(language_name(one, reader=one) or one)}</a></li>"
        for one in available_languages()
    )
    html = (
        f'<!doctype html><html lang="{say.language}" dir="{say.direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<nav aria-label="{escape(say.say("web-language"))}"><ul>{others}</ul></nav>'
        f"<main><h1>{escape(title)}</h1>{''.join(body)}</main></body></html>"
    )
    headers: dict[str, Any] = {**_HEADERS, "Content-Language": say.language}
    return HTMLResponse(html, status_code=status, headers=headers)
