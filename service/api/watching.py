"""What operators watch: what is overdue or stands still, and how each peer's node does. Never content."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.api.answers import answer
from service.api.guard import Ask, Guarded

__all__ = ["router"]

router = APIRouter(route_class=Guarded)


@router.get("/v1/operations/stuck")
async def what_is_stuck(ask: Ask) -> Response:
    return answer(await ask.exchange.operations_stuck(ask.node, ask.actor), language=ask.language)


@router.get("/v1/operations/peers")
async def how_peers_are(ask: Ask) -> Response:
    return answer(await ask.exchange.operations_peers(ask.node, ask.actor), language=ask.language)
