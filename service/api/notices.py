"""What somebody is told: as a list, as a long poll, and as a stream of events.

An id, a kind, when and until when, for which authority. What it is about is looked up where one may look:
in the list of messages, of approvals, of deadlines.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from protocol import base64url
from protocol.errors import FocalpointError
from protocol.json_strict import dumps, parse_object
from service.access.represented import acting_now
from service.api.answers import NOT_STORED, answer, json_of
from service.api.guard import Ask, Asking, Guarded, api_of, session_of
from service.api.reading import CONTENT, body_of
from service.errors import Malformed, Throttled
from service.exchange.notices import NoticePage, NoticeView, webhook_keys

__all__ = ["router"]

LONGEST_WAIT: Final = 30
"""Seconds of a long poll: under what proxies of agencies cut off."""
LOOK_AGAIN: Final = 5.0
"""Seconds. A signal wakes waiters of its own process; what another process wrote is seen by looking."""
LOOKS_APART: Final = 0.5
"""Seconds between looks of one stream, at least: a day's mail that arrives at once wakes everybody."""
HEARTBEAT: Final = 15.0
"""Seconds of silence, at most: under what proxies take for a dead connection."""
LONGEST_STREAM: Final = 3_600
SENT_AT_ONCE: Final = 100
MAX_SMALL: Final = 1_024

router = APIRouter(route_class=Guarded)

Cursor = Annotated[str | None, Query(max_length=64)]


@router.get("/v1/notices")
async def list_notices(
    ask: Ask,
    request: Request,
    *,
    after: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT)] = 0,
) -> Response:
    page = await _awaited(ask, 0 if after is None else _position(after, "/after"), limit, wait)
    here = _cursor(page.position)
    onward = urlencode({**request.query_params, "after": here})
    body = {
        "notices": [_told(one) for one in page.notices],
        "cursor": here,
        "more": page.more,
        "next": f"/v1/notices?{onward}",
        "read": _cursor(page.read),
        "unread": page.unread,
    }
    return answer(body, language=ask.language)


