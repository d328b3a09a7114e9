"""The operator's pages as they are seen: in both directions of writing, on a telephone, without scripts."""

from __future__ import annotations

import pytest

from service.access.roles import Role
from service.console.pages import PAGES
from tests.browser.conftest import Sit
from tests.journeys.local_network import IT, RO, LocalNetwork, await_status, message, send

OPERATOR_PAGES = [
    template for method, template in PAGES if template.startswith("/console/operator") and "{" not in template
]


@pytest.fixture(scope="module")
def case(network: LocalNetwork) -> str:
    """Something to look at: a message that has arrived and is owed an answer."""
    it = network.officer("it")
    case = network.settled_case()
    sent = send(it, message("case.notification", case, IT, RO))
    await_status(it, sent["id"], "consigned")
    return case


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_page_is_sound_with_scripts_and_without_and_on_a_telephone(
    sit: Sit, case: str, language: str
) -> None:
    wide = sit("it", Role.OPERATOR, language=language)
    plain = sit("it", Role.OPERATOR, language=language, javascript=False)
    narrow = sit("it", Role.OPERATOR, language=language, width=320)
    dark = sit("it", Role.OPERATOR, language=language, dark=True)
    for template in OPERATOR_PAGES:
        name = template.removeprefix("/console/").replace("/", "-")
        for desk in (wide, plain, narrow, dark):
            desk.open(template)
            assert desk.status == 200, template
            desk.check()
        wide.picture(name)
        narrow.picture(f"{name}-320")
        assert narrow.overflow() == 0, template
        headings = wide.page.locator("main").inner_text(), plain.page.locator("main").inner_text()
        assert headings[0].splitlines()[0] == headings[1].splitlines()[0]
    dark.open("/console/operator")
    dark.picture("operator-dark")


def test_a_deadline_is_found_by_its_state_and_a_page_is_reached_by_keyboard(sit: Sit, case: str) -> None:
    desk = sit("it", Role.OPERATOR)
    page = desk.open("/console/operator/deadlines")
    page.select_option("#state", "ro")
    page.locator("form.filters button").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**state=ro**")
    assert case in page.locator("main").inner_text()
    page.select_option("#owed_by", "us")
    page.locator("form.filters button").click()
    page.wait_for_url("**owed_by=us**")
    assert case not in page.locator("main").inner_text()


def test_a_runbook_is_readable_in_an_arabic_console(sit: Sit) -> None:
    desk = sit("it", Role.OPERATOR, language="ar")
    page = desk.open("/console/operator/runbooks")
    desk.check()
    links = page.locator("main li a")
    for at in range(min(3, links.count())):
        links.nth(at).click()
        desk.check()
        assert page.locator("article").get_attribute("dir") == "ltr"
        desk.picture(f"runbook-{at}")
        page.go_back()
