"""After a form of an administrator: to what waits for a second person, or back to what was typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import Response

from protocol.errors import Refused
from service.console.officer.shown import Told, told_of
from service.console.pages import Viewing, go
from service.errors import Malformed, NodeError
from service.exchange.views import ApprovalView

__all__ = ["day", "fault_of", "later_day", "left", "typed", "waits"]


def waits(see: Viewing, approval: ApprovalView) -> Response:
    """To the proposal: what it would change, and who decides."""
    said = "admin-said-in-force" if approval.in_force_since is not None else "admin-said-proposed"
    return go(see, f"/console/approvals/{approval.id}", said=said)


def fault_of(see: Viewing, refused: Refused | NodeError) -> Told:
    """Said on the page where somebody has typed, so that nothing typed is lost."""
    return told_of(see, refused)


def typed(see: Viewing, *names: str) -> dict[str, str]:
    """What the form said, for showing it again."""
    return {name: next(iter(see.posted.all(name)), "") for name in names}


def left(*names: str) -> dict[str, str]:
    """An empty form."""
    return dict.fromkeys(names, "")


def day(see: Viewing, name: str) -> datetime:
    """The beginning of a day, in UTC. Malformed `request.body`."""
    try:
        return datetime.strptime(see.posted.one(name), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("request.body", "expected a day such as 2027-01-31", field=f"/{name}") from None


def later_day(now: datetime, days: int) -> str:
    return f"{now + timedelta(days=days):%Y-%m-%d}"
