"""The HTTP application of one node."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, FastAPI

from service import console
from service.access.provider import Provider
from service.access.rates import Rates
from service.access.roles import ENDPOINTS
from service.access.tokens import TokenVerifier
from service.api import (
    accounts,
    adapters,
    approvals,
    attachments,
    cases,
    deadlines,
    directory,
    envelopes,
    indicators,
    messages,
    notices,
    oauth,
    operations,
    relay,
    retention,
    sign_in,
    statistics,
    subscriptions,
    vocabularies,
    watching,
)
from service.api.guard import Api, Guarded
from service.api.operations import Probe
from service.api.problems import install
from service.api.use_cases import UseCases
from service.console.pages import PREFIX, check_pages, error_page
from service.errors import Misconfigured
from service.node import Node

__all__ = ["ROUTERS", "build_api", "check_guarded"]

ROUTERS: Final[tuple[APIRouter, ...]] = (
    messages.router,
    approvals.router,
    attachments.router,
    cases.router,
    envelopes.router,
    relay.router,
    deadlines.router,
    watching.router,
    retention.router,
    directory.router,
    vocabularies.router,
    indicators.router,
    statistics.router,
    notices.router,
    subscriptions.router,
    adapters.router,
    accounts.router,
    oauth.router,
    sign_in.router,
    operations.router,
)


def build_api(
    node: Node,
    *,
    exchange: UseCases,
    tokens: TokenVerifier,
    probes: Mapping[str, Probe] = MappingProxyType({}),
    provider: Provider | None = None,
) -> FastAPI:
    """The application. `exchange` is `service.exchange`, `probes` what `/readyz` asks, by the part's name,
    `provider` the identity provider, where there is one.

    Misconfigured `access.endpoint_undeclared` when an endpoint or a page declares no scope, is not guarded,
    or is declared and not served.
    """
    # The description is written by hand and served as it is; the framework's own would be a second one.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    rates = Rates(node.settings)
    app.state.api = Api(
        node=node, exchange=exchange, tokens=tokens, probes=probes, rates=rates, provider=provider
    )
    install(app, pages=PREFIX, page=error_page)
    check_guarded(ROUTERS)
    check_pages(console.ROUTERS)
    for router in (*ROUTERS, *console.ROUTERS):
        app.include_router(router)
    return app


def check_guarded(routers: tuple[APIRouter, ...]) -> None:
    """Misconfigured `access.endpoint_undeclared` unless what is served and what is declared are the same."""
    served = set()
    for router in routers:
        for route in router.routes:
            if not isinstance(route, Guarded):
                raise Misconfigured("access.endpoint_undeclared", f"{route!r} does not ask who is asking")
            served |= set(route.endpoints)
    if served != set(ENDPOINTS):
        differing = ", ".join(sorted(f"{method} {path}" for method, path in served ^ set(ENDPOINTS)))
        raise Misconfigured("access.endpoint_undeclared", f"declared or served, but not both: {differing}")
