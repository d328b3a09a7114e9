"""Safeguards 10 and 11: what has to hold before anything at all is said to another State."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.agreed import SUSPENSION, agreed_version, ended, suspensions
from protocol.case_file import CaseFile
from protocol.errors import Missing
from protocol.identifiers import state_of
from protocol.safeguards.asked import Asked, lacking
from protocol.safeguards.rows import Safeguard

__all__ = ["WITHHELD", "no_danger_declared", "protection_settled"]

WITHHELD = "withheld"
"""The suspension reason that several causes share, so that it reveals none of them."""


def no_danger_declared(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The message declares that it endangers nobody's life or liberty (Hague Convention of 1996, art 37)."""
    del file
    if not asked.declares_no_danger:
        yield lacking(row, "missing.no_danger_declaration", "sender")


def protection_settled(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """Nothing leaves the State where the child is until two people have settled that no international
    protection is sought or possible (A/RES/64/142 para 150), under whichever of the child's references.

    One thing does: what is agreed is suspended, once, for the reason that several causes share. Without it
    the other State would go on preparing a return.
    """
    # Two international bodies share no State that the message could stay within.
    state = state_of(asked.sender)
    leaves = state != state_of(asked.recipient) or state == "int"
    if not file.withheld or not leaves or _one_suspension(file, asked):
        return
    yield lacking(row, "missing.protection_settled", "destination")


def _one_suspension(file: CaseFile, asked: Asked) -> bool:
    """The State where the child is suspends what is agreed in this conversation, without a cause, and no such
    suspension stands already."""
    version = agreed_version(file, asked.thread)
    return (
        asked.type == SUSPENSION
        and (not asked.written or asked.coded.get("suspension_reason") == WITHHELD)
        and asked.coded.get("caused_by") is None
        and state_of(asked.sender) == file.destination
        and version is not None
        and version.states == {state_of(asked.sender), state_of(asked.recipient)}
        and not ended(file, asked.thread)
        and not any(
            one.state == file.destination and one.coded.get("suspension_reason") == WITHHELD
            for one in suspensions(file, asked.thread)
        )
    )
