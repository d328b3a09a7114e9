"""A case on two real nodes up to where both may agree on a return: every document there, and current.

road = await Road.to_a_proposal(pair)
proposal = await road.propose()
await road.accept(pair.ro, proposal)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol.identifiers import CaseReference, MessageId
from service import exchange
from service.exchange.views import Accepted, Submission
from tests.service.exchange_pair import Pair, Side, message

type Json = dict[str, Any]

SOLUTION = "return/to-other-family"


def assessed_risks() -> list[Json]:
    return [
        {
            "risk": "trafficker-contact",
            "information_source": "police",
            "foreseeable": "yes",
            "severity": "serious",
            "likelihood": "possible",
            "mitigations": [{"mitigation": "no-contact-order", "responsible_state": "RO", "in_place": "yes"}],
            "residual": "mitigated",
        }
    ]


@dataclass(kw_only=True)
class Road:
    """`said`: what was said, by a name of the test's own."""

    pair: Pair
    case: CaseReference
    said: dict[str, Accepted] = field(default_factory=dict)

    @classmethod
    async def to_a_proposal(cls, pair: Pair) -> Road:
        it, ro = pair.it, pair.ro
        case = await pair.open_case()
        road = cls(pair=pair, case=case)
        notice = await pair.notify(case)
        await road.say("guardian_notice", it, "guardian.notice", _without("replaces"), in_reply_to=notice)
        request = await road.say("inquiry", it, "social-inquiry.request")
        await road.say("inquiry-accepted", ro, "accept", in_reply_to=request)
        await road.say("social_inquiry", ro, "social-inquiry.report", _carer_is_able, in_reply_to=request)
        await road.say("child_views", it, "child-views.record", _child_wants, in_reply_to=notice)
        opened = await road.say("assessment", it, "risk-assessment.request", _without("reassessment_reason"))
        await road.say("contribution", ro, "risk-assessment.contribution", _contributes, in_reply_to=opened)
        await road.conclude("final", in_reply_to=opened)
        await road.say("best_interests", it, "best-interests.summary", road._weighs, in_reply_to=notice)
        return road

    def digest(self, name: str) -> str:
        return self.said[name].statement_digest

    async def conclude(self, name: str, *, in_reply_to: Accepted, replaces: str | None = None) -> Accepted:
        """A final risk assessment that takes every document of the case into account."""

        def concludes(coded: Json) -> None:
            coded.update(
                outcome="return-possible",
                risks=assessed_risks(),
                considered=[one.statement_digest for one in self.said.values()],
            )
            for absent in ("dispute_response", "replaces", "reassess_on"):
                coded.pop(absent, None)
            if replaces is not None:
                coded["replaces"] = self.said[replaces].id

        return await self.say(name, self.pair.it, "risk-assessment.final", concludes, in_reply_to=in_reply_to)

    async def propose(
        self,
        name: str = "proposal",
        *,
        side: Side | None = None,
        in_reply_to: Accepted | None = None,
        final: str = "final",
        amends: str | None = None,
        change: Callable[[Json], None] = lambda coded: None,
    ) -> Accepted:
        def proposes(coded: Json) -> None:
            inquiry = self.digest("social_inquiry")
            coded["terms"].update(solution=SOLUTION)
            coded["terms"]["receiving_carer"].update(agreement_shown_in=inquiry)
            coded["terms"]["causes"] = [
                {"cause": "trafficker-nearby", "cause_measures": ["no-contact-order"], "answered": "yes"}
            ]
            coded["rests_on"] = {
                "social_inquiries": [inquiry],
                "risk_assessment": self.digest(final),
                "child_views": self.digest("child_views"),
                "guardian_notice": self.digest("guardian_notice"),
                "best_interests": self.digest("best_interests"),
            }
            for absent in ("amends", "lifts"):
                coded.pop(absent, None)
            if amends is not None:
                coded["amends"] = amends
            change(coded)

        type_ = "durable-solution.proposal" if in_reply_to is None else "durable-solution.counter-proposal"
        return await self.say(name, side or self.pair.it, type_, proposes, in_reply_to=in_reply_to)

    async def agreement_digest(self, version: Accepted, side: Side | None = None) -> str:
        """As an officer of either side reads it."""
        reader = side or self.pair.it
        view = await exchange.read_message(reader.node, reader.officer, version.id, False, None)
        assert view.agreement_digest is not None
        return view.agreement_digest

    async def acceptance(self, side: Side, version: Accepted, **coded: str) -> Submission:
        """What an officer submits: the digest that was shown, and no signature."""
        digest = await self.agreement_digest(version, side)
        submission = self.message(side, "durable-solution.acceptance", in_reply_to=version.id)
        submission.coded.clear()  # type: ignore[attr-defined]
        submission.coded.update({"agreement": digest, **coded})  # type: ignore[attr-defined]
        return submission

    async def accept(self, side: Side, version: Accepted) -> Accepted:
        accepted = await side.sign(await self.acceptance(side, version))
        await self.pair.settle()
        return accepted

    def message(
        self,
        side: Side,
        type_: str,
        change: Callable[[Json], None] = lambda coded: None,
        *,
        in_reply_to: MessageId | None = None,
    ) -> Submission:
        to = self.pair.ro if side is self.pair.it else self.pair.it
        return message(type_, self.case, side.office, to.office, in_reply_to=in_reply_to, change=change)

    async def say(
        self,
        name: str,
        side: Side,
        type_: str,
        change: Callable[[Json], None] = lambda coded: None,
        *,
        in_reply_to: Accepted | None = None,
    ) -> Accepted:
        answered = None if in_reply_to is None else in_reply_to.id
        self.said[name] = await side.send(self.message(side, type_, change, in_reply_to=answered))
        await self.pair.settle()
        (row,) = await side.rows(
            "select status, refusal_code from message where id = :id", id=self.said[name].id
        )
        assert row["status"] in ("consigned", "retrieved"), (name, dict(row))
        return self.said[name]

    def _weighs(self, coded: Json) -> None:
        coded.update(
            options=[
                {
                    "option": SOLUTION,
                    "option_assessment": "in-best-interests",
                    "decision_reasons": ["views-of-the-child"],
                },
                {
                    "option": "local-integration",
                    "option_assessment": "acceptable",
                    "decision_reasons": ["integration"],
                },
            ],
            best_solution=SOLUTION,
            appeal="none-lodged",
            considered=[
                self.digest(name) for name in ("social_inquiry", "final", "child_views", "guardian_notice")
            ],
        )
        for absent in ("appeal_until", "replaces"):
            coded.pop(absent, None)


def _without(*names: str) -> Callable[[Json], None]:
    def change(coded: Json) -> None:
        for name in names:
            coded.pop(name, None)

    return change


def _carer_is_able(coded: Json) -> None:
    coded["candidate_carers"][0].update(able="yes")
    none = {"risk": "none-identified", "foreseeable": "no", "information_source": "observation"}
    coded.update(trafficker_link="no", recommendation="supports-placement", home_risks=[none])
    coded.pop("trafficker_links", None)


def _child_wants(coded: Mapping[str, Any]) -> None:
    coded["views"][0].update(option=SOLUTION, view="wants")
    coded["heard_on"] = "2026-11-20"  # type: ignore[index]
    coded.pop("replaces", None)  # type: ignore[attr-defined]


def _contributes(coded: Json) -> None:
    coded.update(risks=assessed_risks())
    coded.pop("replaces", None)
