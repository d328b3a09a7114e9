"""The one-time reply page: what it shows, what it takes, and what becomes of a link."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.kit import Unfit
from adapters.relay import handing
from adapters.relay.desk import DeskBook
from adapters.relay.mapping import questions
from adapters.relay.web import MOST_BYTES, Attempts, page_app
from adapters.relay.words import words
from protocol.languages import available_languages, direction
from protocol.messages import MAX_NARRATIVE_LENGTH
from tests.adapters.test_relay_paper import whole

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MESSAGE = "3f1d9a52-6c4e-4f0a-9b7d-2a8e5c1b0d94"
REPLY = "social-inquiry.report"
WHO = "International organisation (example)"


class Clock:
    now = NOW
    seconds = 0.0


class Site:
    def __init__(self, directory: Path, **attempts: Any) -> None:
        self.clock = Clock()
        self.book = DeskBook(directory)
        self.app = page_app(
            self.book.spool,
            intermediary=WHO,
            now=lambda: self.clock.now,
            attempts=Attempts(now=lambda: self.clock.seconds, **attempts),
        )

    def browser(self, address: str = "192.0.2.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url="https://relay.example")

    def link(self, *, narrative: bool = False, language: str = "en", days: int = 14) -> str:
        """As it leaves with one more attempt to hand the message over."""
        now = self.clock.now
        token, _ = self.book.new_link(
            MESSAGE, REPLY, language, narrative=narrative, lasting=timedelta(days=days), now=now
        )
        self.book.sent(MESSAGE, "md.protectia-copilului", "post", now, link=token)
        return f"/reply/{token}"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path / "desk", most=1_000)
    yield made
    made.book.close()


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


ANSWERS = {name: "on" if "=" in name else value for name, value in whole().items()}


class Parts(HTMLParser):
    """Inputs, labels, headings and language of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ids: list[str] = []
        self.labelled: list[str] = []
        self.root: dict[str, str | None] = {}
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        if tag == "html":
            self.root = given
        if tag in ("input", "select", "textarea"):
            self.names.append(given["name"] or "")
            self.ids.append(given["id"] or "")
        if tag == "label":
            self.labelled.append(given["for"] or "")
        self.links += [given[one] or "" for one in ("href", "src", "action") if one in given]
        assert not any(name.startswith("on") or name == "style" for name in given), "no scripts, no styles"


# --- what it shows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", available_languages())
async def test_the_page_shows_that_a_message_waits_and_the_coded_form_and_nothing_else(
    site: Site, language: str
) -> None:
    where = site.link()
    async with site.browser() as browser:
        page = await browser.get(where, params={"lang": language})
    assert page.status_code == 200
    parts = Parts(page.text)
    assert (parts.root["lang"], parts.root["dir"]) == (language, direction(language))
    assert MESSAGE[:8] in page.text
    assert MESSAGE not in page.text
    assert set(parts.names) == {one.name for one in questions(REPLY, narrative=False)}
    assert "textarea" not in parts.tags
    assert {"script", "img", "iframe", "link"}.isdisjoint(parts.tags)
    assert sorted(parts.labelled) == sorted(parts.ids)
    assert all(one.startswith("?lang=") for one in parts.links)
    assert where.rpartition("/")[2] not in page.text


async def test_it_says_that_it_is_no_consent_and_offers_none(site: Site) -> None:
    async with site.browser() as browser:
        page = await browser.get(site.link())
    assert "It is never a consent, and accepts no agreement." in page.text
    assert "unauthenticated" in page.text
    with pytest.raises(AssertionError):
        assert "agreement" in {one.partition(":")[0] for one in Parts(page.text).names}


async def test_free_text_is_asked_for_only_where_the_settings_say_so(site: Site) -> None:
    async with site.browser() as browser:
        page = await browser.get(site.link(narrative=True))
    assert "textarea" in Parts(page.text).tags


async def test_every_answer_keeps_the_link_to_itself(site: Site) -> None:
    async with site.browser() as browser:
        for page in (await browser.get(site.link()), await browser.get("/reply/" + "A" * 43)):
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["cache-control"] == "no-store"
            policy = page.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'sha256-")
            assert "form-action 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "set-cookie" not in page.headers
            assert "noindex" in page.headers["x-robots-tag"]


async def test_the_style_is_the_one_that_the_policy_names(site: Site) -> None:
    import base64
    import hashlib

    async with site.browser() as browser:
        page = await browser.get(site.link())
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.headers["content-security-policy"]


# --- a link ------------------------------------------------------------------------------------------------


async def test_looking_uses_nothing_up_and_answering_does(site: Site) -> None:
    where = site.link()
    async with site.browser() as browser:
        for _ in range(5):
            assert (await browser.get(where)).status_code == 200
        sent = await browser.post(where, data=ANSWERS)
        assert sent.status_code == 200, sent.text
        assert (await browser.get(where)).status_code == 404
        assert (await browser.post(where, data=ANSWERS)).status_code == 404
    assert len(site.book.waiting()) == 1


