"""What an intermediary hands over to authorities without a node, and what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from protocol.identifiers import StateCode, parse_message_id
from service.api.answers import NOT_STORED, answer, waiting
from service.api.guard import Ask, Guarded
from service.api.reading import ENVELOPE, HAND_OVER, file_of, relay_outcome

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

Id = Annotated[str, Path(max_length=64)]


@router.get("/v1/relay/pending")
async def pending_relays(ask: Ask) -> Response:
    return answer(await ask.exchange.pending_relays(ask.node, ask.actor), language=ask.language)


@router.post("/v1/messages/{id:message_id}/relay")
async def record_relay(ask: Ask, id: Id, request: Request) -> Response:  # noqa: A002 (the parameter's name)
    message = parse_message_id(id)
    outcome = await relay_outcome(request)
    return answer(
        await ask.exchange.record_relay(ask.node, ask.actor, message, outcome), language=ask.language
    )


@router.post("/v1/messages/{id:message_id}/paper-consent")
async def propose_paper_consent(ask: Ask, id: Id) -> Response:  # noqa: A002
    approval = await ask.exchange.propose_paper_consent(ask.node, ask.actor, parse_message_id(id))
    return waiting(approval, language=ask.language)


@router.post("/v1/hand-over/{state}")
async def export_hand_over(ask: Ask, state: Annotated[str, Path(pattern="^[a-z]{2}$")]) -> Response:
    file = await ask.exchange.export_hand_over(ask.node, ask.actor, StateCode(state))
    headers = {**NOT_STORED, "Content-Disposition": 'attachment; filename="hand-over.fpcases"'}
    return StreamingResponse(file, headers=headers, media_type=HAND_OVER)


@router.post("/v1/hand-over")
async def import_hand_over(ask: Ask, request: Request) -> Response:
    file = file_of(request, HAND_OVER)
    cases, messages, sealed = await ask.exchange.import_hand_over(ask.node, ask.actor, file)
    return answer({"cases": cases, "messages": messages, "sealed": sealed}, language=ask.language)


@router.get("/v1/messages/{id:message_id}/relay/envelope")
async def relay_envelope(ask: Ask, id: Id) -> Response:  # noqa: A002
    message = parse_message_id(id)
    data = await ask.exchange.relay_envelope(ask.node, ask.actor, message)
    headers = {**NOT_STORED, "Content-Disposition": f'attachment; filename="{message}.fpenv"'}
    return Response(data, headers=headers, media_type=ENVELOPE)
