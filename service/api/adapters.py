"""Adapters: they say how they are, and operators see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.api.answers import answer
from service.api.guard import Ask, Guarded
from service.api.reading import adapter_health

__all__ = ["router"]

router = APIRouter(route_class=Guarded)


@router.put("/v1/adapters/{name}/health")
async def report_adapter(
    ask: Ask, name: Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$")], request: Request
) -> Response:
    health = await adapter_health(request)
    return answer(await ask.exchange.report_adapter(ask.node, ask.actor, name, health), language=ask.language)


@router.get("/v1/adapters")
async def list_adapters(ask: Ask) -> Response:
    return answer(await ask.exchange.list_adapters(ask.node, ask.actor), language=ask.language)