async def test_two_answers_at_once_are_one(site: Site) -> None:
    where = site.link()
    async with site.browser() as browser:
        sent = await asyncio.gather(*(browser.post(where, data=ANSWERS) for _ in range(8)))
    assert sorted(one.status_code for one in sent) == [200, *[404] * 7]
    assert len(site.book.waiting()) == 1


async def test_an_expired_a_used_and_an_invented_link_look_alike(site: Site) -> None:
    expired, used = site.link(days=1), None
    site.clock.now += timedelta(days=1)
    async with site.browser() as browser:
        pages = [await browser.get(expired)]
        used = site.link()
        await browser.post(used, data=ANSWERS)
        pages.append(await browser.get(used))
        pages.append(await browser.get("/reply/" + "A" * 43))
        pages.append(await browser.get("/reply/short"))
    assert {one.status_code for one in pages} == {404}
    assert len({one.content for one in pages}) == 1


async def test_a_new_link_ends_the_one_before(site: Site) -> None:
    first, second = site.link(), site.link()
    async with site.browser() as browser:
        assert (await browser.get(first)).status_code == 404
        assert (await browser.get(second)).status_code == 200


async def test_the_link_of_a_retry_is_the_same_and_none_ends_before_another_has_left(site: Site) -> None:
    def made() -> str:
        token, _ = site.book.new_link(
            MESSAGE, REPLY, "en", narrative=False, lasting=timedelta(days=1), now=site.clock.now
        )
        return token

    first = made()
    assert made() == first
    assert len(first) == 43
    site.book.sent(MESSAGE, "md.protectia-copilului", "e-mail", site.clock.now, link=first)
    second = made()
    assert second != first
    async with site.browser() as browser:
        # The second has not left yet: whoever has the first can answer.
        assert (await browser.get(f"/reply/{first}")).status_code == 200
        site.book.sent(MESSAGE, "md.protectia-copilului", "e-mail", site.clock.now, link=second)
        assert (await browser.get(f"/reply/{first}")).status_code == 404
        assert (await browser.get(f"/reply/{second}")).status_code == 200


@pytest.mark.parametrize("language", available_languages())
async def test_a_closed_link_says_so_and_whom_to_ask_and_keeps_nothing(site: Site, language: str) -> None:
    where = site.link(language=language)
    site.book.spool.close_links(MESSAGE, site.clock.now)
    async with site.browser() as browser:
        shown = await browser.get(where)
        sent = await browser.post(where, data=ANSWERS)
        wrong = await browser.post(where, data={"concluded_on": "yesterday"})
    for page in (shown, sent, wrong):
        assert page.status_code == 410
        assert Parts(page.text).root["lang"] == language
        assert page.text.count(WHO) == 2
        assert words(language).say("web-closed-title") in page.text
        assert "form" not in Parts(page.text).tags
    assert site.book.waiting() == ()
    site.clock.now += timedelta(days=14)
    async with site.browser() as browser:
        assert (await browser.get(where)).status_code == 404


async def test_what_is_closed_while_somebody_types_takes_nothing(site: Site) -> None:
    token = site.link().rpartition("/")[2]
    assert site.book.spool.link(token, site.clock.now) is not None
    site.book.spool.close_links(MESSAGE, site.clock.now)
    assert not site.book.spool.take_reply(token, ANSWERS, site.clock.now)
    assert site.book.waiting() == ()


async def test_no_link_is_kept_that_could_be_used(site: Site, tmp_path: Path) -> None:
    token = site.link().rpartition("/")[2]
    assert len(token) == 43  # 256 bits
    for path in files_in(tmp_path / "desk"):
        assert token.encode() not in path.read_bytes(), path.name


async def test_whoever_tries_too_often_waits(tmp_path: Path) -> None:
    site = Site(tmp_path / "desk", most=5, seconds=60)
    where = site.link()
    async with site.browser() as browser, site.browser("192.0.2.2") as other:
        answers = [(await browser.get("/reply/" + "A" * 43)).status_code for _ in range(8)]
        assert answers == [404] * 5 + [429] * 3
        assert (await browser.get(where)).status_code == 429
        assert (await other.get(where)).status_code == 200
        site.clock.seconds += 61
        assert (await browser.get(where)).status_code == 200
    site.book.close()


def test_attempts_from_everywhere_fill_no_memory() -> None:
    attempts = Attempts(most=1, places=100, now=lambda: 0.0)
    for number in range(1_000):
        attempts.allowed(str(number))
    assert len(attempts._seen) == 100


# --- what it takes ----------------------------------------------------------------------------------------


async def test_what_is_no_answer_is_marked_and_the_rest_kept(site: Site) -> None:
    where = site.link()
    async with site.browser() as browser:
        page = await browser.post(
            where, data={**ANSWERS, "concluded_on": "yesterday", "trafficker_link": "x"}
        )
    assert page.status_code == 422
    assert page.text.count('aria-invalid="true"') == 2
    assert 'value="yesterday"' in page.text
    assert site.book.waiting() == ()


