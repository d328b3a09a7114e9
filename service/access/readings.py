"""Who was shown a message's free text: one entry in the journal for a person or an agency's system, a message
and a day (UTC).

A look for each page that somebody turns back to, or each time a system asks again, would bury what an auditor
looks for. Collecting a message shows nobody anything: it is a receipt in the authority's name, and whoever
reads need not collect.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from service.access import journal
from service.access.actor import Actor
from service.store.tables.access import NARRATIVE_READING

__all__ = ["NARRATIVE_READ", "note_reading", "was_noted"]

NARRATIVE_READ: Final = "narrative-read"


def was_noted(session: Session, actor: Actor, sender_node: str, message: str, now: datetime) -> bool:
    """Whether it stands there for today."""
    found = session.connection().execute(
        select(NARRATIVE_READING.c.day)
        .where(NARRATIVE_READING.c.day == now.date())
        .where(NARRATIVE_READING.c.person == actor.person)
        .where(NARRATIVE_READING.c.sender_node == sender_node)
        .where(NARRATIVE_READING.c.message == message)
    )
    return found.first() is not None


def note_reading(session: Session, actor: Actor, sender_node: str, message: str, now: datetime) -> None:
    """Write it down, before anything is shown. Again on the same day it does nothing."""
    if was_noted(session, actor, sender_node, message, now):
        return
    connection = session.connection()
    connection.execute(
        delete(NARRATIVE_READING).where(NARRATIVE_READING.c.day < now.date() - timedelta(days=1))
    )
    connection.execute(
        insert(NARRATIVE_READING),
        {"day": now.date(), "person": actor.person, "sender_node": sender_node, "message": message},
    )
    journal.note(session, actor, NARRATIVE_READ, message, at=now)
