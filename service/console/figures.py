"""Figures that leave a node: statistics without small groups, and how timely States answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Path, Query, Response

from protocol import indicators as counting
from protocol import statistics as counted
from protocol.conversations import PROCEDURES
from protocol.errors import Refused
from protocol.identifiers import StateCode
from protocol.languages import available_languages
from protocol.statistics import Population
from service.access.roles import Scope
from service.api.answers import answer
from service.console.admin.answering import fault_of, left, typed
from service.console.officer.shown import as_file, piece
from service.console.pages import HEADERS, Page, See, Viewing, go, render
from service.errors import Malformed, NodeError
from service.exchange.views import IndicatorQuery

__all__ = ["router"]

_STATISTICS, _INDICATORS = "/console/statistics", "/console/indicators"
_NEWEST: Final = 100
_YEARS: Final = range(2000, 8999)
_FORM: Final = ("role", "year", "day", "by_sex", "coarsen")
_CSV: Final = "text/csv; charset=utf-8; header=present"

type File = Literal["json", "csv", "pdf"]

router = APIRouter(route_class=Page)

ReleaseId = Annotated[str, Path(pattern=r"^[a-z0-9-]+$", max_length=64)]
Year = Annotated[str, Query(pattern=r"^([0-9]{4})?$")]
Procedure = Annotated[str, Query(max_length=64)]
Peer = Annotated[str, Query(pattern=r"^([a-z]{2}|int)?$")]


# -- statistics


@router.get(_STATISTICS)
async def statistics(see: See) -> Response:
    return await _statistics(see)


async def _statistics(see: Viewing, status: int = 200, **more: Any) -> Response:
    found = await see.exchange.list_statistics(see.node, see.actor, _NEWEST)
    return render(
        see,
        "admin/statistics.html",
        status,
        found=found,
        releases_it=see.may(Scope.STATISTICS_RELEASE),
        this_year=see.node.clock.now().year,
        **{"fault": None, "typed": left(*_FORM), **more},
    )


@router.post(_STATISTICS)
async def release(see: See) -> Response:
    see.posted.only(*_FORM)
    try:
        wanted, coarsen = _population(see), see.posted.get("coarsen") == "yes"
        _, new = await see.exchange.make_statistics(see.node, see.actor, wanted, coarsen)
    except (Refused, NodeError) as refused:
        return await _statistics(see, 422, fault=fault_of(see, refused), typed=typed(see, *_FORM))
    said = "admin-said-released" if new else "admin-said-released-before"
    return go(see, f"{_STATISTICS}/{wanted.id}", said=said)


@router.get(f"{_STATISTICS}/{{id}}")
async def read_release(see: See, id: ReleaseId) -> Response:  # noqa: A002 (the parameter's name)
    drawn = await see.exchange.render_statistics(see.node, see.actor, id, see.language, "html")
    return render(see, "admin/figures.html", piece=piece(drawn), files=f"{_STATISTICS}/{id}/file?format=")


@router.get(f"{_STATISTICS}/{{id}}/file")
async def release_file(see: See, id: ReleaseId, format: File = "csv") -> Response:  # noqa: A002
    if format == "pdf":
        return _printed(
            await see.exchange.render_statistics(see.node, see.actor, id, see.language, "pdf"), id
        )
    found = await see.exchange.read_statistics(see.node, see.actor, id)
    if format == "csv":
        return _file(see, counted.csv(found, see.language), f"{id}.csv", _CSV)
    return _json(see, found.to_json(), id)


def _population(see: Viewing) -> Population:
    """One of a year and a day. Malformed `request.body`."""
    posted = see.posted
    role, year, day = posted.one("role"), posted.get("year"), posted.get("day")
    if role not in ("destination", "origin"):
        raise Malformed("request.body", "expected which part this State had", field="/role")
    if (year is None) == (day is None):
        raise Malformed("request.body", "expected a year or a day, and not both", field="/year")
    if year is not None and (not year.isdecimal() or int(year) not in _YEARS):
        raise Malformed("request.body", "expected a year", field="/year")
    try:
        on = None if day is None else date.fromisoformat(day)
    except ValueError:
        on = date.min
    if on is not None and on.year not in _YEARS:
        raise Malformed("request.body", "expected a day", field="/day")
    return Population(
        role=cast("counted.Role", role),
        year=None if year is None else int(year),
        day=on,
        by_sex=posted.get("by_sex") == "yes",
    )


# -- indicators


@router.get(_INDICATORS)
async def indicators(
    see: See,
    year: Year = "",
    procedure: Procedure = "",
    peer: Peer = "",
    publication: Literal["", "true"] = "",
) -> Response:
    query = _query(see, year, procedure, peer, publication)
    chosen = {
        "year": str(query.year),
        "procedure": procedure,
        "peer": peer,
        "publication": "true" if query.publication else "",
    }
    drawn, fault = None, None
    try:
        drawn = piece(await see.exchange.render_indicators(see.node, see.actor, query, see.language, "html"))
    except (Refused, NodeError) as refused:
        fault = fault_of(see, refused)
    return render(
        see,
        "admin/indicators.html",
        200 if fault is None else 422,
        piece=drawn,
        fault=fault,
        chosen=chosen,
        full=see.actor.may(Scope.INDICATORS_FULL),
        procedures=sorted(PROCEDURES),
        peers=_peers(see, peer),
        languages_there=available_languages(),
    )


@router.get(f"{_INDICATORS}/file")
async def indicators_file(
    see: See,
    year: Year = "",
    procedure: Procedure = "",
    peer: Peer = "",
    publication: Literal["", "true"] = "",
    format: File = "csv",  # noqa: A002
) -> Response:
    query = _query(see, year, procedure, peer, publication)
    if format == "pdf":
        drawn = await see.exchange.render_indicators(see.node, see.actor, query, see.language, "pdf")
        return _printed(drawn, f"indicators-{query.year}")
    report = await see.exchange.read_indicators(see.node, see.actor, query)
    if format == "csv":
        return _file(see, counting.csv(report, see.language), f"{report.id}.csv", _CSV)
    return _json(see, report.to_json(), report.id)


def _query(see: Viewing, year: str, procedure: str, peer: str, publication: str) -> IndicatorQuery:
    if procedure and procedure not in PROCEDURES:
        raise Malformed("request.parameter", "expected a procedure of this version", field="/procedure")
    if year and int(year) not in _YEARS:
        raise Malformed("request.parameter", "expected a year", field="/year")
    return IndicatorQuery.asked(
        see.actor,
        see.node.clock.now(),
        year=int(year) if year else None,
        procedure=procedure or None,
        peer=StateCode(peer) if peer else None,
        publication=True if publication == "true" else None,
    )


def _peers(see: Viewing, chosen: str) -> list[str]:
    try:
        nodes = see.node.directory.known().nodes()
    except Refused:
        nodes = ()
    return sorted({str(entry.state) for entry in nodes} - {str(see.node.state)} | ({chosen} - {""}))


# -- files


def _file(see: Viewing, content: bytes | str, name: str, media_type: str) -> Response:
    headers = {
        **HEADERS,
        "Content-Language": see.language,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(content, headers=headers, media_type=media_type)


def _json(see: Viewing, value: Any, name: str) -> Response:
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}.json"'}
    return answer(value, language=see.language, headers=headers)


def _printed(rendering: Any, name: str) -> Response:
    return as_file(rendering, name)
