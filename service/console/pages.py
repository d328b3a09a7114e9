"""In front of every page of the consoles: who looks, may they, and did this node's own page ask for it.

PAGES        every page with the scopes that it needs; a page that is not there does not start
NAVIGATION   what the bar on top offers, to those who may open it
Page         the class of every route: session, scopes, rates, the word of a form, errors as pages
Viewing      one request by somebody we know; `See` is the parameter that gives it
render       a template, with the headers that every page has
go           after a form: to another page, with something said there

A page for everybody is in `OPEN` and gets a `Viewing` whose `visitor` is None when nobody is signed in.

@router.get("/console/operator/queues")
async def queues(see: See, state: Literal["queued", "held"] | None = None) -> Response:
    return render(see, "operator/queues.html", rows=...)

@router.post("/console/operator/queues")          # its form has <input type="hidden" name="_csrf" …>
async def act(see: See) -> Response:
    see.posted.one("state")
    return go(see, "/console/operator/queues", said="operator-said-done")
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from time import perf_counter
from types import MappingProxyType
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from protocol import base64url
from protocol.errors import FocalpointError, Refused
from protocol.languages import Direction, available_languages, best_language
from protocol.limits import Limits
from service.access import sessions
from service.access.actor import Actor
from service.access.represented import acting
from service.access.roles import Endpoint, Role, Scope
from service.api.guard import Api, Visitor, api_of, check_parameters, seen, session_of, take_address
from service.api.problems import problem
from service.api.use_cases import UseCases
from service.console.drawing import draw
from service.console.kept import HEADERS_OF_KEPT, kept_of, may_be_ours, writer_mark
from service.console.posted import CSRF_FIELD, NOTHING_POSTED, Posted, read_posted
from service.console.words import Words, words
from service.errors import Forbidden, Malformed, Misconfigured, NodeError, NotAuthenticated
from service.node import Node

__all__ = [
    "CSRF_FIELD",
    "HEADERS",
    "NAVIGATION",
    "OPEN",
    "PAGES",
    "PREFIX",
    "Page",
    "See",
    "Viewing",
    "check_pages",
    "error_page",
    "go",
    "is_local",
    "may_open",
    "open_viewing",
    "reading_language",
    "render",
]

PREFIX: Final = "/console/"
_LANGUAGE_COOKIE: Final = "focalpoint-language"
_A_YEAR: Final = 31_536_000
_EVERYWHERE: Final = frozenset({"lang", "said"})
"""Query parameters that every page knows."""

_SIGNED_IN: Final[frozenset[Scope]] = frozenset()
_OPERATING: Final = frozenset({Scope.METRICS_READ, Scope.DEADLINES_READ, Scope.DIRECTORY_READ})
"""The operator's alone: an administrator sees no deadlines, and those who see deadlines no metrics."""
_ADMINISTERING: Final = frozenset({Scope.ADMIN})
_READING: Final = frozenset({Scope.CASES_READ, Scope.MESSAGES_READ})
_WORKING: Final = _READING | {Scope.DEADLINES_READ, Scope.NOTICES_READ}
_WRITING: Final = _READING | {Scope.MESSAGES_SEND, Scope.DIRECTORY_READ}
_RELEASING: Final = _READING | {Scope.IDENTITY_REQUEST}

