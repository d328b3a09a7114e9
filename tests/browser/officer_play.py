"""An officer who does all by pages, as somebody at a screen does it: follows the links of a case, fills
in the form, adds what takes more room, reads what will be signed, and sends it.

officer = Officer(desk, mirror)
sent = officer.say(case, "case.notification", coded, narrative=texts, to="ro.anpdca")
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from protocol.messages import form
from service.console.forms import as_posted
from service.exchange.views import NarrativeView
from tests.browser.browsing import Desk, serious_faults
from tests.watching import until

type Json = dict[str, Any]

_ARRIVES_WITHIN = 60.0
_MOST_ADDED = 60
_LOOKED_AT_CLOSELY = 3


@dataclass(frozen=True)
class Content:
    coded: Mapping[str, Any]
    narrative: tuple[NarrativeView, ...]
    identity: Mapping[str, Any] | None


@dataclass
class Officer:
    """`mirror`: a page with scripts, in which axe looks at what a desk without scripts is shown."""

    desk: Desk
    mirror: Page | None = None
    looked_at: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.desk.page

    def open(self, path: str) -> Page:
        page = self.desk.open(path)
        assert self.desk.status == 200, (path, self.desk.status, page.locator("main").inner_text())
        self.look(path)
        return page

    def look(self, name: str) -> None:
        """Every page is checked, and one of each kind is kept as a picture. Axe looks at the first few of a
        kind at each desk: what comes later differs by its case alone."""
        kind = re.sub(
            r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9A-Z]{4}(-[0-9A-Z]{1,4}){3}|[A-Za-z0-9_-]{43}", "x", name
        )
        kind = re.sub(r"\W+", "-", kind.partition("?")[0].removeprefix("/console/")).strip("-") or "home"
        self.seen.append(kind)
        if self.seen.count(kind) <= _LOOKED_AT_CLOSELY:
            self.desk.check()
            if self.mirror is not None:
                assert mirrored_faults(self.mirror, self.page) == [], name
        assert self.page.locator("h1").count() == 1, name
        assert self.desk.faults == [], name
        if kind not in self.looked_at:
            self.looked_at.add(kind)
            self.desk.picture(f"officer-{kind}")

    def press(self, selector: str, name: str) -> None:
        """A button that leads to another page."""
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()
        self.look(name)

    # -- a message

    def say(
        self,
        case: str,
        type_: str,
        coded: Mapping[str, Any] | None = None,
        *,
        narrative: Sequence[Mapping[str, str]] = (),
        identity: Mapping[str, Any] | None = None,
        thread: str | None = None,
        to: str | None = None,
        urgency: str = "ordinary",
        waits: bool = False,
    ) -> str:
        """The id of the message; of the approval where it `waits` for a second person."""
        page = self.open(f"/console/cases/{case}")
        link = f'main a[href*="compose?type={type_}&"]' + (f'[href*="thread={thread}"]' if thread else "")
        assert page.locator(link).count(), f"no step {type_}: {page.locator('main').inner_text()[:3000]}"
        self.press(link, f"compose-{type_}")
        self.fill(type_, coded or {}, narrative, identity)
        if to is not None:
            page.select_option("#to", to)
        page.select_option("#urgency", urgency)
        page.check("#no-danger")
        self.press('button[name="do"][value="review"] >> visible=true', "review")
        text = page.locator("main").inner_text()
        # In one's own language and as the other State reads it; and the terms behind a digest that is signed.
        shown = 3 if type_ == "durable-solution.acceptance" else 2
        assert page.locator("article.rendering").count() == shown, f"{type_}: {text[:4000]}"
        self.press('button[name="do"][value="send"]', "approval" if waits else "sent")
        where = urlsplit(page.url).path
        assert where.startswith("/console/approvals/" if waits else "/console/messages/"), text[:4000]
        return where.rpartition("/")[2]

    def fill(
        self,
        type_: str,
        coded: Mapping[str, Any],
        narrative: Iterable[Mapping[str, str]] = (),
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        """The names and values that say this, typed into the inputs of those names."""
        blocks = tuple(NarrativeView(**one) for one in narrative)
        pairs = as_posted(form(type_), Content(coded, blocks, identity))
        placed = self._placed(pairs)
        for name, value in placed:
            self._type(name, value)

    def _placed(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Each pair with the name of its input, once there is room for it."""
        placed: list[tuple[str, str]] = []
        times: dict[str, int] = {}
        for name, value in pairs:
            number = times[name] = times.get(name, -1) + 1
            for _ in range(_MOST_ADDED):
                if self._there(name):
                    placed.append((name, value))
                    break
                if self._there(f"{name}.{number}"):
                    placed.append((f"{name}.{number}", value))
                    break
                self._make_room(name)
            else:
                raise AssertionError(f"no input for {name}")
        return placed

    def _there(self, name: str) -> bool:
        return self.page.locator(f'main [name="{name}"]').count() > 0

    def _make_room(self, name: str) -> None:
        """Press the button that adds the entry or the group in which the input stands."""
        steps = name.split(".")
        for end in range(2, len(steps) + 1):
            path = ".".join(steps[:end])
            button = self.page.locator(f'button[name="add"][value="{path}"]')
            below = steps[end] if end < len(steps) else None
            lacks = (
                below is None
                or (not self.page.locator(f'main [name^="{path}.{below}."]').count() and below.isdecimal())
                or not self.page.locator(f'main [name^="{path}."]').count()
            )
            if lacks and button.count():
                with self.page.expect_navigation():
                    button.first.click()
                return
        raise AssertionError(f"nothing makes room for {name}")

    def _type(self, name: str, value: str) -> None:
        found = self.page.locator(f'main [name="{name}"]')
        kind = found.first.get_attribute("type")
        if kind in ("radio", "checkbox"):
            self.page.locator(f'main [name="{name}"][value="{value}"]').check()
        elif kind == "hidden":
            return
        elif found.first.evaluate("e => e.tagName") == "SELECT":
            found.first.select_option(value)
        else:
            found.first.fill(value)

    # -- what came

    def receives(self, message: str) -> None:
        """Look at its page again until it has arrived."""

        def there() -> bool:
            self.desk.open(f"/console/messages/{message}")
            return self.desk.status == 200

        until(there, within=_ARRIVES_WITHIN, what=f"message {message}")
        self.look("message")

    def becomes(self, message: str, status: str) -> None:
        def is_so() -> bool:
            self.desk.open(f"/console/messages?status={status}")
            more = self.page.locator(f'main a[href="/console/messages/{message}"]').count() > 0
            while not more and self.page.locator('a[rel="next"]').count():
                self.page.locator('a[rel="next"]').click()
                more = self.page.locator(f'main a[href="/console/messages/{message}"]').count() > 0
            return more

        until(is_so, within=_ARRIVES_WITHIN, what=f"{message} {status}")

    def collect(self, message: str) -> None:
        self.receives(message)
        self.press('form[action$="/collection"] button', "collected")

    def digest_of(self, message: str) -> str:
        page = self.open(f"/console/messages/{message}/evidence")
        return page.locator("main dl.facts dd .code").first.inner_text().strip()

    def approve(self, approval: str) -> str:
        """As the second person; the id of the message that was sent by it."""
        self.open("/console/approvals")
        self.open(f"/console/approvals/{approval}")
        self.press('button[name="decision"][value="approve"]', "approved")
        return urlsplit(self.page.url).path.rpartition("/")[2]


def mirrored_faults(mirror: Page, shown: Page) -> list[str]:
    """What axe finds on a page that a browser without scripts was shown: the same markup, with its style."""
    address, html = shown.url, shown.content()
    mirror.route(address, lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    try:
        mirror.goto(address)
        return serious_faults(mirror)
    finally:
        mirror.unroute(address)


def mirror_of(browser: Browser, desk: Desk) -> Page:
    return browser.new_context(base_url=desk.base, locale=desk.language).new_page()
