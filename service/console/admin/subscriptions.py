"""Where notices are sent: offices' mailboxes, and systems. A mailbox is an office's and never a person's."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Path, Response

from protocol.errors import Refused
from protocol.identifiers import parse_address
from protocol.languages import available_languages
from service.console.admin.answering import fault_of, left, typed
from service.console.pages import Page, See, Viewing, go, render
from service.errors import Malformed, NodeError
from service.notices import KINDS, NODE_AUDIENCES, Audience
from service.notifying.subscriptions import ChannelName, Wanted

__all__ = ["router"]

_SUBSCRIPTIONS: Final = "/console/admin/subscriptions"
_CHANNELS: Final = ("email", "webhook")
_AUDIENCES: Final = ("officer", "supervisor", "operator", "administrator")
_FORM: Final = ("id", "channel", "authority", "audience", "target", "daily_at", "language")
_WHOLE_HOUR: Final = range(24)

router = APIRouter(route_class=Page)

Id = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{2,63}$")]


@router.get(_SUBSCRIPTIONS)
async def subscriptions(see: See) -> Response:
    return await _subscriptions(see)


@router.get(f"{_SUBSCRIPTIONS}/{{id}}")
async def one(see: See, id: Id) -> Response:  # noqa: A002 (the parameter's name)
    """As it is, for changing it."""
    found = await see.exchange.read_subscription(see.node, see.actor, id)
    said = {name: getattr(found, name) for name in _FORM}
    return await _subscriptions(
        see,
        typed={name: "" if value is None else str(value) for name, value in said.items()},
        chosen=found.kinds,
    )


async def _subscriptions(see: Viewing, status: int = 200, **more: Any) -> Response:
    offices: list[str] = []
    try:
        directory = see.node.directory.known()
        offices = sorted(entry.address for entry in directory.authorities() if entry.node == see.node.code)
    except Refused:
        pass  # then there is no office to choose
    return render(
        see,
        "admin/subscriptions.html",
        status,
        subscriptions=await see.exchange.list_subscriptions(see.node, see.actor),
        channels=_CHANNELS,
        audiences=_AUDIENCES,
        of_node=NODE_AUDIENCES,
        kinds=list(KINDS),
        offices=offices,
        hours=_WHOLE_HOUR,
        mail_server=bool(see.node.settings.smtp_host),
        languages_there=available_languages(),
        **{"fault": None, "typed": left(*_FORM), "chosen": (), **more},
    )


@router.post(_SUBSCRIPTIONS)
async def put(see: See) -> Response:
    posted = see.posted.only(*_FORM, "kinds")
    try:
        wanted = _wanted(see)
        await see.exchange.put_subscription(see.node, see.actor, posted.one("id").strip(), wanted)
    except (Refused, NodeError) as refused:
        return await _subscriptions(
            see, 422, fault=fault_of(see, refused), typed=typed(see, *_FORM), chosen=posted.all("kinds")
        )
    return go(see, _SUBSCRIPTIONS, said="admin-said-subscribed")


@router.post(f"{_SUBSCRIPTIONS}/{{id}}/remove")
async def remove(see: See, id: Id) -> Response:  # noqa: A002
    await see.exchange.delete_subscription(see.node, see.actor, id)
    return go(see, _SUBSCRIPTIONS, said="admin-said-unsubscribed")


def _wanted(see: Viewing) -> Wanted:
    posted = see.posted
    channel, audience = posted.one("channel"), posted.get("audience")
    authority, hour = posted.get("authority"), posted.get("daily_at")
    if channel not in _CHANNELS:
        raise Malformed("request.body", "expected email or webhook", field="/channel")
    if audience is not None and audience not in _AUDIENCES:
        raise Malformed("request.body", "expected who is told", field="/audience")
    if hour is not None and hour not in {str(one) for one in _WHOLE_HOUR}:
        raise Malformed("request.body", "expected an hour", field="/daily_at")
    return Wanted(
        channel=cast("ChannelName", channel),
        authority=None if authority is None else parse_address(authority),
        audience=cast("Audience | None", audience),
        target=posted.get("target"),
        kinds=posted.all("kinds"),
        daily_at=None if hour is None else int(hour),
        language=posted.get("language"),
    )
