"""Messages: listed, read in one's own language, collected, proven, carried by hand; and their identity part,
which two people release."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from protocol import vocabularies
from protocol.agreement import VERSIONS
from protocol.attachments import MediaType
from protocol.conversations.table import ATTEST
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import MessageId, case_reference, parse_message_id
from protocol.languages import available_languages, nearest_language
from service.access.pairs import IDENTITY_RELEASE
from service.access.roles import Scope
from service.api.reading import ENVELOPE, cursor, position
from service.console.days import Day, beginning_of_day
from service.console.officer import reasons
from service.console.officer.documents import documents_of
from service.console.officer.shown import as_file, drawn_draft, of_view, piece, show, told_of
from service.console.pages import HEADERS, Page, See, Viewing, go
from service.errors import Malformed, NodeError, TooLarge
from service.exchange.views import (
    RELAY_REASONS,
    ApprovalView,
    ClaimedRendering,
    MessageQuery,
    MessageView,
    RelayOutcome,
)

__all__ = ["router"]

_PAGE: Final = 50
_STATUSES: Final = ("accepted", "held", "sent", "consigned", "refused", "retrieved", "waiting")
_SANDBOX: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""A document runs nothing, wherever somebody opens it."""

router = APIRouter(route_class=Page)

Id = Annotated[str, Path(max_length=64)]
Digest = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]
Language = Annotated[str, Query(max_length=35)]


