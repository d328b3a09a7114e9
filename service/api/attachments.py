"""Documents that go with messages: upload one, see how far it has come, read it. Streamed both ways."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from protocol.attachments import MediaType
from protocol.identifiers import case_reference, parse_message_id
from service.api.answers import NOT_STORED, answer
from service.api.guard import Ask, Guarded
from service.api.reading import document

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""A document runs nothing, wherever somebody opens it."""

Id = Annotated[str, Path(max_length=64)]


@router.put("/v1/cases/{reference}/attachments/{id}")
async def put_attachment(
    ask: Ask,
    request: Request,
    reference: Annotated[str, Path(max_length=64)],
    id: Id,  # noqa: A002 (the parameter's name)
) -> Response:
    case, upload = case_reference(reference), parse_message_id(id)
    kind, pieces = document(request)
    stored = await ask.exchange.put_attachment(ask.node, ask.actor, case, upload, kind, pieces)
    return answer(stored, language=ask.language)


@router.get("/v1/messages/{id:message_id}/attachments")
async def list_attachments(ask: Ask, id: Id) -> Response:  # noqa: A002
    listed = await ask.exchange.list_attachments(ask.node, ask.actor, parse_message_id(id))
    return answer({"attachments": listed}, language=ask.language)


@router.get("/v1/messages/{id:message_id}/attachments/{digest}")
async def read_attachment(
    ask: Ask,
    id: Id,  # noqa: A002
    digest: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")],
    identity: Literal["release"],  # noqa: ARG001 (whoever asks says aloud what this is)
    reason: Annotated[str, Query(pattern=r"^[a-z0-9]+([/-][a-z0-9]+)*$", max_length=64)],
) -> Response:
    found = await ask.exchange.read_attachment(ask.node, ask.actor, parse_message_id(id), digest, reason)
    kind = MediaType(found.media_type)
    headers = {
        **NOT_STORED,
        "Content-Disposition": f'attachment; filename="attachment-{digest[:8]}.{kind}"',
        "Content-Length": str(found.size),
        "Content-Security-Policy": _POLICY,
    }
    return StreamingResponse(found.chunks, headers=headers, media_type=kind.name_in_http)
