"""Deadlines: which answers are owed, by whom, until when. Facts that an operator may see."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from protocol.identifiers import case_reference
from service.api.answers import answer
from service.api.guard import Ask, Guarded
from service.api.reading import Moment
from service.exchange.views import DeadlineQuery

__all__ = ["router"]

router = APIRouter(route_class=Guarded)


@router.get("/v1/deadlines")
async def list_deadlines(
    ask: Ask,
    *,
    owed_by: Literal["us", "them"] | None = None,
    overdue: Literal["true", "false"] | None = None,
    case: Annotated[str | None, Query(max_length=64)] = None,
    until: Moment | None = None,
    after: Annotated[str | None, Query(max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    query = DeadlineQuery(
        owed_by=owed_by,
        overdue=None if overdue is None else overdue == "true",
        case=None if case is None else case_reference(case),
        until=until,
        after=after,
        limit=limit,
    )
    return answer(await ask.exchange.deadlines(ask.node, ask.actor, query), language=ask.language)
