"""Envelopes by hand: out as a file, in from a file. Sealed, so whoever carries them need not read them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from protocol.identifiers import parse_message_id
from service.api.answers import NOT_STORED, answer
from service.api.guard import Ask, Guarded
from service.api.reading import ENVELOPE, body_of

__all__ = ["router"]

router = APIRouter(route_class=Guarded)


@router.post("/v1/envelopes")
async def import_envelope(ask: Ask, request: Request) -> Response:
    _, data = await body_of(request, reads=(ENVELOPE,), limit=ask.limits.envelope)
    outcome = await ask.exchange.import_envelope(ask.node, ask.actor, data)
    return answer(outcome, language=ask.language)


@router.get("/v1/messages/{id:message_id}/envelope")
async def export_envelope(
    ask: Ask,
    id: Annotated[str, Path(max_length=64)],  # noqa: A002 (the parameter's name)
) -> Response:
    message = parse_message_id(id)
    data = await ask.exchange.export_envelope(ask.node, ask.actor, message)
    headers = {**NOT_STORED, "Content-Disposition": f'attachment; filename="{message}.fpenv"'}
    return Response(data, headers=headers, media_type=ENVELOPE)
