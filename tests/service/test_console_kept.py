"""What was typed before a session ended comes back, in the page alone, for the person who typed it."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from service.access import sessions
from service.access.roles import Role
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of
from tests.service.officer_stand import Pairs, begin, filled
from tests.service.test_console_officer import settled

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OURS = {**FORM, "Sec-Fetch-Site": "same-origin"}
TYPED = "A whole evening\nof made-up work & <b>more</b>"


def form_of(page: httpx.Response) -> tuple[str, Pairs]:
    """The only form of the page that holds something: where it goes, and all that it sends."""
    main = page.text.partition("<main")[2]
    found = re.search(r'(?s)<form method="post" action="([^"]+)">(.*?)</form>', main)
    assert found is not None, text_of(page)
    pairs = re.findall(r'(?s)<input type="hidden" name="([^"]+)" value="([^"]*)">', found[2])
    return found[1], [(name, html.unescape(value)) for name, value in pairs]


async def send(
    browser: httpx.AsyncClient, path: str, pairs: Pairs, headers: dict[str, str] = OURS
) -> httpx.Response:
    return await browser.post(path, content=urlencode(pairs), headers=headers)


def become(browser: httpx.AsyncClient, other: Desk) -> None:
    """Somebody signs in in another tab."""
    name = sessions.cookie_name(other.stand.node.settings)
    browser.cookies.set(name, other.browser.cookies[name], domain="127.0.0.1")


async def again(stand: AccessStand, desk: Desk) -> None:
    """The same person signs in anew, in the same browser."""
    now, node = stand.clock.now(), stand.node
    from service.access import people

    def work(session: Any) -> str:
        return sessions.open_session(
            session,
            people.person_of(session, desk.person),
            how="invitation",
            settings=node.settings,
            random_bytes=node.random.bytes,
            now=now,
        )

    cookie = await node.store.write(work)
    desk.browser.cookies.set(sessions.cookie_name(node.settings), cookie, domain="127.0.0.1")


async def written(stand: AccessStand, do: str = "check") -> tuple[Desk, str, Pairs]:
    """Somebody has filled in a form, and sends it after their session ended."""
    _, case = await settled(stand)
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    path, facts = await begin(desk, case, "case.notification")
    _, hidden = "", re.findall(r'name="_csrf" value="([^"]+)"', (await desk.get("/console/work")).text)
    typed = [
        (name, TYPED if name.endswith(".text") else value) for name, value in filled("case.notification")
    ]
    pairs = [
        ("_csrf", hidden[0]),
        *facts,
        *typed,
        ("to", stand.pair.ro.office),
        ("no_danger", "yes"),
        ("do", do),
    ]
    assert sum(value == TYPED for _, value in pairs) > 0
    stand.clock.pass_by(minutes=31)
    return desk, path, pairs


def rows(stand: AccessStand) -> str:
    return json.dumps(stand.tables(), default=str, sort_keys=True)


async def test_what_was_typed_before_the_session_ended_comes_back_and_is_sent_by_the_same_person(
    stand: AccessStand,
) -> None:
    desk, path, pairs = await written(stand, "send")
    before = rows(stand)
    page = await send(desk.browser, path, pairs)
    assert page.status_code == 401
    assert page.headers["cache-control"] == "no-store"
    assert "location" not in page.headers
    action, kept = form_of(page)
    assert action == path
    assert [pair for pair in kept if pair[0] != "_csrf"] == pairs[1:]
    assert desk.person not in page.text
    assert rows(stand) == before, "nothing is kept at the node"
    # Whoever goes on without having signed in is back at the same page.
    page = await send(desk.browser, action, kept)
    assert (page.status_code, form_of(page)) == (401, (action, kept))

    await again(stand, desk)
    messages = len(stand.tables()["message"])
    page = await send(desk.browser, action, kept)
    assert page.status_code == 403
    assert desk.person in page.text
    assert "A whole evening" in text_of(page), "one sees what will be sent"
    assert "<b>more</b>" not in page.text
    assert len(stand.tables()["message"]) == messages, "nothing is sent by coming back"
    action, ready = form_of(page)
    assert [pair for pair in ready if pair[0] != "_csrf"] == pairs[1:]
    sent = await send(desk.browser, action, ready)
    assert sent.status_code == 303, text_of(sent)
    assert len(stand.tables()["message"]) == messages + 1


async def test_what_one_person_typed_is_neither_shown_to_another_nor_sent_in_their_name(
    stand: AccessStand,
) -> None:
    desk, path, pairs = await written(stand, "send")
    _, kept = form_of(await send(desk.browser, path, pairs))
    for role in (Role.CASE_OFFICER, Role.SUPERVISOR, Role.AUDITOR):
        other = await Desk.of(stand, role)
        become(desk.browser, other)
        before = len(stand.tables()["message"])
        # Also with the word of their own session, which a page of theirs could give to nobody else.
        for first in (kept[0], ("_csrf", f"{other.csrf}{kept[0][1]}")):
            page = await send(desk.browser, path, [first, *kept[1:]])
            if first == kept[0] or role is Role.AUDITOR:
                assert page.status_code == 403
                assert other.person in page.text
                assert "A whole evening" not in text_of(page)
                assert form_of(page) == (path, kept), "whoever typed it can still come back"
        if role is Role.AUDITOR:
            assert len(stand.tables()["message"]) == before
    await again(stand, desk)
    page = await send(desk.browser, path, kept)
    assert "A whole evening" in text_of(page)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_what_came_from_another_site_is_not_kept_signed_in_or_not(
    stand: AccessStand, site: str
) -> None:
    desk, path, pairs = await written(stand, "send")
    foreign = {**FORM, "Sec-Fetch-Site": site, "Origin": "https://elsewhere.example"}
    answer = await send(desk.browser, path, pairs, foreign)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    await again(stand, desk)
    for word in (pairs[0], ("_csrf", f".{pairs[0][1].partition('.')[2]}"), ("_csrf", "x.y")):
        answer = await send(desk.browser, path, [word, *pairs[1:]], foreign)
        assert answer.status_code == 403
        assert "access.csrf" in answer.text
        assert "A whole evening" not in answer.text


async def test_an_older_browser_is_known_by_the_word_of_the_session_that_ended_or_by_its_origin(
    stand: AccessStand,
) -> None:
    desk, path, pairs = await written(stand)
    own = stand.node.settings.audience.rstrip("/")
    for headers, word, status in (
        ({"Origin": "null"}, pairs[0], 401),
        ({}, pairs[0], 401),
        ({}, ("_csrf", f"x{pairs[0][1]}"), 303),
        ({"Origin": own}, ("_csrf", f".{pairs[0][1].partition('.')[2]}"), 401),
        ({"Origin": "https://elsewhere.example"}, pairs[0], 303),
    ):
        answer = await send(desk.browser, path, [word, *pairs[1:]], {**FORM, **headers})
        assert answer.status_code == status, headers
    page = await send(desk.browser, path, pairs, FORM)
    assert page.headers["referrer-policy"] == "same-origin", "so that the next one has an origin"
    desk.browser.cookies.clear()
    answer = await send(desk.browser, path, pairs, {**FORM, "Origin": "null"})
    assert answer.status_code == 303, "nothing says that it was ours"


async def test_a_pasted_key_and_a_subject_are_not_kept(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.ADMINISTRATOR)
    for path, field in (("/console/admin/systems", "keys"), ("/console/admin/people", "subject")):
        word = re.findall(r'name="_csrf" value="([^"]+)"', (await desk.get(path)).text)[0]
        stand.clock.pass_by(minutes=31)
        page = await send(
            desk.browser, path, [("_csrf", word), ("role", "auditor"), (field, "made-up-secret")]
        )
        assert page.status_code == 401
        assert "made-up-secret" not in page.text
        assert ("role", "auditor") in form_of(page)[1]
        await again(stand, desk)


async def test_of_a_form_with_a_file_the_fields_are_kept(stand: AccessStand) -> None:
    desk, path, pairs = await written(stand, "attach")
    parts: Any = [(name, (None, value)) for name, value in pairs]
    parts.append(("file", ("x.pdf", b"%PDF-1.7 made up", "application/pdf")))
    page = await desk.browser.post(path, files=parts, headers={"Sec-Fetch-Site": "same-origin"})
    assert page.status_code == 401
    assert "choose it again" in text_of(page)
    assert [pair for pair in form_of(page)[1] if pair[0] != "_csrf"] == pairs[1:]


async def test_what_is_no_form_or_holds_nothing_leads_to_signing_in(stand: AccessStand) -> None:
    desk, path, pairs = await written(stand)
    for content, headers in (
        (urlencode(pairs[:1]), OURS),
        ("a=%FF", OURS),
        ("{}", {**OURS, "Content-Type": "application/json"}),
        ("a=" + "b" * (1 << 20), OURS),
        (urlencode(pairs[1:]), OURS),
    ):
        answer = await desk.browser.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
