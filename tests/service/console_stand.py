"""People at the consoles of a real node, without a browser.

stand = AccessStand(tmp_path)
desk = await Desk.of(stand, Role.OPERATOR)
page = await desk.get("/console/operator")
await desk.post("/console/sign-out")            with the session's word, as the page's own form sends it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

from service.access import sessions
from service.access.roles import Role
from service.console.posted import CSRF_FIELD
from tests.service.access_stand import AccessStand


@dataclass(frozen=True)
class Desk:
    stand: AccessStand
    browser: httpx.AsyncClient
    role: Role
    person: str

    @classmethod
    async def of(cls, stand: AccessStand, role: Role, *, language: str = "en") -> Desk:
        """Somebody new, signed in."""
        known = await stand.person(role)
        now, node = stand.clock.now(), stand.node

        def work(session: Any) -> str:
            return sessions.open_session(
                session,
                known,
                how="invitation",
                settings=node.settings,
                random_bytes=node.random.bytes,
                now=now,
            )

        cookie = await node.store.write(work)
        browser = stand.browser(**{"Accept-Language": language})
        browser.cookies.set(sessions.cookie_name(node.settings), cookie, domain="127.0.0.1")
        return cls(stand, browser, role, known.id)

    @property
    def csrf(self) -> str:
        return sessions.csrf_of(self.browser.cookies[sessions.cookie_name(self.stand.node.settings)])

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.browser.get(path, **more)

    async def post(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        return await self.browser.post(path, data={CSRF_FIELD: self.csrf, **(fields or {})}, **more)


def text_of(page: httpx.Response) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"(?s)<(head|script|style)\b.*?</\1>", " ", page.text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).strip()
