"""A State's open cases on their way from the node that stood in for it to the State's own node."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from protocol.errors import Refused
from protocol.identifiers import StateCode
from service.api.reading import HAND_OVER
from service.console.admin.answering import fault_of
from service.console.pages import HEADERS, Page, See, Viewing, go, render
from service.errors import Malformed, NodeError

__all__ = ["router"]

_HAND_OVER: Final = "/console/admin/hand-over"

router = APIRouter(route_class=Page)


@router.get(_HAND_OVER)
async def hand_over(see: See) -> Response:
    return _page(see)


def _page(see: Viewing, status: int = 200, **more: Any) -> Response:
    states: list[str] = []
    try:
        directory = see.node.directory.known()
        states = sorted({str(entry.state) for entry in directory.nodes()} - {str(see.node.state), "int"})
    except Refused:
        pass  # then there is nobody to hand over to
    return render(see, "admin/hand-over.html", status, states=states, **{"fault": None, **more})


@router.post(f"{_HAND_OVER}/file")
async def give_out(see: See) -> Response:
    try:
        state = see.posted.one("state")
        if len(state) != 2 or not (state.isascii() and state.isalpha() and state.islower()):
            raise Malformed("request.body", "expected a State's code", field="/state")
        file = await see.exchange.export_hand_over(see.node, see.actor, StateCode(state))
    except (Refused, NodeError) as refused:
        return _page(see, 422, fault=fault_of(see, refused))
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="hand-over.fpcases"'}
    return StreamingResponse(file, headers=headers, media_type=HAND_OVER)


@router.post(_HAND_OVER)
async def take_in(see: See) -> Response:
    try:
        if see.posted.upload is None:
            raise Malformed("request.body", "expected a file", field="/file")
        _, _, sealed = await see.exchange.import_hand_over(see.node, see.actor, see.posted.upload.chunks)
    except (Refused, NodeError) as refused:
        return _page(see, 422, fault=fault_of(see, refused))
    return go(see, _HAND_OVER, said="admin-said-taken-in-sealed" if sealed else "admin-said-taken-in")
