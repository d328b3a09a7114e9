"""A message that nobody has written yet, as far as the file already says what it would rest on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from protocol.agreed import agreed_version, settled
from protocol.agreement import VERSIONS
from protocol.case_file import CaseFile
from protocol.currency import newest
from protocol.identifiers import Address, MessageId, ThreadId, state_of
from protocol.safeguards.asked import HANDOVER, Asked, Version
from protocol.safeguards.decision import SUMMARY
from protocol.safeguards.people import NOTICE, REPORT, VIEWS
from protocol.safeguards.risks import newest_assessment

__all__ = ["prospective"]


def prospective(
    file: CaseFile,
    message_type: str,
    now: datetime,
    *,
    sender: Address,
    recipient: Address,
    thread: ThreadId | None,
    in_reply_to: MessageId | None,
) -> Asked:
    """A version would propose what the newest decision found best and rest on the newest of everything; a
    handover would be under what is agreed. What a person has yet to choose is taken to be well chosen."""
    coded: dict[str, Any] = {}
    if message_type in VERSIONS:
        coded = _version(file, sender, recipient)
    elif message_type == HANDOVER and thread is not None:
        version = agreed_version(file, thread)
        coded = {"agreement": None if version is None else settled(file, version)}
    return Asked(
        type=message_type,
        sender=sender,
        recipient=recipient,
        thread=thread or ThreadId(""),
        in_reply_to=in_reply_to,
        coded=coded,
        issued_at=now,
        written=False,
    )


def _version(file: CaseFile, sender: Address, recipient: Address) -> dict[str, Any]:
    states = frozenset({state_of(sender), state_of(recipient)})
    other = next((state for state in sorted(states) if state != file.destination), "")
    decision = newest(file, SUMMARY, states)
    # Before there is a decision: a return, which asks for the most.
    solution = "return" if decision is None else str(decision.coded.get("best_solution"))
    stays = solution.split("/")[0] == "local-integration"
    terms = {"solution": solution, "receiving_country": (file.destination or "") if stays else other}
    version = Version(id=None, digest=None, sender=sender, recipient=recipient, coded={"terms": terms})
    cited = {
        "risk_assessment": newest_assessment(file, version),
        "child_views": newest(file, VIEWS, states),
        "guardian_notice": newest(file, NOTICE, states),
        "best_interests": decision,
    }
    rests_on: dict[str, Any] = {name: one.digest for name, one in cited.items() if one is not None}
    rests_on["social_inquiries"] = [one.digest for one in file.of_type(REPORT)]
    return {"terms": terms, "rests_on": rests_on}
