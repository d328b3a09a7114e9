"""A directory that has expired: all is read and typed by the last one, and nothing is signed or sent."""

from __future__ import annotations

import html

import pytest

from service.access.roles import Role
from tests.protocol.sample_contents import sample
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of
from tests.service.officer_stand import begin, filled, post_pairs

pytestmark = pytest.mark.anyio

OVER = "nothing can be sent and nothing is taken in"


async def over(stand: AccessStand) -> tuple[Desk, str]:
    case = await stand.pair.open_case()
    await stand.pair.notify(case)
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    assert OVER not in text_of(await desk.get(f"/console/cases/{case}"))
    stand.clock.moment = stand.pair.directory_ends()
    return await Desk.of(stand, Role.CASE_OFFICER), case


async def test_what_only_reads_is_there_and_says_that_nothing_can_be_sent(stand: AccessStand) -> None:
    desk, case = await over(stand)
    for path in (f"/console/cases/{case}", "/console/work", "/console/directory", "/console/messages"):
        page = await desk.get(path)
        assert page.status_code == 200, path
        assert OVER in text_of(page), path
    timeline = await desk.get(f"/console/cases/{case}/timeline")
    assert timeline.status_code == 200
    name = stand.pair.world.authority(stand.pair.ro.office).names["en"]  # type: ignore[arg-type]
    assert name in html.unescape((await desk.get("/console/directory")).text)
    for language in ("fr", "es", "pt", "ru", "ar", "zh"):
        page = await desk.get("/console/work", headers={"Accept-Language": language})
        assert page.status_code == 200
        assert "directory-over" not in page.text


async def test_what_was_typed_is_kept_and_nothing_is_sent(stand: AccessStand) -> None:
    desk, case = await over(stand)
    before = await stand.pair.it.rows("select count(*) n from outbox")
    path, facts = await begin(desk, case, "social-inquiry.request")
    typed = filled("social-inquiry.request", sample("social-inquiry.request"))
    words = next(value for name, value in typed if name.startswith("narrative") and len(value) > 20)
    for do in ("check", "review", "send"):
        to = [("to", stand.pair.ro.office), ("no_danger", "yes"), ("do", do)]
        page = await post_pairs(desk, path, [*facts, *typed, *to])
        assert page.status_code == 409, (do, page.status_code)
        assert OVER in text_of(page)
        assert html.escape(words)[:20] in page.text, "what was typed is on the page"
    assert await stand.pair.it.rows("select count(*) n from outbox") == before


async def test_the_directorys_own_state_is_told_past_its_end(stand: AccessStand) -> None:
    await over(stand)
    operator = stand.as_(Role.OPERATOR)
    told = (await operator.get("/v1/directory/state")).json()
    assert (told["freshness"], told["alarms"]) == ("expired", ["directory.expired"])
    assert (await stand.as_(Role.AGENCY_SYSTEM).get("/v1/directory/authorities")).status_code == 200
