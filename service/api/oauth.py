"""Agencies' systems get their tokens: OAuth 2.0 client credentials with `private_key_jwt`.

Errors are those of RFC 6749 §5.2, because a client library reads these. None repeats what was sent.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from protocol.json_strict import dumps
from protocol.refusals import explain
from service.access import clients, journal
from service.access.actor import Actor
from service.access.clients import ALGORITHMS, Client
from service.access.roles import ROLE_SCOPES, Scope
from service.access.tokens import mint
from service.api.answers import answer
from service.api.guard import Guarded, api_of, language_of
from service.api.reading import body_of
from service.errors import Forbidden, Malformed, NodeError, NotAuthenticated, TooLarge
from service.keystore import API_TOKEN

__all__ = ["router"]

FORM: Final = "application/x-www-form-urlencoded"
MAX_FORM: Final = 8_192
GRANT: Final = "client_credentials"
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FIELDS: Final = frozenset({"grant_type", "client_assertion_type", "client_assertion", "client_id", "scope"})

_OF_CODE: Final = {
    "access.assertion_invalid": "invalid_client",
    "access.assertion_replayed": "invalid_client",
    "access.grant_type": "unsupported_grant_type",
    "access.scope": "invalid_scope",
}

router = APIRouter(route_class=Guarded)


@router.post("/oauth/token")
async def issue(request: Request) -> Response:
    api = api_of(request)
    try:
        return await _issued(request)
    except (NotAuthenticated, Forbidden, Malformed, TooLarge) as refused:
        api.node.metrics.refused(refused.code)
        return _error(request, refused)


async def _issued(request: Request) -> Response:
    node = api_of(request).node
    form = await _form(request)
    if form.get("grant_type") != GRANT:
        raise Malformed("access.grant_type", "expected client_credentials")
    if form.get("client_assertion_type") != ASSERTION or "client_assertion" not in form:
        raise NotAuthenticated("access.assertion_invalid", "expected private_key_jwt")
    now, issuer = node.clock.now(), node.settings.audience

    def work(session: Session) -> tuple[Client, frozenset[Scope] | None]:
        client = clients.authenticate(session, form["client_assertion"], issuer=issuer, now=now)
        if form.get("client_id", client.id) != client.id:
            raise NotAuthenticated("access.assertion_invalid", "client_id is another's")
        wanted = frozenset(form.get("scope", " ".join(client.scopes)).split())
        if not wanted or not wanted <= frozenset(client.scopes):
            # Returned, not raised: the assertion stays used.
            return client, None
        granted = frozenset(Scope(one) for one in wanted)
        who = Actor(
            person=client.id,
            role=client.role,
            authorities=frozenset(client.authorities),
            scopes=granted,
            expires_at=now,
            via="client",
        )
        journal.note(session, who, "token-issued", client.id, at=now)
        return client, granted

    client, granted = await node.store.write(work)
    if granted is None:
        raise Forbidden("access.scope", "a scope that the client was not given")
    token = mint(
        node.keys.signing(API_TOKEN),
        node=node.code,
        person=client.id,
        role=client.role,
        authorities=client.authorities,
        now=now,
        random_bytes=node.random.bytes,
        lifetime=timedelta(seconds=node.settings.token_seconds),
        scopes=granted,
        via="client",
    )
    return answer(
        {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": node.settings.token_seconds,
            "scope": " ".join(sorted(granted)),
        },
        language=language_of(request),
    )


async def _form(request: Request) -> dict[str, str]:
    _, data = await body_of(request, reads=(FORM,), limit=MAX_FORM)
    try:
        pairs = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=10
        )
    except ValueError:
        raise Malformed("request.body", "expected a form") from None
    form = {name: value for name, value in pairs if value}
    if len(form) != len(pairs):
        raise Malformed("request.body", "expected each field once, and with a value")
    # RFC 6749 §3.2: what is not known is left aside; two ways to say who one is are not.
    if form.keys() & {"client_secret"}:
        raise Malformed("request.body", "expected one way to say who asks")
    return {name: value for name, value in form.items() if name in _FIELDS}


def _error(request: Request, refused: NodeError) -> Response:
    error = _OF_CODE.get(refused.code, "invalid_request")
    language = language_of(request)
    words = explain(refused.code, language)
    status = 401 if error == "invalid_client" else 400
    return Response(
        dumps({"error": error, "error_description": words.title}),
        status,
        {"Cache-Control": "no-store", "Content-Language": words.language},
        "application/json",
    )


@router.get("/.well-known/oauth-authorization-server")
async def metadata(request: Request) -> Response:
    """RFC 8414."""
    issuer = api_of(request).node.settings.audience.rstrip("/")
    scopes = frozenset[Scope]().union(*(ROLE_SCOPES[role] for role in clients.CLIENT_ROLES))
    return answer(
        {
            "issuer": api_of(request).node.settings.audience,
            "token_endpoint": f"{issuer}/oauth/token",
            "grant_types_supported": [GRANT],
            "response_types_supported": [],
            "scopes_supported": sorted(scopes),
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "service_documentation": f"{issuer}/openapi.yaml",
        },
        language="en",
    )
