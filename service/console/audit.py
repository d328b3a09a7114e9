"""The access journal, for the auditor: found, checked, taken out. Who looks at it stands in it too.

Entries have opaque names, ids and codes, never content. A page is a range of positions: it is found by index,
and no search walks further than `journal.MOST_LOOKED_AT` entries at once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from sqlmodel import Session

from protocol.errors import Refused
from protocol.identifiers import CaseReference, case_reference
from protocol.journal import ORIGIN, Report, verify, written
from service.access import journal
from service.access.journal import Found
from service.api.accounts import JSON_LINES
from service.console.admin.answering import fault_of
from service.console.pages import HEADERS, Page, See, Viewing, render
from service.errors import Malformed, NodeError

__all__ = ["router"]

_PAGE: Final = 50
_CHECKED: Final = 20_000
"""Entries that one request checks: below a second on one core."""
_MAX_POSITION: Final = (1 << 53) - 1

router = APIRouter(route_class=Page)

Position = Annotated[str, Query(pattern=r"^[0-9]{0,15}$")]
Text = Annotated[str, Query(max_length=64)]
Day = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]


@router.get("/console/journal")
async def read_journal(
    see: See, case: Text = "", person: Text = "", since: Day = "", until: Day = "", before: Position = ""
) -> Response:
    chosen = {"case": case, "person": person, "since": since, "until": until}
    try:
        found = await _found(see, chosen, before=int(before or _MAX_POSITION))
    except (Refused, NodeError) as refused:
        return _journal(see, chosen, None, before, 422, fault=fault_of(see, refused))
    return _journal(see, chosen, found, before)


def _journal(
    see: Viewing, chosen: dict[str, str], found: Found | None, before: str, status: int = 200, **more: Any
) -> Response:
    kept = {name: value for name, value in chosen.items() if value}
    further = None
    if found is not None and found.further is not None:
        further = urlencode({**kept, "before": found.further})
    report = None
    if found is not None:
        # Newest first on the page; a chain is walked from its older end.
        entries = found.entries[::-1]
        if entries:
            start = (entries[0].position - 1, entries[0].previous)
            report = verify(entries, start=start, excerpt=found.excerpt)
    return render(
        see,
        "admin/journal.html",
        status,
        found=found,
        report=report,
        chosen=chosen,
        at_of=_at,
        first=urlencode(kept) if before else None,
        further=further,
        **{"fault": None, **more},
    )


@router.get("/console/journal/check")
async def check_journal(
    see: See, after: Position = "", position: Position = "", digest: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """The chain from the beginning, some thousand entries at a time, and against a checkpoint that somebody
    else holds."""
    begin = int(after or 0)
    known = {int(position): digest.strip()} if position and digest.strip() else {}

    def work(session: Session) -> tuple[Report, int]:
        start = (0, ORIGIN)
        if begin:
            (before,) = journal.entries(session, after=begin - 1, limit=1) or (None,)
            if before is None or before.position != begin:
                raise Malformed("request.cursor", "expected the position of an entry", field="/after")
            start = before.checkpoint
        last, _ = journal.checkpoint(session)
        entries = journal.entries(session, after=begin, limit=_CHECKED)
        reached = entries[-1].position if entries else begin
        # What lies further on is looked at when the check comes there.
        due = {at: text for at, text in known.items() if begin < at and (at <= reached or reached >= last)}
        return verify(entries, start=start, known=due), last

    report, last = await see.node.store.read(work)
    kept = {"position": position, "digest": digest} if known else {}
    more = report.fault is None and report.last[0] < last
    return render(
        see,
        "admin/journal-check.html",
        report=report,
        end=last,
        begin=begin,
        position=position,
        digest=digest,
        further=urlencode({**kept, "after": report.last[0]}) if more else None,
        compared=bool(known) and begin < int(position) <= report.last[0],
    )


@router.get("/console/journal/file")
async def journal_file(see: See, after: Position = "", case: Text = "") -> Response:
    """As `GET /v1/journal` gives it: JSON lines, which `focalpoint journal verify` reads."""
    wanted = case_reference(case) if case else None
    now, actor, begin = see.node.clock.now(), see.actor, int(after or 0)

    def work(session: Session) -> bytes:
        page = journal.entries(session, after=begin, limit=journal.MOST_ROWS, case=wanted)
        if page:
            what = wanted or f"{page[0].position}-{page[-1].position}"
            journal.note(session, actor, "journal-read", what, at=now)
        return b"".join(written(entry) + b"\n" for entry in page)

    lines = await see.node.store.write(work)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="journal-after-{begin}.jsonl"'}
    return Response(lines, headers=headers, media_type=JSON_LINES)


async def _found(see: Viewing, chosen: dict[str, str], *, before: int) -> Found:
    case: CaseReference | None = case_reference(chosen["case"].strip()) if chosen["case"].strip() else None
    person = chosen["person"].strip() or None
    since = _day(chosen["since"], "since")
    until = _day(chosen["until"], "until")
    now, actor = see.node.clock.now(), see.actor

    def work(session: Session) -> Found:
        found = journal.search(
            session,
            before=before,
            limit=_PAGE,
            case=case,
            actor=person,
            since=since,
            until=None if until is None else until + timedelta(days=1),
        )
        # Who watches is seen too; behind the page, so that a page never holds its own reading.
        if found.entries:
            what = case or f"{found.entries[-1].position}-{found.entries[0].position}"
            journal.note(session, actor, "journal-read", what, at=now)
        return found

    return await see.node.store.write(work)


def _day(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("request.parameter", "expected a day", field=f"/{name}") from None


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