async def _awaited(ask: Asking, after: int, limit: int, seconds: float) -> NoticePage:
    """The page, as soon as there is something on it, or after `seconds`. Waiting holds no thread."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    told = ask.node.wake.notices
    while True:
        seen = told.count  # before looking: what is told in between is not missed
        page = await ask.exchange.list_notices(ask.node, acting_now(ask.node, ask.actor), after, limit)
        left = until - clock()
        if page.notices or left <= 0:
            return page
        await told.wait(seen, timeout=min(left, LOOK_AGAIN))


@router.put("/v1/notices/read")
async def mark_read(ask: Ask, request: Request) -> Response:
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    body = parse_object(data, max_bytes=MAX_SMALL)
    if body.keys() != {"cursor"} or not isinstance(body["cursor"], str):
        raise Malformed("request.body", "expected a cursor", field="/cursor")
    read = await ask.exchange.mark_read(ask.node, ask.actor, _position(body["cursor"], "/cursor"))
    return answer({"read": _cursor(read.read), "unread": read.unread}, language=ask.language)


@router.get("/v1/events")
async def stream_events(
    ask: Ask,
    request: Request,
    *,
    after: Cursor = None,
    seconds: Annotated[int, Query(ge=0, le=LONGEST_STREAM)] = LONGEST_STREAM,
) -> Response:
    last = request.headers.get("last-event-id")
    if last:
        # What the browser saw last is newer than the address that it began with.
        begin = _position(last, "/Last-Event-ID")
    elif after is not None:
        begin = _position(after, "/after")
    else:
        begin = await ask.exchange.newest_notice(ask.node, ask.actor)
    release = _listeners_of(request).enter(ask)
    return _Stream(_events(ask, request, begin, float(seconds)), release)


async def _events(ask: Asking, request: Request, begin: int, seconds: float) -> AsyncIterator[bytes]:
    """Ends by itself with the token or the session, and after `seconds`. Between two looks it holds neither a
    thread nor a connection of the database."""
    clock, told = asyncio.get_running_loop().time, ask.node.wake.notices
    until, at, spoke = clock() + seconds, begin, clock()
    # Where this stream stands, so that whoever is cut off before the first event misses none.
    yield format_sse_event(id=_cursor(at), retry=3_000)
    while await _may_go_on(ask, request):
        seen = told.count
        # Asked anew each time: what an intermediary's people act for may have ended since.
        actor = acting_now(ask.node, ask.actor)
        page = await ask.exchange.list_notices(ask.node, actor, at, SENT_AT_ONCE)
        for notice in page.notices:
            at = notice.position
            yield format_sse_event(
                id=_cursor(at), event="notice", data_str=dumps(json_of(_outside(notice), "en")).decode()
            )
            spoke = clock()
        if page.more:
            continue
        left = until - clock()
        if left <= 0:
            return
        if clock() - spoke >= HEARTBEAT:
            yield KEEPALIVE_COMMENT
            spoke = clock()
        await asyncio.sleep(min(LOOKS_APART, left))
        await told.wait(seen, timeout=min(LOOK_AGAIN, max(0.0, until - clock())))


async def _may_go_on(ask: Asking, request: Request) -> bool:
    """Not when the token is over, or the session was ended, or its person disabled. Listening keeps no
    session alive: nobody may be sitting there."""
    if "authorization" in request.headers:
        return ask.node.clock.now() < ask.actor.expires_at
    try:
        return (await session_of(request)).signed_in.actor.person == ask.actor.person
    except FocalpointError:
        return False


@router.get("/.well-known/focalpoint-webhook-key")
async def webhook_key(request: Request) -> Response:
    return answer({"keys": list(webhook_keys(api_of(request).node))}, language="en")


class _Stream(EventSourceResponse):
    """A stream that says when it has ended, however it ends."""

    def __init__(self, content: AsyncIterator[bytes], release: Callable[[], None]) -> None:
        super().__init__(content, headers={**NOT_STORED, "X-Accel-Buffering": "no"})
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._release()


class _Listeners:
    """How many streams are open, of whom."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def enter(self, ask: Asking) -> Callable[[], None]:
        """Throttled `notice.too_many_listeners`. Returns what ends it."""
        settings, person = ask.node.settings, ask.actor.person
        if self._open[person] >= settings.listeners_per_person or self._open.total() >= settings.listeners:
            raise Throttled(
                "notice.too_many_listeners",
                "close one of the streams that are open",
                facts={"retry_after_seconds": "30"},
            )
        self._open[person] += 1

        def leave() -> None:
            self._open[person] -= 1
            if not self._open[person]:
                del self._open[person]

        return leave


def _listeners_of(request: Request) -> _Listeners:
    state = request.app.state
    if not hasattr(state, "listeners"):
        state.listeners = _Listeners()
    listeners: _Listeners = state.listeners
    return listeners


def _told(notice: NoticeView) -> dict[str, Any]:
    """To somebody who is known, who asks here."""
    return {
        **_outside(notice),
        "at": notice.at,
        **({} if notice.authority is None else {"authority": notice.authority}),
    }


def _outside(notice: NoticeView) -> dict[str, Any]:
    due = {} if notice.due_at is None else {"due_at": notice.due_at}
    return {"id": notice.id, "kind": notice.kind, **due}


def _cursor(at: int) -> str:
    return base64url.encode(b"n%d" % at).decode()


def _position(text: str, field: str) -> int:
    try:
        plain = base64url.decode(text.encode("ascii"))
    except ValueError:
        plain = b""
    digits = plain[1:]
    if plain[:1] != b"n" or not digits.isdigit() or len(digits) > 18 or _cursor(int(digits)) != text:
        raise Malformed("request.cursor", "expected a cursor of the notices", field=field)
    return int(digits)
