"""People sign in: by the identity provider, or by a one-time link. Both end in a session.

GET  /auth/login                 to the provider
GET  /auth/callback              back from it
GET  /auth/invitation/{secret}   a page with one button: what looks at links before people do opens none
POST /auth/invitation/{secret}   the link is used up
GET  /auth/session               who I am, and the word that changes need
DELETE /auth/session             sign out
POST /auth/token                 a bearer token for some minutes, for what is not a browser
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import delete, insert
from sqlmodel import Session

from protocol import base64url
from service.access import people, sessions
from service.access.people import secret_digest
from service.access.tokens import mint
from service.api.answers import NOT_STORED, answer
from service.api.guard import Guarded, api_of, language_of, visitor_of
from service.console.pages import error_page, open_viewing, render
from service.errors import Forbidden, Malformed, NotAuthenticated, NotFound
from service.keystore import API_TOKEN
from service.node import Node
from service.settings import Settings
from service.store.tables import SIGN_IN_ATTEMPT

__all__ = ["AFTER_SIGN_IN", "router"]

AFTER_SIGN_IN: Final = "/console/"
ATTEMPT: Final = timedelta(minutes=10)
"""To find one's password, and one's telephone."""
_QUIET: Final = {**NOT_STORED, "Referrer-Policy": "no-referrer"}


class Landing(Guarded):
    """Where people arrive by a link, or come back from the provider: they read pages, not problems."""

    def failed(self, request: Request, error: Exception) -> Response:
        reads_pages = "text/html" in request.headers.get("accept", "")
        return error_page(request, error) if reads_pages else super().failed(request, error)


router = APIRouter(route_class=Landing)

Secret = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]
Word = Annotated[str | None, Query(max_length=2048)]


@router.get("/auth/login")
async def go(
    request: Request,
    return_to: Annotated[str, Query(max_length=512)] = AFTER_SIGN_IN,
) -> Response:
    api = api_of(request)
    node, provider = api.node, api.provider
    if provider is None:
        raise NotFound("access.provider_absent", "no identity provider is set: people come by one-time links")
    if not _is_ours(return_to):
        raise Malformed("request.parameter", "expected a path of this node", field="/return_to")
    now = node.clock.now()
    state, nonce, verifier = (base64url.encode(node.random.bytes(32)).decode() for _ in range(3))
    address = await provider.address(
        state=state, nonce=nonce, verifier=verifier, back_to=_back_to(node.settings), now=now
    )

    def work(session: Session) -> None:
        connection = session.connection()
        connection.execute(delete(SIGN_IN_ATTEMPT).where(SIGN_IN_ATTEMPT.c.until <= now))
        connection.execute(
            insert(SIGN_IN_ATTEMPT),
            {
                "digest": secret_digest(state),
                "nonce": nonce,
                "verifier": verifier,
                "return_to": return_to,
                "until": now + ATTEMPT,
            },
        )

    await node.store.write(work)
    response = Response(status_code=302, headers={**_QUIET, "Location": address})
    _set(response, node.settings, _attempt_cookie(node.settings), state, ATTEMPT)
    return response


@router.get("/auth/callback")
async def come_back(
    request: Request, code: Word = None, state: Word = None, iss: Word = None, error: Word = None
) -> Response:
    api = api_of(request)
    node, provider = api.node, api.provider
    if provider is None:
        raise NotFound("access.provider_absent", "no identity provider is set: people come by one-time links")
    now = node.clock.now()
    begun = request.cookies.get(_attempt_cookie(node.settings), "")
    # The browser that comes back is the one that went: nobody is signed in by another's link.
    if not state or not hmac.compare_digest(begun.encode(), state.encode()):
        raise NotAuthenticated("access.sign_in_failed", "this browser did not begin this sign-in")

    def taken(session: Session) -> tuple[str, str, str] | None:
        row = (
            session.connection()
            .execute(
                delete(SIGN_IN_ATTEMPT)
                .where(SIGN_IN_ATTEMPT.c.digest == secret_digest(state), SIGN_IN_ATTEMPT.c.until > now)
                .returning(SIGN_IN_ATTEMPT.c.nonce, SIGN_IN_ATTEMPT.c.verifier, SIGN_IN_ATTEMPT.c.return_to)
            )
            .first()
        )
        return None if row is None else (row.nonce, row.verifier, row.return_to)

    attempt = await node.store.write(taken)
    if attempt is None:
        raise NotAuthenticated("access.sign_in_failed", "no such sign-in, or no longer")
    # RFC 9207: an answer from another provider is not for this one to judge.
    if error is not None or not code or iss not in (None, provider.issuer):
        raise NotAuthenticated("access.sign_in_failed", "the provider did not sign anybody in")
    nonce, verifier, return_to = attempt
    identity = await provider.identify(
        code=code, nonce=nonce, verifier=verifier, back_to=_back_to(node.settings), now=now
    )

    def work(session: Session) -> str:
        person = people.by_subject(session, identity.subject)
        if person is None:
            raise Forbidden("access.person_unknown", "the provider knows them; this node does not")
        return sessions.open_session(
            session,
            person,
            how="provider",
            acr=identity.acr,
            amr=identity.amr,
            settings=node.settings,
            random_bytes=node.random.bytes,
            now=now,
        )

    return _signed_in(node, await node.store.write(work), return_to)


@router.get("/auth/invitation/{secret}")
async def show_invitation(request: Request, secret: Secret) -> Response:  # noqa: ARG001 (it is looked at when used)
    return render(open_viewing(request), "invitation.html")


@router.post("/auth/invitation/{secret}")
async def use_invitation(request: Request, secret: Secret) -> Response:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("access.csrf", "another site's page asked for this")
    node = api_of(request).node
    now = node.clock.now()

    def work(session: Session) -> str:
        return sessions.open_session(
            session,
            people.redeem(session, secret, now),
            how="invitation",
            settings=node.settings,
            random_bytes=node.random.bytes,
            now=now,
        )

    return _signed_in(node, await node.store.write(work), AFTER_SIGN_IN)


@router.get("/auth/session")
async def who_am_i(request: Request) -> Response:
    visitor = await visitor_of(request)
    actor, signed_in = visitor.signed_in.actor, visitor.signed_in
    told = {
        "person": actor.person,
        "role": str(actor.role),
        "authorities": sorted(actor.authorities),
        "scopes": sorted(actor.scopes),
        "how": signed_in.how,
        "acr": signed_in.acr,
        "amr": signed_in.amr,
        "opened_at": signed_in.opened_at,
        "ends_at": signed_in.ends_at,
        "csrf": sessions.csrf_of(visitor.cookie),
    }
    told = {name: value for name, value in told.items() if value is not None}
    return answer(told, language=language_of(request))


@router.delete("/auth/session")
async def sign_out(request: Request) -> Response:
    visitor = await visitor_of(request)
    node = api_of(request).node
    now, actor = node.clock.now(), visitor.signed_in.actor
    await node.store.write(lambda session: sessions.close(session, visitor.cookie, actor, now))
    response = Response(status_code=204, headers=_QUIET)
    _set(response, node.settings, sessions.cookie_name(node.settings), "", timedelta(0))
    return response


@router.post("/auth/token")
async def token(request: Request) -> Response:
    visitor = await visitor_of(request)
    node, signed_in = api_of(request).node, visitor.signed_in
    now = node.clock.now()
    lifetime = min(node.settings.token_seconds, int((signed_in.ends_at - now).total_seconds()))
    bearer = mint(
        node.keys.signing(API_TOKEN),
        node=node.code,
        person=signed_in.actor.person,
        role=signed_in.actor.role,
        authorities=signed_in.actor.authorities,
        now=now,
        random_bytes=node.random.bytes,
        lifetime=timedelta(seconds=lifetime),
        via="session",
    )
    return answer(
        {"access_token": bearer, "token_type": "Bearer", "expires_in": lifetime},
        language=language_of(request),
    )


def _signed_in(node: Node, cookie: str, return_to: str) -> Response:
    response = Response(status_code=303, headers={**_QUIET, "Location": return_to})
    most = timedelta(seconds=node.settings.session_most_seconds)
    _set(response, node.settings, sessions.cookie_name(node.settings), cookie, most)
    return response


def _set(response: Response, settings: Settings, name: str, value: str, lifetime: timedelta) -> None:
    same_site: Literal["lax"] = "lax"  # the provider sends the browser back from its own site
    response.set_cookie(
        name,
        value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=sessions.cookies_are_secure(settings),
        httponly=True,
        samesite=same_site,
    )


def _attempt_cookie(settings: Settings) -> str:
    return f"{sessions.cookie_name(settings)}-sign-in"


def _back_to(settings: Settings) -> str:
    return f"{settings.audience.rstrip('/')}/auth/callback"


def _is_ours(path: str) -> bool:
    """A path of this node. Browsers read `//` and a backslash as the beginning of another host."""
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() and path.isascii()
