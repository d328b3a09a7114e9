"""What takes two people: ask, look, decide."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from protocol.identifiers import parse_message_id
from service.access.pairs import State
from service.api.answers import answer, waiting
from service.api.guard import Ask, Guarded
from service.api.reading import decision, release_reason

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

Id = Annotated[str, Path(max_length=64)]


@router.post("/v1/messages/{id:message_id}/identity-release")
async def request_release(ask: Ask, id: Id, request: Request) -> Response:  # noqa: A002 (its name)
    message = parse_message_id(id)
    reason = await release_reason(request)
    approval = await ask.exchange.request_release(ask.node, ask.actor, message, reason)
    return waiting(approval, language=ask.language)


@router.get("/v1/approvals")
async def list_approvals(
    ask: Ask,
    state: Annotated[State | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    found = await ask.exchange.list_approvals(ask.node, ask.actor, state, after=after)
    return answer(found, language=ask.language)


@router.get("/v1/approvals/{id:message_id}")
async def read_approval(ask: Ask, id: Id) -> Response:  # noqa: A002
    approval = await ask.exchange.read_approval(ask.node, ask.actor, parse_message_id(id))
    return answer(approval, language=ask.language)


@router.post("/v1/approvals/{id:message_id}/decision")
async def decide(ask: Ask, id: Id, request: Request) -> Response:  # noqa: A002
    approval = parse_message_id(id)
    chosen, reason = await decision(request)
    view = await ask.exchange.decide(ask.node, ask.actor, approval, chosen, reason)
    return answer(view, language=ask.language)