PAGES: Final[Mapping[Endpoint, frozenset[Scope]]] = MappingProxyType(
    {
        # Everybody who is signed in; and what is in OPEN, everybody.
        ("GET", "/console/"): _SIGNED_IN,
        ("GET", "/console/sign-in"): _SIGNED_IN,
        ("POST", "/console/sign-out"): _SIGNED_IN,
        ("GET", "/console/static/{name}"): _SIGNED_IN,
        # The operator: service/console/operator.py
        ("GET", "/console/operator"): _OPERATING,
        ("GET", "/console/operator/deadlines"): _OPERATING,
        ("GET", "/console/operator/corridors"): _OPERATING,
        ("GET", "/console/operator/queues"): _OPERATING,
        ("GET", "/console/operator/quarantine"): _OPERATING,
        ("GET", "/console/operator/stuck"): frozenset({Scope.OPERATIONS_READ}),
        ("GET", "/console/operator/peers"): frozenset({Scope.OPERATIONS_READ}),
        ("GET", "/console/operator/keys"): _OPERATING,
        ("GET", "/console/operator/adapters"): _OPERATING | {Scope.ADAPTERS_READ},
        ("GET", "/console/operator/runbooks"): frozenset({Scope.METRICS_READ}),
        ("GET", "/console/operator/runbooks/{slug}"): frozenset({Scope.METRICS_READ}),
        # The administrator: service/console/admin/
        ("GET", "/console/admin/people"): _ADMINISTERING,
        ("POST", "/console/admin/people"): _ADMINISTERING,
        ("POST", "/console/admin/people/{id}/link"): _ADMINISTERING,
        ("POST", "/console/admin/people/{id}/disable"): _ADMINISTERING,
        ("GET", "/console/admin/systems"): _ADMINISTERING,
        ("POST", "/console/admin/systems"): _ADMINISTERING,
        ("POST", "/console/admin/systems/{id}/disable"): _ADMINISTERING,
        ("GET", "/console/admin/directory"): _ADMINISTERING,
        ("GET", "/console/admin/directory/{kind}/{name}"): _ADMINISTERING,
        ("POST", "/console/admin/directory/{kind}/{name}"): _ADMINISTERING,
        ("GET", "/console/admin/mandates"): _ADMINISTERING,
        ("POST", "/console/admin/mandates"): _ADMINISTERING,
        ("POST", "/console/admin/mandates/{name}/end"): _ADMINISTERING,
        ("GET", "/console/admin/profiles"): _ADMINISTERING,
        ("POST", "/console/admin/profiles"): _ADMINISTERING,
        ("POST", "/console/admin/profiles/{name}/end"): _ADMINISTERING,
        ("GET", "/console/admin/keys"): _ADMINISTERING,
        ("POST", "/console/admin/keys"): _ADMINISTERING,
        ("GET", "/console/admin/subscriptions"): _ADMINISTERING,
        ("POST", "/console/admin/subscriptions"): _ADMINISTERING,
        ("GET", "/console/admin/subscriptions/{id}"): _ADMINISTERING,
        ("POST", "/console/admin/subscriptions/{id}/remove"): _ADMINISTERING,
        ("GET", "/console/admin/hand-over"): _ADMINISTERING,
        ("POST", "/console/admin/hand-over"): _ADMINISTERING,
        ("POST", "/console/admin/hand-over/file"): _ADMINISTERING,
        # The auditor: service/console/audit.py
        ("GET", "/console/journal"): frozenset({Scope.AUDIT_READ}),
        ("GET", "/console/journal/check"): frozenset({Scope.AUDIT_READ}),
        ("GET", "/console/journal/file"): frozenset({Scope.AUDIT_READ}),
        # The statistician: service/console/figures.py
        ("GET", "/console/statistics"): frozenset({Scope.STATISTICS_READ}),
        ("POST", "/console/statistics"): frozenset({Scope.STATISTICS_READ, Scope.STATISTICS_RELEASE}),
        ("GET", "/console/statistics/{id}"): frozenset({Scope.STATISTICS_READ}),
        ("GET", "/console/statistics/{id}/file"): frozenset({Scope.STATISTICS_READ}),
        ("GET", "/console/indicators"): frozenset({Scope.INDICATORS_READ}),
        ("GET", "/console/indicators/file"): frozenset({Scope.INDICATORS_READ}),
        # The officer: service/console/officer/
        ("GET", "/console/work"): _WORKING,
        ("GET", "/console/deadlines"): frozenset({Scope.CASES_READ, Scope.DEADLINES_READ}),
        ("GET", "/console/cases"): frozenset({Scope.CASES_READ}),
        ("POST", "/console/cases"): frozenset({Scope.CASES_WRITE}),
        ("GET", "/console/cases/{reference}"): frozenset({Scope.CASES_READ}),
        ("GET", "/console/cases/{reference}/timeline"): frozenset({Scope.CASES_READ}),
        ("GET", "/console/cases/{reference}/evidence"): frozenset({Scope.CASES_READ}),
        ("POST", "/console/cases/{reference}/protection"): frozenset(
            {Scope.CASES_READ, Scope.PROTECTION_WRITE}
        ),
        ("POST", "/console/cases/{reference}/guardian"): frozenset(
            {Scope.CASES_READ, Scope.PROTECTION_WRITE}
        ),
        ("GET", "/console/cases/{reference}/retention"): frozenset({Scope.RETENTION_READ}),
        ("POST", "/console/cases/{reference}/retention"): frozenset({Scope.RETENTION_WRITE}),
        ("GET", "/console/retention"): frozenset({Scope.RETENTION_WRITE}),
        ("POST", "/console/retention"): frozenset({Scope.RETENTION_WRITE}),
        ("GET", "/console/cases/{reference}/compose"): _WRITING,
        ("POST", "/console/cases/{reference}/compose"): _WRITING,
        ("GET", "/console/cases/{reference}/compare"): frozenset({Scope.CASES_READ, Scope.MESSAGES_READ}),
        ("GET", "/console/cases/{reference}/agreements/{digest}"): _READING,
        ("GET", "/console/cases/{reference}/agreements/{digest}/file"): frozenset({Scope.CASES_READ}),
        ("GET", "/console/cases/{reference}/agreements/{digest}/rendering"): _READING,
        ("GET", "/console/messages"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/console/messages/{id}"): _READING,
        ("GET", "/console/messages/{id}/rendering"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/console/messages/{id}/evidence"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/console/messages/{id}/envelope"): frozenset({Scope.ENVELOPES_CARRY}),
        ("POST", "/console/messages/{id}/collection"): _READING | {Scope.MESSAGES_COLLECT},
        ("POST", "/console/messages/{id}/paper-consent"): _READING | {Scope.AGREEMENTS_PROPOSE},
        ("POST", "/console/messages/{id}/identity-release"): _RELEASING,
        ("POST", "/console/messages/{id}/identity"): _RELEASING,
        ("POST", "/console/messages/{id}/attachments/{digest}"): _RELEASING,
        ("GET", "/console/envelopes"): frozenset({Scope.ENVELOPES_CARRY}),
        ("POST", "/console/envelopes"): frozenset({Scope.ENVELOPES_CARRY}),
        ("GET", "/console/relay"): frozenset({Scope.RELAY_CARRY}),
        ("POST", "/console/messages/{id}/relay"): frozenset({Scope.RELAY_CARRY}),
        ("GET", "/console/messages/{id}/relay/envelope"): frozenset({Scope.RELAY_CARRY}),
        ("GET", "/console/approvals"): frozenset({Scope.APPROVALS_READ}),
        ("GET", "/console/approvals/{id}"): frozenset({Scope.APPROVALS_READ}),
        ("POST", "/console/approvals/{id}/decision"): frozenset(
            {Scope.APPROVALS_READ, Scope.APPROVALS_DECIDE}
        ),
        ("GET", "/console/notices"): frozenset({Scope.NOTICES_READ}),
        ("POST", "/console/notices/read"): frozenset({Scope.NOTICES_READ}),
        ("GET", "/console/notices/count"): frozenset({Scope.NOTICES_READ}),
        ("GET", "/console/codes"): frozenset({Scope.DIRECTORY_READ}),
        ("GET", "/console/directory"): frozenset({Scope.DIRECTORY_READ}),
    }
)
"""Every one of the scopes is needed. An empty set: whoever is signed in."""

OPEN: Final[frozenset[Endpoint]] = frozenset({("GET", "/console/sign-in"), ("GET", "/console/static/{name}")})
"""Pages for those, too, whom nobody has signed in."""

_UNCOUNTED: Final = frozenset({("GET", "/console/static/{name}")})
"""Served from memory, and kept by browsers."""

_POLLED: Final = frozenset({("GET", "/console/notices/count")})
"""Asked for by a page that lies open: nobody may be sitting there, and it keeps no session alive."""

_OF_FORMS: Final = frozenset({("GET", "/console/codes")})
"""Asked for from inside a form, with the form's own field as a parameter."""
_FORM_FIELD: Final = re.compile(r"(?:coded|identity)(?:\.[a-z0-9_]{1,64}){1,16}", re.ASCII)

NAVIGATION: Final[tuple[tuple[str, str], ...]] = (
    ("officer-nav-work", "/console/work"),
    ("officer-nav-deadlines", "/console/deadlines"),
    ("officer-nav-cases", "/console/cases"),
    ("officer-nav-messages", "/console/messages"),
    ("admin-nav-people", "/console/admin/people"),
    ("admin-nav-systems", "/console/admin/systems"),
    ("admin-nav-directory", "/console/admin/directory"),
    ("admin-nav-mandates", "/console/admin/mandates"),
    ("admin-nav-profiles", "/console/admin/profiles"),
    ("admin-nav-keys", "/console/admin/keys"),
    ("admin-nav-subscriptions", "/console/admin/subscriptions"),
    ("admin-nav-hand-over", "/console/admin/hand-over"),
    ("operator-nav-overview", "/console/operator"),
    ("operator-nav-deadlines", "/console/operator/deadlines"),
    ("operator-nav-corridors", "/console/operator/corridors"),
    ("operator-nav-queues", "/console/operator/queues"),
    ("operator-nav-stuck", "/console/operator/stuck"),
    ("operator-nav-peers", "/console/operator/peers"),
    ("operator-nav-keys", "/console/operator/keys"),
    ("operator-nav-adapters", "/console/operator/adapters"),
    ("admin-nav-journal", "/console/journal"),
    ("admin-nav-statistics", "/console/statistics"),
    ("officer-nav-approvals", "/console/approvals"),
    ("officer-nav-relay", "/console/relay"),
    ("officer-nav-notices", "/console/notices"),
    ("officer-nav-envelopes", "/console/envelopes"),
    ("officer-nav-retention", "/console/retention"),
    ("officer-nav-directory", "/console/directory"),
    ("officer-nav-codes", "/console/codes"),
    ("admin-nav-indicators", "/console/indicators"),
    ("operator-nav-runbooks", "/console/operator/runbooks"),
)
"""Words and page, in order. The first that somebody may open is where they begin: the runbooks stay last."""

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)
"""No script and no style but our own files, in no frame, in no cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """One request for a page. `path` and `query` are what the reader asked for, `posted` what a form said.

    `partial`: htmx asked, and wants a piece of a page. `said`: what the last form led to, as words' name.
    `unread`: notices, for who has any.
    """

    api: Api
    visitor: Visitor | None
    words: Words
    path: str
    query: tuple[tuple[str, str], ...] = ()
    posted: Posted = NOTHING_POSTED
    partial: bool = False
    said: str | None = None
    unread: int | None = None

    @property
    def actor(self) -> Actor:
        """Who looks. Only on a page that is not `OPEN`."""
        assert self.visitor is not None
        return acting(self.node, self.visitor.signed_in.actor)

    @property
    def node(self) -> Node:
        return self.api.node

    @property
    def exchange(self) -> UseCases:
        return self.api.exchange

    @property
    def limits(self) -> Limits:
        return self.api.node.settings.limits

    @property
    def language(self) -> str:
        return self.words.language

    @property
    def direction(self) -> Direction:
        return self.words.direction

    @property
    def csrf(self) -> str:
        """For the hidden field of every form: the session's word, and whose page it is. Empty where nobody is
        signed in."""
        if self.visitor is None:
            return ""
        return f"{self.word}.{writer_mark(self.visitor.signed_in.actor.person)}"

    @property
    def word(self) -> str:
        """The session's. Empty where nobody is signed in."""
        return "" if self.visitor is None else sessions.csrf_of(self.visitor.cookie)

    def query_with(self, name: str, value: str) -> str:
        """What was asked for, with another value of `name`: the query of a link, without the mark."""
        return urlencode([*((known, said) for known, said in self.query if known != name), (name, value)])

    def left(self) -> Viewing:
        """The same reader, signed out."""
        return replace(self, visitor=None)

    @property
    def role(self) -> Role:
        """Of whoever has signed in, whether or not there is a directory that says for whom they act."""
        assert self.visitor is not None
        return self.visitor.signed_in.actor.role

    @property
    def directory_over(self) -> datetime | None:
        """Since when the directory has expired. Then nothing is sent; and all is read, save under a
        mandate."""
        try:
            ended = self.node.directory.known().ends_at
        except Refused:
            return None
        return ended if ended <= self.node.clock.now() else None

    def may(self, *scopes: Scope) -> bool:
        return self.visitor is not None and all(map(self.visitor.signed_in.actor.may, scopes))


