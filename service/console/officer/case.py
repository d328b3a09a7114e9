"""A case: what happened, what may be said next and what is missing, who settled what, and its papers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Path, Query, Response

from protocol import vocabularies
from protocol.agreement import VERSIONS
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import CaseReference, case_reference
from protocol.languages import available_languages
from service.access.roles import Scope
from service.api.cases import BUNDLE
from service.console.officer import reasons
from service.console.officer.documents import documents_of
from service.console.officer.shown import as_file, show, told_of
from service.console.pages import HEADERS, Page, See, Viewing, go
from service.errors import Malformed, NodeError
from service.exchange.views import (
    NextStep,
    ProtectionStatus,
    RetentionAct,
    RetentionView,
    ThreadView,
    TimelineEntry,
)

__all__ = ["Reference", "router", "steps_by_openness"]

_STATUSES: Final = ("not-sought", "possible", "sought", "unknown")
_ACTS: Final = ("block", "unblock", "hold", "lift-hold", "erase")
_BY_ADMINISTRATORS: Final = frozenset({"lift-hold", "erase"})
_RETENTION_EVENTS: Final = {
    "blocked": "parts-blocked",
    "unblocked": "parts-unblocked",
    "held": "hold-set",
    "hold-lifted": "hold-lifted",
    "identity-erased": "identity-erased",
    "narrative-erased": "narrative-erased",
}

router = APIRouter(route_class=Page)

Reference = Annotated[str, Path(max_length=64)]
"""As a person may write it: the protocol reads it, and says what is mistyped."""
Language = Annotated[str, Query(max_length=35)]


@router.get("/console/cases/{reference}")
async def case(see: See, reference: Reference) -> Response:
    return await _case(see, case_reference(reference))


async def _case(see: Viewing, case: CaseReference, status: int = 200, **more: Any) -> Response:
    timeline = await see.exchange.case_timeline(see.node, see.actor, case)
    steps = await see.exchange.next_steps(see.node, see.actor, case)
    documents = await documents_of(see, case)
    open_steps, blocked = steps_by_openness(steps.steps)
    return show(
        see,
        "officer/case.html",
        status,
        timeline=timeline,
        case=timeline.case,
        at=see.node.clock.now(),
        entries=[(entry, _event(entry)) for entry in reversed(timeline.entries)],
        open_steps=open_steps,
        blocked=blocked,
        agreements=_agreements(timeline.threads, documents),
        versions=[one for one in documents if one.type in VERSIONS],
        languages_there=available_languages(),
        may_protect=see.may(Scope.PROTECTION_WRITE) and timeline.case.protection is not None,
        may_send=see.may(Scope.MESSAGES_SEND),
        may_record=see.may(Scope.PROTECTION_WRITE) and timeline.case.guardian is not None,
        statuses=_STATUSES,
        reasons=reasons.PROTECTION,
        reason_words=lambda code: reasons.reason_words(see, code),
        **more,
    )


def steps_by_openness(steps: tuple[NextStep, ...]) -> tuple[list[NextStep], list[NextStep]]:
    """What may be said now, the most urgent first; and what waits for something."""
    open_ = [one for one in steps if one.open]
    open_.sort(key=lambda one: (one.until is None, one.until or 0, one.thread is None))
    return open_, [one for one in steps if not one.open]


def _agreements(threads: tuple[ThreadView, ...], documents: Any) -> list[tuple[ThreadView, Any]]:
    """What is agreed in each conversation, with its version."""
    by_id = {one.id: one for one in documents}
    return [
        (thread, by_id[thread.standing.message])
        for thread in threads
        if thread.standing is not None and thread.standing.message in by_id
    ]


def _event(entry: TimelineEntry) -> str | None:
    """The name of what a timeline calls it, for what is no message and no evidence."""
    match entry.kind:
        case "case-opened":
            return "event-case-opened"
        case "identity-released":
            return "event-identity-shown"
        case "overdue":
            return "event-deadline-passed"
        case "retention":
            return f"event-{_RETENTION_EVENTS[entry.state or '']}"
        case _:
            return None


@router.get("/console/cases/{reference}/timeline")
async def timeline(
    see: See,
    reference: Reference,
    language: Language = "",
    format: Literal["html", "pdf", "text"] = "html",  # noqa: A002 (the parameter's name)
) -> Response:
    case = case_reference(reference)
    rendering = await see.exchange.render_timeline(
        see.node, see.actor, case, language or see.language, format
    )
    return as_file(rendering, f"timeline-{rendering.digest[:8]}")


@router.get("/console/cases/{reference}/evidence")
async def evidence(see: See, reference: Reference) -> Response:
    case = case_reference(reference)
    bundle = await see.exchange.case_bundle(see.node, see.actor, case)
    return Response(
        bundle,
        # Not the reference: names of files are seen by more programs and people than what is in them.
        headers={**HEADERS, "Content-Disposition": 'attachment; filename="evidence.json"'},
        media_type=BUNDLE,
    )


@router.post("/console/cases/{reference}/protection")
async def protect(see: See, reference: Reference) -> Response:
    case = case_reference(reference)
    status, reason = see.posted.get("status") or "", see.posted.get("reason") or ""
    if status not in _STATUSES or reason not in reasons.PROTECTION:
        return await _case(see, case, 422, protection_fault="officer-choose-status-and-reason")
    try:
        view = await see.exchange.set_protection(
            see.node, see.actor, case, cast("ProtectionStatus", status), reason
        )
    except NodeError as refused:
        if refused.code != "access.second_person":
            raise
        return await _case(see, case, 403, protection_fault="officer-protection-not-alone")
    said = (
        "officer-said-protection-proposed" if view.state == "proposed" else "officer-said-protection-settled"
    )
    return go(see, f"/console/cases/{case}", said=said)


@router.post("/console/cases/{reference}/guardian")
async def record_guardian(see: See, reference: Reference) -> Response:
    case = case_reference(reference)
    taken_back, typed = see.posted.get("do") == "take-back", see.posted.get("provided_on") or ""
    try:
        day = None if taken_back else _day(typed)
        await see.exchange.record_guardian(see.node, see.actor, case, day)
    except NotAcceptable as refused:
        return await _case(see, case, 422, guardian_fault=told_of(see, refused), guardian_day=typed)
    said = "officer-said-guardian-taken-back" if taken_back else "officer-said-guardian-recorded"
    return go(see, f"/console/cases/{case}", said=said)


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise NotAcceptable("case.guardian_date", "expected a day", field="provided_on") from None


# -- until when what is personal is kept


@router.get("/console/cases/{reference}/retention")
async def retention(see: See, reference: Reference) -> Response:
    return await _retention(see, case_reference(reference))


@router.post("/console/cases/{reference}/retention")
async def change_retention(see: See, reference: Reference) -> Response:
    case = case_reference(reference)
    act, reason = see.posted.get("act") or "", see.posted.get("reason") or ""
    if act not in _ACTS or reason not in vocabularies.scheme("retention-reason").concepts:
        return await _retention(
            see, case, 422, fault=told_of(see, Malformed("request.body", "expected act and reason"))
        )
    try:
        await see.exchange.change_retention(see.node, see.actor, case, cast("RetentionAct", act), reason)
    except (Refused, NodeError) as refused:
        # The act stays chosen; what stands in its way is said beside it.
        return await _retention(see, case, 409, fault=told_of(see, refused), act=act, reason=reason)
    said = "officer-said-retention-proposed" if act in _BY_ADMINISTRATORS else "officer-said-retention-done"
    return go(see, f"/console/cases/{case}/retention", said=said)


async def _retention(see: Viewing, case: CaseReference, status: int = 200, **more: Any) -> Response:
    view: RetentionView = await see.exchange.case_retention(see.node, see.actor, case)
    acts = [
        one
        for one in _ACTS
        if see.may(Scope.RETENTION_WRITE) and (one not in _BY_ADMINISTRATORS or see.may(Scope.ADMIN))
    ]
    return show(
        see,
        "officer/retention.html",
        status,
        view=view,
        acts=acts,
        codes=tuple(vocabularies.scheme("retention-reason").concepts),
        reason_words=lambda code: reasons.reason_words(see, code),
        **{"fault": None, "act": "", "reason": "", **more},
    )


@router.get("/console/retention")
async def due(
    see: See,
    case: Annotated[str, Query(max_length=64)] = "",
    after: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """What is due; or, of any case whose reference somebody has, what is kept: to hold it or let it go."""
    if case.strip():
        return go(see, f"/console/cases/{case_reference(case.strip())}/retention")
    begin = case_reference(after) if after else None
    found = await see.exchange.due_for_retention(see.node, see.actor, begin)
    return show(
        see,
        "officer/retention-due.html",
        cases=found.cases,
        first="" if after else None,
        further=None if found.after is None else f"after={found.after}",
    )


@router.post("/console/retention")
async def run(see: See) -> Response:
    await see.exchange.run_retention(see.node, see.actor)
    return go(see, "/console/retention", said="officer-said-retention-run")
