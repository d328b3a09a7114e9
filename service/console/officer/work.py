"""Where an officer begins: what is owed, what came, what waits for a decision, what was told; and cases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from protocol.identifiers import case_reference, new_message_id, parse_message_id
from service.access.pairs import KINDS
from service.access.roles import Scope
from service.api.answers import NOT_STORED
from service.console.days import Day, end_of_day
from service.console.officer.documents import cases_of
from service.console.officer.shown import show
from service.console.pages import HEADERS, Page, See, Viewing, go
from service.errors import Malformed
from service.exchange.notices import NoticeView
from service.exchange.views import ApprovalView, DeadlineQuery, MessageQuery

__all__ = ["may_decide", "notice_page", "router"]

_PAGE: Final = 50
_NOTICES: Final = 5
_OWED_BY_OTHERS: Final = 10
_ID: Final = 36  # characters of a message's id
_ABOUT_CASES: Final = frozenset(
    {
        "message-arrived",
        "message-refused",
        "message-sent-on",
        "due-soon",
        "overdue",
        "escalated",
        "lapsed",
        "clock-differs",
        "protection-unknown",
    }
)

router = APIRouter(route_class=Page)

After = Annotated[str, Query(max_length=512)]


@router.get("/console/work")
async def work(see: See, after: After = "") -> Response:
    query = DeadlineQuery(owed_by="us", after=after or None, limit=_PAGE)
    owed = await see.exchange.deadlines(see.node, see.actor, query)
    theirs = await see.exchange.deadlines(
        see.node, see.actor, DeadlineQuery(owed_by="them", limit=_OWED_BY_OTHERS)
    )
    # What is for our authorities to collect; the oldest first, which is the most urgent to see.
    arrived = await see.exchange.list_messages(
        see.node, see.actor, MessageQuery(direction="in", status="consigned", limit=_PAGE)
    )
    proposed, more_waits = tuple[ApprovalView, ...](), False
    if see.may(Scope.APPROVALS_READ):
        waiting = await see.exchange.list_approvals(see.node, see.actor, "proposed")
        proposed, more_waits = waiting.approvals, waiting.after is not None
    told = await see.exchange.list_notices(see.node, see.actor, None, _NOTICES, True)
    return show(
        see,
        "officer/work.html",
        owed=owed,
        theirs=theirs,
        first="" if after else None,
        further=urlencode({"after": owed.after}) if owed.after else None,
        arrived=arrived,
        for_me=[one for one in proposed if may_decide(see, one)],
        more_waits=more_waits,
        mine=[one for one in proposed if one.proposed_by == see.actor.person],
        told=told,
        notice_page=notice_page,
        opens=see.may(Scope.CASES_WRITE),
        opening=new_message_id(see.node.random.bytes),
    )


@router.get("/console/deadlines")
async def deadlines(
    see: See,
    owed_by: Literal["", "us", "them"] = "",
    overdue: Literal["", "true", "false"] = "",
    case: Annotated[str, Query(max_length=64)] = "",
    until: Day = "",
    after: After = "",
) -> Response:
    """Everything that is owed in the reader's cases, by whomever, searched and page by page."""
    query = DeadlineQuery(
        owed_by=owed_by or None,
        overdue=None if not overdue else overdue == "true",
        case=case_reference(case) if case.strip() else None,
        until=end_of_day(until, "/until") if until else None,
        after=after or None,
        limit=_PAGE,
    )
    owed = await see.exchange.deadlines(see.node, see.actor, query)
    chosen = {"owed_by": owed_by, "overdue": overdue, "case": case, "until": until}
    asked = {name: value for name, value in chosen.items() if value}
    return show(
        see,
        "officer/deadlines.html",
        owed=owed,
        chosen=chosen,
        first=urlencode(asked) if after else None,
        further=urlencode({**asked, "after": owed.after}) if owed.after else None,
    )