async def _viewing(request: Request) -> Viewing:
    see: Viewing = request.state.viewing
    return see


See = Annotated[Viewing, Depends(_viewing)]
"""The parameter of a page that gives its `Viewing`."""


class Page(APIRoute):
    """Knows the session, the scopes and the rates before anything of the request is read, and turns every
    error into a page. A form without the session's word, and a query parameter that the page does not know,
    are refused."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple((method, self.path_format) for method in sorted(self.methods or ()))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        _check_declared(self.endpoints)
        scopes = frozenset[Scope]().union(*(PAGES[endpoint] for endpoint in self.endpoints))
        is_open = OPEN.issuperset(self.endpoints)
        counted = not _UNCOUNTED.issuperset(self.endpoints)
        polled = _POLLED.issuperset(self.endpoints)
        in_form = _OF_FORMS.issuperset(self.endpoints)
        parameters = frozenset(field.alias for field in self.dependant.query_params) | _EVERYWHERE

        async def page(request: Request) -> Response:
            started = perf_counter()
            metrics = api_of(request).node.metrics
            visitor: Visitor | None = None
            posted = NOTHING_POSTED
            try:
                if counted:
                    take_address(request, signs_in=False)
                visitor = await (_perhaps(request) if is_open else session_of(request))
                if visitor is not None:
                    _authorise(request, visitor, scopes)
                check_parameters(request, parameters | _fields_of_forms(request) if in_form else parameters)
                if request.method == "GET" and "lang" in request.query_params:
                    response = _chosen_language(request)
                else:
                    if request.method not in sessions.SAFE_METHODS:
                        assert visitor is not None, "a page that changes something is for people we know"
                        posted = await read_posted(request)
                        sessions.require_csrf(visitor.cookie, posted.csrf)
                    if visitor is not None and not polled:
                        await seen(request, visitor)
                    request.state.viewing = await _counted(_see(request, visitor, posted))
                    response = await answer(request)
            except NotAuthenticated as unknown:
                metrics.refused(unknown.code)
                response = await _kept(request, self.path_format, posted, None) or _to_sign_in(request)
            except Forbidden as unwelcome:
                metrics.refused(unwelcome.code)
                kept = await _kept(request, self.path_format, posted, visitor)
                response = kept or error_page(request, unwelcome, visitor)
            except (FocalpointError, RequestValidationError, HTTPException) as known:
                if isinstance(known, Refused | NodeError):
                    metrics.refused(known.code)
                response = error_page(request, known, visitor)
            except Exception as bug:  # noqa: BLE001 (it is logged by type and place, and reveals nothing)
                response = error_page(request, bug, visitor)
            metrics.request(self.path_format, request.method, response.status_code, perf_counter() - started)
            return response

        return page


def render(see: Viewing, template: str, status: int = 200, **values: Any) -> Response:
    """`template` for this reader. It sees `see`, the `words` as `say`, and `values`; all of it is escaped."""
    navigation = [(name, path) for name, path in NAVIGATION if may_open(see, path)]
    # The page itself, otherwise the one that it lies under.
    within = [path for _, path in navigation if see.path == path or see.path.startswith(f"{path}/")]
    text = draw(
        template,
        see=see,
        navigation=navigation,
        current=max(within, key=len, default=None),
        languages=available_languages(),
        **values,
    )
    headers = {**HEADERS, "Content-Language": see.language}
    return Response(text, status, headers, media_type="text/html")


def go(see: Viewing, path: str, *, said: str | None = None, **query: str) -> Response:
    """After a form: to `path` of the consoles, with `query`. There `said` is said, once, to this session
    alone: it is signed with the session's word, so that no link can make a page say it."""
    assert is_local(path)
    if said is not None:
        query = {**query, "said": f"{said}.{_signed(see.word, said)}"}
    location = f"{path}?{urlencode(query)}" if query else path
    return Response(status_code=303, headers={**HEADERS, "Location": location})


