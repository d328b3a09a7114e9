"""The node's keys, without their secrets: how each stands, and what two administrators do with them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any, Final, cast

from fastapi import APIRouter, Response

from protocol.errors import Refused
from service.console.admin.answering import fault_of, left, typed, waits
from service.console.pages import Page, See, Viewing, render
from service.directory.key_acts import Act
from service.directory.key_desk import SEALING, UNLISTED, KeyRequest
from service.errors import Malformed, NodeError
from service.keystore import STATE_ROOT, FileKeyStore, KeyEntry
from service.monitor.key_lives import Ending, endings

__all__ = ["ACTS", "router"]

ACTS: Final = ("rotate", "publish", "generate", "retire", "revoke", "compromised")
_OF_ONE_KEY: Final = frozenset({"retire", "revoke", "compromised"})
_KEYS: Final = "/console/admin/keys"
_FORM: Final = ("act", "owner", "kid", "since", "replace")

router = APIRouter(route_class=Page)


@router.get(_KEYS)
async def keys(see: See) -> Response:
    return _keys(see)


def _keys(see: Viewing, status: int = 200, **more: Any) -> Response:
    node, now = see.node, see.node.clock.now()
    found: tuple[KeyEntry, ...] = ()
    lives: list[Ending] = []
    if isinstance(node.keys, FileKeyStore):
        found = tuple(sorted(node.keys.entries(), key=_order))
    with contextlib.suppress(Refused):  # then the page shows the keys, and no lives
        lives = sorted(endings(node.directory.known(), node.code, now), key=lambda one: (not one.due, one.at))
    owners = {one.owner for one in found if one.kind == "sign" and one.owner != STATE_ROOT}
    return render(
        see,
        "admin/keys.html",
        status,
        keys=found,
        endings=lives,
        standing=_standing,
        owners=sorted(owners | {str(node.code), *SEALING, *UNLISTED}),
        acts=ACTS,
        at=now,
        **{"fault": None, "typed": left(*_FORM), **more},
    )


@router.post(_KEYS)
async def act(see: See) -> Response:
    see.posted.only(*_FORM)
    try:
        request = _request(see)
        return waits(see, await see.exchange.propose_key_act(see.node, see.actor, request))
    except (Refused, NodeError) as refused:
        return _keys(see, 422, fault=fault_of(see, refused), typed=typed(see, *_FORM))


def _request(see: Viewing) -> KeyRequest:
    """As the API reads one. A key or a moment that its act does not take is refused, not passed over."""
    posted = see.posted
    wanted, owner = posted.one("act"), posted.one("owner")
    kid, since, replace = posted.get("kid"), posted.get("since"), posted.get("replace")
    if wanted not in ACTS:
        raise Malformed("request.body", "expected an act with a key", field="/act")
    if not 0 < len(owner) <= 64:
        raise Malformed("request.body", "expected whose key it is", field="/owner")
    if kid is not None and (wanted not in _OF_ONE_KEY or len(kid) > 128):
        raise Malformed("request.body", "expected no key with this act", field="/kid")
    if (since is not None) != (wanted == "compromised"):
        raise Malformed("request.body", "a moment belongs to a stolen key", field="/since")
    if replace not in (None, "yes") or (replace is not None and wanted != "generate"):
        raise Malformed("request.body", "expected no replacing with this act", field="/replace")
    return KeyRequest(
        act=cast("Act", wanted),
        owner=owner,
        kid=kid,
        since=None if since is None else _moment(since),
        replace=replace is not None,
    )


def _moment(text: str) -> datetime:
    """As `datetime-local` writes it, in UTC: the page says so."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("request.body", "expected a moment", field="/since") from None
    if moment.tzinfo is not None:
        raise Malformed("request.body", "expected a moment without a zone", field="/since")
    return moment.replace(tzinfo=UTC)


def _standing(one: KeyEntry, now: datetime) -> str:
    """The end of its word's name."""
    if one.destroyed_at is not None:
        return "destroyed"
    if one.waiting:
        return "waiting"
    if one.starts_at > now:
        return "ahead"
    return "current" if one.current or (one.kind == "seal" and one.destroy_after is None) else "former"


def _order(one: KeyEntry) -> tuple[bool, str, str]:
    return one.destroyed_at is not None, one.owner, one.kid
