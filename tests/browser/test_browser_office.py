"""Pages of administrators, auditors and statisticians as they are seen: both directions of writing, on a
telephone, without scripts."""

from __future__ import annotations

import pytest

from service.access.roles import ROLE_SCOPES, Role
from service.console.pages import PAGES
from tests.browser.conftest import Sit

_AREAS = ("/console/admin", "/console/journal", "/console/statistics", "/console/indicators")


def pages_of(role: Role) -> list[str]:
    return [
        path
        for (method, path), scopes in PAGES.items()
        if method == "GET"
        and "{" not in path
        and not path.endswith("/file")
        and path.startswith(_AREAS)
        and scopes <= ROLE_SCOPES[role]
    ]


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AUDITOR, Role.STATISTICIAN])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_page_is_sound_with_scripts_and_without_and_on_a_telephone(
    sit: Sit, role: Role, language: str
) -> None:
    wide = sit("it", role, language=language)
    plain = sit("it", role, language=language, javascript=False)
    narrow = sit("it", role, language=language, width=320)
    dark = sit("it", role, language=language, dark=True)
    for path in pages_of(role):
        name = path.removeprefix("/console/").replace("/", "-")
        for desk in (wide, plain, narrow, dark):
            desk.open(path)
            assert desk.status == 200, path
            desk.check()
        wide.picture(name)
        narrow.picture(f"{name}-320")
        assert narrow.overflow() == 0, path


def test_an_administrator_without_scripts_registers_somebody_and_another_one_approves(sit: Sit) -> None:
    first = sit("it", Role.ADMINISTRATOR, javascript=False)
    second = sit("it", Role.ADMINISTRATOR, javascript=False)
    page = first.open("/console/admin/people")
    page.select_option("#role", "case-officer")
    page.locator("input[name=authorities]").first.check()
    page.locator("form[action='/console/admin/people'] button").click()
    assert "/console/approvals/" in page.url
    first.check()
    first.picture("admin-proposed")
    other = second.open(page.url.removeprefix(first.base).partition("?")[0])
    other.locator("button[value=approve]").click()
    second.check()
    assert "approved" in other.locator("main").inner_text().lower()


def test_what_is_refused_is_said_beside_what_was_typed(sit: Sit) -> None:
    desk = sit("it", Role.ADMINISTRATOR)
    page = desk.open("/console/admin/systems")
    page.fill("#id", "registry")
    page.select_option("#role", "agency-system")
    page.fill("#keys", "no key at all")
    page.locator("form[action='/console/admin/systems'] button").last.click()
    page.wait_for_selector("#fault")
    assert page.locator("#id").input_value() == "registry"
    desk.check()
    desk.picture("admin-systems-refused")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_entry_shows_its_exact_differences_before_it_is_proposed(sit: Sit, language: str) -> None:
    desk = sit("it", Role.ADMINISTRATOR, language=language)
    page = desk.open("/console/admin/directory")
    page.locator("a[href^='/console/admin/directory/authority/']").first.click()
    desk.check()
    text = page.locator("#edited").input_value()
    page.fill("#edited", text.replace('"en"', '"fr"', 1) if '"en"' in text else text)
    page.locator("button[value=preview]").click()
    page.wait_for_selector("#changes")
    desk.check()
    desk.picture("admin-entry-preview")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_release_of_statistics_is_made_and_read(sit: Sit, language: str) -> None:
    desk = sit("it", Role.STATISTICIAN, language=language)
    page = desk.open("/console/statistics")
    page.fill("#year", "2025")
    page.locator("form[action='/console/statistics'] button").click()
    page.wait_for_url("**/console/statistics/destination-period-2025**")
    desk.check()
    desk.picture("statistics-release")
