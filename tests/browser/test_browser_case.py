"""A child's whole case, as the demo tells it, at the consoles of two nodes: in Spanish and without scripts at
one, in Arabic at the other, an officer and a supervisor at each. Every page that is shown is checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from service.access.roles import Role
from service.cli.demo import contents, decisions
from service.cli.demo.stage import local_network as simulated_network
from service.clock import SimulatedClock
from service.network.control import ask
from tests.browser.browsing import Desk
from tests.browser.officer_play import Officer, mirror_of
from tests.journeys.local_network import LocalNetwork

IT, RO = "it.servizio-minori", "ro.anpdca"
VISITS = (("month-1", "P1M"), ("month-3", "P2M"), ("month-6", "P3M"), ("month-12", "P6M"))


class Stage:
    """Four desks at two nodes, and a clock that jumps. After a jump people sign in again."""

    def __init__(self, browser: Browser, directory: Path) -> None:
        self.browser = browser
        self.directory = directory
        self._desks: list[Desk] = []
        self._mirrors: list[Any] = []
        self._network: LocalNetwork | None = None
        self._looked: dict[str, set[str]] = {}
        self.seen: dict[str, list[str]] = {}
        self.sit()

    def sit(self) -> None:
        self.leave()
        network = self._network = LocalNetwork(
            directory=self.directory,
            process=None,  # type: ignore[arg-type]
            tap=None,  # type: ignore[arg-type]
            temporary=self.directory,
        )
        self.description = network.description
        self.officer = self._seat(network, "it", Role.CASE_OFFICER, "es", javascript=False)
        self.colleague = self._seat(network, "it", Role.CASE_OFFICER, "es", number=2)
        self.superior = self._seat(network, "it", Role.SUPERVISOR, "es")
        self.answering = self._seat(network, "ro", Role.CASE_OFFICER, "ar")
        self.supervisor = self._seat(network, "ro", Role.SUPERVISOR, "ar")

    def _seat(
        self,
        network: LocalNetwork,
        code: str,
        role: Role,
        language: str,
        *,
        javascript: bool = True,
        number: int = 1,
    ) -> Officer:
        authority = IT if code == "it" else RO
        desk = Desk(
            self.browser,
            network,
            code,
            role,
            authorities=[authority],
            language=language,
            javascript=javascript,
        )
        self._desks.append(desk)
        mirror = None
        if not javascript:
            mirror = mirror_of(self.browser, desk)
            self._mirrors.append(mirror)
        name = f"{code}-{role}-{number}"
        return Officer(
            desk,
            mirror,
            looked_at=self._looked.setdefault(name, set()),
            seen=self.seen.setdefault(name, []),
        )

    def leave(self) -> None:
        for desk in self._desks:
            desk.close()
        for mirror in self._mirrors:
            mirror.context.close()
        self._desks, self._mirrors = [], []
        if self._network is not None:
            self._network.close()

    @property
    def today(self) -> date:
        return SimulatedClock(Path(str(self.description["simulated_clock"]))).now().date()

    def time_passes(self, by: str) -> None:
        # Not in this thread: the browser's own loop runs in it.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(lambda: asyncio.run(ask(self.directory, "advance-clock", by))).result()
        self.sit()

    def pair(self, sender: Officer) -> Officer:
        return self.answering if sender is self.officer else self.officer

    def say(self, by: Officer, case: str, type_: str, coded: Any = None, **more: Any) -> str:
        """Said, and seen to arrive at the other desk."""
        sent = by.say(case, type_, coded, **more)
        self.pair(by).receives(sent)
        return sent


@pytest.fixture
def stage(browser: Browser, tmp_path: Path) -> Iterator[Stage]:
    directory = tmp_path / "network"
    with simulated_network(directory, "it,ro"):
        stage = Stage(browser, directory)
        try:
            yield stage
        finally:
            stage.leave()


def protection_first(stage: Stage) -> str:
    officer = stage.officer
    officer.open("/console/work")
    officer.press('form[action="/console/cases"] button', "opened")
    case = officer.page.url.partition("?")[0].rpartition("/")[2]
    assert "compose" in officer.page.content()
    for one in (stage.officer, stage.colleague):
        page = one.open(f"/console/cases/{case}")
        page.select_option("#status", "not-sought")
        page.select_option("#protection-reason", "child-interviewed")
        one.press('form[action$="/protection"] button', "protection")
    return case


@pytest.mark.timeout(1800)
def test_the_whole_case_is_played_through_two_officers_consoles(stage: Stage) -> None:
    officer, answering = stage.officer, stage.answering
    case = protection_first(stage)

    # Italy notifies, Romania takes the case on.
    notice = stage.say(
        officer, case, "case.notification", contents.notification(stage.today),
        narrative=contents.CIRCUMSTANCES, to=RO,
    )  # fmt: skip
    answering.open("/console/work")
    answering.collect(notice)
    stage.say(answering, case, "accept", contents.acceptance(RO, stage.today), thread=notice)
    guardian = stage.say(
        officer, case, "guardian.notice", contents.guardian_notice(stage.today), thread=notice
    )

    # Who is the child?
    asked = stage.say(
        officer, case, "identity.request", contents.identity_request(), identity=contents.PERSONS_AND_PLACES
    )
    identity = stage.say(
        answering, case, "identity.result", contents.identity_result(stage.today),
        identity=contents.PERSONS_AND_PLACES, thread=asked,
    )  # fmt: skip

    # Is there a family? The names are released by two people.
    inquiry = stage.say(
        officer, case, "social-inquiry.request", contents.inquiry_request(), narrative=contents.REASONS,
        identity=contents.PERSONS_AND_PLACES, urgency="urgent",
    )  # fmt: skip
    assert contents.CHILD not in answering.page.content()
    answering.page.select_option("#reason", "home-visit")
    answering.press('form[action$="/identity-release"] button', "release-asked")
    approval = answering.page.locator('a[href^="/console/approvals/"]').last.get_attribute("href") or ""
    answering.open(approval)
    assert answering.page.locator('button[name="decision"]').count() == 0, "whoever asked does not decide"
    stage.supervisor.open("/console/work")
    stage.supervisor.approve(approval.rpartition("/")[2])
    answering.open(f"/console/messages/{inquiry}")
    answering.press('form[action$="/identity"] button', "identity")
    assert contents.CHILD in answering.page.locator("main").inner_text()

    # Romania asks back and reports.
    stage.say(answering, case, "accept", contents.acceptance(RO, stage.today), thread=inquiry)
    stage.say(
        answering, case, "query", contents.query(), narrative=contents.FURTHER_QUESTIONS, thread=inquiry
    )
    stage.say(
        officer, case, "answer", contents.answer(), identity=contents.PERSONS_AND_PLACES, thread=inquiry
    )
    report = stage.say(
        answering, case, "social-inquiry.report", contents.inquiry_report(stage.today),
        narrative=contents.REPORT_TEXTS, thread=inquiry,
    )  # fmt: skip
    officer.collect(report)
    officer.open(f"/console/messages/{report}?language=ar")

    # Is it safe? Assessed, disputed, revised.
    assessment = stage.say(
        officer, case, "risk-assessment.request", decisions.assessment_request(),
        narrative=decisions.WHY_ASSESS,
    )  # fmt: skip
    first, second = [
        stage.say(
            by, case, "risk-assessment.contribution",
            decisions.contribution(stage.today, by_origin=by is answering), thread=assessment,
        )
        for by in (officer, answering)
    ]  # fmt: skip
    considered = [officer.digest_of(one) for one in (guardian, identity, report, first, second)]
    final = stage.say(
        officer, case, "risk-assessment.final",
        decisions.final_assessment(stage.today, considered=considered),
        narrative=decisions.REASONING, thread=assessment,
    )  # fmt: skip
    dispute = stage.say(
        answering, case, "risk-assessment.dispute", decisions.dispute(answering.digest_of(final)),
        narrative=decisions.WHY_DISPUTED, thread=assessment,
    )  # fmt: skip
    considered.append(officer.digest_of(dispute))
    final = stage.say(
        officer, case, "risk-assessment.final",
        decisions.final_assessment(stage.today, considered=considered, replaces=final, outstanding=True),
        narrative=decisions.REVISED, thread=assessment,
    )  # fmt: skip

    # The child is heard; the order is issued; the assessment is made anew.
    views = stage.say(
        officer, case, "child-views.record", decisions.childs_views(stage.today),
        narrative=decisions.CHILDS_WORDS, thread=notice,
    )  # fmt: skip
    fact = stage.say(
        answering, case, "risk-assessment.contribution",
        decisions.contribution(stage.today, by_origin=True, order_issued=True), thread=assessment,
    )  # fmt: skip
    considered += [officer.digest_of(fact), officer.digest_of(views)]
    final = stage.say(
        officer, case, "risk-assessment.final",
        decisions.final_assessment(stage.today, considered=considered, replaces=final),
        narrative=decisions.ANSWERED, thread=assessment,
    )  # fmt: skip
    stage.say(
        answering, case, "risk-assessment.corroboration",
        {"final_assessment": answering.digest_of(final)}, thread=assessment,
    )  # fmt: skip
    weighed = [officer.digest_of(one) for one in (report, final, views)]
    interests = stage.say(
        officer, case, "best-interests.summary", decisions.best_interests(stage.today, considered=weighed),
        narrative=decisions.BEST_INTERESTS_REASONS, thread=notice,
    )  # fmt: skip

    # Proposed, answered by another proposal, compared, and signed by two people at each node.
    documents = {
        name: officer.digest_of(one)
        for name, one in (
            ("social_inquiry", report),
            ("risk_assessment", final),
            ("guardian_notice", guardian),
            ("child_views", views),
            ("best_interests", interests),
            ("identity_result", identity),
        )
    }
    proposal = stage.say(
        officer, case, "durable-solution.proposal",
        decisions.proposal(stage.today, documents, escort="no-escort"), narrative=decisions.PLAN,
    )  # fmt: skip
    stage.say(
        answering, case, "durable-solution.counter-proposal",
        {"terms": {"escort": "social-workers-of-both"}}, thread=proposal,
    )  # fmt: skip
    for one in (officer, answering):
        page = one.open(f"/console/cases/{case}/compare")
        assert page.locator("tr.changed").count() == 1
    for by, superior in ((officer, stage.superior), (answering, stage.supervisor)):
        waits = by.say(case, "durable-solution.acceptance", thread=proposal, waits=True)
        assert by.page.locator('button[name="decision"]').count() == 0
        stage.pair(by).receives(superior.approve(waits))
    agreement = (
        officer.open(f"/console/cases/{case}").locator('a[href*="/agreements/"]').get_attribute("href")
    )
    assert agreement is not None
    digest = agreement.rpartition("/")[2]
    for one in (officer, answering, stage.superior, stage.supervisor):
        assert one.open(agreement).locator("main div.said").count() == 1, "in force"

    # The journey, the year after it, the end.
    stage.time_passes("P10D")
    handover = stage.say(
        stage.answering, case, "handover.confirmation", decisions.handover(stage.today, digest),
        thread=proposal,
    )  # fmt: skip
    for point, later in VISITS:
        stage.time_passes(later)
        stage.say(
            stage.answering, case, "follow-up.report", decisions.follow_up(stage.today, point, digest),
            thread=proposal,
        )  # fmt: skip
    assert handover
    stage.say(stage.officer, case, "case.closure", decisions.closure(stage.today), thread=notice)
    for one in (stage.officer, stage.answering, stage.superior, stage.supervisor):
        for path in (
            "/console/work",
            "/console/cases",
            f"/console/cases/{case}",
            f"/console/cases/{case}/retention",
            "/console/messages",
            "/console/approvals",
            "/console/notices",
            "/console/envelopes",
            "/console/directory?state=ro&procedure=case",
            "/console/codes?scheme=country&search=ro",
        ):
            one.open(path)
    assert stage.superior.open("/console/retention")
