"""What one looks up: codes of the vocabularies, also from inside a form; and who is in the directory."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from protocol import vocabularies
from protocol.conversations import PROCEDURES
from protocol.errors import NotAcceptable
from protocol.identifiers import StateCode
from service.console.forms import choices, options, search
from service.console.officer.shown import show
from service.console.pages import Page, See, Viewing, render
from service.errors import NotFound

__all__ = ["router"]

_MOST_FOUND: Final = 400

router = APIRouter(route_class=Page)

Scheme = Annotated[str, Query(pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length=64)]


@router.get("/console/codes")
async def codes(
    see: See, scheme: Scheme = "", search_for: Annotated[str, Query(alias="search", max_length=256)] = ""
) -> Response:
    """For a form that is being filled in: the options of a list. Otherwise a page of a vocabulary."""
    if see.partial:
        chosen = next(
            (value for name, value in see.query if name.partition(".")[0] in ("coded", "identity")), ""
        )
        return render(see, "forms/options.html", choices=_options(see, scheme, search_for, chosen))
    known = sorted(vocabularies.schemes())
    if scheme and scheme not in known:
        raise NotFound("request.not_found", "no such vocabulary")
    found = search(scheme, search_for, see.language, _MOST_FOUND) if scheme else ()
    return show(see, "officer/codes.html", schemes=known, scheme=scheme, sought=search_for, found=found)


def _options(see: Viewing, scheme: str, text: str, chosen: str) -> object:
    if scheme not in vocabularies.schemes():
        raise NotFound("request.not_found", "no such vocabulary")
    if not text.strip():
        return choices(scheme, see.language, (chosen,) if chosen else ())
    return options(scheme, text, see.language, chosen)


@router.get("/console/directory")
async def directory(
    see: See,
    state: Annotated[str, Query(pattern=r"^([a-z]{2}|int)?$")] = "",
    procedure: Annotated[str, Query(max_length=64)] = "",
    jurisdiction: Annotated[str, Query(pattern=r"^([A-Za-z]{2}(-[A-Za-z0-9]{1,3})?)?$")] = "",
) -> Response:
    current = see.node.directory.known()
    entries = [
        entry
        for entry in current.authorities()
        if (not state or entry.state == state) and (not procedure or procedure in entry.competences)
    ]
    lands = None
    if state and procedure in PROCEDURES:
        try:
            lands = current.landing(StateCode(state), procedure, jurisdiction or None)
        except NotAcceptable:
            lands = None
    return show(
        see,
        "officer/directory.html",
        entries=sorted(entries, key=lambda entry: entry.address),
        states=sorted({entry.state for entry in current.authorities()}),
        procedures=tuple(PROCEDURES),
        state_chosen=state,
        procedure_chosen=procedure,
        jurisdiction_chosen=jurisdiction,
        lands=lands,
        snapshot=current.snapshot,
    )
