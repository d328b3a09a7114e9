"""Directory documents in the store, as received: the current ones, every one that ever was, and the
snapshots.

Paths are the hub's: `net/charter` (the newest; at the hub, those before it are at `net/charter/<number>`),
`net/admission/<member>` and, for a State's own entries, what
`protocol.directory` calls a path. The snapshot has a table of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from protocol.errors import NotAcceptable
from protocol.statements import CoSigned, digest
from service.store.tables import DirectoryDocument, DirectoryHistory, DirectorySnapshot

__all__ = [
    "CHARTER",
    "SNAPSHOT",
    "Remembered",
    "admission_path",
    "charter_path",
    "charters",
    "cosigned_text",
    "keep",
    "member_of_admission",
    "read_cosigned",
    "remembered",
]

CHARTER = "net/charter"
SNAPSHOT = "net/snapshot"
_ADMISSION = "net/admission/"


def admission_path(member: str) -> str:
    return f"{_ADMISSION}{member}"


def charter_path(sequence: int) -> str:
    """Where the hub has an earlier charter."""
    return f"{CHARTER}/{sequence}"


def member_of_admission(path: str) -> str | None:
    return path.removeprefix(_ADMISSION) if path.startswith(_ADMISSION) else None


def cosigned_text(cosigned: CoSigned) -> str:
    """Signed bytes with their signatures, as they lie at the hub and in the store."""
    return json.dumps(cosigned.to_json(), separators=(",", ":"))


def read_cosigned(text: str) -> CoSigned:
    """Refuses `statement.malformed`. Says nothing about who signed."""
    try:
        return CoSigned.from_json(json.loads(text))
    except (ValueError, RecursionError) as reason:
        raise NotAcceptable("statement.malformed", "expected signed bytes with their signatures") from reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the store holds. `history`: pairs of path and text, oldest first, the current ones included."""

    current: Mapping[str, str]
    history: tuple[tuple[str, str], ...]
    snapshots: tuple[str, ...]
    """Tokens, by their sequence."""


def remembered(session: Session) -> Remembered:
    return Remembered(
        current={row.path: row.token for row in session.exec(select(DirectoryDocument))},
        history=tuple((row.path, row.token) for row in session.exec(select(DirectoryHistory))),
        snapshots=tuple(
            row.token
            for row in session.exec(select(DirectorySnapshot).order_by(col(DirectorySnapshot.sequence)))
        ),
    )


def charters(held: Remembered) -> tuple[CoSigned, ...]:
    """Every charter that was ever taken in, oldest first."""
    return tuple(read_cosigned(text) for path, text in held.history if path == CHARTER)


def keep(
    session: Session,
    documents: Iterable[tuple[str, str]],
    *,
    sequence: int,
    snapshot: str,
    now: datetime,
) -> None:
    """Make `documents` (path, text) current, with the snapshot that names them; of two at one path the later
    one."""
    for path, text in documents:
        named = digest(text.encode())
        session.merge(DirectoryDocument(path=path, digest=named, token=text, received_at=now))
        session.merge(DirectoryHistory(digest=named, path=path, token=text))
    session.merge(
        DirectorySnapshot(
            sequence=sequence, digest=digest(snapshot.encode()), token=snapshot, received_at=now
        )
    )
