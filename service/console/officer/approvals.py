"""What takes two people: seen, looked at as it will be said, decided."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response

from protocol.errors import Refused
from protocol.identifiers import MessageId, parse_message_id
from protocol.languages import available_languages, nearest_language
from service.access.pairs import Decision
from service.access.roles import Scope
from service.console.officer import reasons
from service.console.officer.shown import answered, drawn_draft, of_approval, show, told_of
from service.console.officer.work import may_decide
from service.console.pages import Page, See, Viewing, go
from service.errors import Malformed, NodeError

__all__ = ["router"]

_PAGE: Final = 50

router = APIRouter(route_class=Page)

Id = Annotated[str, Path(max_length=64)]


@router.get("/console/approvals")
async def approvals(
    see: See,
    state: Literal["", "proposed", "approved", "returned", "lapsed"] = "",
    after: Annotated[str, Query(max_length=512)] = "",
) -> Response:
    found = await see.exchange.list_approvals(
        see.node, see.actor, state or None, after=after or None, limit=_PAGE
    )
    chosen = {"state": state} if state else {}
    return show(
        see,
        "officer/approvals.html",
        approvals=found.approvals,
        state_chosen=state,
        first=urlencode(chosen) if after else None,
        further=urlencode({**chosen, "after": found.after}) if found.after else None,
        may_decide=lambda one: may_decide(see, one),
        reason_words=lambda code: reasons.reason_words(see, code),
    )


@router.get("/console/approvals/{id}")
async def approval(
    see: See,
    id: Id,  # noqa: A002 (the parameter's name)
    language: Annotated[str, Query(max_length=35)] = "",
) -> Response:
    return await _approval(see, parse_message_id(id), nearest_language(language or see.language))


async def _approval(see: Viewing, id_: MessageId, language: str, status: int = 200, **more: Any) -> Response:
    view = await see.exchange.read_approval(see.node, see.actor, id_)
    waiting = of_approval(view)
    return show(
        see,
        "officer/approval.html",
        status,
        view=view,
        piece=None if waiting is None else drawn_draft(see, waiting, language),
        answered=None if waiting is None else await answered(see, waiting, language),
        languages_there=available_languages(),
        decides=view.state == "proposed" and may_decide(see, view),
        proposed_it=view.proposed_by == see.actor.person,
        reasons=reasons.RETURN,
        reason_words=lambda code: reasons.reason_words(see, code),
        reads_case=see.may(Scope.CASES_READ),
        **{"fault": None, "invitation": None, **more},
    )


@router.post("/console/approvals/{id}/decision")
async def decide(see: See, id: Id) -> Response:  # noqa: A002
    approval, decision = parse_message_id(id), see.posted.get("decision")
    reason = see.posted.get("reason") if decision == "return" else None
    if decision not in ("approve", "return") or (decision == "return" and reason not in reasons.RETURN):
        fault = told_of(
            see, Malformed("access.reason_required", "expected a decision, and why it is returned")
        )
        return await _approval(see, approval, see.language, 422, fault=fault)
    try:
        view = await see.exchange.decide(see.node, see.actor, approval, cast("Decision", decision), reason)
    except (Refused, NodeError) as refused:
        if getattr(refused, "code", "") == "request.not_found":
            raise
        # Nothing is decided: what stands in the way is said beside what waits.
        return await _approval(see, approval, see.language, 409, fault=told_of(see, refused))
    if view.accepted is not None and see.may(Scope.MESSAGES_READ):
        return go(see, f"/console/messages/{view.accepted.id}", said="officer-said-approved-sent")
    if view.invitation is not None:
        # Once, in this answer alone: it is kept nowhere.
        return await _approval(see, approval, see.language, invitation=view.invitation)
    said = "officer-said-approved" if decision == "approve" else "officer-said-returned"
    return go(see, f"/console/approvals/{approval}", said=said)
