"""Chromium, and people at its screens.

with chromium() as browser:
    desk = Desk(browser, network, "it", Role.OPERATOR, language="ar")     signs in by a one-time link
    desk.open("/console/operator")
    desk.check()                       no serious accessibility fault, nothing refused or failed on the page
    desk.picture("operator-overview")  a PNG in the directory of pictures, to be looked at
    desk.page                          Playwright's page, for everything else
    desk.close()

`javascript=False` is a reader whose browser runs no scripts; `width` is the window's, in CSS pixels.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from service.access.roles import Role
from tests.journeys.local_network import LocalNetwork

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PICTURES = "FOCALPOINT_PICTURES"
"""A directory for pictures, outside the repository. Otherwise a temporary one, named after the run."""


class NoBrowser(AssertionError):
    """There is no Chromium. A failure, never a skip: pages that nobody looked at are not known to work."""


def find_chromium() -> str:
    """The path of the browser: `CHROMIUM`, otherwise the first of the usual names."""
    wanted = os.environ.get("CHROMIUM")
    for name in (wanted,) if wanted else NAMES:
        if (found := shutil.which(name)) is not None:
            return found
    looked_for = wanted or ", ".join(NAMES)
    raise NoBrowser(
        f"no Chromium found (looked for {looked_for}): install it, on Debian with `apt-get install "
        "chromium`, or give its path in the environment variable CHROMIUM"
    )


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Started afresh; Playwright gives it a user data directory of its own, which goes with it."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@cache
def pictures() -> Path:
    """Where pictures go."""
    chosen = os.environ.get(PICTURES)
    directory = Path(chosen) if chosen else Path(tempfile.mkdtemp(prefix="focalpoint-pictures-"))
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def one_time_link(
    network: LocalNetwork, code: str, role: Role, authorities: Sequence[str] | None = None
) -> tuple[str, str]:
    """A new person of this role, and the link that signs them in: (person's id, address)."""
    admin = network.client(code, "administrator")
    if authorities is None:
        listed = network.node(code).get("authorities") or []
        authorities = [str(one) for one in listed] if role not in _WITHOUT_AUTHORITY else []
    made = _agreed(
        network,
        code,
        admin.post("/v1/persons", json={"role": str(role), "authorities": list(authorities)}),
    )
    person = str(made.get("id") if "subject" not in made else made["subject"])
    invited = _agreed(network, code, admin.post(f"/v1/persons/{person}/invitation"))
    link = str(invited["link"] if "link" in invited else invited["invitation"]["link"])
    return person, network.node(code)["api"].rstrip("/") + urlsplit(link).path


def _agreed(network: LocalNetwork, code: str, proposed: httpx.Response) -> dict[str, Any]:
    """What an administrator did, or what a second one has approved of it."""
    assert proposed.status_code in (200, 201, 202), proposed.text
    if proposed.status_code != 202:
        return dict(proposed.json())
    second = network.client(code, "administrator", 1)
    decided = second.post(f"/v1/approvals/{proposed.json()['id']}/decision", json={"decision": "approve"})
    assert decided.status_code == 200, decided.text
    return dict(decided.json())


_WITHOUT_AUTHORITY = frozenset({Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR, Role.STATISTICIAN})


class Desk:
    """Somebody at a screen, signed in at a node."""

    def __init__(
        self,
        browser: Browser,
        network: LocalNetwork,
        code: str,
        role: Role | None,
        *,
        authorities: Sequence[str] | None = None,
        language: str = "en",
        javascript: bool = True,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
    ) -> None:
        """`role` None: nobody signed in."""
        self.base = str(network.node(code)["api"]).rstrip("/")
        self.language = language
        self._javascript = javascript
        self._context = browser.new_context(
            base_url=self.base,
            locale=language,
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        self._context.set_default_timeout(60_000)  # only a failing test waits that long
        self.page: Page = self._context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("requestfailed", self._failed)
        self.person: str | None = None
        if role is not None:
            self.person, link = one_time_link(network, code, role, authorities)
            self.open(link)
            assert self.status == 200, self.page.locator("main").inner_text()
            self.page.locator("main form button").click()
            self.page.wait_for_url("**/console/**")

    def open(self, path: str) -> Page:
        """`path` of this node; the status is in `self.status`."""
        answer = self.page.goto(path)
        assert answer is not None
        self.status = answer.status
        return self.page

    def check(self, *, allow: frozenset[str] = frozenset()) -> None:
        """No fault of accessibility that axe calls serious or critical, the language and direction set, one
        heading of the first rank, and nothing that the browser complained of, such as a refused style.

        `allow`: rules of axe that do not apply here; say why where you allow one.
        """
        html = self.page.locator("html")
        assert html.get_attribute("lang") == self.language
        assert html.get_attribute("dir") == ("rtl" if self.language == "ar" else "ltr")
        assert self.page.locator("h1").count() == 1
        assert self.faults == []
        if self._javascript:
            assert serious_faults(self.page, allow=allow) == []

    def overflow(self) -> int:
        """By how many CSS pixels the page is wider than the window: 0 where nobody has to scroll sideways."""
        box = self.page.locator("html")
        return int(box.evaluate("e => e.scrollWidth - e.clientWidth"))

    def picture(self, name: str) -> Path:
        """The whole page as a PNG. Pictures are looked at by people, and never committed."""
        path = pictures() / f"{name}-{self.language}.png"
        self.page.screenshot(path=path, full_page=True)
        return path

    def close(self) -> None:
        self._context.close()

    def _console(self, message: Any) -> None:
        # The status of an answer is for the test to judge.
        if message.type == "error" and "status of" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Any) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # somebody went to another page before it was here
            self.faults.append(f"request: {request.method} {urlsplit(request.url).path}: {request.failure}")


def serious_faults(page: Page, *, allow: frozenset[str] = frozenset()) -> list[str]:
    """What axe-core finds on the page and calls serious or critical: rule, and where."""
    # By the debugger: the page's own policy allows no script but its own, and stays in force.
    page.evaluate(_AXE.read_text("utf-8"))
    found = page.evaluate("async () => await axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {fault['help']}: {' | '.join(str(node['target'][0]) for node in fault['nodes'][:5])}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical") and fault["id"] not in allow
    ]
