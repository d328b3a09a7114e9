"""Acts with keys inside the running node: proposed by one administrator, carried out when another agrees.

    generate, publish, rotate, retire    nothing happens before the second person
    revoke                               at once: nothing that the key signs from now on counts
    compromised                          likewise at once; that nothing since an EARLIER moment counts takes
                                         two, for it disowns what the State has said

Where the State's root key is not in the node's keystore, an act that changes an entry comes from the
machine's commands, with the entry signed (`service.directory.machine_proposals`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from protocol.statements import SigningKey
from service.access.actor import Via
from service.directory.facts_file import facts_of_last
from service.directory.key_desk import UNLISTED, KeyDesk, KeyPlan, KeyRequest
from service.directory.laid_out import read_entries
from service.directory.publishing import lay_out_entries, require_base, standing
from service.errors import NotFound
from service.keystore import STATE_ROOT, FileKeyStore
from service.node import Node
from service.store.checkpoints import received_before

__all__ = ["AT_ONCE", "KeyProposal", "carry_out_proposed", "propose_key_act", "with_its_key"]

AT_ONCE = ("revoke", "compromised")
"""What only takes power away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyProposal:
    """`act`: what carrying it out takes. `at_once`: a part of it holds already."""

    subject: str
    changes: tuple[str, ...]
    act: Mapping[str, Any] = field(hash=False)
    at_once: bool


def propose_key_act(
    node: Node, session: Session, request: KeyRequest, now: datetime, *, by: str, via: Via
) -> KeyProposal:
    """Refuses as `KeyDesk.plan`; NotFound `keystore.unknown_owner` for what changes an entry where the root
    key is elsewhere. A cut-off is carried out, from now on."""
    desk = _desk(node, session, now)
    request = with_its_key(desk, request)
    plan = desk.plan(request)
    if plan.needs_root:
        _root(desk)
    if request.act not in AT_ONCE:
        return KeyProposal(
            subject=plan.subject,
            changes=plan.lines(now),
            act={"request": request.to_json(), "bases": _bases(node, plan)},
            at_once=False,
        )
    cut = desk.revoke(request.owner, request.kid)
    changes = cut.lines(now)
    desk.carry_out(cut, _root(desk) if cut.needs_root else None, by=by, via=via)
    act: dict[str, Any] = {"request": request.to_json(), "done": True}
    if request.act == "compromised" and request.owner not in UNLISTED:
        rest = _desk(node, session, now).plan(request)
        changes = (*changes, *(f"with the second person: {line}" for line in rest.lines(now)))
        act = {"request": request.to_json(), "bases": _bases(node, rest)}
    return KeyProposal(subject=plan.subject, changes=changes, act=act, at_once=True)


def with_its_key(desk: KeyDesk, request: KeyRequest) -> KeyRequest:
    """Naming the key that is meant today: the approval may come when another signs."""
    if request.act not in ("retire", *AT_ONCE) or request.kid is not None:
        return request
    return dataclasses.replace(request, kid=desk.keys.signing(request.owner).kid)


def carry_out_proposed(
    node: Node, session: Session, act: Mapping[str, Any], now: datetime, *, by: str, via: Via
) -> None:
    """Refuses as the proposal would now; Conflict `access.base_changed`."""
    if act.get("done"):
        return
    desk = _desk(node, session, now)
    plan = desk.plan(KeyRequest.from_json(act["request"]))
    bases: Mapping[str, str] = act.get("bases", {})
    if "entries" in act:
        lay_out_entries(node, act["entries"], bases)
        if plan.act == "retire":
            desk.finish(plan, by=by, via=via)
        else:
            desk.note(plan, by=by, via=via)
        return
    directory = node.directory.current()
    for path, base in bases.items():
        require_base(standing(node, directory, path), base)
    entries = desk.prepare(plan, _root(desk) if plan.needs_root else None)
    lay_out_entries(node, entries, {path: bases.get(path, "") for path in entries})
    desk.note(plan, by=by, via=via)


def _bases(node: Node, plan: KeyPlan) -> dict[str, str]:
    directory = node.directory.current()
    return {one.path: standing(node, directory, one.path).digest for one in plan.entries}


def _desk(node: Node, session: Session, now: datetime) -> KeyDesk:
    keys = node.keys
    if not isinstance(keys, FileKeyStore):
        raise NotFound("keystore.unknown_owner", "this node's keys are kept by something else")
    last = read_entries(node.settings.data_dir)
    return KeyDesk(
        settings=node.settings,
        keys=keys,
        said=facts_of_last(last),
        last=last,
        now=now,
        checkpoints=lambda before: received_before(session.connection(), node.code, before),
    )


def _root(desk: KeyDesk) -> SigningKey:
    try:
        return desk.keys.signing(STATE_ROOT)
    except NotFound:
        raise NotFound(
            "keystore.unknown_owner",
            "the State's root key is not here: propose it at the node's machine, with --root-key",
        ) from None