def error_page(request: Request, error: Exception, visitor: Visitor | None = None) -> Response:
    """What the API would say of `error`, as a page in the reader's language."""
    # Nothing of what was asked is said again, not even by the links to other languages.
    see = replace(_see(request, visitor, NOTHING_POSTED), query=())
    said = problem(request, error, language=see.language)
    body = {"detail": None, "field": None, "missing": [], "incident": None, **json.loads(bytes(said.body))}
    response = render(see, "error.html", said.status_code, problem=body)
    for name in ("Allow", "Retry-After"):
        if name in said.headers:
            response.headers[name] = said.headers[name]
    return response


def open_viewing(request: Request) -> Viewing:
    """For a page outside the consoles that looks like one of theirs, to somebody who is not signed in."""
    return _see(request, None, NOTHING_POSTED)


def reading_language(request: Request) -> str:
    """The language that the reader chose, otherwise the one that their browser prefers."""
    chosen = request.cookies.get(_LANGUAGE_COOKIE)
    return (
        chosen if chosen in available_languages() else best_language(request.headers.get("accept-language"))
    )


def may_open(see: Viewing, path: str) -> bool:
    """Whether this reader has the scopes of the page at `path`, which has no parameters."""
    return see.may(*PAGES["GET", path])


def is_local(path: str) -> bool:
    """A path of the consoles. Browsers read `//` and a backslash as the beginning of another host."""
    return (
        path.startswith(PREFIX)
        and path.isprintable()
        and path.isascii()
        and "\\" not in path
        and "//" not in path
    )


