"""Safeguard 9: silence never becomes consent, and nothing is placed without consent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from protocol.agreed import agreed_version, ended, rivals, settled, suspensions
from protocol.agreement import ACCEPTANCE
from protocol.case_file import CaseFile
from protocol.errors import Missing
from protocol.identifiers import state_of
from protocol.safeguards.asked import (
    ABSENT,
    HANDOVER,
    Asked,
    Version,
    day,
    lacking,
    listed,
    to_come,
    version_of,
)
from protocol.safeguards.people import NOT_ABOUT_CARE
from protocol.safeguards.rows import Safeguard

__all__ = ["consent_given"]


def consent_given(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """An authority accepts for its own State alone, a version that is here, and that binds the State where
    the child is and, for a return, the one that would receive it. A handover has taken place, to the carer
    named, under a version that both States accepted, that nothing suspends or ends and beside which nothing
    else is agreed (Regulation (EU) 2019/1111, recital 83 and art 82(5)).

    A consent of the child or the guardian that was withdrawn is asked for again: the child is heard on a
    later day, the decision on its best interests names the guardian's withdrawal (project choice). A carer's
    consent is safeguard 3. A handover that these forbid has perhaps happened all the same: that is told by
    `alert.danger`, which nothing but the declaration guards, and it completes no agreement.

    Of a handover, this and every other safeguard ask what was known on its day: what became known after it
    could not forbid it.
    """
    whole, file = file, asked.known(file)
    version = version_of(file, asked)
    if asked.type == ACCEPTANCE:
        if version is None:
            yield lacking(row, ABSENT, "sender")
            return
        state = state_of(asked.sender)
        if state == "int" or state not in version.states or len(version.states) != 2:
            yield lacking(row, "missing.acceptance_by_state", "both")
        elif file.destination is not None and file.destination not in version.states:
            yield lacking(row, "missing.acceptance_by_state", "destination")
        elif version.is_return(file) and version.receiving_state not in version.states:
            yield lacking(row, "missing.acceptance_by_state", "origin")
    elif asked.type == HANDOVER:
        agreed = agreed_version(file, asked.thread)
        if agreed is None or settled(file, agreed) != asked.coded.get("agreement"):
            yield from _not_accepted(row, whole, asked)
        elif suspensions(file, asked.thread) or ended(file, asked.thread) or rivals(file, agreed):
            yield lacking(row, "missing.agreement_in_force", "both")
        if version is not None:
            yield from _handed_over_as_agreed(row, file, asked, version)
    if version is not None:
        yield from _withdrawn(row, file, version)


def _handed_over_as_agreed(
    row: Safeguard, file: CaseFile, asked: Asked, version: Version
) -> Iterator[Missing]:
    """A handover that has taken place, of a child who was to move, by the State that receives it, to the one
    who agreed to take it in."""
    there = version.supplier(file)
    receives = version.receiving_state in version.states
    if not version.moves(file) or (receives and state_of(asked.sender) != version.receiving_state):
        yield lacking(row, "missing.agreement_in_force", "both")
    if not asked.written:
        return
    carer = version.terms.get("receiving_carer")
    agreed = carer.get("reference") if isinstance(carer, Mapping) else None
    if agreed is not None and asked.coded.get("reference") != agreed:
        yield lacking(row, "missing.handover_to_agreed_carer", there)
    if to_come(asked.coded.get("handed_over_on"), asked.issued_at):
        yield lacking(row, "missing.handover_made", there)


def _not_accepted(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The sender's own acceptance may be on its way to us; ours cannot be, nor can one that an unwritten
    message waits for."""
    accepted = {
        one.state
        for one in file.in_thread(asked.thread)
        if one.type == ACCEPTANCE and one.coded.get("agreement") == asked.coded.get("agreement")
    }
    if asked.written and state_of(asked.recipient) in accepted and state_of(asked.sender) not in accepted:
        yield lacking(row, ABSENT, "sender")
    else:
        yield lacking(row, "missing.both_acceptances", "both")


def _withdrawn(row: Safeguard, file: CaseFile, version: Version) -> Iterator[Missing]:
    record = file.cited(version.rests_on.get("child_views"))
    decision = file.cited(version.rests_on.get("best_interests"))
    heard_on = None if record is None else day(record.coded.get("heard_on"))
    considered = () if decision is None else listed(decision.coded, "considered")
    for one in file.of_type("consent.withdrawal"):
        if one.coded.get("consent_to") in NOT_ABOUT_CARE:
            continue
        by = one.coded.get("withdrawn_by")
        withdrawn_on = day(one.coded.get("withdrawn_on")) or date.max
        if by == "child" and (heard_on is None or heard_on <= withdrawn_on):
            yield lacking(row, "missing.child_consent_again", "child")
        if by == "guardian" and one.digest not in considered:
            yield lacking(row, "missing.guardian_consent_again", "destination")
