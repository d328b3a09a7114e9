"""The officer's pages as they are seen: in both directions of writing, on a telephone, in the dark, without
scripts, by keyboard."""

from __future__ import annotations

import pytest

from service.access.roles import Role
from tests.browser.browsing import Desk
from tests.browser.conftest import Sit
from tests.journeys.local_network import IT, RO, LocalNetwork, await_status, message, send


@pytest.fixture(scope="module")
def case(network: LocalNetwork) -> dict[str, str]:
    """A case with a message each way, and something that waits for a second person."""
    it, ro = network.officer("it"), network.officer("ro")
    case = network.settled_case()
    sent = send(it, message("case.notification", case, IT, RO))
    await_status(ro, sent["id"], "consigned")
    taken = send(ro, message("accept", case, RO, IT, in_reply_to=sent["id"]))
    await_status(it, taken["id"], "consigned")
    asked = it.post(f"/v1/messages/{sent['id']}/identity-release", json={"reason": "court-hearing"})
    assert asked.status_code == 202, asked.text
    return {"case": case, "sent": sent["id"], "taken": taken["id"], "approval": asked.json()["id"]}


def pages_of(case: dict[str, str]) -> dict[str, str]:
    reference, sent = case["case"], case["sent"]
    return {
        "work": "/console/work",
        "deadlines": "/console/deadlines?owed_by=them",
        "cases": "/console/cases",
        "case": f"/console/cases/{reference}",
        "compose": f"/console/cases/{reference}/compose?type=social-inquiry.request",
        "retention": f"/console/cases/{reference}/retention",
        "messages": "/console/messages",
        "message": f"/console/messages/{sent}",
        "to-collect": f"/console/messages/{case['taken']}",
        "evidence": f"/console/messages/{sent}/evidence",
        "approvals": "/console/approvals",
        "approval": f"/console/approvals/{case['approval']}",
        "notices": "/console/notices",
        "envelopes": "/console/envelopes",
        "directory": "/console/directory?state=ro&procedure=case",
        "codes": "/console/codes?scheme=country&search=ro",
        "due": "/console/retention",
    }


@pytest.mark.parametrize("language", ["es", "ar"])
def test_every_page_is_sound_with_scripts_and_without_and_on_a_telephone(
    sit: Sit, case: dict[str, str], language: str
) -> None:
    def seat(**how: object) -> Desk:
        return sit("it", Role.SUPERVISOR, authorities=[IT], language=language, **how)

    wide, plain, narrow, dark = seat(), seat(javascript=False), seat(width=320), seat(dark=True)
    for name, path in pages_of(case).items():
        for desk in (wide, plain, narrow, dark):
            desk.open(path)
            assert desk.status == 200, path
            desk.check()
        wide.picture(f"officers-{name}")
        narrow.picture(f"officers-{name}-320")
        assert narrow.overflow() == 0, path
        headings = [one.page.locator("main").inner_text().splitlines()[0] for one in (wide, plain)]
        assert headings[0] == headings[1]
    dark.open(pages_of(case)["case"])
    dark.picture("officers-case-dark")


def test_a_long_list_is_narrowed_while_somebody_types(sit: Sit, case: dict[str, str]) -> None:
    desk = sit("it", Role.CASE_OFFICER, authorities=[IT], language="es")
    page = desk.open(f"/console/cases/{case['case']}/compose?type=identity.request")
    page.locator('button[name="add"][value="identity.persons"]').click()
    page.locator('button[name="add"][value="identity.persons.0.nationalities"]').click()
    box = page.locator('select[name="identity.persons.0.nationalities.0"]')
    before = box.locator("option").count()
    page.locator('input[type="search"]').first.fill("rumania")
    page.wait_for_function(
        "few => document.querySelector('select[name=\"identity.persons.0.nationalities.0\"]')"
        ".options.length < few",
        arg=before,
    )
    box.select_option("RO")
    desk.check()


def test_a_form_is_filled_in_and_sent_for_review_by_keyboard(sit: Sit, case: dict[str, str]) -> None:
    desk = sit("it", Role.CASE_OFFICER, authorities=[IT])
    page = desk.open(f"/console/cases/{case['case']}/compose?type=social-inquiry.request")
    page.locator("#urgency").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "no-danger"
    page.keyboard.press("Space")
    assert page.locator("#no-danger").is_checked()
    page.keyboard.press("Enter")
    page.wait_for_selector("#form-errors")
    assert page.locator("#no-danger").is_checked()
    assert page.evaluate("document.activeElement.id") == "form-errors"
    desk.check()