def check_pages(routers: Iterable[APIRouter]) -> None:
    """Misconfigured `access.endpoint_undeclared` unless what is served and what is declared are the same."""
    served = set()
    for router in routers:
        for route in router.routes:
            if not isinstance(route, Page):
                raise Misconfigured("access.endpoint_undeclared", f"{route!r} does not ask who is asking")
            served |= set(route.endpoints)
    if served != set(PAGES):
        differing = ", ".join(sorted(f"{method} {path}" for method, path in served ^ set(PAGES)))
        raise Misconfigured("access.endpoint_undeclared", f"declared or served, but not both: {differing}")


def _check_declared(served: Iterable[Endpoint]) -> None:
    undeclared = sorted(f"{method} {path}" for method, path in set(served) - set(PAGES))
    if undeclared:
        raise Misconfigured(
            "access.endpoint_undeclared",
            f"declare in service/console/pages.py the scope of: {', '.join(undeclared)}",
        )


async def _counted(see: Viewing) -> Viewing:
    """With the number of what is unread, which the bar on top shows: without a script, too."""
    if see.visitor is None or see.partial or not see.may(Scope.NOTICES_READ):
        return see
    return replace(see, unread=(await see.exchange.list_notices(see.node, see.actor, None, 1)).unread)


def _fields_of_forms(request: Request) -> frozenset[str]:
    return frozenset(name for name in request.query_params if _FORM_FIELD.fullmatch(name))


