"""What the operator of a node sees: that everything moves, where it does not, and what to do then.

Numbers, offices, States, instants and ids. Case references stand in the lists of deadlines alone, where the
API shows them to operators too; no content and no identity anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response
from markupsafe import Markup

from protocol.directory.targets import COLLECT, CONSIGN
from protocol.errors import Refused
from protocol.identifiers import StateCode, ThreadId, case_reference
from service.access.roles import Scope
from service.api.operations import working
from service.console.days import Day, end_of_day
from service.console.markdown import to_html
from service.console.pages import Page, See, Viewing, render
from service.errors import Malformed, NotFound
from service.exchange.views import DeadlineQuery
from service.monitor.delivery import Figures
from service.monitor.dwell import dwell
from service.monitor.key_lives import endings
from service.monitor.standing import NEWEST, quarantined, standing
from service.monitor.watch import Looked, Stuck

__all__ = ["router", "stuck_words"]

_PAGE: Final = 50
_ON_OVERVIEW: Final = 10
_PARTS: Final = {"store": "store-failing", "directory": "directory-ageing", "hub": "hub-away"}
"""Parts of a node that may be away, and the runbook of each."""
_ADAPTER_UNWELL: Final = "adapter-unwell"
_RUNBOOKS: Final = files("service.console") / "runbooks"
_PAGES_OF_RUNBOOKS: Final = "/console/operator/runbooks/"

router = APIRouter(route_class=Page)

Slug = Annotated[str, Path(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
After = Annotated[str, Query(max_length=512)]
State = Annotated[str, Query(pattern=r"^([a-z]{2,3})?$")]
What = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """All that stands still of one kind. `first`: the one that has longest."""

    what: str
    count: int
    first: Stuck
    page: str


@router.get("/console/operator")
async def overview(see: See) -> Response:
    query = DeadlineQuery(limit=_ON_OVERVIEW)
    owed = await see.exchange.deadlines(see.node, see.actor, query)
    now = await standing(see.node)
    return render(
        see,
        "operator/overview.html",
        standing=now,
        alarms=_alarms(now.looked),
        owed=owed,
        parts=await _parts(see),
        part_pages=_PARTS,
        directory_until=_directory_until(see),
        queues={queue.name: queue for queue in now.queues},
        stuck_words=stuck_words(see),
        unwell=await _unwell(see),
        at=see.node.clock.now(),
    )


@router.get("/console/operator/deadlines")
async def deadlines(
    see: See,
    owed_by: Literal["", "us", "them"] = "",
    overdue: Literal["", "true", "false"] = "",
    state: State = "",
    case: Annotated[str, Query(max_length=64)] = "",
    until: Day = "",
    after: After = "",
) -> Response:
    query = DeadlineQuery(
        owed_by=owed_by or None,
        overdue=None if not overdue else overdue == "true",
        with_state=StateCode(state) if state else None,
        case=case_reference(case) if case.strip() else None,
        until=end_of_day(until, "/until") if until else None,
        after=after or None,
        limit=_PAGE,
    )
    owed = await see.exchange.deadlines(see.node, see.actor, query)
    asked = {"owed_by": owed_by, "overdue": overdue, "state": state, "case": case, "until": until}
    chosen = {name: value for name, value in asked.items() if value}
    further = urlencode({**chosen, "after": owed.after}) if owed.after else None
    now = await standing(see.node)
    return render(
        see,
        "operator/deadlines.html",
        owed=owed,
        at=owed.at,
        owed_by=owed_by,
        overdue=overdue,
        state_chosen=state,
        case_chosen=case,
        until_chosen=until,
        states=sorted({one.state for one in now.corridors} | ({StateCode(state)} if state else set())),
        first=urlencode(chosen) if after else None,
        further=further,
    )


@router.get("/console/operator/corridors")
async def corridors(see: See) -> Response:
    return render(
        see, "operator/corridors.html", standing=await standing(see.node), target_seconds=_target_seconds
    )


@router.get("/console/operator/queues")
async def queues(see: See) -> Response:
    return render(see, "operator/queues.html", standing=await standing(see.node), newest=NEWEST)


@router.get("/console/operator/quarantine")
async def quarantine(see: See, after: After = "") -> Response:
    cursor = _cursor(after)
    rows = await see.node.store.read(lambda session: quarantined(session, limit=_PAGE + 1, after=cursor))
    shown, further = rows[:_PAGE], None
    if len(rows) > _PAGE:
        further = urlencode({"after": f"{shown[-1].received_at.isoformat()}~{shown[-1].digest}"})
    return render(see, "operator/quarantine.html", rows=shown, further=further, first=bool(after))


@router.get("/console/operator/stuck")
async def stuck(see: See, what: What = "") -> Response:
    now = await standing(see.node)
    if what and what not in dwell():
        raise Malformed("request.parameter", "expected a kind of `dwell.json`", field="/what")
    return render(
        see,
        "operator/stuck.html",
        standing=now,
        alarms=_alarms(now.looked),
        items=[one for one in now.looked.items if not what or one.what == what],
        what=what,
        stuck_words=stuck_words(see),
    )


@router.get("/console/operator/peers")
async def peers(see: See) -> Response:
    return render(see, "operator/peers.html", standing=await standing(see.node))


@router.get("/console/operator/adapters")
async def adapters(see: See) -> Response:
    """The processes that connect this node with other systems, the unwell first."""
    found = await see.exchange.list_adapters(see.node, see.actor)
    return render(see, "operator/adapters.html", found=found, page_of_unwell=_ADAPTER_UNWELL)


@router.get("/console/operator/keys")
async def keys(see: See) -> Response:
    node, now = see.node, see.node.clock.now()
    directory, lives = None, []
    try:
        directory = node.directory.known()
        lives = sorted(endings(directory, node.code, now), key=lambda one: (not one.due, one.at))
    except Refused:
        pass  # the page says so
    return render(see, "operator/keys.html", directory=directory, endings=lives, at=now)


@router.get("/console/operator/runbooks")
async def runbooks(see: See) -> Response:
    return render(see, "operator/runbooks.html", pages=_runbooks())


@router.get("/console/operator/runbooks/{slug}")
async def runbook(see: See, slug: Slug) -> Response:
    known = _runbooks()
    if slug not in known:
        if slug in {row.page for row in dwell().values()}:
            return render(see, "operator/no-runbook.html", slug=slug)
        raise NotFound("request.not_found", "no such page")
    return render(see, "operator/runbook.html", page_title=known[slug], body=_runbook(slug)[1])


def stuck_words(see: Viewing) -> Words:
    """How a kind of `dwell.json` is called."""
    return Words(see)


@dataclass(frozen=True, slots=True)
class Words:
    see: Viewing

    def __call__(self, what: str) -> str:
        family, _, rest = what.partition(".")
        words = self.see.words
        if family == "conversation":
            procedure, _, state = rest.partition(".")
            return words.say(
                "operator-stuck-conversation",
                procedure=words.label("procedure", procedure),
                state=words.label("conversation-state", state),
            )
        names = (f"operator-stuck-{part.replace('.', '-').replace('_', '-')}" for part in (what, family))
        # A kind that came after the words is still shown, as something; the tests do not let it come to that.
        return words.say(next((name for name in names if words.knows(name)), "operator-stuck-other"))


async def _parts(see: Viewing) -> dict[str, bool]:
    """Which parts of the node do their work, by the names that words have for them."""
    parts = {
        name if name in _PARTS else "other": works for name, works in (await working(see.api.probes)).items()
    }
    connected = see.node.metrics.registry.get_sample_value("fp_hub_connected")
    return parts | {"hub": bool(connected)}


async def _unwell(see: Viewing) -> list[str]:
    """Adapters that are silent, or say themselves that something is wrong; none that was stopped."""
    if not see.may(Scope.ADAPTERS_READ):
        return []
    found = await see.exchange.list_adapters(see.node, see.actor)
    return [one.name for one in found.adapters if one.silent or one.state not in ("well", "stopped")]


def _alarms(looked: Looked) -> list[Alarm]:
    """In the order of what has stood longest over its time."""
    found: dict[str, Alarm] = {}
    for one in looked.items:
        if one.what not in found:
            found[one.what] = Alarm(what=one.what, count=looked.counts[one.what], first=one, page=one.page)
    return list(found.values())


def _directory_until(see: Viewing) -> datetime | None:
    try:
        return see.node.directory.known().snapshot.expires_at
    except Refused:
        return None


def _target_seconds(figures: Figures) -> float:
    bounds = CONSIGN if figures.leg == "consign" else COLLECT
    return bounds[figures.target].total_seconds()


def _cursor(after: str) -> tuple[datetime, ThreadId] | None:
    if not after:
        return None
    at, _, last = after.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not last:
        raise Malformed("request.cursor", "expected what a former page gave", field="/after")
    return moment, ThreadId(last)


@cache
def _runbooks() -> dict[str, str]:
    """Title of each runbook by its name. Empty in an installation that came without them."""
    if not _RUNBOOKS.is_dir():
        return {}
    names = sorted(entry.name for entry in _RUNBOOKS.iterdir() if entry.name.endswith(".md"))
    return {
        slug: _runbook(slug)[0] or slug for name in names if (slug := name.removesuffix(".md")) != "README"
    }


@cache
def _runbook(slug: str) -> tuple[str, Markup]:
    return to_html((_RUNBOOKS / f"{slug}.md").read_text("utf-8"), pages=_PAGES_OF_RUNBOOKS)
