"""What somebody at the node's machine proposes, on its way to the people who decide.

The commands work on files, beside the running node, and write nothing into its database: one writer is
enough. Each leaves its proposal in `data_dir`/proposals; the node's key worker keeps it as an approval, under
the id that the command has printed, and takes the file away.

Before the node's first start there is nobody to ask: whoever makes a node works alone (`started`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session

from service.access import pairs
from service.access.actor import Actor
from service.access.pairs import ApprovalId
from service.access.roles import ROLE_SCOPES, Role
from service.node import Node
from service.private_files import make_private_directory, write_private
from service.settings import Settings
from service.store import approvals
from service.store.engine import database_file

__all__ = ["MachineProposal", "leave_proposal", "proposals", "started", "take_in"]

_PROPOSALS: Final = "proposals"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineProposal:
    """`by`: who proposes it, as the person at the machine said. `act`, `preview`: as `pairs.propose` has.
    `in_force`: a part of it was done already, for it takes power away."""

    id: str
    kind: str
    subject: str
    by: str
    at: datetime
    facts: Mapping[str, str] = field(hash=False)
    act: Mapping[str, Any] = field(hash=False)
    preview: tuple[str, ...]
    in_force: bool = False


def started(settings: Settings) -> bool:
    """Whether the node has run: its database is there, or is a server's."""
    file = database_file(settings.database)
    return file is None or file.exists()


def leave_proposal(data_dir: Path, proposal: MachineProposal) -> None:
    directory = make_private_directory(data_dir / _PROPOSALS)
    said = {
        "id": proposal.id,
        "kind": proposal.kind,
        "subject": proposal.subject,
        "by": proposal.by,
        "at": proposal.at.isoformat(),
        "facts": dict(proposal.facts),
        "act": dict(proposal.act),
        "preview": list(proposal.preview),
        "in_force": proposal.in_force,
    }
    write_private(directory / f"{proposal.id}.json", json.dumps(said, ensure_ascii=False).encode())


def proposals(data_dir: Path) -> Iterable[tuple[MachineProposal, Callable[[], None]]]:
    """Each with how to take it away. One that cannot be read is passed over."""
    for file in sorted((data_dir / _PROPOSALS).glob("*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            proposal = MachineProposal(
                id=said["id"],
                kind=said["kind"],
                subject=said["subject"],
                by=said["by"],
                at=datetime.fromisoformat(said["at"]),
                facts=said["facts"],
                act=said["act"],
                preview=tuple(said["preview"]),
                in_force=bool(said["in_force"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if proposal.kind in (pairs.KEY_ACTION, pairs.DIRECTORY_ACTION):
            yield proposal, file.unlink


def take_in(node: Node, session: Session, proposal: MachineProposal, now: datetime) -> None:
    """Keep it for a second person. A second time it does nothing."""
    if approvals.by_id(session.connection(), proposal.id) is not None:
        return
    actor = Actor(
        person=proposal.by,
        role=Role.ADMINISTRATOR,
        authorities=frozenset(),
        scopes=ROLE_SCOPES[Role.ADMINISTRATOR],
        expires_at=now,
    )
    pairs.propose(
        node,
        session,
        actor,
        proposal.kind,
        proposal.subject,
        proposal.facts,
        now,
        id=ApprovalId(proposal.id),
        act=proposal.act,
        preview=proposal.preview,
        in_force_since=proposal.at if proposal.in_force else None,
    )
