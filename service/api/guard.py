"""In front of every endpoint: who asks, may they, and is the question one that we know.

`Guarded` is the class of every route. It takes the scopes of its endpoint from `service.access.roles`, so an
endpoint that declares none cannot even be made.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from protocol.errors import FocalpointError, Refused
from protocol.languages import best_language
from protocol.limits import Limits
from service.access import sessions
from service.access.actor import Actor
from service.access.provider import Provider
from service.access.rates import Rates, network_of
from service.access.represented import acting
from service.access.roles import ENDPOINTS, SIGN_IN_ENDPOINTS, Endpoint, Scope, check_endpoints
from service.access.sessions import SignedIn
from service.access.tokens import TokenVerifier
from service.api.problems import problem
from service.api.use_cases import UseCases
from service.errors import Malformed, NodeError, NotAuthenticated
from service.node import Node

__all__ = [
    "Api",
    "Ask",
    "Asking",
    "Guarded",
    "Visitor",
    "api_of",
    "check_parameters",
    "language_of",
    "seen",
    "session_of",
    "take_address",
    "visitor_of",
]

_ANY_PARAMETER = frozenset({("GET", "/auth/callback")})
"""The identity provider may say more than we know (RFC 6749 §4.1.2)."""
_PROBES = frozenset({("GET", "/livez"), ("GET", "/readyz")})
"""Answered however much is asked: a supervisor that hears nothing stops the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What stands behind the endpoints. One per application, in `app.state.api`.

    `provider`: the identity provider, where the State has one.
    """

    node: Node
    exchange: UseCases
    tokens: TokenVerifier
    probes: Mapping[str, Callable[[], Awaitable[bool]]]
    rates: Rates
    provider: Provider | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request by somebody we know. `language` is the reader's."""

    api: Api
    actor: Actor
    language: str

    @property
    def node(self) -> Node:
        return self.api.node

    @property
    def exchange(self) -> UseCases:
        return self.api.exchange

    @property
    def limits(self) -> Limits:
        return self.api.node.settings.limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who came with a session's cookie."""

    cookie: str
    signed_in: SignedIn


def api_of(request: Request) -> Api:
    api: Api = request.app.state.api
    return api


def language_of(request: Request) -> str:
    """The available language that the request prefers, for titles, problems and renderings."""
    return best_language(request.headers.get("accept-language"))


async def _asking(request: Request) -> Asking:
    asking: Asking = request.state.asking
    return asking


Ask = Annotated[Asking, Depends(_asking)]
"""The parameter of an endpoint that answers to somebody."""


class Guarded(APIRoute):
    """Authenticates and authorises before anything of the request is read, and turns every error into a
    problem.

    A query parameter that the endpoint does not know is refused: a filter with a typing error in it must not
    silently show everything.
    """

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Method and path as the description has them."""
        return tuple((method, self.path_format) for method in sorted(self.methods or ()))

    def failed(self, request: Request, error: Exception) -> Response:
        """The answer to what ended in `error`."""
        return problem(request, error)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        # What wants the request alone needs no parameters solved, which costs as much as reading it.
        alone = list(inspect.signature(self.endpoint).parameters) == ["request"]
        answer = self.endpoint if alone else super().get_route_handler()
        check_endpoints(self.endpoints)
        scopes = frozenset[Scope]().union(*(ENDPOINTS[endpoint] for endpoint in self.endpoints))
        parameters = frozenset(field.alias for field in self.dependant.query_params)
        is_probe = _PROBES.issuperset(self.endpoints)
        signs_in = not SIGN_IN_ENDPOINTS.isdisjoint(self.endpoints)
        any_parameter = not _ANY_PARAMETER.isdisjoint(self.endpoints)

        async def guarded(request: Request) -> Response:
            started = perf_counter()
            metrics = api_of(request).node.metrics
            try:
                if not is_probe:
                    take_address(request, signs_in=signs_in)
                if scopes:
                    request.state.asking = await _authorised(request, scopes)
                if request.scope["query_string"] and not any_parameter:
                    check_parameters(request, parameters)
                response = await answer(request)
            except (FocalpointError, RequestValidationError, HTTPException) as known:
                if isinstance(known, Refused | NodeError):
                    metrics.refused(known.code)
                response = self.failed(request, known)
            except Exception as bug:  # noqa: BLE001 (it is logged by type and place, and reveals nothing)
                response = self.failed(request, bug)
            metrics.request(self.path_format, request.method, response.status_code, perf_counter() - started)
            return response

        return guarded


def take_address(request: Request, *, signs_in: bool) -> None:
    """Before anything is verified: also whoever has no token costs something."""
    api = api_of(request)
    address = network_of(request.client.host if request.client else None)
    bucket = api.rates.sign_ins if signs_in else api.rates.addresses
    bucket.take(address, api.node.clock.now())


async def session_of(request: Request) -> Visitor:
    """Who came with a cookie. The session's word is not asked for yet.

    NotAuthenticated `access.token_missing`, `access.session_ended`.
    """
    node = api_of(request).node
    now, settings = node.clock.now(), node.settings
    cookie = request.cookies.get(sessions.cookie_name(settings)) if request.cookies else None
    if not cookie:
        raise NotAuthenticated("access.token_missing", "expected a token, or a session")
    idle = timedelta(seconds=settings.session_idle_seconds)
    signed_in = await node.store.read(lambda session: sessions.find(session, cookie, idle=idle, now=now))
    return Visitor(cookie=cookie, signed_in=signed_in)


async def seen(request: Request, visitor: Visitor) -> None:
    """The session was used just now, and goes on."""
    node = api_of(request).node
    if visitor.signed_in.stale:
        now = node.clock.now()
        await node.store.write(lambda session: sessions.touch(session, visitor.cookie, now))


async def visitor_of(request: Request) -> Visitor:
    """Who came with a cookie, and with the session's word where something would change.

    NotAuthenticated `access.token_missing`, `access.session_ended`; Forbidden `access.csrf`.
    """
    visitor = await session_of(request)
    if request.method not in sessions.SAFE_METHODS:
        sessions.require_csrf(visitor.cookie, request.headers.get(sessions.CSRF_HEADER))
    await seen(request, visitor)
    return visitor


async def _actor(request: Request) -> Actor:
    api = api_of(request)
    if "authorization" not in request.headers and "cookie" in request.headers:
        return (await visitor_of(request)).signed_in.actor
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("access.token_missing", "expected `Authorization: Bearer …`")
    return api.tokens.verify(token.strip(), api.node.clock.now())


async def _authorised(request: Request, scopes: frozenset[Scope]) -> Asking:
    api = api_of(request)
    actor = acting(api.node, await _actor(request))
    api.rates.actors.take(actor.person, api.node.clock.now())
    for scope in scopes:
        actor.require(scope)
    return Asking(api=api, actor=actor, language=language_of(request))


def check_parameters(request: Request, known: frozenset[str]) -> None:
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            raise Malformed("request.parameter", "an unknown query parameter")
        if times > 1:
            raise Malformed("request.parameter", "a query parameter more than once", field=f"/{name}")
