"""One child's case with everything that a return may rest on, for tests that take one thing away.

`it` is where the child is, `ro` the State of origin. Each message is said by its form's side and known to
both nodes, unless a test keeps it from one (`kept_from`). All persons and facts are invented.
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from protocol.case_file import CaseFile, Document, ProtectionStatus, Role
from protocol.content import Content
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.statements import digest
from tests.protocol.sample_contents import sample

IT, RO, INT = Address("it.servizio-minori"), Address("ro.anpdca"), Address("int.iom")
CASE = CaseReference("K7QM-3XPT-9V2D-6")
START = datetime.fromisoformat("2027-01-10T09:00:00+00:00")
AGREEMENT = "A" * 43
"""What both nodes would derive; the safeguards compare it, and never derive it."""

type Json = dict[str, Any]


def message_id(name: str) -> MessageId:
    return MessageId(str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4)))


def coded(message_type: str, **changes: Any) -> Json:
    """The sample of that form, with these fields; None takes a field out."""
    found: Json = copy.deepcopy(dict(sample(message_type).coded))
    found.pop("replaces", None)
    for name, value in changes.items():
        found.pop(name, None)
        if value is not None:
            found[name] = value
    return found


@dataclass
class WholeCase:
    """`said`: by name, in the order in which it was said."""

    said: dict[str, Content] = field(default_factory=dict)
    kept_from: dict[str, str] = field(default_factory=dict)
    now: datetime = START

    def say(
        self,
        name: str,
        message_type: str,
        by: Address = IT,
        *,
        to: Address | None = None,
        thread: str | None = None,
        in_reply_to: str | None = None,
        kept_from: str | None = None,
        **changes: Any,
    ) -> Content:
        """Say it, and let both nodes have it."""
        content = self.draft(name, message_type, by, to=to, thread=thread, in_reply_to=in_reply_to, **changes)
        self.said[name] = content
        if kept_from:
            self.kept_from[name] = kept_from
        return content

    def draft(
        self,
        name: str,
        message_type: str,
        by: Address = IT,
        *,
        to: Address | None = None,
        thread: str | None = None,
        in_reply_to: str | None = None,
        declares_no_danger: bool = True,
        **changes: Any,
    ) -> Content:
        self.now += timedelta(minutes=1)
        return Content(
            id=message_id(name),
            type=message_type,
            case=CASE,
            thread=ThreadId(message_id(thread or name)),
            in_reply_to=message_id(in_reply_to) if in_reply_to else None,
            sender=by,
            recipient=to or (RO if by == IT else IT),
            coded=coded(message_type, **changes),
            declares_no_danger=declares_no_danger,
            vocabulary="2026.11",
            issued_at=self.now,
            statement_digest=self.digest(name),
            parts={},
            unknown={},
        )

    @staticmethod
    def digest(name: str) -> str:
        return digest(name.encode())

    def file(
        self,
        node: str,
        protection: ProtectionStatus = ProtectionStatus.NOT_SOUGHT,
        *,
        but: Iterable[str] = (),
    ) -> CaseFile:
        """The case as `it` or `ro` has it."""
        hidden = {name for name, without in self.kept_from.items() if without == node} | set(but)
        return CaseFile(
            reference=CASE,
            role=Role.DESTINATION if node == "it" else Role.ORIGIN,
            protection=protection if node == "it" else ProtectionStatus.UNKNOWN,
            destination="it",
            documents=tuple(Document.of(one) for name, one in self.said.items() if name not in hidden),
        )

    def digests(self, *names: str) -> list[str]:
        return [self.digest(name) for name in names]

    # The case itself, step by step.

    def assess(self, name: str = "final", **changes: Any) -> Content:
        """A final assessment that considers all that was said so far."""
        given: Json = {
            "risks": [risk()],
            "considered": self.digests(*self.said),
            "dispute_response": None,
            "reassess_on": "2027-06-01",
        }
        return self.say(name, "risk-assessment.final", thread="assessment", **(given | changes))

    def decide(self, name: str = "decision", **changes: Any) -> Content:
        given: Json = {"appeal": "none-lodged", "appeal_until": None, "considered": self.digests(*self.said)}
        return self.say(name, "best-interests.summary", thread="notification", **(given | changes))

    def version(
        self,
        name: str = "proposal",
        message_type: str = "durable-solution.proposal",
        by: Address = IT,
        *,
        terms: Mapping[str, Any] | None = None,
        rests_on: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Content:
        """A version that rests on the whole case; not said yet."""
        draft = coded("durable-solution.proposal")
        return self.draft(
            name,
            message_type,
            by,
            **(
                {
                    "terms": _changed(
                        draft["terms"]
                        | {
                            "receiving_carer": draft["terms"]["receiving_carer"]
                            | {"agreement_shown_in": self.digest("report")},
                            "causes": [],
                        },
                        terms,
                    ),
                    "rests_on": _changed(
                        {
                            "social_inquiries": self.digests("report"),
                            "risk_assessment": self.digest("final"),
                            "child_views": self.digest("views"),
                            "guardian_notice": self.digest("guardian"),
                            "best_interests": self.digest("decision"),
                        },
                        rests_on,
                    ),
                    "amends": None,
                    "lifts": None,
                }
                | fields
            ),
        )

    def propose(self, **changes: Any) -> Content:
        content = self.version(**changes)
        self.said[changes.get("name", "proposal")] = content
        return content

    def acceptance(self, by: Address = RO, *, of: str = "proposal", agreement: str = AGREEMENT) -> Content:
        """An acceptance that is not said yet."""
        return self.draft(
            f"acceptance-{by}-of-{of}",
            "durable-solution.acceptance",
            by,
            thread="proposal",
            in_reply_to=of,
            agreement=agreement,
        )

    def agree(self, of: str = "proposal", agreement: str = AGREEMENT) -> None:
        for by in (IT, RO):
            content = self.acceptance(by, of=of, agreement=agreement)
            self.said[f"acceptance-{by}-of-{of}"] = content

    def handover(self, agreement: str = AGREEMENT, **changes: Any) -> Content:
        given: Json = {"agreement": agreement, "handed_over_on": self.now.date().isoformat()}
        return self.draft(
            "handover",
            "handover.confirmation",
            RO,
            thread="proposal",
            in_reply_to="proposal",
            **given | changes,
        )


def _changed(fields: Mapping[str, Any], changes: Mapping[str, Any] | None) -> Json:
    merged = {**fields, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}


def risk(**changes: Any) -> Json:
    """A foreseeable risk that a measure mitigates."""
    found: Json = copy.deepcopy(sample("risk-assessment.final").coded["risks"][0])
    return found | {"evidence_documents": []} | changes


def report(**changes: Any) -> Json:
    """A complete inquiry with a carer who has agreed and is able."""
    carer = copy.deepcopy(sample("social-inquiry.report").coded["candidate_carers"][0])
    return {
        "completeness": "complete",
        "family_traced": "traced",
        "concluded_on": "2026-12-20",
        "home_risks": [{"risk": "none-identified", "foreseeable": "no", "information_source": "observation"}],
        "candidate_carers": [carer | {"able": "yes", "agreed": "yes", "agreed_on": "2026-12-18"}],
    } | changes


def until_decided(**changed: Mapping[str, Any]) -> WholeCase:
    """Notified, inquired, heard, assessed and decided. `changed`: fields by the name of the step."""
    case = WholeCase()
    case.say("notification", "case.notification", **changed.get("notification", {}))
    case.say("guardian", "guardian.notice", thread="notification", **changed.get("guardian", {}))
    case.say("report", "social-inquiry.report", RO, thread="inquiry", **report(**changed.get("report", {})))
    case.say("views", "child-views.record", thread="notification", **changed.get("views", {}))
    case.say(
        "contribution",
        "risk-assessment.contribution",
        RO,
        thread="assessment",
        **({"risks": [risk()]} | dict(changed.get("contribution", {}))),
    )
    case.assess(**changed.get("final", {}))
    case.decide(**changed.get("decision", {}))
    return case


def until_proposed(**changed: Mapping[str, Any]) -> WholeCase:
    case = until_decided(**changed)
    case.propose()
    return case


def until_agreed(**changed: Mapping[str, Any]) -> WholeCase:
    case = until_proposed(**changed)
    case.agree()
    return case
