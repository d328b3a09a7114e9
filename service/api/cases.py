"""Cases: open one, see what happened, settle its protection status, record its guardian, see what may come
next."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from protocol.identifiers import case_reference
from protocol.languages import nearest_language
from protocol.rendering.sentences import sentences
from service.api.answers import NOT_STORED, answer, shown
from service.api.guard import Ask, Guarded
from service.api.reading import Form, Language, guardian, opening, proposal

__all__ = ["BUNDLE", "router"]

BUNDLE = "application/vnd.focalpoint.evidence+json"

router = APIRouter(route_class=Guarded)

Reference = Annotated[str, Path(max_length=64)]
"""As a person may write it: the protocol reads it, and says what is mistyped."""
Digest = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]


@router.post("/v1/cases")
async def open_case(ask: Ask, request: Request) -> Response:
    case = await ask.exchange.open_case(ask.node, ask.actor, await opening(request))
    headers = {"Location": f"/v1/cases/{case.reference}"}
    return answer(case, language=ask.language, status=201, headers=headers)


@router.get("/v1/cases/{reference}")
async def read_case(ask: Ask, reference: Reference) -> Response:
    timeline = await ask.exchange.case_timeline(ask.node, ask.actor, case_reference(reference))
    return answer(timeline, language=ask.language)


@router.get("/v1/cases/{reference}/timeline/rendering")
async def render_timeline(
    ask: Ask,
    reference: Reference,
    lang: Language = None,
    format: Form = "text",  # noqa: A002 (the parameter's name)
) -> Response:
    case = case_reference(reference)
    language = ask.language if lang is None else nearest_language(lang)
    rendering = await ask.exchange.render_timeline(ask.node, ask.actor, case, language, format)
    return shown(rendering, f"timeline-{rendering.digest[:8]}")


@router.put("/v1/cases/{reference}/protection")
async def set_protection(ask: Ask, reference: Reference, request: Request) -> Response:
    case = case_reference(reference)
    status, reason = await proposal(request)
    protection = await ask.exchange.set_protection(ask.node, ask.actor, case, status, reason)
    return answer(protection, language=ask.language, status=202 if protection.state == "proposed" else 200)


@router.put("/v1/cases/{reference}/guardian")
async def record_guardian(ask: Ask, reference: Reference, request: Request) -> Response:
    case = case_reference(reference)
    recorded = await ask.exchange.record_guardian(ask.node, ask.actor, case, await guardian(request))
    return answer(recorded, language=ask.language)


@router.get("/v1/cases/{reference}/next-steps")
async def next_steps(ask: Ask, reference: Reference) -> Response:
    steps = await ask.exchange.next_steps(ask.node, ask.actor, case_reference(reference))
    note = sentences(ask.language).say("people-judge")
    return answer(dataclasses.replace(steps, note=note), language=ask.language)


@router.get("/v1/cases/{reference}/evidence")
async def case_evidence(ask: Ask, reference: Reference) -> Response:
    bundle = await ask.exchange.case_bundle(ask.node, ask.actor, case_reference(reference))
    return Response(bundle, headers=NOT_STORED, media_type=BUNDLE)


@router.get("/v1/cases/{reference}/agreements/{digest}")
async def agreement(ask: Ask, reference: Reference, digest: Digest) -> Response:
    case = case_reference(reference)
    return Response(
        await ask.exchange.agreement_file(ask.node, ask.actor, case, digest),
        headers=NOT_STORED,
        media_type=BUNDLE,
    )


@router.get("/v1/cases/{reference}/agreements/{digest}/rendering")
async def render_agreement(
    ask: Ask,
    reference: Reference,
    digest: Digest,
    lang: Language = None,
    format: Form = "text",  # noqa: A002 (the parameter's name)
) -> Response:
    case = case_reference(reference)
    language = ask.language if lang is None else nearest_language(lang)
    rendering = await ask.exchange.render_agreement(ask.node, ask.actor, case, digest, language, format)
    return shown(rendering, digest)
