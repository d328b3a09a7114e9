"""Where notices are sent besides: offices' mailboxes and systems, registered by the administrator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Path, Request, Response

from protocol.identifiers import parse_address
from protocol.json_strict import parse_object
from service.api.answers import answer
from service.api.guard import Ask, Guarded
from service.api.reading import CONTENT, body_of
from service.errors import Malformed
from service.notices import Audience
from service.notifying.subscriptions import ChannelName, Wanted

__all__ = ["router"]

MAX_BODY: Final = 8_192
_MEMBERS: Final = {"channel", "authority", "audience", "target", "kinds", "daily_at", "language"}
_AUDIENCES: Final = ("officer", "supervisor", "operator", "administrator")

router = APIRouter(route_class=Guarded)

Id = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{2,63}$")]


@router.get("/v1/subscriptions")
async def list_subscriptions(ask: Ask) -> Response:
    found = await ask.exchange.list_subscriptions(ask.node, ask.actor)
    return answer({"subscriptions": list(found)}, language=ask.language)


@router.get("/v1/subscriptions/{id}")
async def read_subscription(ask: Ask, id: Id) -> Response:  # noqa: A002 (the parameter's name)
    return answer(await ask.exchange.read_subscription(ask.node, ask.actor, id), language=ask.language)


@router.put("/v1/subscriptions/{id}")
async def put_subscription(ask: Ask, id: Id, request: Request) -> Response:  # noqa: A002
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_BODY)
    wanted = _wanted(parse_object(data, max_bytes=MAX_BODY))
    return answer(await ask.exchange.put_subscription(ask.node, ask.actor, id, wanted), language=ask.language)


@router.delete("/v1/subscriptions/{id}")
async def delete_subscription(ask: Ask, id: Id) -> Response:  # noqa: A002
    return answer(await ask.exchange.delete_subscription(ask.node, ask.actor, id), language=ask.language)


def _wanted(body: Mapping[str, Any]) -> Wanted:
    if not body.keys() <= _MEMBERS:
        raise Malformed("request.body", "an unknown member")
    authority, daily_at = _text(body, "authority"), body.get("daily_at")
    audience, kinds = _text(body, "audience"), body.get("kinds", [])
    if body.get("channel") not in ("email", "webhook"):
        raise Malformed("request.body", "expected email or webhook", field="/channel")
    if audience is not None and audience not in _AUDIENCES:
        raise Malformed("request.body", f"expected one of {', '.join(_AUDIENCES)}", field="/audience")
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise Malformed("request.body", "expected a list of kinds", field="/kinds")
    if daily_at is not None and type(daily_at) is not int:
        raise Malformed("request.body", "expected an hour", field="/daily_at")
    return Wanted(
        channel=cast("ChannelName", body["channel"]),
        authority=None if authority is None else parse_address(authority),
        audience=cast("Audience | None", audience),
        target=_text(body, "target"),
        kinds=tuple(kinds),
        daily_at=daily_at,
        language=_text(body, "language"),
    )


def _text(body: Mapping[str, Any], name: str) -> str | None:
    text = body.get(name)
    if name in body and not (isinstance(text, str) and text):
        raise Malformed("request.body", "expected text", field=f"/{name}")
    return text
