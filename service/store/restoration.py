"""Backups of the database, and what a database that was put back has to do before a node runs on it.

A backup knows that it is one: `back_up` marks the copy. Copies made by other means are recognised by the
position that stands outside (`ledger.Position`): at every start, about once a minute, and when the node
stops, the node writes down how far it has come. A copy that was made and put back between two such notes,
by other means than `back_up`, is not recognised.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects import sqlite

from protocol.identifiers import NodeCode
from protocol.reconciliation import Restored
from service.errors import Conflict, Misconfigured
from service.store import outgoing
from service.store.columns import Instant
from service.store.engine import database_file
from service.store.ledger import Ledger, Position
from service.store.prepared import Query
from service.store.tables import CHANNEL, EVIDENCE, NODE_STATE, OUTBOX

__all__ = [
    "back_up",
    "begin_run",
    "check_not_put_back",
    "is_new_beside",
    "open_new_epochs",
    "position",
    "restored_at",
    "restored_since",
    "told_to",
]

_ROW = 1
_SQLITE = sqlite.dialect()
_STATE = Query(select(NODE_STATE).where(NODE_STATE.c.row == bindparam("number")))


def back_up(url: str, target: Path, now: datetime) -> int:
    """Copy the database behind `url`, also while a node runs on it, into a new file that only its owner can
    read. Its size in bytes.

    Neither keystore nor ledger are in it. Conflict `backup.exists`; Misconfigured `backup.not_sqlite`, and
    `backup.damaged` for what is no node's database or not whole. Whatever goes wrong leaves no file.
    """
    source = database_file(url)
    if source is None:
        raise Misconfigured("backup.not_sqlite", "back a PostgreSQL database up with its own tools")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise Conflict("backup.exists", "there is a file of that name already; choose another") from error
    try:
        _copy(source, target, now)
    except sqlite3.DatabaseError as error:
        _take_away(target)
        raise Misconfigured(
            "backup.damaged", f"{source} is damaged, not there, or no node's database ({error})"
        ) from error
    except BaseException:
        _take_away(target)
        raise
    return target.stat().st_size


def _take_away(target: Path) -> None:
    for ending in ("", "-journal", "-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)


def _copy(source: Path, target: Path, now: datetime) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as original,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("PRAGMA secure_delete=ON")
        copy.execute("INSERT OR IGNORE INTO node_state (row, starts) VALUES (?, 0)", (_ROW,))
        copy.execute(
            "UPDATE node_state SET copied_at = ? WHERE row = ?",
            (Instant().process_bind_param(now, _SQLITE), _ROW),
        )
        if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise Misconfigured("backup.damaged", "the copy does not pass the database's own check")
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def position(connection: Connection, me: NodeCode, ledger: Ledger) -> Position:
    """How far this database has come."""
    state = _state(connection)
    return Position(
        starts=0 if state is None else state.starts,
        outbox=connection.execute(select(func.max(OUTBOX.c.row))).scalar() or 0,
        evidence=connection.execute(select(func.max(EVIDENCE.c.position))).scalar() or 0,
        erasures=ledger.length(),
        epoch=connection.execute(
            select(func.max(CHANNEL.c.epoch)).where(CHANNEL.c.sender_node == me)
        ).scalar()
        or "",
    )


def check_not_put_back(connection: Connection, me: NodeCode, ledger: Ledger) -> None:
    """Misconfigured `store.restored` for a database that is older than what stands outside: its next numbers
    were given to something else."""
    state = _state(connection)
    copied = state is not None and state.copied_at is not None
    if copied or position(connection, me, ledger).is_behind(ledger.position()):
        raise Misconfigured(
            "store.restored",
            "this database was put back from a backup; run `focalpoint node restored` once, then start",
        )


def begin_run(connection: Connection, me: NodeCode, ledger: Ledger) -> Position:
    """Count a start. The position to keep outside once this is committed."""
    state = _state(connection)
    _keep(connection, starts=1 if state is None else state.starts + 1)
    return position(connection, me, ledger)


def open_new_epochs(connection: Connection, me: NodeCode, ledger: Ledger, now: datetime) -> str:
    """Go on with every peer in a new epoch, later than any that this node ever used. What was on its way
    gets a new number; the mark of a copy is taken off."""
    outside = ledger.position()
    newest = max(outside.epoch, position(connection, me, ledger).epoch)
    epoch = f"{max(int(now.timestamp()), int(newest or 0) + 1):012d}"
    peers = connection.execute(
        select(CHANNEL.c.recipient_node).where(CHANNEL.c.sender_node == me).distinct()
    ).scalars()
    for peer in sorted(peers):
        outgoing.begin_epoch(connection, me, NodeCode(peer), epoch, now)
    state = _state(connection)
    starts = max(outside.starts, 0 if state is None else state.starts)
    _keep(connection, starts=starts, copied_at=None, restored_at=now, epoch=epoch)
    return epoch


def restored_since(connection: Connection, moment: datetime) -> str | None:
    """The epoch that was opened when this database was put back, if that was after `moment`."""
    state = _state(connection)
    if state is None or state.restored_at is None or state.restored_at < moment:
        return None
    return str(state.epoch)


def restored_at(connection: Connection, moment: datetime) -> datetime | None:
    """When this database was put back, if that was after `moment`."""
    state = _state(connection)
    if state is None or state.restored_at is None or state.restored_at < moment:
        return None
    at: datetime = state.restored_at
    return at


def is_new_beside(connection: Connection, ledger: Ledger) -> bool:
    """Whether a node has run on this database and the ledger knows of no run: the old one is lost, and what
    it would have said is known to nobody."""
    state = _state(connection)
    return state is not None and state.starts > 0 and ledger.position().starts == 0


def told_to(connection: Connection, me: NodeCode, peer: NodeCode, moment: datetime) -> Restored | None:
    """What `peer` is told of it: the epoch that was begun then, and how far we know what we sent it before.
    None unless this database was put back after `moment`."""
    epoch = restored_since(connection, moment)
    if epoch is None:
        return None
    rows = connection.execute(
        select(CHANNEL.c.epoch, CHANNEL.c.last)
        .where(CHANNEL.c.sender_node == me, CHANNEL.c.recipient_node == peer, CHANNEL.c.epoch < epoch)
        .order_by(CHANNEL.c.epoch)
    )
    return Restored(epoch=epoch, known=tuple((row.epoch, row.last) for row in rows))


def _state(connection: Connection) -> Row[Any] | None:
    return _STATE.one(connection, number=_ROW)


def _keep(connection: Connection, **values: Any) -> None:
    if _state(connection) is None:
        connection.execute(insert(NODE_STATE), {"row": _ROW, "starts": 0})
    connection.execute(update(NODE_STATE).where(NODE_STATE.c.row == _ROW).values(**values))
