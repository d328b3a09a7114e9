"""Retention: until when narrative and identity of a case are kept, and what stops or ends that."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from protocol.identifiers import case_reference
from service.api.answers import answer
from service.api.guard import Ask, Guarded
from service.api.reading import retention_act

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

Reference = Annotated[str, Path(max_length=64)]


@router.get("/v1/cases/{reference}/retention")
async def case_retention(ask: Ask, reference: Reference) -> Response:
    found = await ask.exchange.case_retention(ask.node, ask.actor, case_reference(reference))
    return answer(found, language=ask.language)


@router.post("/v1/cases/{reference}/retention")
async def change_retention(ask: Ask, reference: Reference, request: Request) -> Response:
    case = case_reference(reference)
    act, reason = await retention_act(request)
    found = await ask.exchange.change_retention(ask.node, ask.actor, case, act, reason)
    return answer(found, language=ask.language, status=202 if act in ("erase", "lift-hold") else 200)


@router.get("/v1/retention")
async def due_for_retention(ask: Ask, after: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    begin = None if after is None else case_reference(after)
    return answer(await ask.exchange.due_for_retention(ask.node, ask.actor, begin), language=ask.language)


@router.post("/v1/retention")
async def run_retention(ask: Ask) -> Response:
    return answer(await ask.exchange.run_retention(ask.node, ask.actor), language=ask.language)