def may_decide(see: Viewing, approval: ApprovalView) -> bool:
    """Whether the decision is this reader's to take, as far as can be said before trying."""
    kind, actor = KINDS[approval.kind], see.actor
    scopes = {Scope.APPROVALS_DECIDE, kind.decides, Scope(approval.facts.get("scope", kind.decides))}
    return (
        approval.proposed_by != actor.person
        and all(map(actor.may, scopes))
        and (not kind.of_a_case or approval.deciding is None or approval.deciding in actor.authorities)
    )


def notice_page(notice: NoticeView) -> str | None:
    """Where a notice leads. Its subject is an id or a case reference; what the reader may see, the page
    says."""
    subject = notice.subject
    if "." in subject:  # an office: who is told of it is told of no case
        return None
    is_case = len(subject) != _ID
    if notice.kind in ("approval-waiting", "approval-decided", "identity-released"):
        # The protection status has its own two people, and is about a case.
        return f"/console/cases/{subject}" if is_case else f"/console/approvals/{subject}"
    if notice.kind in _ABOUT_CASES:
        # A conversation has the id of its first message.
        return f"/console/cases/{subject}" if is_case else f"/console/messages/{subject}"
    return None


@router.get("/console/cases")
async def cases(
    see: See, after: After = "", reference: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    if reference.strip():
        # As somebody may have written it; the protocol reads it, and says what is mistyped.
        return go(see, f"/console/cases/{case_reference(reference)}")
    known = await cases_of(see, limit=_PAGE + 1, before=_before(after))
    shown, further = known[:_PAGE], None
    if len(known) > _PAGE:
        further = urlencode({"after": f"{shown[-1].opened_at.isoformat()}~{shown[-1].reference}"})
    return show(
        see,
        "officer/cases.html",
        cases=shown,
        first="" if after else None,
        further=further,
        opens=see.may(Scope.CASES_WRITE),
        opening=new_message_id(see.node.random.bytes),
    )


def _before(after: str) -> tuple[datetime, str] | None:
    if not after:
        return None
    moment, _, reference = after.partition("~")
    try:
        return datetime.fromisoformat(moment), case_reference(reference)
    except ValueError:
        raise Malformed("request.cursor", "expected `after` as the page before gave it") from None


@router.post("/console/cases")
async def open_case(see: See) -> Response:
    # The page chose it, so that a button pressed twice opens one case.
    opening = parse_message_id(see.posted.only("id").one("id"))
    case = await see.exchange.open_case(see.node, see.actor, opening)
    return go(see, f"/console/cases/{case.reference}", said="officer-said-opened")


@router.get("/console/notices")
async def notices(
    see: See,
    order: Literal["", "newest"] = "",
    after: Annotated[str, Query(pattern=r"^[0-9]{0,18}$")] = "",
) -> Response:
    """What is unread, the oldest first, or everything, the newest first. What somebody has read is one
    position: so only a page that begins there can be marked, and is marked no further than it goes."""
    beyond = int(after) if after else None
    told = await see.exchange.list_notices(see.node, see.actor, beyond, _PAGE, order == "newest")
    if not after and not order and not told.unread:
        order = "newest"
        told = await see.exchange.list_notices(see.node, see.actor, None, _PAGE, True)
    kept = {"order": order} if order else {}
    return show(
        see,
        "officer/notices.html",
        told=told,
        newest=order == "newest",
        marks=bool(told.notices) and order != "newest" and beyond in (None, told.read),
        notice_page=notice_page,
        first=urlencode(kept) if after else None,
        further=urlencode({**kept, "after": told.position}) if told.more else None,
    )


@router.post("/console/notices/read")
async def mark_read(see: See) -> Response:
    position = see.posted.one("position")
    if not position.isdecimal() or len(position) > 18:
        raise Malformed("request.body", "expected a position", field="/position")
    await see.exchange.mark_read(see.node, see.actor, int(position))
    return go(see, "/console/notices", said="officer-said-read")


@router.get("/console/notices/count")
async def count(see: See) -> Response:
    """A piece of a page: the number of what is unread, or nothing."""
    told = await see.exchange.list_notices(see.node, see.actor, None, 1)
    text = see.words.number(told.unread) if told.unread else ""
    return Response(text, headers={**HEADERS, **NOT_STORED}, media_type="text/html")