def _authorise(request: Request, visitor: Visitor, scopes: frozenset[Scope]) -> None:
    api, actor = api_of(request), visitor.signed_in.actor
    api.rates.actors.take(actor.person, api.node.clock.now())
    for scope in scopes:
        actor.require(scope)


async def _perhaps(request: Request) -> Visitor | None:
    try:
        return await session_of(request) if request.cookies else None
    except NotAuthenticated:
        return None


def _see(request: Request, visitor: Visitor | None, posted: Posted) -> Viewing:
    return Viewing(
        api=api_of(request),
        visitor=visitor,
        words=words(reading_language(request)),
        path=request.url.path,
        query=tuple(
            (name, value) for name, value in request.query_params.multi_items() if name not in _EVERYWHERE
        ),
        posted=posted,
        partial=request.headers.get("hx-request") == "true",
        said=_said(request, visitor),
    )


def _said(request: Request, visitor: Visitor | None) -> str | None:
    name, _, signature = request.query_params.get("said", "").rpartition(".")
    if visitor is None or not name or not name.isascii() or not signature.isascii():
        return None
    known = hmac.compare_digest(_signed(sessions.csrf_of(visitor.cookie), name), signature)
    return name if known else None


def _signed(csrf: str, name: str) -> str:
    return base64url.encode(hmac.new(csrf.encode(), f"said {name}".encode(), sha256).digest()[:12]).decode()


