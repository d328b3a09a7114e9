"""The directory, as this node has it now; and what two administrators do to it and to the keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from protocol.directory import AuthorityEntry
from protocol.identifiers import StateCode
from service.api.answers import answer, waiting
from service.api.guard import Ask, Guarded
from service.api.reading import entry_facts, entry_to_publish, key_request

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

Segment = Annotated[str, Path(max_length=64)]


@router.get("/v1/directory/authorities")
async def list_authorities(
    ask: Ask,
    state: Annotated[str | None, Query(pattern=r"^([a-z]{2}|int)$")] = None,
    procedure: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    directory = ask.node.directory.known()
    authorities = [
        _authority(entry)
        for entry in directory.authorities()
        if state in (None, entry.state) and (procedure is None or procedure in entry.competences)
    ]
    body = {
        "snapshot": directory.snapshot.sequence,
        "snapshot_digest": directory.snapshot.digest,
        "expires_at": directory.snapshot.expires_at,
        "authorities": authorities,
    }
    return answer(body, language=ask.language)


@router.get("/v1/directory/state")
async def directory_state(ask: Ask) -> Response:
    return answer(await ask.exchange.directory_state(ask.node, ask.actor), language=ask.language)


@router.post("/v1/directory/entries/preview")
async def preview_entry(ask: Ask, request: Request) -> Response:
    kind, name, facts = await entry_facts(request)
    view = await ask.exchange.preview_entry(ask.node, ask.actor, kind, name, facts)
    return answer(view, language=ask.language)


@router.put("/v1/directory/entries/{kind}/{name}")
async def propose_entry(ask: Ask, kind: Segment, name: Segment, request: Request) -> Response:
    facts, signed = await entry_to_publish(request)
    approval = await ask.exchange.propose_entry(ask.node, ask.actor, kind, name, facts, signed)
    return waiting(approval, language=ask.language)


@router.post("/v1/keys/actions")
async def propose_key_act(ask: Ask, request: Request) -> Response:
    approval = await ask.exchange.propose_key_act(ask.node, ask.actor, await key_request(request))
    return waiting(approval, language=ask.language)


@router.get("/v1/directory/landing")
async def landing(
    ask: Ask,
    state: Annotated[str, Query(pattern=r"^([a-z]{2}|int)$")],
    procedure: Annotated[str, Query(max_length=64)],
    jurisdiction: Annotated[str | None, Query(pattern=r"^[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?$")] = None,
) -> Response:
    address = ask.node.directory.known().landing(StateCode(state), procedure, jurisdiction)
    return answer({"address": address}, language=ask.language)


def _authority(entry: AuthorityEntry) -> dict[str, Any]:
    facts = {
        "address": entry.address,
        "state": entry.state,
        "role": entry.role.value,
        "names": entry.names,
        "jurisdiction": entry.jurisdiction,
        "competences": entry.competences,
        "languages": entry.languages,
        "working_hours": [hours.to_json() for hours in entry.working_hours],
        "timezone": entry.timezone,
        "weekend": entry.weekend,
        "holidays": [day.isoformat() for day in entry.holidays],
        "contacts": [contact.to_json() for contact in entry.contacts],
        "escalation": None if entry.escalation is None else entry.escalation.to_json(),
        "node": entry.node,
        "vocabulary_releases": entry.vocabulary_releases,
        "routing": None if entry.routing is None else entry.routing.value,
        "digest": entry.digest,
        "expires_at": entry.expires_at,
    }
    return {name: value for name, value in facts.items() if value is not None}
