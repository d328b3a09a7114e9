"""Who may ask at all: agencies' systems and people, registered by the administrator. And the journal of what
they did, for the auditor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from sqlmodel import Session

from protocol.identifiers import case_reference
from protocol.journal import written
from protocol.json_strict import parse_object
from service.access import clients, journal, people
from service.access.roles import Role, Scope
from service.api.answers import NOT_STORED, answer, waiting
from service.api.guard import Ask, Guarded
from service.api.reading import CONTENT, body_of
from service.errors import Malformed, NotFound
from service.exchange import accounts, restraints
from service.exchange.views import ApprovalView

__all__ = ["JSON_LINES", "router"]

JSON_LINES: Final = "application/jsonl"
MAX_BODY: Final = 16_384
_MAX_POSITION: Final = (1 << 53) - 1

router = APIRouter(route_class=Guarded)

ClientId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{2,63}$")]
PersonId = Annotated[str, Path(pattern=r"^person-[A-Za-z0-9_-]{12}$")]


@router.get("/v1/clients")
async def list_clients(ask: Ask) -> Response:
    found = await ask.node.store.read(clients.clients)
    return answer({"clients": found}, language=ask.language)


@router.put("/v1/clients/{id}")
async def register_client(ask: Ask, id: ClientId, request: Request) -> Response:  # noqa: A002
    body = await _body(request, required={"role", "keys"}, optional={"authorities", "scopes"})
    role, keys = _role(body), body["keys"]
    scopes = _scopes(body) if "scopes" in body else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise Malformed("request.body", "expected a list of JSON Web Keys", field="/keys")

    waits = await accounts.register_client(
        ask.node,
        ask.actor,
        id,
        role=role,
        authorities=_texts(body, "authorities"),
        scopes=scopes,
        keys=keys,
    )
    return waiting(waits, language=ask.language)


@router.delete("/v1/clients/{id}")
async def disable_client(ask: Ask, id: ClientId) -> Response:  # noqa: A002
    disabled = await restraints.disable_client(ask.node, ask.actor, id)
    return answer(disabled, language=ask.language)


@router.get("/v1/persons")
async def list_people(ask: Ask) -> Response:
    found = await ask.node.store.read(people.people)
    return answer({"persons": found}, language=ask.language)


@router.post("/v1/persons")
async def add_person(ask: Ask, request: Request) -> Response:
    body = await _body(request, required={"role"}, optional={"authorities", "subject"})
    node, role, subject = ask.node, _role(body), body.get("subject")
    if "subject" in body:
        if not isinstance(subject, str) or not 0 < len(subject) <= 256:
            raise Malformed("request.body", "expected the provider's subject", field="/subject")
        if not node.settings.oidc_issuer:
            raise NotFound("access.provider_absent", "no identity provider is set", field="/subject")
        subject = people.subject_digest(node.settings.oidc_issuer, subject)

    added = await accounts.add_person(node, ask.actor, role, _texts(body, "authorities"), subject)
    if isinstance(added, ApprovalView):
        return waiting(added, language=ask.language)
    return answer(added, language=ask.language, status=201)


@router.delete("/v1/persons/{id}")
async def disable_person(ask: Ask, id: PersonId) -> Response:  # noqa: A002
    disabled = await restraints.disable_person(ask.node, ask.actor, id)
    return answer(disabled, language=ask.language)


@router.post("/v1/persons/{id}/invitation")
async def invite_person(ask: Ask, id: PersonId) -> Response:  # noqa: A002
    made = await accounts.invite_person(ask.node, ask.actor, id)
    if isinstance(made, ApprovalView):
        return waiting(made, language=ask.language)
    return answer(made, language=ask.language, status=201)


@router.get("/v1/journal")
async def export_journal(
    ask: Ask,
    *,
    after: Annotated[int, Query(ge=0, le=_MAX_POSITION)] = 0,
    limit: Annotated[int, Query(ge=1, le=journal.MOST_ROWS)] = journal.MOST_ROWS,
    case: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    wanted = None if case is None else case_reference(case)
    now, actor = ask.node.clock.now(), ask.actor

    def work(session: Session) -> bytes:
        page = journal.entries(session, after=after, limit=limit, case=wanted)
        # Who watches is seen too; behind the page, so that a page never holds its own reading.
        if page:
            journal.note(
                session, actor, "journal-read", wanted or f"{page[0].position}-{page[-1].position}", at=now
            )
        return b"".join(written(entry) + b"\n" for entry in page)

    lines = await ask.node.store.write(work)
    return Response(lines, headers=NOT_STORED, media_type=JSON_LINES)


async def _body(request: Request, *, required: set[str], optional: set[str]) -> Mapping[str, Any]:
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_BODY)
    body = parse_object(data, max_bytes=MAX_BODY)
    if not body.keys() <= required | optional:
        raise Malformed("request.body", "an unknown member")
    for name in sorted(required - body.keys()):
        raise Malformed("request.body", "a member is missing", field=f"/{name}")
    return body


def _role(body: Mapping[str, Any]) -> Role:
    try:
        return Role(body["role"])
    except ValueError:
        raise Malformed("request.body", "expected a role", field="/role") from None


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    texts = body.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Malformed("request.body", "expected a list of texts", field=f"/{name}")
    return texts


def _scopes(body: Mapping[str, Any]) -> list[Scope]:
    try:
        return [Scope(text) for text in _texts(body, "scopes")]
    except ValueError:
        raise Malformed("request.body", "expected scopes", field="/scopes") from None