async def _kept(request: Request, path: str, posted: Posted, visitor: Visitor | None) -> Response | None:
    """The page that holds what somebody typed whose session is over, or None: `service.console.kept`."""
    if request.method in sessions.SAFE_METHODS or not may_be_ours(request):
        return None
    if posted is NOTHING_POSTED:
        try:
            posted = await read_posted(request)
        except (FocalpointError, ClientDisconnect):
            return None
    kept = kept_of(request, path, posted, visitor)
    if kept is None:
        return None
    # Not the page that its path leads to: no link to other languages, which would lose what it holds.
    see = replace(_see(request, visitor, posted), path="", query=())
    response = render(see, "kept.html", 401 if visitor is None else 403, kept=kept)
    response.headers.update(HEADERS_OF_KEPT)
    return response


def _to_sign_in(request: Request) -> Response:
    """To where one signs in, and from there back to a page that was looked at."""
    wanted = request.url.path
    if request.method == "GET" and request.url.query:
        kept = [pair for pair in parse_qsl(request.url.query) if pair[0] not in _EVERYWHERE]
        wanted += f"?{urlencode(kept)}" if kept else ""
    back = {"to": wanted} if request.method == "GET" and is_local(wanted) and len(wanted) <= 512 else {}
    location = f"/console/sign-in?{urlencode(back)}" if back else "/console/sign-in"
    if request.headers.get("hx-request") == "true":
        # Asked for from inside a page in which somebody may be writing: it stays as it is, and is not left.
        return Response(status_code=401, headers=HEADERS)
    return Response(status_code=303, headers={**HEADERS, "Location": location})


def _chosen_language(request: Request) -> Response:
    chosen = request.query_params["lang"]
    if chosen not in available_languages():
        raise Malformed("request.parameter", "expected a language that there is", field="/lang")
    kept = [pair for pair in request.query_params.multi_items() if pair[0] not in _EVERYWHERE]
    location = urlsplit(request.url.path).path + (f"?{urlencode(kept)}" if kept else "")
    response = Response(status_code=303, headers={**HEADERS, "Location": location})
    settings = api_of(request).node.settings
    response.set_cookie(
        _LANGUAGE_COOKIE,
        chosen,
        max_age=_A_YEAR,
        path="/",
        secure=sessions.cookies_are_secure(settings),
        httponly=True,
        samesite="lax",
    )
    return response
