"""Indicators: how timely States answer each other. Figures of corridors, of nobody's case."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response

from protocol import indicators
from protocol.conversations import PROCEDURES
from protocol.identifiers import StateCode
from protocol.languages import nearest_language
from service.api.answers import NOT_STORED, answer, shown
from service.api.guard import Ask, Guarded
from service.api.reading import Language, Moment
from service.errors import Malformed
from service.exchange.views import IndicatorQuery

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

CSV: Final = "text/csv; charset=utf-8; header=present"


@router.get("/v1/indicators")
async def read_indicators(
    ask: Ask,
    *,
    year: Annotated[int | None, Query(ge=2000, le=8998)] = None,
    procedure: Annotated[str | None, Query(max_length=64)] = None,
    peer: Annotated[str | None, Query(pattern=r"^([a-z]{2}|int)$")] = None,
    as_of: Moment | None = None,
    publication: Literal["true", "false"] | None = None,
    lang: Language = None,
    format: Literal["json", "csv", "text", "html", "pdf"] = "json",  # noqa: A002
) -> Response:
    if procedure is not None and procedure not in PROCEDURES:
        raise Malformed("request.parameter", "expected a procedure of this version", field="/procedure")
    query = IndicatorQuery.asked(
        ask.actor,
        ask.node.clock.now(),
        year=year,
        procedure=procedure,
        peer=None if peer is None else StateCode(peer),
        as_of=as_of,
        publication=None if publication is None else publication == "true",
    )
    language = ask.language if lang is None else nearest_language(lang)
    if format != "json" and format != "csv":  # noqa: PLR1714 (a set would not narrow the type)
        rendering = await ask.exchange.render_indicators(ask.node, ask.actor, query, language, format)
        return shown(rendering, f"indicators-{query.year}")
    report = await ask.exchange.read_indicators(ask.node, ask.actor, query)
    if format == "json":
        return answer(report.to_json(), language=language)
    headers = {
        **NOT_STORED,
        "Content-Language": language,
        "Content-Disposition": f'attachment; filename="{report.id}.csv"',
    }
    return Response(indicators.csv(report, language), headers=headers, media_type=CSV)
