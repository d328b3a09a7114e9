"""Notifications of the node as rows of a workbook, and beside them, by name, what no row can say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.htcds.mapping import REASONS, row_of
from adapters.htcds.workbook import MOST_ROWS, Writer
from adapters.kit import Desk
from service.client import Message, Problem

__all__ = ["Sum", "bring_out"]

_PAGE: Final = 100
_TYPE: Final = "case.notification"


@dataclass(slots=True)
class Sum:
    """`left_out`: how many facts are named on the second sheet. `unreleased`: identity parts that stay
    sealed."""

    rows: int = 0
    left_out: int = 0
    unreleased: int = 0


async def bring_out(
    desk: Desk,
    writer: Writer,
    *,
    case: str | None = None,
    since: datetime | None = None,
    reason: str | None = None,
    first_contact_declared: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Sum:
    """`since`: what came or went from then on. `reason`: a code; identity is asked for with it, and comes
    only where another person has released it. What the node refuses passes."""
    total = Sum()
    async for listed in _notifications(desk, case, since):
        await desk.pace.wait()
        message = await desk.node.message(listed["id"])
        sealed = message["content"].get("identity_state") == "sealed"
        if sealed and reason is not None:
            await desk.pace.wait()
            try:
                message = await desk.node.release_identity(listed["id"], reason=reason)
            except Problem as problem:
                # Not released, or not for an agency's system: the columns stay empty, and the sheet says so.
                if problem.status != 403:
                    raise
        exported = row_of(message, first_contact_declared=first_contact_declared)
        row = writer.add(exported.cells)
        for left in exported.left_out:
            total.unreleased += left.code == "export.identity"
            writer.leave_out(
                row,
                (message["id"], message["case"], left.field, left.value, left.code, REASONS[left.code]),
            )
        total.rows += 1
        total.left_out += len(exported.left_out)
        progress(total.rows)
        if total.rows >= MOST_ROWS:
            break
    return total


async def _notifications(desk: Desk, case: str | None, since: datetime | None) -> AsyncIterator[Message]:
    after: str | None = None
    while True:
        await desk.pace.wait()
        page = await desk.node.messages(case=case, type=_TYPE, since=since, after=after, limit=_PAGE)
        for message in page["messages"]:
            yield message
        if not page["more"]:
            return
        after = page["cursor"]
