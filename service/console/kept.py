"""What somebody typed whose session was over when they sent it: it comes back in a page of its own.

The page holds what was typed in hidden fields of the form that was sent; the node keeps nothing. One signs in
in another tab and sends the form again. Then it is asked once more, in sight of who is signed in, for this
form does not have the new session's word: only the page that answers has it.

No other site can bring a page of this kind about, or fill it:
    what came from another site, or does not say from where, is not kept (`is_ours`);
    what was typed is given to nobody but the person whose page it was typed in (`writer_mark`);
    nothing is done without the word of the session (`service.access.sessions`), as for every form.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import urlsplit

from fastapi import Request

from protocol import base64url
from service.access import sessions
from service.api.guard import Visitor, api_of
from service.console.posted import Posted

__all__ = ["HEADERS_OF_KEPT", "NOT_KEPT", "Kept", "is_ours", "kept_of", "may_be_ours", "writer_mark"]

NOT_KEPT: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "/console/admin/people": frozenset({"subject"}),  # may be a mail address
        "/console/admin/systems": frozenset({"keys"}),  # may be a private one
    }
)
"""Fields that no page shows again, by the path of their form."""

HEADERS_OF_KEPT: Final[Mapping[str, str]] = MappingProxyType({"Referrer-Policy": "same-origin"})
"""So that a browser that sends no `Sec-Fetch-Site` says the origin of what this page sends."""

_MARK: Final = 12  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`standing`: nobody is signed in ("out"), somebody else than the writer ("other"), or the writer
    ("ready"), in another session than the form's. `with_file`: there was a file too, which is gone."""

    standing: Literal["out", "other", "ready"]
    action: str
    items: tuple[tuple[str, str], ...]
    mark: str
    with_file: bool


def writer_mark(person: str) -> str:
    """Stands beside the session's word in every form: whose page it is. No secret, and no name."""
    return base64url.encode(sha256(f"focalpoint writer {person}".encode()).digest()[:_MARK]).decode()


def may_be_ours(request: Request) -> bool:
    """Before the form is read: whether it can turn out to be one that our own page sent."""
    site = request.headers.get("sec-fetch-site")
    return site == "same-origin" if site is not None else "origin" in request.headers or bool(request.cookies)


def is_ours(request: Request, posted: Posted) -> bool:
    """Whether our own page sent it: the browser says so, or it has the word of the session whose cookie still
    came. Pages without a referrer give the origin `null`, which says nothing."""
    settings = api_of(request).node.settings
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site == "same-origin"
    if origin is not None and origin != "null":
        own = urlsplit(settings.audience)
        return origin == f"{own.scheme}://{own.netloc}"
    cookie = request.cookies.get(sessions.cookie_name(settings), "")
    return bool(cookie) and posted.csrf is not None and _same(sessions.csrf_of(cookie), posted.csrf)


def kept_of(request: Request, path: str, posted: Posted, visitor: Visitor | None) -> Kept | None:
    """What is to be kept of a form that was refused, for nobody or for `visitor`; `path` is the route's.

    None where there is nothing to keep: it was not ours, nothing was typed, or the form was this session's.
    """
    hidden = NOT_KEPT.get(path, frozenset())
    items = tuple((name, value) for name, value in posted.items if name not in hidden)
    if not items or not posted.writer or not is_ours(request, posted):
        return None
    standing: Literal["out", "other", "ready"] = "out"
    if visitor is not None:
        if not _same(writer_mark(visitor.signed_in.actor.person), posted.writer):
            standing = "other"
        elif posted.csrf is not None and _same(sessions.csrf_of(visitor.cookie), posted.csrf):
            return None
        else:
            standing = "ready"
    return Kept(
        standing=standing,
        action=request.url.path,
        items=items,
        mark=posted.writer,
        with_file=posted.upload is not None,
    )


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
