"""Statistics: what was released, and a new release. Only what no subtraction turns into a small group."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from protocol import statistics
from protocol.languages import nearest_language
from service.api.answers import NOT_STORED, answer, shown
from service.api.guard import Ask, Guarded
from service.api.reading import Language, population_wanted

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

CSV: Final = "text/csv; charset=utf-8; header=present"

ReleaseId = Annotated[str, Path(pattern=r"^[a-z0-9-]+$", max_length=64)]


@router.get("/v1/statistics")
async def list_statistics(ask: Ask, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> Response:
    found = await ask.exchange.list_statistics(ask.node, ask.actor, limit)
    listed = [
        {name: value for name, value in one.to_json().items() if name != "tables"} for one in found.releases
    ]
    return answer({"releases": listed, "more": found.more}, language=ask.language)


@router.post("/v1/statistics/releases")
async def make_statistics(ask: Ask, request: Request) -> Response:
    wanted, coarsen = await population_wanted(request)
    release, new = await ask.exchange.make_statistics(ask.node, ask.actor, wanted, coarsen)
    headers = {"Location": f"/v1/statistics/releases/{wanted.id}"}
    return answer(release.to_json(), language=ask.language, status=201 if new else 200, headers=headers)


@router.get("/v1/statistics/releases/{id}")
async def read_statistics(
    ask: Ask,
    id: ReleaseId,  # noqa: A002 (the parameter's name)
    lang: Language = None,
    format: Literal["json", "csv", "text", "html", "pdf"] = "json",  # noqa: A002
) -> Response:
    language = ask.language if lang is None else nearest_language(lang)
    if format != "json" and format != "csv":  # noqa: PLR1714 (a set would not narrow the type)
        return shown(await ask.exchange.render_statistics(ask.node, ask.actor, id, language, format), id)
    release = await ask.exchange.read_statistics(ask.node, ask.actor, id)
    if format == "json":
        return answer(release.to_json(), language=language)
    headers = {
        **NOT_STORED,
        "Content-Language": language,
        "Content-Disposition": f'attachment; filename="{id}.csv"',
    }
    return Response(statistics.csv(release, language), headers=headers, media_type=CSV)