async def test_a_day_that_never_was_is_given_back_with_everything_typed_and_the_link_stays_good(
    site: Site,
) -> None:
    where = site.link(narrative=True)
    typed = {**ANSWERS, "concluded_on": "2026-02-31", "narrative:findings": "what was\r\nfound"}
    async with site.browser() as browser:
        page = await browser.post(where, data=typed)
        assert page.status_code == 422
        assert page.text.count('aria-invalid="true"') == 1
        assert 'value="2026-02-31"' in page.text
        assert "what was\r\nfound</textarea>" in page.text
        assert page.text.count(" checked") == sum("=" in name for name in ANSWERS)
        assert page.text.count(" selected") == sum(
            one.kind in ("code", "reference") for one in questions(REPLY, narrative=True) if one.name in typed
        )
        assert site.book.waiting() == ()
        again = await browser.post(where, data={**typed, "concluded_on": "2026-02-28"})
        assert again.status_code == 200


async def test_a_text_that_is_too_long_is_given_back_and_never_left_out(site: Site) -> None:
    where, long = site.link(narrative=True), "x" * (MAX_NARRATIVE_LENGTH + 1)
    async with site.browser() as browser:
        page = await browser.post(where, data={**ANSWERS, "narrative:findings": long})
        assert page.status_code == 422
        assert f"{long}</textarea>" in page.text
        # A browser counts the end of a line once, and sends it as two characters.
        lines = "\r\n" * (MAX_NARRATIVE_LENGTH // 2) + "x" * (MAX_NARRATIVE_LENGTH // 2)
        assert (await browser.post(where, data={**ANSWERS, "narrative:findings": lines})).status_code == 200
    found = site.book.reply(site.book.waiting()[0].id)
    assert found is not None
    assert found[2]["values"]["narrative:findings"] == lines


async def test_nothing_filled_in_is_no_reply(site: Site) -> None:
    where = site.link()
    async with site.browser() as browser:
        assert (await browser.post(where, data={"other": "x"})).status_code == 422
        assert (await browser.get(where)).status_code == 200


async def test_what_no_form_sends_is_not_read(site: Site) -> None:
    where = site.link()
    async with site.browser() as browser:
        for sent in (
            await browser.post(where, json=ANSWERS),
            await browser.post(where, content=b"a=" + b"x" * MOST_BYTES, headers=FORM),
            await browser.post(where, content=b"&".join([b"a=1"] * 2_000), headers=FORM),
            await browser.post(where, content=b"a=\xff\xfe", headers=FORM),
        ):
            assert sent.status_code == 413
    assert site.book.waiting() == ()


FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_what_is_typed_is_shown_as_text(site: Site) -> None:
    where = site.link()
    async with site.browser() as browser:
        page = await browser.post(where, data={"concluded_on": '"><script>alert(1)</script>'})
    assert "<script" not in page.text


async def test_what_was_not_asked_is_not_kept(site: Site) -> None:
    where = site.link()
    async with site.browser() as browser:
        await browser.post(where, data={**ANSWERS, "agreement": "A" * 43, "narrative:findings": "a name"})
    found = site.book.reply(site.book.waiting()[0].id)
    assert found is not None
    assert set(found[2]["values"]) == set(ANSWERS)


async def test_a_reply_is_sealed_and_the_page_has_no_key_to_it(site: Site, tmp_path: Path) -> None:
    where = site.link(narrative=True)
    planted = "planted narrative of a reply"
    async with site.browser() as browser:
        await browser.post(where, data={**ANSWERS, "narrative:findings": planted})
    id_ = site.book.waiting()[0].id
    another = site.link()
    for path in files_in(tmp_path / "desk"):
        assert planted.encode() not in path.read_bytes(), path.name
    key = tmp_path / "desk" / "desk.key"
    kept = key.read_text()
    key.unlink()
    with pytest.raises(FileNotFoundError):
        site.book.reply(id_)
    async with site.browser() as browser:  # the page goes on without it
        assert (await browser.post(another, data=ANSWERS)).status_code == 200
    key.write_text(kept)
    found = site.book.reply(id_)
    assert found is not None
    assert found[2]["values"]["narrative:findings"] == planted


async def test_a_reply_that_was_looked_at_is_gone(site: Site) -> None:
    async with site.browser() as browser:
        await browser.post(site.link(), data=ANSWERS)
    id_ = site.book.waiting()[0].id
    site.book.reviewed(id_)
    assert site.book.reply(id_) is None
    assert site.book.waiting() == ()


@pytest.mark.parametrize(
    ("came", "sure", "consent"),
    [
        ("paper", "unauthenticated", False),
        ("web-reply", "known-correspondent", False),
        ("web-reply", "unauthenticated", True),
    ],
)
async def test_a_reply_of_the_page_is_never_made_more_than_it_is(came: str, sure: str, consent: bool) -> None:
    draft = handing.Draft(
        answers=MESSAGE,
        submission={},
        report=(),
        notes=(),
        original_form="web-reply",
        original_digest="A" * 43,
        received_on="2026-11-25",
        attestation=MESSAGE,
    )
    nobody: Any = None
    with pytest.raises(Unfit, match=r"relay\.unauthenticated"):
        await handing.say(
            nobody, draft, original_form=came, authentication=sure, declares_no_danger=True, agreement=consent
        )
