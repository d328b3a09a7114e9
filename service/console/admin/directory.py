"""The directory as this node has it, and this State's own entries: looked at, changed on paper, proposed.

What is said of an authority is edited as the JSON that its entry holds, beside the exact differences that it
would make. Where the State's root key is elsewhere, the page gives what has to be signed and takes it signed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from protocol.claims import moment_of
from protocol.directory import Directory
from protocol.errors import Refused
from protocol.json_strict import parse_object
from service.console.admin.answering import fault_of, waits
from service.console.pages import Page, See, Viewing, render
from service.directory.desk import EntryDraft
from service.directory.laid_out import read_entries
from service.directory.publishing import Standing, member_of_node, standing
from service.errors import Malformed, NodeError, NotFound

__all__ = ["OwnEntry", "facts_of", "own_entries", "preview", "router"]

KINDS: Final = ("authority", "mandate", "corridor")
MAX_FACTS: Final = 65_536

router = APIRouter(route_class=Page)

Kind = Annotated[str, Path(pattern=r"^(authority|mandate|corridor)$")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEntry:
    """An entry of this State as it stands now. `laid`: the node has it, and the directory perhaps not yet."""

    kind: str
    name: str
    subject: str
    facts: Mapping[str, Any] = field(hash=False)
    issued_at: datetime
    ends_at: datetime
    laid: bool


def own_entries(see: Viewing, kind: str) -> list[OwnEntry]:
    """Refuses as `DirectorySource.known`."""
    directory, member = see.node.directory.known(), member_of_node(see.node)
    under = f"{member}/{kind}/"
    paths = {
        path
        for path in (*read_entries(see.node.settings.data_dir), *directory.snapshot.entries)
        if path.startswith(under)
    }
    found = (_own(see, directory, kind, path.removeprefix(under)) for path in sorted(paths))
    return [one for one in found if one is not None]


def _own(see: Viewing, directory: Directory, kind: str, name: str) -> OwnEntry | None:
    there = standing(see.node, directory, f"{member_of_node(see.node)}/{kind}/{name}")
    if there.claims is None:
        return None
    return OwnEntry(
        kind=kind,
        name=name,
        subject=there.claims["sub"],
        facts=facts_of(kind, there),
        issued_at=moment_of(there.claims["iat"]),
        ends_at=moment_of(there.claims["exp"]),
        laid=there.laid,
    )


def facts_of(kind: str, there: Standing) -> dict[str, Any]:
    """What an entry says, as it is proposed anew."""
    assert there.claims is not None
    return {**there.said, **({"intermediary": there.claims["sub"]} if kind == "mandate" else {})}


@router.get("/console/admin/directory")
async def state(see: See) -> Response:
    found, entries = None, []
    try:
        found = await see.exchange.directory_state(see.node, see.actor)
        entries = [one for kind in KINDS for one in own_entries(see, kind)]
    except Refused:
        pass  # the page says that there is no directory
    return render(see, "admin/directory.html", found=found, entries=entries, at=see.node.clock.now())


@router.get("/console/admin/directory/{kind}/{name}")
async def entry(see: See, kind: Kind, name: Name) -> Response:
    return _entry(see, kind, name)


@router.post("/console/admin/directory/{kind}/{name}")
async def change_entry(see: See, kind: Kind, name: Name) -> Response:
    posted = see.posted.only("act", "facts", "signed")
    text, signed = posted.get("facts") or "", (posted.get("signed") or "").strip()
    try:
        match posted.get("act"):
            case "preview":
                facts = _facts(text)
                draft = await see.exchange.preview_entry(see.node, see.actor, kind, name, facts)
                return _entry(see, kind, name, text=text, draft=draft)
            case "propose":
                given = (None, signed) if signed else (_facts(text), None)
                approval = await see.exchange.propose_entry(see.node, see.actor, kind, name, *given)
                return waits(see, approval)
            case _:
                raise Malformed("request.body", "expected what to do with it", field="/act")
    except (Refused, NodeError) as refused:
        return _entry(see, kind, name, 422, text=text, signed=signed, fault=fault_of(see, refused))


def _entry(see: Viewing, kind: str, name: str, status: int = 200, **more: Any) -> Response:
    own = _own(see, see.node.directory.known(), kind, name)
    if own is None and not more.get("draft") and not more.get("fault"):
        raise NotFound("request.not_found", "this State has no such entry")
    text = "" if own is None else _written(own.facts)
    values: dict[str, Any] = {"text": text, "draft": None, "fault": None, "signed": "", **more}
    return render(
        see,
        "admin/entry.html",
        status,
        kind=kind,
        name=name,
        own=own,
        claims=claims_text(values["draft"]),
        **values,
    )


async def preview(
    see: Viewing, kind: str, name: str, facts: Mapping[str, Any], status: int = 200, **more: Any
) -> Response:
    """The page of an entry that a form made, with what it would change. Refuses as `preview_entry`."""
    draft = await see.exchange.preview_entry(see.node, see.actor, kind, name, facts)
    return _entry(see, kind, name, status, text=_written(facts), draft=draft, **more)


def claims_text(draft: EntryDraft | None) -> str:
    return "" if draft is None else _written(draft.claims)


def _written(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False, indent=2)


def _facts(text: str) -> dict[str, Any]:
    data = text.encode()
    if len(data) > MAX_FACTS:
        raise Malformed("request.body", "expected less", field="/facts")
    return dict(parse_object(data, max_bytes=MAX_FACTS))
