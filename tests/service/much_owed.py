"""Many things that are owed, and what a database does to list the first of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import event, insert, select
from sqlalchemy.engine import Engine

from protocol.identifiers import new_message_id
from service.store.tables import DEADLINE
from tests.service.access_stand import AccessStand

__all__ = ["Steps", "counted_steps", "with_deadlines"]

_EVERY = 50
"""Instructions between two calls of SQLite's progress handler."""


class Steps:
    """Instructions of SQLite's machine since it was made, to within fifty a statement: the work that a query
    is, the same on every machine, however busy."""

    def __init__(self) -> None:
        self.taken = 0

    def count(self) -> int:
        self.taken += _EVERY
        return 0


@contextlib.contextmanager
def counted_steps() -> Iterator[Steps]:
    """What every connection does inside."""
    steps = Steps()

    def watch(connection: Any, *_: Any) -> None:
        connection.connection.dbapi_connection.set_progress_handler(steps.count, _EVERY)

    event.listen(Engine, "before_cursor_execute", watch)
    try:
        yield steps
    finally:
        event.remove(Engine, "before_cursor_execute", watch)


async def with_deadlines(stand: AccessStand, count: int) -> None:
    """Many answers that are owed, copied from one that is real, three due at each minute."""

    def work(session: Any) -> None:
        connection = session.connection()
        row = connection.execute(select(DEADLINE).where(DEADLINE.c.kind == "answer")).mappings().first()
        assert row is not None
        copies = [
            {
                **row,
                "thread": new_message_id(stand.node.random.bytes),
                "message": new_message_id(stand.node.random.bytes),
                "due_at": row["due_at"] + timedelta(minutes=number // 3),
            }
            for number in range(count)
        ]
        connection.execute(insert(DEADLINE), copies)

    await stand.node.store.write(work)
