"""What this State grants and agrees: mandates of intermediaries, and profiles of corridors with other States.

mandate   given by two administrators; taken away at once by one, and confirmed by another
profile   drafted here, signed by each State where its root key is, put together and proposed here
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from protocol import vocabularies
from protocol.claims import moment_of, seconds_of
from protocol.conversations import PROCEDURES
from protocol.deadlines import rules
from protocol.directory.between import PARTS, WITHOUT_IDENTITY
from protocol.errors import Refused
from protocol.languages import available_languages
from protocol.statements import CoSigned
from service.console.admin.answering import day, fault_of, later_day, left, typed, waits
from service.console.admin.directory import MAX_FACTS, OwnEntry, own_entries, preview
from service.console.pages import Page, See, Viewing, render
from service.directory.corridor import (
    BOTH,
    assembled,
    draft_profile,
    facts_of_profile,
    meaning,
    read_draft,
    signers,
)
from service.errors import Malformed, NodeError, NotFound

__all__ = ["router"]

_MANDATES, _PROFILES = "/console/admin/mandates", "/console/admin/profiles"
_LASTS: Final = 365
_KEPT: Final = "P10Y"
"""Filled in, and for the two States to decide: how long each keeps a closed case."""
_MANDATE_FORM: Final = ("name", "intermediary", "from", "until")
_PROFILE_FORM: Final = ("other", "from", "until", "costs", "retention")

router = APIRouter(route_class=Page)

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


# -- mandates


@router.get(_MANDATES)
async def mandates(see: See) -> Response:
    return _mandates(see)


def _mandates(see: Viewing, status: int = 200, **more: Any) -> Response:
    now = see.node.clock.now()
    values: dict[str, Any] = {
        "fault": None,
        "typed": {
            **left(*_MANDATE_FORM),
            "from": later_day(now, 0),
            "until": later_day(now, _LASTS),
        },
        "chosen": {"procedures": (), "states": (), "parts": WITHOUT_IDENTITY},
        **more,
    }
    return render(
        see,
        "admin/mandates.html",
        status,
        mandates=_entries(see, "mandate"),
        procedures=sorted(PROCEDURES),
        parts_of_message=PARTS,
        others=_other_states(see),
        bodies=_bodies(see),
        at=seconds_of(now),
        when=moment_of,
        **values,
    )


@router.post(_MANDATES)
async def give_mandate(see: See) -> Response:
    """Shown with what it would change; proposed from there."""
    posted = see.posted.only(*_MANDATE_FORM, "procedures", "states", "parts")
    several = {name: posted.all(name) for name in ("procedures", "states", "parts")}
    try:
        name = posted.one("name").strip()
        # It is shown on a page of its own, whose path has the name.
        if not name.isascii() or not name.replace("-", "").isalnum() or not name.islower() or len(name) > 63:
            raise Malformed("request.body", "expected a short name, such as iom", field="/name")
        facts = {
            "intermediary": posted.one("intermediary").strip(),
            "procedures": list(several["procedures"]),
            **({"states": list(several["states"])} if several["states"] else {}),
            "parts": list(several["parts"]),
            "from": seconds_of(day(see, "from")),
            "until": seconds_of(day(see, "until")),
        }
        return await preview(see, "mandate", name, facts)
    except (Refused, NodeError) as refused:
        again = typed(see, *_MANDATE_FORM)
        return _mandates(see, 422, fault=fault_of(see, refused), typed=again, chosen=several)


@router.post(f"{_MANDATES}/{{name}}/end")
async def end_mandate(see: See, name: Name) -> Response:
    """At once: it takes power away. Another administrator confirms it."""
    return await _ended(see, "mandate", name, "revoked_at")


async def _ended(see: Viewing, kind: str, name: str, member: str) -> Response:
    own = next((one for one in _entries(see, kind) if one.name == name), None)
    if own is None:
        raise NotFound("request.not_found", "this State has no such entry")
    facts = {**own.facts, member: seconds_of(see.node.clock.now())}
    try:
        return waits(see, await see.exchange.propose_entry(see.node, see.actor, kind, name, facts, None))
    except NotFound as refused:
        if refused.code != "keystore.unknown_owner":
            raise
        # The root key is elsewhere: here is what it has to sign.
        return await preview(see, kind, name, facts, 409, fault=fault_of(see, refused))


# -- profiles of corridors


@router.get(_PROFILES)
async def profiles(see: See) -> Response:
    return _profiles(see)


def _profiles(see: Viewing, status: int = 200, **more: Any) -> Response:
    now = see.node.clock.now()
    values: dict[str, Any] = {
        "fault": None,
        "typed": {
            **left(*_PROFILE_FORM),
            "from": later_day(now, 0),
            "until": later_day(now, _LASTS),
            "retention": _KEPT,
        },
        "languages_chosen": (see.language,),
        "lengths": {},
        "document": None,
        "meaning": (),
        "signed_by": (),
        "pasted": (),
        **more,
    }
    return render(
        see,
        "admin/profiles.html",
        status,
        profiles=_entries(see, "corridor"),
        terms={one.name: _terms(one) for one in _entries(see, "corridor")},
        others=_other_states(see),
        costs=list(vocabularies.scheme("costs-bearer").concepts),
        languages_there=available_languages(),
        rules=[(_field(rule), rule) for rule in rules()],
        when=moment_of,
        **values,
    )


@router.post(_PROFILES)
async def change_profile(see: See) -> Response:
    posted = see.posted
    try:
        match posted.get("act"):
            case "draft":
                return _profiles(see, **_shown(_drafted(see)))
            case "assemble":
                pasted = tuple(text for text in posted.all("file") if text.strip())
                if not pasted or any(len(text.encode()) > MAX_FACTS for text in pasted):
                    raise Malformed("request.body", "expected a profile's file", field="/file")
                document = assembled([read_draft(text) for text in pasted])
                if len(signers(document)) < BOTH:
                    return _profiles(see, **_shown(document))
                other = _other_of(see, document)
                return await preview(see, "corridor", other, facts_of_profile(document))
            case _:
                raise Malformed("request.body", "expected what to do with it", field="/act")
    except (Refused, NodeError) as refused:
        return _profiles(
            see,
            422,
            fault=fault_of(see, refused),
            pasted=posted.all("file"),
            languages_chosen=posted.all("languages"),
            lengths={name: value for name, value in posted.items if name.startswith("length.")},
            **({"typed": typed(see, *_PROFILE_FORM)} if posted.get("act") == "draft" else {}),
        )


@router.post(f"{_PROFILES}/{{name}}/end")
async def end_profile(see: See, name: Name) -> Response:
    """For what is opened from now on. It takes two, and cannot be unsaid."""
    return await _ended(see, "corridor", name, "ended_at")


def _drafted(see: Viewing) -> CoSigned:
    """Refuses `directory.malformed`."""
    posted, now = see.posted, see.node.clock.now()
    durations = []
    for rule in rules():
        if (length := (posted.get(_field(rule)) or "").strip()) != "":
            durations.append(
                {
                    "type": rule.started_by,
                    "obligation": rule.obligation,
                    "urgency": rule.urgency,
                    "duration": length,
                }
            )
    terms = {
        "states": [str(see.node.state), posted.one("other")],
        "durations": durations,
        "costs": posted.one("costs"),
        "languages": list(posted.all("languages")),
        "retention": posted.one("retention").strip(),
        "from": posted.one("from"),
        "until": posted.one("until"),
    }
    return draft_profile(see.node.directory.current().charter.network, terms, now=now)


def _shown(document: CoSigned) -> dict[str, Any]:
    return {
        "document": json.dumps(facts_of_profile(document), ensure_ascii=False, indent=2),
        "meaning": tuple(meaning(document)),
        "signed_by": signers(document),
    }


def _other_of(see: Viewing, document: CoSigned) -> str:
    states = json.loads(document.payload)["states"]
    return next((str(code) for code in states if code != see.node.state), str(see.node.state))


def _terms(one: OwnEntry) -> tuple[str, ...]:
    return tuple(meaning(CoSigned.from_json(one.facts["profile"])))


def _field(rule: Any) -> str:
    return f"length.{rule.started_by}.{rule.obligation}.{rule.urgency}"


# -- of both


def _entries(see: Viewing, kind: str) -> list[OwnEntry]:
    try:
        return own_entries(see, kind)
    except Refused:
        return []


def _other_states(see: Viewing) -> list[str]:
    try:
        directory = see.node.directory.current()
    except Refused:
        return []
    states = {entry.state for entry in directory.nodes()} - {see.node.state, "int"}
    return sorted(states)


def _bodies(see: Viewing) -> list[str]:
    """International bodies of the directory, who may stand in for a State."""
    try:
        directory = see.node.directory.current()
    except Refused:
        return []
    return sorted(entry.address for entry in directory.authorities() if entry.state == "int")
