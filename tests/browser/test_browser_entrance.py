"""Coming in, choosing a language, going out: as somebody sees it."""

from __future__ import annotations

import pytest

from protocol.languages import available_languages
from service.access.roles import Role
from tests.browser.browsing import NoBrowser, find_chromium
from tests.browser.conftest import Sit


def test_without_a_browser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(NoBrowser, match="install"):
        find_chromium()


@pytest.mark.parametrize("language", available_languages())
def test_the_page_to_sign_in_is_in_every_language(sit: Sit, language: str) -> None:
    desk = sit("it", None, language=language)
    desk.open("/console/")
    assert desk.page.url.endswith("/console/sign-in?to=%2Fconsole%2F")
    desk.check()
    desk.picture("sign-in")


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_link_leads_to_the_first_page_and_out_again(sit: Sit, language: str, javascript: bool) -> None:
    desk = sit("it", Role.OPERATOR, language=language, javascript=javascript)
    assert desk.page.url.endswith("/console/operator")
    desk.check()
    desk.page.locator("form.leave button").click()
    desk.check()
    desk.open("/console/operator")
    assert "/console/sign-in" in desk.page.url


def test_a_language_is_chosen_on_the_page_and_stays(sit: Sit) -> None:
    desk = sit("it", Role.OPERATOR, language="en")
    desk.page.locator("nav.languages a[lang=ar]").click()
    desk.page.wait_for_selector("html[dir=rtl]")
    desk.language = "ar"
    desk.open("/console/operator")
    desk.check()


def test_a_page_is_read_by_keyboard_from_the_skip_link_on(sit: Sit) -> None:
    desk = sit("it", Role.OPERATOR)
    desk.page.keyboard.press("Tab")
    assert desk.page.evaluate("document.activeElement.className") == "skip"
    desk.page.keyboard.press("Enter")
    assert desk.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_telephone_needs_no_scrolling_sideways(sit: Sit, language: str) -> None:
    desk = sit("it", Role.OPERATOR, language=language, width=320)
    assert desk.overflow() == 0
    desk.open("/console/nowhere")
    assert desk.status == 404
    desk.check()
    assert desk.overflow() == 0
    desk.picture("not-found-320")