@router.get("/console/messages")
async def messages(
    see: See,
    case: Annotated[str, Query(max_length=64)] = "",
    type: Annotated[str, Query(max_length=64)] = "",  # noqa: A002 (the parameter's name)
    direction: Literal["", "in", "out"] = "",
    status: Literal["", "accepted", "held", "sent", "consigned", "refused", "retrieved", "waiting"] = "",
    since: Day = "",
    after: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    query = MessageQuery(
        case=case_reference(case) if case.strip() else None,
        type=type or None,
        direction=direction or None,
        status=status or None,
        since=beginning_of_day(since, "/since") if since else None,
        after=position(after or None),
        limit=_PAGE,
    )
    page = await see.exchange.list_messages(see.node, see.actor, query)
    chosen = {"case": case, "type": type, "direction": direction, "status": status, "since": since}
    asked = {name: value for name, value in chosen.items() if value}
    return show(
        see,
        "officer/messages.html",
        page=page,
        chosen=chosen,
        types=tuple(vocabularies.scheme("message-type").concepts),
        statuses=_STATUSES,
        first=urlencode(asked) if after else None,
        further=urlencode({**asked, "after": cursor(page.position)}) if page.more else None,
    )


@router.get("/console/messages/{id}")
async def message(
    see: See,
    id: Id,  # noqa: A002 (the parameter's name)
    language: Language = "",
) -> Response:
    return await _message(see, parse_message_id(id), nearest_language(language or see.language))


async def _message(see: Viewing, id_: MessageId, language: str, status: int = 200, **more: Any) -> Response:
    try:
        rendering = await see.exchange.render_message(see.node, see.actor, id_, language, "html")
        view = await see.exchange.read_message(see.node, see.actor, id_, False, None)
    except NotAcceptable as reason:
        # No mandate (any more) lets an intermediary's people read it: that it is there, they see.
        facts = await see.exchange.message_facts(see.node, see.actor, id_)
        return show(see, "officer/message-closed.html", 422, view=facts, fault=told_of(see, reason))
    timeline = await see.exchange.case_timeline(see.node, see.actor, view.case)
    documents = await documents_of(see, view.case)
    thread = next((one for one in timeline.threads if one.id == view.thread), None)
    steps = await see.exchange.next_steps(see.node, see.actor, view.case)
    return show(
        see,
        "officer/message.html",
        status,
        view=view,
        piece=piece(rendering),
        languages_there=available_languages(),
        thread=thread,
        replaced_by=[one for one in documents if one.replaces == view.id],
        replies=[one for one in steps.steps if one.open and one.thread == view.thread],
        collects=_collects(see, view),
        confirms_paper=view.type == ATTEST and view.direction == "in" and see.may(Scope.AGREEMENTS_PROPOSE),
        releases=await _releases(see, view),
        alone=_alone(see),
        may_release=see.may(Scope.IDENTITY_REQUEST),
        may_carry=see.may(Scope.ENVELOPES_CARRY),
        reasons=reasons.RELEASE,
        reason_words=lambda code: reasons.reason_words(see, code),
        comparable=view.type in VERSIONS and sum(one.type in VERSIONS for one in documents) > 1,
        at=see.node.clock.now(),
        **{"identity": None, "fault": None, **more},
    )


def _collects(see: Viewing, view: MessageView) -> bool:
    return (
        view.direction == "in"
        and view.recipient in see.actor.authorities
        and view.collected_at is None
        and view.status != "waiting"
        and see.may(Scope.MESSAGES_COLLECT)
    )


def _alone(see: Viewing) -> bool:
    """Whether this node's policy lets this reader see an identity part without a second person."""
    return IDENTITY_RELEASE not in see.node.settings.second_person.split() and see.may(Scope.IDENTITY_READ)


async def _releases(see: Viewing, view: MessageView) -> list[ApprovalView]:
    """What was asked for of this message's identity part, and is not over."""
    if not see.may(Scope.APPROVALS_READ):
        return []
    found = await see.exchange.list_approvals(see.node, see.actor, None, subject=view.id)
    return [
        one
        for one in found.approvals
        if one.kind == IDENTITY_RELEASE and one.state in ("proposed", "approved")
    ]


@router.get("/console/messages/{id}/rendering")
async def rendering(
    see: See,
    id: Id,  # noqa: A002
    language: Language = "",
    format: Literal["html", "pdf", "text"] = "pdf",  # noqa: A002
) -> Response:
    message = parse_message_id(id)
    made = await see.exchange.render_message(
        see.node, see.actor, message, nearest_language(language or see.language), format
    )
    return as_file(made, message)


@router.post("/console/messages/{id}/collection")
async def collect(see: See, id: Id) -> Response:  # noqa: A002
    message = parse_message_id(id)
    digest, language = see.posted.get("rendering"), see.posted.get("language")
    claimed = None
    if digest is not None and language is not None:
        claimed = ClaimedRendering(digest=digest, language=language, format="html")
    try:
        await see.exchange.collect(see.node, see.actor, message, claimed)
    except NodeError as refused:
        if refused.code != "rendering.differs":
            raise
        # An attestation came, or a name changed, while somebody read: they read it as it is now.
        return await _message(
            see, message, nearest_language(language or see.language), 409, fault=told_of(see, refused)
        )
    return go(see, f"/console/messages/{message}", said="officer-said-collected")


@router.post("/console/messages/{id}/paper-consent")
async def confirm_paper(see: See, id: Id) -> Response:  # noqa: A002
    """The first of two people who have looked at the paper."""
    message = parse_message_id(id)
    try:
        approval = await see.exchange.propose_paper_consent(see.node, see.actor, message)
    except (Refused, NodeError) as refused:
        if refused.code == "request.not_found":
            raise
        return await _message(see, message, see.language, 409, fault=told_of(see, refused))
    return go(see, f"/console/approvals/{approval.id}")


# -- the identity part


@router.post("/console/messages/{id}/identity-release")
async def ask_release(see: See, id: Id) -> Response:  # noqa: A002
    message, reason = parse_message_id(id), _reason(see)
    if reason is None:
        return await _without_reason(see, message)
    await see.exchange.request_release(see.node, see.actor, message, reason)
    return go(see, f"/console/messages/{message}", said="officer-said-release-asked")


@router.post("/console/messages/{id}/identity")
async def read_identity(see: See, id: Id) -> Response:  # noqa: A002
    """It is shown in the answer to a form, so that its address is nowhere and no history shows it again."""
    message, reason = parse_message_id(id), see.posted.get("reason")
    if reason is None:
        return await _without_reason(see, message)
    view = await see.exchange.read_message(see.node, see.actor, message, True, reason)
    piece = drawn_draft(see, of_view(view), see.language)
    return show(see, "officer/identity.html", view=view, piece=piece, reason=reason)


@router.post("/console/messages/{id}/attachments/{digest}")
async def read_attachment(see: See, id: Id, digest: Digest) -> Response:  # noqa: A002
    message, reason = parse_message_id(id), see.posted.get("reason")
    if reason is None:
        return await _without_reason(see, message)
    found = await see.exchange.read_attachment(see.node, see.actor, message, digest, reason)
    kind = MediaType(found.media_type)
    headers = {
        **HEADERS,
        "Content-Disposition": f'attachment; filename="attachment-{digest[:8]}.{kind}"',
        "Content-Length": str(found.size),
        "Content-Security-Policy": _SANDBOX,
    }
    return StreamingResponse(found.chunks, headers=headers, media_type=kind.name_in_http)


def _reason(see: Viewing) -> str | None:
    reason = see.posted.get("reason")
    return reason if reason in reasons.RELEASE else None


async def _without_reason(see: Viewing, message: MessageId) -> Response:
    fault = told_of(see, Malformed("access.reason_required", "a release of identity names its reason"))
    return await _message(see, message, see.language, 422, fault=fault)


# -- proof, and envelopes by hand


@router.get("/console/messages/{id}/evidence")
async def evidence(see: See, id: Id) -> Response:  # noqa: A002
    message = parse_message_id(id)
    proofs = await see.exchange.message_evidence(see.node, see.actor, message)
    view = await see.exchange.message_facts(see.node, see.actor, message)
    return show(see, "officer/evidence.html", proofs=proofs, view=view)


@router.get("/console/messages/{id}/envelope")
async def envelope(see: See, id: Id) -> Response:  # noqa: A002
    message = parse_message_id(id)
    data = await see.exchange.export_envelope(see.node, see.actor, message)
    return _envelope(data, message)


def _envelope(data: bytes, message: str) -> Response:
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{message}.fpenv"'}
    return Response(data, headers=headers, media_type=ENVELOPE)


@router.get("/console/envelopes")
async def bring(see: See) -> Response:
    return show(see, "officer/envelopes.html", outcome=None, fault=None)


@router.post("/console/envelopes")
async def take(see: See) -> Response:
    upload = see.posted.upload
    data = b"" if upload is None else await _whole(upload.chunks, see.limits.envelope)
    if not data:
        fault = told_of(see, Malformed("request.body", "expected a file"))
        return show(see, "officer/envelopes.html", 422, outcome=None, fault=fault)
    try:
        outcome = await see.exchange.import_envelope(see.node, see.actor, data)
    except (Refused, NodeError) as refused:
        return show(see, "officer/envelopes.html", 422, outcome=None, fault=told_of(see, refused))
    return show(see, "officer/envelopes.html", outcome=outcome, fault=None)


async def _whole(chunks: AsyncIterator[bytes], most: int) -> bytes:
    data = bytearray()
    async for some in chunks:
        data += some
        if len(data) > most:
            raise TooLarge("request.too_large", f"expected at most {most} bytes")
    return bytes(data)


# -- handing over to authorities without a node


@router.get("/console/relay")
async def relays(see: See) -> Response:
    pending = await see.exchange.pending_relays(see.node, see.actor)
    return show(
        see,
        "officer/relay.html",
        pending=pending,
        ways=tuple(vocabularies.scheme("relay-way").concepts),
        relay_reasons=RELAY_REASONS,
    )


@router.post("/console/messages/{id}/relay")
async def record_relay(see: See, id: Id) -> Response:  # noqa: A002
    message, posted = parse_message_id(id), see.posted
    outcome, way, reason = posted.one("outcome"), posted.one("way"), posted.get("reason")
    if (
        outcome not in ("handed-over", "failed")
        or way not in vocabularies.scheme("relay-way").concepts
        or (outcome == "failed" and reason not in RELAY_REASONS)
    ):
        raise Malformed("request.body", "expected an outcome, a way, and why it failed", field="/outcome")
    attempt = posted.get("attempt") or ""
    await see.exchange.record_relay(
        see.node,
        see.actor,
        message,
        RelayOutcome(
            outcome=cast("Any", outcome),
            way=way,
            reason=reason if outcome == "failed" else None,
            attempt=int(attempt) if attempt.isdecimal() and len(attempt) < 5 and int(attempt) else None,
        ),
    )
    return go(see, "/console/relay", said="officer-said-relayed")


@router.get("/console/messages/{id}/relay/envelope")
async def relay_envelope(see: See, id: Id) -> Response:  # noqa: A002
    message = parse_message_id(id)
    return _envelope(await see.exchange.relay_envelope(see.node, see.actor, message), message)
