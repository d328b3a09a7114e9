"""Coming and going: the first page, signing in and out, and the files that every page loads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.access import sessions
from service.console.assets import FILES, file_of
from service.console.pages import HEADERS, NAVIGATION, Page, See, go, is_local, may_open, render
from service.errors import Malformed, NotFound

__all__ = ["HOME", "router"]

HOME = "/console/"

router = APIRouter(route_class=Page)


@router.get("/console/")
async def home(see: See) -> Response:
    """To where somebody of this role begins."""
    for _, path in NAVIGATION:
        if may_open(see, path):
            return go(see, path)
    return render(see, "nothing.html")


@router.get("/console/sign-in")
async def sign_in(see: See, to: Annotated[str, Query(max_length=512)] = HOME) -> Response:
    if not is_local(to):
        raise Malformed("request.parameter", "expected a page of the consoles", field="/to")
    if see.visitor is not None:
        return go(see, to)
    return render(see, "sign-in.html", to=to, provider=see.api.provider is not None)


@router.post("/console/sign-out")
async def sign_out(see: See) -> Response:
    visitor, node = see.visitor, see.node
    assert visitor is not None
    now = node.clock.now()
    await node.store.write(lambda session: sessions.close(session, visitor.cookie, see.actor, now))
    response = render(see.left(), "signed-out.html")
    response.delete_cookie(
        sessions.cookie_name(node.settings),
        path="/",
        secure=sessions.cookies_are_secure(node.settings),
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/console/static/{name}")
async def asset(request: Request, name: str, v: Annotated[str, Query(max_length=64)] = "") -> Response:
    """A file under its digest, for good; under another one it is not to be kept."""
    if name not in FILES:
        raise NotFound("request.not_found", "no such file")
    file = file_of(name)
    headers = {
        **HEADERS,
        "Cache-Control": "public, max-age=31536000, immutable" if v == file.digest else "no-store",
        "Vary": "Accept-Encoding",
    }
    content = file.content
    # Only what is the same for everybody is packed: the length of a packed page would tell of its secrets.
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = file.packed, "gzip"
    return Response(content, headers=headers, media_type=FILES[name])
