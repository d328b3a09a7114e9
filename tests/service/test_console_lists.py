"""Long lists at the officer's console: everything can be reached, and nothing is ticked off unseen."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from protocol.identifiers import MessageId, new_case_reference
from service import exchange
from service.access.roles import Role
from service.notices import tell
from service.store.tables import APPROVAL, CASE_FILE, MESSAGE
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of
from tests.service.exchange_pair import message
from tests.service.officer_stand import compose, hidden_of, post_pairs
from tests.service.test_console_officer import settled

pytestmark = pytest.mark.anyio

_ID = re.compile(r"00000000-0000-4000-8000-[0-9a-f]{12}")


def further_of(page: httpx.Response) -> str | None:
    """Where the list goes on."""
    import html

    found = re.search(r'<a rel="next" href="([^"]*)"', page.text)
    return None if found is None else html.unescape(found[1])


# -- what others owe


async def test_an_officer_sees_what_the_other_state_owes_with_the_oldest_and_late_first(
    stand: AccessStand,
) -> None:
    desk, case = await settled(stand)
    for _ in range(3):
        await stand.pair.it.send(
            message("case.notification", case, stand.pair.it.office, stand.pair.ro.office)
        )
        stand.clock.pass_by(days=1)
    await stand.pair.settle()
    stand.clock.pass_by(days=40)
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    work = await desk.get("/console/work")
    theirs = work.text.partition('id="theirs"')[2].partition("</section>")[0]
    assert case in theirs
    assert "late by" in theirs
    for query in (
        "?owed_by=them",
        "?owed_by=them&overdue=true",
        f"?owed_by=them&case={case}&until=2099-01-01",
    ):
        page = await desk.get(f"/console/deadlines{query}")
        assert page.status_code == 200
        due = re.findall(r'data-label="Due"><time datetime="([^"]+)"', page.text)
        assert len(due) >= 1, query
        assert due == sorted(due)
        assert "late by" in text_of(page)
        assert "ro." in page.text
    for query in ("?owed_by=us&overdue=false&until=1999-01-01", "?owed_by=them&until=1999-01-01"):
        assert "Nothing is owed that fits this" in text_of(await desk.get(f"/console/deadlines{query}"))
    for query in ("?until=yesterday", "?owed_by=me", "?case=x", "?after=x", "?unknown=1"):
        assert (await desk.get(f"/console/deadlines{query}")).status_code in (400, 422), query


async def test_what_others_owe_is_read_page_by_page_and_nothing_is_left_out(
    stand: AccessStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.console.officer import work

    _, case = await settled(stand)
    for _ in range(5):
        await stand.pair.it.send(
            message("case.notification", case, stand.pair.it.office, stand.pair.ro.office)
        )
    await stand.pair.settle()
    everything = await exchange.deadlines(
        stand.node,
        stand.actor(Role.CASE_OFFICER),
        exchange.views.DeadlineQuery(owed_by="them"),
    )
    monkeypatch.setattr(work, "_PAGE", 2)
    monkeypatch.setattr(work, "_OWED_BY_OTHERS", 2)
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    assert 'href="/console/deadlines?owed_by=them"' in (await desk.get("/console/work")).text
    seen: list[str] = []
    query: str | None = "?owed_by=them"
    while query is not None:
        page = await desk.get(f"/console/deadlines{query}")
        assert page.status_code == 200
        seen += re.findall(r"#thread-([0-9a-f-]{36})", page.text)
        query = further_of(page)
    assert seen == [one.thread for one in everything.deadlines]


# -- notices


async def told(stand: AccessStand, count: int) -> None:
    now = stand.clock.now()

    def work(session: Any) -> None:
        for i in range(count):
            tell(
                session,
                "overdue",
                authority=stand.office,
                audience="officer",
                subject=f"00000000-0000-4000-8000-{i:012x}",
                due_at=now,
                key=f"overdue/made-up-{i}",
                now=now,
            )

    await stand.node.store.write(work)


async def test_no_notice_is_marked_as_read_that_was_not_shown(stand: AccessStand) -> None:
    desk, _ = await settled(stand)
    await told(stand, 120)
    who = stand.actor(Role.CASE_OFFICER, desk.person)
    shown: list[str] = []
    for _ in range(10):
        page = await desk.get("/console/notices")
        on_page = list(dict.fromkeys(_ID.findall(page.text)))
        before = (await exchange.list_notices(stand.node, who, None, 1)).unread
        if not before:
            break
        marked = hidden_of(page, "/console/notices/read")
        assert (await post_pairs(desk, "/console/notices/read", marked)).status_code == 303
        shown += on_page
        after = (await exchange.list_notices(stand.node, who, None, 1)).unread
        assert before - after <= page.text.count('class="unread"')
    assert len(set(shown)) == 120
    assert shown == sorted(shown), "the oldest first"


async def test_only_a_page_that_begins_where_one_has_read_to_can_be_marked(stand: AccessStand) -> None:
    desk, _ = await settled(stand)
    await told(stand, 120)
    first = await desk.get("/console/notices")
    second = await desk.get(f"/console/notices{further_of(first)}")
    newest = await desk.get("/console/notices?order=newest")
    action = 'action="/console/notices/read"'
    assert [action in page.text for page in (first, second, newest)] == [True, False, False]
    for begin in ("", "?order=newest"):
        seen: list[str] = []
        query: str | None = begin
        while query is not None:
            page = await desk.get(f"/console/notices{query}")
            assert page.status_code == 200
            seen += dict.fromkeys(_ID.findall(page.text))
            query = further_of(page)
        assert len(seen) == 120, begin
        assert seen == sorted(seen, reverse=bool(begin)), begin
    assert (await desk.get("/console/notices?after=x")).status_code == 422


# -- what waits for a second person


async def waiting(stand: AccessStand, count: int, *, over: int = 0) -> tuple[str, list[str]]:
    """A message whose identity part somebody asked for, and then `count` more proposals that wait, after
    `over` that have lapsed unseen: the message, and all that wait, the oldest first."""
    desk, case = await settled(stand)
    sent = await compose(desk, case, "case.notification", to=stand.pair.ro.office)
    message_id = sent.headers["location"].partition("?")[0].rpartition("/")[2]
    officer = stand.actor(Role.CASE_OFFICER, "officer-1")
    asked = await exchange.request_release(stand.node, officer, MessageId(message_id), "court-hearing")
    now = stand.clock.now()

    def work(session: Any) -> None:
        connection = session.connection()
        row = dict(connection.execute(APPROVAL.select().where(APPROVAL.c.id == asked.id)).mappings().one())
        for i in range(count + over):
            made = {**row, "id": f"00000000-0000-4000-8000-{i:012x}", "subject": str(uuid4())}
            made["proposed_at"] = now + timedelta(seconds=i + 1)
            if i >= count:
                made["expires_at"] = now + timedelta(minutes=1)
            connection.execute(APPROVAL.insert().values(**made))

    await stand.node.store.write(work)
    stand.clock.pass_by(minutes=5)
    return message_id, [asked.id, *(f"00000000-0000-4000-8000-{i:012x}" for i in range(count))]


async def test_whatever_waits_for_a_second_person_is_found_the_oldest_first(stand: AccessStand) -> None:
    message_id, waits = await waiting(stand, 230, over=5)
    desk = await Desk.of(stand, Role.SUPERVISOR)
    seen: list[str] = []
    query: str | None = "?state=proposed"
    while query is not None:
        page = await desk.get(f"/console/approvals{query}")
        assert page.status_code == 200
        seen += re.findall(r'href="/console/approvals/([0-9a-f-]{36})"', page.text)
        query = further_of(page)
    assert seen == waits
    work = await desk.get("/console/work")
    assert f"/console/approvals/{waits[0]}" in work.text
    assert 'href="/console/approvals?state=proposed"' in work.text
    # What is asked of one message is looked for by that message, however much else waits.
    officer = await Desk.of(stand, Role.CASE_OFFICER)
    assert waits[0] in (await officer.get(f"/console/messages/{message_id}")).text


async def test_the_api_gives_what_waits_page_by_page_and_then_the_rest_the_newest_first(
    stand: AccessStand,
) -> None:
    _, waits = await waiting(stand, 230, over=5)
    api = stand.as_(Role.SUPERVISOR)
    for state, expected in (("proposed", waits), (None, waits), ("lapsed", [])):
        asked = {} if state is None else {"state": state}
        found: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            params = {**asked, **({"after": after} if after else {})}
            answer = await api.get("/v1/approvals", params=params)
            assert answer.status_code == 200, answer.text
            found += answer.json()["approvals"]
            after = answer.json().get("after")
        waited = [one["id"] for one in found if one["state"] == "proposed"]
        rest = [one["id"] for one in found if one["state"] == "lapsed"]
        assert waited == expected
        assert rest == (
            [] if state == "proposed" else [f"00000000-0000-4000-8000-{i:012x}" for i in range(234, 229, -1)]
        )
        assert [one["id"] for one in found] == [*waited, *rest]
    for after in ("x", "W10", "e30", "WzEsMiwzXQ"):
        assert (await api.get("/v1/approvals", params={"after": after})).status_code == 422


# -- what is due for blocking or erasing


async def test_a_page_of_what_is_due_looks_at_so_many_cases_and_says_where_to_go_on(
    stand: AccessStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.exchange import retention

    _, case = await settled(stand)
    sent = await stand.pair.it.send(
        message("case.notification", case, stand.pair.it.office, stand.pair.ro.office)
    )
    await stand.pair.settle()

    def work(session: Any) -> list[str]:
        connection = session.connection()
        row = dict(connection.execute(MESSAGE.select().where(MESSAGE.c.id == sent.id)).mappings().one())
        file = dict(connection.execute(CASE_FILE.select()).mappings().first())
        made = sorted(str(new_case_reference(stand.node.random.bytes)) for _ in range(7))
        for reference in made:
            connection.execute(
                CASE_FILE.insert().values(**{**file, "reference": reference, "opening_id": str(uuid4())})
            )
            values = {**row, "id": str(uuid4()), "type": "case.closure", "case_reference": reference}
            values = {name: value for name, value in values.items() if name not in ("row", "cursor")}
            connection.execute(MESSAGE.insert().values(**values))
        return made

    made = await stand.node.store.write(work)
    monkeypatch.setattr(retention, "LOOKED_AT", 3)
    looked: list[str] = []
    view = retention._view

    def counted(node: Any, session: Any, known: Any, now: Any) -> Any:
        looked.append(known.row.reference)
        return view(node, session, known, now)

    monkeypatch.setattr(retention, "_view", counted)
    desk = await Desk.of(stand, Role.ADMINISTRATOR)
    query: str | None = ""
    sizes = []
    while query is not None:
        before = len(looked)
        page = await desk.get(f"/console/retention{query}")
        assert page.status_code == 200, text_of(page)
        sizes.append(len(looked) - before)
        query = further_of(page)
    assert sizes == [3, 3, 1]
    assert looked == made
    assert (await desk.get("/console/retention?after=x")).status_code == 422
