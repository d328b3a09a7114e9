"""Officers of two nodes at their consoles, over real stores: what they do by pages alone.

stand = AccessStand(tmp_path); there = other_side(stand)
desk = await Desk.of(stand, Role.CASE_OFFICER)
page = await compose(desk, case, "case.notification", sample("case.notification"))
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from protocol.messages import form
from service.access.roles import Role
from service.console.forms import as_posted
from tests.protocol.sample_contents import sample
from tests.service.access_stand import AccessStand, WithTokenKey
from tests.service.console_stand import Desk
from tests.service.exchange_pair import WorldKeys, actor
from tests.service.identity_provider import CLIENT_ID, ISSUER, IdentityProvider

type Pairs = list[tuple[str, str]]

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class _OtherSide(AccessStand):
    """The other node of a stand's pair, with consoles of its own."""

    def __init__(self, stand: AccessStand, directory: Path) -> None:
        self.pair = stand.pair
        self.clock = stand.clock
        before = self.pair.ro.node
        changed = dataclasses.replace(before.settings, oidc_issuer=ISSUER, oidc_client_id=CLIENT_ID)
        keys = WithTokenKey.over(WorldKeys(self.pair.world, "ro"), directory / "key-store-ro")
        self.node = dataclasses.replace(before, settings=changed, keys=keys)
        self.provider = IdentityProvider(now=self.clock.now)
        self.office = self.pair.ro.office
        self.admin = actor(role=Role.ADMINISTRATOR, person="administrator-9")
        self.app = self.build()

    def close(self) -> None:
        """The pair is closed by the stand that opened it."""


def other_side(stand: AccessStand, directory: Path) -> AccessStand:
    return _OtherSide(stand, directory)


def hidden_of(page: httpx.Response, action: str) -> Pairs:
    """The hidden fields of the form that goes to `action`, as a browser would post them."""
    import html

    forms = re.findall(r'(?s)<form\b[^>]*method="post"[^>]*>.*?</form>', page.text)
    found = next(one for one in forms if f'action="{action}"' in one)
    return [(name, html.unescape(value)) for name, value in _HIDDEN.findall(found) if name != "_csrf"]


async def post_pairs(desk: Desk, path: str, pairs: Iterable[tuple[str, str]]) -> httpx.Response:
    """As a browser posts a form: names may come several times."""
    body = urlencode([("_csrf", desk.csrf), *pairs])
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return await desk.browser.post(path, content=body, headers=kind)


async def begin(desk: Desk, case: str, type_: str, *, thread: str = "") -> tuple[str, Pairs]:
    """The page of a form: its address, and the facts of the letter that it carries."""
    path = f"/console/cases/{case}/compose"
    where = urlencode({"type": type_, **({"thread": thread} if thread else {})})
    page = await desk.get(f"{path}?{where}")
    assert page.status_code == 200, page.text
    known = {"id", "type", "by", "thread", "reply", "to"}
    return path, [pair for pair in hidden_of(page, path) if pair[0] in known]


def filled(type_: str, content: Any = None) -> Pairs:
    """What somebody would type to say `content`, or the sample of that form."""
    return list(as_posted(form(type_), content or sample(type_)))


async def compose(
    desk: Desk,
    case: str,
    type_: str,
    content: Any = None,
    *,
    to: str | None = None,
    thread: str = "",
    do: str = "send",
) -> httpx.Response:
    path, facts = await begin(desk, case, type_, thread=thread)
    chosen = [("to", to)] if to is not None else []
    extra = [*chosen, ("no_danger", "yes"), ("do", do)]
    return await post_pairs(desk, path, [*facts, *filled(type_, content), *extra])
