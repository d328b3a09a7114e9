"""Messages: send, try out, find, read, prove, show, collect."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response

from protocol.identifiers import ThreadId, case_reference, parse_message_id
from protocol.languages import nearest_language
from service.access.represented import acting_now
from service.access.roles import Scope
from service.api.answers import answer, json_of, shown
from service.api.guard import Ask, Asking, Guarded
from service.api.reading import Form, Language, Moment, cursor, position, submitted
from service.errors import Malformed
from service.exchange.views import Awaiting, ClaimedRendering, Direction, MessageQuery, MessageStatus, Page

__all__ = ["router"]

LONGEST_WAIT = 30
"""Seconds of a long poll: under what proxies of agencies cut off."""
LOOK_AGAIN = 5.0
"""Seconds. A signal wakes waiters of its own process; what another process wrote is seen by looking."""

router = APIRouter(route_class=Guarded)

Id = Annotated[str, Path(max_length=64)]


@router.post("/v1/messages")
async def send_message(request: Request) -> Response:
    # The busiest endpoint: it takes the request alone, which `Guarded` makes short.
    ask: Asking = request.state.asking
    accepted = await ask.exchange.send(ask.node, ask.actor, await submitted(request, ask.limits))
    where = f"/v1/messages/{accepted.id}"
    if isinstance(accepted, Awaiting):
        where = f"/v1/approvals/{accepted.approval}"
    headers = {"Location": where}
    return answer(accepted, language=ask.language, status=202, headers=headers)


@router.post("/v1/messages/validation")
async def validate_message(ask: Ask, request: Request) -> Response:
    validation = await ask.exchange.validate(ask.node, ask.actor, await submitted(request, ask.limits))
    return answer(validation, language=ask.language)


@router.get("/v1/messages")
async def list_messages(
    ask: Ask,
    request: Request,
    *,
    case: Annotated[str | None, Query(max_length=64)] = None,
    type: Annotated[str | None, Query(max_length=64)] = None,  # noqa: A002 (the parameter's name)
    direction: Direction | None = None,
    status: MessageStatus | None = None,
    thread: Annotated[str | None, Query(max_length=64)] = None,
    since: Moment | None = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT)] = 0,
) -> Response:
    query = MessageQuery(
        case=None if case is None else case_reference(case),
        type=type,
        direction=direction,
        status=status,
        thread=None if thread is None else ThreadId(parse_message_id(thread)),
        since=since,
        after=position(after),
        limit=limit,
    )
    page = await _awaited(ask, query, wait)
    here = cursor(page.position)
    onward = urlencode({**request.query_params, "after": here})
    body = {
        "messages": json_of(page.messages, ask.language),
        "cursor": here,
        "more": page.more,
        "next": f"/v1/messages?{onward}",
    }
    return answer(body, language=ask.language)


async def _awaited(ask: Asking, query: MessageQuery, seconds: float) -> Page:
    """The page, as soon as there is something on it, or after `seconds`. Waiting holds no thread."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    arrived = ask.node.wake.mail_arrived
    while True:
        seen = arrived.count  # before looking: what arrives in between is not missed
        page = await ask.exchange.list_messages(ask.node, acting_now(ask.node, ask.actor), query)
        left = until - clock()
        if page.messages or left <= 0:
            return page
        await arrived.wait(seen, timeout=min(left, LOOK_AGAIN))


@router.get("/v1/messages/{id:message_id}")
async def read_message(
    ask: Ask,
    id: Id,  # noqa: A002 (the parameter's name)
    identity: Literal["release"] | None = None,
    reason: Annotated[str | None, Query(pattern=r"^[a-z0-9]+([/-][a-z0-9]+)*$", max_length=64)] = None,
) -> Response:
    message = parse_message_id(id)
    if identity == "release":
        ask.actor.require(Scope.IDENTITY_REQUEST)
        if reason is None:
            raise Malformed("access.reason_required", "expected `reason`", field="/reason")
    view = await ask.exchange.read_message(ask.node, ask.actor, message, identity == "release", reason)
    return answer(view, language=ask.language)


@router.get("/v1/messages/{id:message_id}/evidence")
async def message_evidence(ask: Ask, id: Id) -> Response:  # noqa: A002
    evidence = await ask.exchange.message_evidence(ask.node, ask.actor, parse_message_id(id))
    return answer(evidence, language=ask.language)


@router.get("/v1/messages/{id:message_id}/rendering")
async def render_message(
    ask: Ask,
    id: Id,  # noqa: A002
    lang: Language = None,
    format: Form = "text",  # noqa: A002 (the parameter's name)
) -> Response:
    message = parse_message_id(id)
    language = ask.language if lang is None else nearest_language(lang)
    return shown(await ask.exchange.render_message(ask.node, ask.actor, message, language, format), message)


@router.post("/v1/messages/{id:message_id}/collection")
async def collect_message(
    ask: Ask,
    id: Id,  # noqa: A002
    rendering: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{43}$")] = None,
    lang: Language = None,
    format: Form | None = None,  # noqa: A002
) -> Response:
    claimed = None
    if rendering is not None and lang is not None and format is not None:
        claimed = ClaimedRendering(digest=rendering, language=lang, format=format)
    elif not (rendering is None and lang is None and format is None):
        raise Malformed("request.parameter", "a rendering is named by `rendering`, `lang` and `format`")
    collection = await ask.exchange.collect(ask.node, ask.actor, parse_message_id(id), claimed)
    return answer(collection, language=ask.language)
