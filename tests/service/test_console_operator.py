"""The operator's console: what is there, in which order, as fast with much as with little; never content."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from service.access.roles import Role
from service.console import operator
from service.console.markdown import to_html
from service.console.pages import PAGES
from service.monitor.dwell import dwell
from service.monitor.standing import KEPT_FOR
from service.store.tables import DEADLINE, QUARANTINE
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of
from tests.service.exchange_pair import message
from tests.service.much_owed import counted_steps, with_deadlines

pytestmark = pytest.mark.anyio

PLANTED = "Xochitl-Planted-7731"
OPERATOR_PAGES = [
    template for method, template in PAGES if template.startswith("/console/operator") and "{" not in template
]


async def test_an_operator_sees_nothing_of_what_is_said_about_a_child(stand: AccessStand) -> None:
    case = await stand.pair.open_case()
    notification = message("case.notification", case, stand.pair.it.office, stand.pair.ro.office)
    await stand.pair.it.send(notification)
    await stand.pair.settle()
    stand.clock.pass_by(days=60)
    desk = await Desk.of(stand, Role.OPERATOR)
    said = {one for block in notification.narrative for one in block.text.split(".") if len(one) > 12}
    said |= {one for one in _texts(notification.identity) if one.strip().lower() != one and len(one) > 3}
    assert len(said) > 3
    for template in OPERATOR_PAGES:
        page = await desk.get(template)
        assert page.status_code == 200, template
        for value in said:
            assert value not in page.text, template
        assert (case in page.text) is (template in ("/console/operator", "/console/operator/deadlines")), (
            template
        )


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)


async def test_the_earliest_deadline_stands_first_and_pages_show_each_once(stand: AccessStand) -> None:
    case = await stand.pair.open_case()
    await stand.pair.notify(case)
    await with_deadlines(stand, 120)
    desk = await Desk.of(stand, Role.OPERATOR)
    path: str | None = "/console/operator/deadlines"
    seen: list[str] = []
    pages = 0
    while path is not None:
        page = await desk.get(path)
        assert page.status_code == 200
        seen += [one.split('"')[0] for one in page.text.split('<time datetime="')[1:]]
        pages += 1
        further = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        path = f"/console/operator/deadlines{further}" if further else None
    assert pages == 3
    assert seen == sorted(seen)
    owed = stand.node.store.read_now(
        lambda session: session.connection().execute(select(func.count()).select_from(DEADLINE)).scalar_one()
    )
    assert len(seen) == owed


async def test_deadlines_are_filtered_by_whose_turn_it_is_by_lateness_and_by_state(
    stand: AccessStand,
) -> None:
    await stand.pair.notify(await stand.pair.open_case())
    desk = await Desk.of(stand, Role.OPERATOR)

    async def shown(query: str) -> bool:
        # Theirs to give; what we owe of the same case is not asked for here.
        page = text_of(await desk.get(f"/console/operator/deadlines?{query}"))
        return "Acceptance or refusal" in page

    assert await shown("owed_by=&overdue=&state=")
    assert await shown("owed_by=them")
    assert not await shown("owed_by=us")
    assert await shown("overdue=false")
    assert not await shown("overdue=true")
    assert await shown("state=ro")
    assert not await shown("state=fr")
    stand.clock.pass_by(days=60)
    desk = await Desk.of(stand, Role.OPERATOR)
    assert await shown("overdue=true")
    for wrong in ("after=x", "after=W10", "state=R1", "owed_by=me"):
        answer = await desk.get(f"/console/operator/deadlines?{wrong}")
        assert answer.status_code == 422, wrong


async def test_of_ten_thousand_deadlines_a_page_reads_no_more_than_of_a_hundred(stand: AccessStand) -> None:
    """How fast is for the benchmark to say (`make bench`); how much is read is the same on every machine."""
    await stand.pair.notify(await stand.pair.open_case())
    desk = await Desk.of(stand, Role.OPERATOR)

    async def read(path: str) -> int:
        assert (await desk.get(path)).status_code == 200  # what is read once and kept is not counted
        with counted_steps() as steps:
            assert (await desk.get(path)).status_code == 200
        return steps.taken

    paths = ("/console/operator/deadlines", "/v1/deadlines?limit=50")
    await with_deadlines(stand, 100)
    few = {path: await read(path) for path in paths}
    await with_deadlines(stand, 9_900)
    many = {path: await read(path) for path in paths}
    assert min(few.values()) > 0
    for path in paths:
        assert many[path] < 1.5 * few[path], (path, few[path], many[path])


async def test_each_alarm_is_one_click_from_the_page_that_explains_it(stand: AccessStand) -> None:
    case = await stand.pair.open_case()
    await stand.pair.notify(case)
    stand.pair.directory_ends()
    stand.clock.pass_by(days=40)
    desk = await Desk.of(stand, Role.OPERATOR)
    page = await desk.get("/console/operator")
    assert "/console/operator/runbooks/directory-ageing" in page.text
    assert "/console/operator/stuck?what=directory.expired" in page.text
    one = await desk.get("/console/operator/stuck?what=directory.expired")
    assert "snapshot/1" in one.text
    assert "message-not-collected" not in one.text.partition("<table")[2]
    for row in dwell().values():
        if row.page:
            answer = await desk.get(f"/console/operator/runbooks/{row.page}")
            assert answer.status_code == 200, row.page


async def test_runbooks_are_served_by_name_and_nothing_beside_them(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    for name in ("../pages", "..%2f..%2fpages", "README", "x" * 65, "no-such-page", "a.md", "-a"):
        answer = await desk.get(f"/console/operator/runbooks/{name}")
        assert answer.status_code in (404, 422), name


async def test_the_quarantine_is_listed_without_its_bytes(stand: AccessStand) -> None:
    now = stand.clock.now()

    def work(session: Any) -> None:
        session.connection().execute(
            insert(QUARANTINE),
            [
                {
                    "digest": f"digest-{number:03}",
                    "code": "envelope.unreadable",
                    "received_at": now - timedelta(minutes=number // 2),
                    "size": 7,
                    "source": "hub",
                    "data": PLANTED.encode(),
                }
                for number in range(70)
            ],
        )

    await stand.node.store.write(work)
    desk = await Desk.of(stand, Role.OPERATOR)
    first = await desk.get("/console/operator/quarantine")
    further = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = await desk.get(f"/console/operator/quarantine{further}")
    for number in range(70):
        cell = f">digest-{number:03}<"
        assert (cell in first.text) + (cell in second.text) == 1
    assert PLANTED not in first.text + second.text
    assert "70" in text_of(await desk.get("/console/operator/queues"))


async def test_a_directory_that_is_over_and_keys_that_end_are_said(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    assert 'class="alert"' not in (await desk.get("/console/operator/keys")).text
    stand.pair.directory_ends()
    stand.clock.pass_by(days=8)
    desk = await Desk.of(stand, Role.OPERATOR)
    page = await desk.get("/console/operator/keys")
    assert 'class="alert"' in page.text
    assert "/console/operator/runbooks/directory-ageing" in page.text


async def test_what_is_counted_for_one_is_not_counted_again_for_the_next(
    stand: AccessStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.monitor import standing

    counted: list[int] = []
    real = standing._standing
    monkeypatch.setattr(standing, "_standing", lambda *given: counted.append(1) or real(*given))
    desk = await Desk.of(stand, Role.OPERATOR)
    for _ in range(3):
        await desk.get("/console/operator/peers")
    assert len(counted) == 1
    stand.clock.pass_by(seconds=KEPT_FOR.total_seconds())
    await desk.get("/console/operator/peers")
    assert len(counted) == 2


# -- runbooks are Markdown


def test_markdown_becomes_headings_lists_tables_and_code_and_everything_is_escaped() -> None:
    title, body = to_html(
        "# When *it* stops\n\nA line\nthat goes on, with `<b>` and **bold** and <script>.\n\n### Look\n\n"
        "1. First\n   goes on\n2. Second:\n\n   ```sh\n   focalpoint <x>\n   ```\n\n- one\n- two\n\n"
        "| a | b |\n|---|---|\n| 1 | `2` |\n\n```\n<raw>\n```\n"
        "[next](peer-silent.md) [out](https://x.example/) [bad](javascript:alert) snake_case_name\n",
        pages="/p/",
    )
    assert title == "When it stops"
    for part in (
        '<p>A line that goes on, with <code class="code">&lt;b&gt;</code> and <strong>bold</strong> and ',
        "&lt;script&gt;.</p>",
        "<h3>Look</h3>",
        "<ol>\n<li>First goes on</li>",
        "<ul>\n<li>one</li>\n<li>two</li>\n</ul>",
        "<th>a</th><th>b</th>",
        "<td>1</td>",
        "&lt;raw&gt;",
        "focalpoint &lt;x&gt;",
        '<a href="/p/peer-silent">next</a>',
        "snake_case_name",
    ):
        assert part in body, part
    assert "x.example" not in body
    assert "javascript" not in body
    assert body.count("<a ") == 1


def test_every_runbook_that_there_is_can_be_shown() -> None:
    for slug, title in operator._runbooks().items():
        assert title
        assert operator._runbook(slug)[1]
