"""People and systems: registered, let in, disabled. Opaque names alone; nobody's own name is asked for."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from protocol.errors import Refused
from protocol.json_strict import parse_object
from service.access import clients, people
from service.access.clients import CLIENT_ROLES
from service.access.people import PERSON_ROLES
from service.access.roles import ROLE_SCOPES, Role, Scope
from service.console.admin.answering import fault_of, left, typed, waits
from service.console.pages import Page, See, Viewing, go, render
from service.errors import Malformed, NodeError, NotFound
from service.exchange import accounts, restraints
from service.exchange.accounts import BY_TWO
from service.exchange.views import ApprovalView, InvitationView

__all__ = ["router"]

_PAGE: Final = 100
_MAX_KEYS: Final = 16_384
_PEOPLE, _SYSTEMS = "/console/admin/people", "/console/admin/systems"
_PERSON_FORM: Final = ("role", "subject")
_PERSON_ID: Final = re.compile(r"person-[A-Za-z0-9_-]{12}", re.ASCII)
_ADDED: Final = "admin-said-registered"
_SYSTEM_FORM: Final = ("id", "role", "keys")

router = APIRouter(route_class=Page)

PersonId = Annotated[str, Path(pattern=r"^person-[A-Za-z0-9_-]{12}$")]
Added = Annotated[str, Query(pattern=r"^(person-[A-Za-z0-9_-]{12})?$")]
ClientId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{2,63}$")]
After = Annotated[str, Query(max_length=64)]


@router.get(_PEOPLE)
async def list_people(see: See, after: After = "", added: Added = "") -> Response:
    return await _people(see, after=after, added=added if see.said == _ADDED else None)


async def _people(see: Viewing, status: int = 200, *, after: str = "", **more: Any) -> Response:
    found = [one for one in await see.node.store.read(people.people) if one.id > after]
    shown = found[:_PAGE]
    values: dict[str, Any] = {
        "fault": None,
        "typed": left(*_PERSON_FORM),
        "chosen": (),
        "invitation": None,
        "added": None,
        # The page chooses it, so that a button pressed twice registers one person.
        "id": people.new_id(see.node.random.bytes),
        **more,
    }
    return render(
        see,
        "admin/people.html",
        status,
        people=shown,
        first="" if after else None,
        further=f"after={shown[-1].id}" if len(found) > _PAGE else None,
        roles=sorted(PERSON_ROLES),
        by_two=BY_TWO,
        offices=_offices(see),
        provider=see.api.provider is not None,
        **values,
    )


@router.post(_PEOPLE)
async def add_person(see: See) -> Response:
    posted = see.posted.only("id", "role", "authorities", "subject")
    node, subject = see.node, posted.get("subject")
    chosen = posted.all("authorities")
    id_ = posted.one("id")
    if _PERSON_ID.fullmatch(id_) is None:
        raise Malformed("request.body", "expected the id that the page chose", field="/id")
    try:
        role = _role(posted.one("role"))
        if subject is not None:
            if len(subject) > 256:
                raise Malformed("request.body", "expected the provider's subject", field="/subject")
            if not node.settings.oidc_issuer:
                raise NotFound("access.provider_absent", "no identity provider is set", field="/subject")
            subject = people.subject_digest(node.settings.oidc_issuer, subject)
        added = await accounts.add_person(node, see.actor, role, chosen, subject, id=id_)
    except (Refused, NodeError) as refused:
        # The subject may be a mail address: it is not shown again.
        again = {**typed(see, "role"), "subject": ""}
        return await _people(see, 422, fault=fault_of(see, refused), typed=again, chosen=chosen)
    if isinstance(added, ApprovalView):
        return waits(see, added)
    return go(see, _PEOPLE, said=_ADDED, added=added.id)


@router.post(f"{_PEOPLE}/{{id}}/link")
async def link(see: See, id: PersonId) -> Response:  # noqa: A002 (the parameter's name)
    try:
        made = await accounts.invite_person(see.node, see.actor, id)
    except (Refused, NodeError) as refused:
        return await _people(see, 409, fault=fault_of(see, refused))
    if isinstance(made, InvitationView):
        # Once, in this answer alone: it is kept nowhere.
        return await _people(see, invitation=made)
    return waits(see, made)


@router.post(f"{_PEOPLE}/{{id}}/disable")
async def disable_person(see: See, id: PersonId) -> Response:  # noqa: A002
    await restraints.disable_person(see.node, see.actor, id)
    return go(see, _PEOPLE, said="admin-said-disabled")


@router.get(_SYSTEMS)
async def list_systems(see: See) -> Response:
    return await _systems(see)


async def _systems(see: Viewing, status: int = 200, **more: Any) -> Response:
    values: dict[str, Any] = {
        "fault": None,
        "typed": left(*_SYSTEM_FORM),
        "chosen": (),
        "chosen_scopes": (),
        **more,
    }
    return render(
        see,
        "admin/systems.html",
        status,
        systems=await see.node.store.read(clients.clients),
        roles=sorted(CLIENT_ROLES),
        scopes=sorted(frozenset[Scope]().union(*(ROLE_SCOPES[role] for role in CLIENT_ROLES))),
        offices=_offices(see),
        **values,
    )


@router.post(_SYSTEMS)
async def register_system(see: See) -> Response:
    posted = see.posted.only("id", "role", "authorities", "scopes", "keys")
    chosen, scopes = posted.all("authorities"), posted.all("scopes")
    try:
        wanted = await accounts.register_client(
            see.node,
            see.actor,
            posted.one("id").strip(),
            role=_role(posted.one("role")),
            authorities=chosen,
            scopes=_scopes(scopes) if scopes else None,
            keys=_keys(posted.one("keys")),
        )
    except (Refused, NodeError) as refused:
        # A key may be a private one: it is not shown again.
        again = {**typed(see, "id", "role"), "keys": ""}
        return await _systems(
            see, 422, fault=fault_of(see, refused), typed=again, chosen=chosen, chosen_scopes=scopes
        )
    return waits(see, wanted)


@router.post(f"{_SYSTEMS}/{{id}}/disable")
async def disable_system(see: See, id: ClientId) -> Response:  # noqa: A002
    await restraints.disable_client(see.node, see.actor, id)
    return go(see, _SYSTEMS, said="admin-said-disabled")


def _offices(see: Viewing) -> list[str]:
    """Authorities that this node serves, as the directory has them."""
    try:
        directory = see.node.directory.known()
    except Refused:
        return []
    return sorted(entry.address for entry in directory.authorities() if entry.node == see.node.code)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Malformed("request.body", "expected a role", field="/role") from None


def _scopes(texts: tuple[str, ...]) -> list[Scope]:
    try:
        return [Scope(text) for text in texts]
    except ValueError:
        raise Malformed("request.body", "expected scopes", field="/scopes") from None


def _keys(text: str) -> list[dict[str, Any]]:
    """One JSON Web Key, a list of them, or a set as RFC 7517 writes it. Malformed `access.client_key`."""
    try:
        if len(text) > _MAX_KEYS:
            raise ValueError
        # The strict reader takes objects: what was pasted is put into one.
        said = parse_object(f'{{"keys": {text}}}'.encode(), max_bytes=5 * _MAX_KEYS)
        given = said["keys"]
        if isinstance(given, dict):
            given = given.get("keys", [given])
        if (
            set(said) != {"keys"}
            or not isinstance(given, list)
            or not all(isinstance(one, dict) for one in given)
        ):
            raise ValueError
    except (Refused, ValueError, RecursionError):
        raise Malformed(
            "access.client_key", "expected a JSON Web Key, or a set of them", field="/keys"
        ) from None
    return given
