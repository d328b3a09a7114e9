"""`focalpoint timeline`: what happened on a case and what is owed, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from protocol import rendering
from protocol.identifiers import Address, CaseReference, NodeCode
from protocol.rendering import Names, TimelineEvent
from service.cli.at_api import talks_to_a_node
from service.client import Client, Timeline, TimelineEntry
from service.clock import SystemClock

__all__ = ["names_in", "timeline_app", "timeline_text"]

timeline_app = typer.Typer(add_completion=False)

_CASE_EVENTS: Final = {
    "case-opened": "case-opened",
    "identity-released": "identity-shown",
    "overdue": "deadline-passed",
}
"""Kind of an entry of the API: what the rendering calls it."""


@timeline_app.command()
@talks_to_a_node
async def timeline(
    node: Client,
    case: Annotated[str, typer.Argument(help="The case's reference, such as K7QM-3XPT-9V2D-6.")],
    lang: Annotated[str, typer.Option(help="The reader's language, such as es.")] = "en",
) -> None:
    """What happened on a case, oldest first, with what is owed. Facts only, no content."""
    names = names_in(await node.authorities())
    typer.echo(timeline_text(await node.case(case), language=lang, now=SystemClock().now(), names=names))


def timeline_text(timeline: Timeline, *, language: str, now: datetime, names: Names) -> str:
    """The API's timeline in words."""
    return rendering.render_timeline(
        _events(timeline),
        language=language,
        case=CaseReference(timeline["case"]["reference"]),
        now=now,
        names=names,
    )


def names_in(authorities: Sequence[Mapping[str, Any]]) -> Names:
    """Names of authorities, as the directory has them."""
    known = {entry["address"]: entry["names"] for entry in authorities}

    def name(address: Address, language: str) -> str | None:
        found: str | None = known.get(address, {}).get(language)
        return found

    return name


def _events(timeline: Timeline) -> Iterator[TimelineEvent]:
    owed = {thread["id"]: thread["due"]["at"] for thread in timeline["threads"] if "due" in thread}
    proposed: str | None = None
    for entry in timeline["entries"]:
        at = datetime.fromisoformat(entry["at"])
        match entry["kind"]:
            case "message":
                yield _message(entry, at, owed)
            case "evidence":
                yield TimelineEvent(
                    at=at,
                    kind="evidence",
                    code=entry["evidence"],
                    by=_party(entry["issuer"]),
                    refusal=entry.get("code"),
                )
            case "protection":
                # The first of two people proposes; the second, by asking for the same, settles it.
                settles = proposed == entry.get("state")
                proposed = None if settles else entry.get("state")
                yield TimelineEvent(
                    at=at, kind="case", code="protection-changed" if settles else "protection-proposed"
                )
            case kind:
                yield TimelineEvent(at=at, kind="case", code=_CASE_EVENTS[kind])


def _message(entry: TimelineEntry, at: datetime, owed: Mapping[str, str]) -> TimelineEvent:
    due = entry.get("due")
    return TimelineEvent(
        at=at,
        kind="message",
        code=entry["type"],
        by=Address(entry["sender"]),
        to=Address(entry["recipient"]),
        due_at=None if due is None else datetime.fromisoformat(due["at"]),
        due_basis=None if due is None else due["basis"],
        # Its thread owes something else by now, or nothing.
        answered=due is not None and owed.get(entry["thread"]) != due["at"],
    )


def _party(issuer: str) -> Address | NodeCode:
    return Address(issuer) if "." in issuer else NodeCode(issuer)
