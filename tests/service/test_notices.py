"""What happened is told once, to those it is for, and nothing of a case is in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlmodel import Session
from typer.testing import CliRunner

from protocol.identifiers import Address, MessageId
from service import exchange
from service.access import sessions
from service.access.roles import ROLE_SCOPES, Role, Scope
from service.cli.main import app
from service.exchange.notices import NoticeView
from service.node import Node
from service.notices import AUDIENCES, KINDS, NODE_AUDIENCES, Audience, tell
from service.notifying import words
from service.notifying.outgoing import Told
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import NOW
from tests.service.access_stand import AccessStand
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair

pytestmark = pytest.mark.anyio

LANGUAGES = ("en", "fr", "es", "pt", "ru", "ar", "zh")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = open_pair(tmp_path)
    yield made
    made.close()


async def told(
    node: Node,
    number: int,
    *,
    audience: Audience = "operator",
    authority: Address | None = None,
    kind: str = "stuck",
) -> bool:
    def work(session: Session) -> bool:
        return tell(
            session,
            kind,
            authority=authority,
            audience=audience,
            subject=f"subject-{number}",
            due_at=None,
            key=f"{kind}/{number}",
            now=node.clock.now(),
        )

    done = await node.store.write(work)
    node.wake.notices.notify()
    return done


async def seen_by(side: Side, who: Any) -> list[NoticeView]:
    page = await exchange.list_notices(side.node, who, 0, 200)
    return list(page.notices)


async def test_what_has_one_key_is_told_once(pair: Pair) -> None:
    assert await told(pair.it.node, 1) is True
    assert await told(pair.it.node, 1) is False
    assert await told(pair.it.node, 2) is True
    assert len(await pair.it.rows("SELECT * FROM notice")) == 2


async def test_a_notice_of_what_was_rolled_back_is_none(pair: Pair) -> None:
    def work(session: Session) -> None:
        tell(
            session,
            "stuck",
            authority=None,
            audience="operator",
            subject="s",
            due_at=None,
            key="stuck/1",
            now=NOW,
        )
        raise LookupError

    with pytest.raises(LookupError):
        await pair.it.node.store.write(work)
    assert await pair.it.rows("SELECT * FROM notice") == []


async def test_an_officers_notice_for_nobody_is_refused(pair: Pair) -> None:
    with pytest.raises(ValueError, match="authority"):
        await told(pair.it.node, 1, audience="officer")


async def test_a_message_that_arrives_is_told_to_its_office_with_the_day_it_is_due(pair: Pair) -> None:
    case = await pair.open_case()
    sent = await pair.request(case)
    (arrived,) = [one for one in await seen_by(pair.ro, pair.ro.officer) if one.kind == "message-arrived"]
    (row,) = await pair.ro.rows("SELECT due_at FROM message WHERE id = :id", id=sent.id)
    assert arrived.subject == sent.id
    assert arrived.due_at is not None
    assert int(arrived.due_at.timestamp() * 1_000_000) == row["due_at"]
    # Delivered again, it is known, and told no second time.
    pair.hub.waiting["ro"] = [data for to, data in pair.hub.carried if to == "ro"]
    await pair.deliver("ro")
    assert len([one for one in await seen_by(pair.ro, pair.ro.officer) if one.kind == arrived.kind]) == 1


async def test_a_message_that_the_other_node_refuses_is_told_to_whoever_sent_it(pair: Pair) -> None:
    case = await pair.open_case()
    sent = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
    await pair.release(pair.it)
    # It holds another message under this id already.
    await pair.ro.node.store.write(
        lambda session: session.connection().exec_driver_sql(
            "INSERT INTO inbox"
            " (sender_node, id, statement_digest, manifest, manifest_digest, epoch, sequence,"
            f" kind, outcome, received_at) VALUES ('it', '{sent.id}', 'x', 'x', 'x', 'e', 0, 'content',"
            " 'consigned', 0)"
        )
    )
    await pair.settle()
    (refused,) = [one for one in await seen_by(pair.it, pair.it.officer) if one.kind == "message-refused"]
    assert (refused.subject, refused.due_at) == (sent.id, None)


async def test_what_waits_for_a_second_person_is_told_to_them_and_the_decision_to_the_first(
    pair: Pair,
) -> None:
    case = await pair.open_case()
    sent = await pair.notify(case)
    asked = await exchange.request_release(
        pair.it.node, pair.it.officer, MessageId(sent.id), "family-tracing"
    )
    officers = {one.kind for one in await seen_by(pair.it, pair.it.officer)}
    (waits,) = [
        one
        for one in await seen_by(pair.it, pair.it.supervisor)
        if (one.kind, one.subject) == ("approval-waiting", asked.id)
    ]
    assert waits.due_at == asked.expires_at
    await exchange.decide(pair.it.node, pair.it.supervisor, asked.id, "approve", None)
    (released,) = [one for one in await seen_by(pair.it, pair.it.officer) if one.kind == "identity-released"]
    assert "identity-released" not in officers
    assert released.due_at == NOW + timedelta(seconds=pair.it.node.settings.identity_release_seconds)


async def test_every_role_sees_what_is_for_it_and_of_its_own_offices_alone(pair: Pair) -> None:
    side, other = pair.it, Address("it.another-office")
    number = 0
    for audience in ("officer", "supervisor"):
        for authority in (side.office, other):
            number += 1
            await told(side.node, number, audience=audience, authority=authority)  # type: ignore[arg-type]
    for audience in ("operator", "administrator"):
        number += 1
        await told(side.node, number, audience=audience)  # type: ignore[arg-type]
    rows = {row["id"]: (row["audience"], row["authority"]) for row in await side.rows("SELECT * FROM notice")}
    for role in Role:
        who = actor(side.office, role=role, person=f"{role}-1")
        seen = {rows[one.id] for one in await seen_by(side, who)}
        wanted = {
            (audience, None if audience in NODE_AUDIENCES else side.office) for audience in AUDIENCES[role]
        }
        assert seen == wanted, role
        assert (Scope.NOTICES_READ in ROLE_SCOPES[role]) is bool(AUDIENCES[role]), role


async def test_reading_goes_forward_alone_and_is_ones_own(pair: Pair) -> None:
    for number in range(5):
        await told(pair.it.node, number)
    who = actor(role=Role.OPERATOR, person="operator-1")
    another = actor(role=Role.OPERATOR, person="operator-2")
    page = await exchange.list_notices(pair.it.node, who, 0, 3)
    assert (len(page.notices), page.more, page.unread) == (3, True, 5)
    assert (await exchange.mark_read(pair.it.node, who, page.position)).unread == 2
    assert (await exchange.mark_read(pair.it.node, who, 1)).unread == 2
    far = await exchange.mark_read(pair.it.node, who, 10**12)
    assert far.unread == 0
    await told(pair.it.node, 6)  # what comes after that is unread again
    assert (await exchange.list_notices(pair.it.node, who, None, 9)).unread == 1
    assert (await exchange.list_notices(pair.it.node, another, 0, 9)).unread == 6


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 11, 21, 100])
def test_every_kind_has_its_words_in_every_language(language: str, count: int) -> None:
    said = words.words(language)
    assert said.language == language
    english = words.words("en")
    for kind in KINDS:
        text = said.say(f"notice-{kind}", count=count)
        assert text
        assert language == "en" or text != english.say(f"notice-{kind}", count=count)
        notices = [
            Told(id=str(number), kind=kind, due_at=NOW + timedelta(days=number)) for number in range(count)
        ]
        assert words.subject(notices, language, NOW.tzinfo)  # type: ignore[arg-type]
        assert "{" not in words.text(notices, language, NOW.tzinfo, "https://node.example/")  # type: ignore[arg-type]
    messages = {
        name: {
            line.partition(" =")[0]
            for line in (words.LOCALES / f"{name}.ftl").read_text("utf-8").splitlines()
            if line[:1].isalpha()
        }
        for name in (language, "en")
    }
    assert messages[language] == messages["en"]
    assert {f"notice-{kind}" for kind in KINDS} <= messages["en"]


def test_a_subject_says_how_much_and_until_when_and_no_more() -> None:
    due = NOW.replace(year=2026, month=12, day=3)
    one = [Told(id="x", kind="message-arrived", due_at=due)]
    assert words.subject(one, "en", NOW.tzinfo) == "1 new message, due December 3, 2026"  # type: ignore[arg-type]
    two = [*one, Told(id="y", kind="overdue", due_at=None)]
    assert words.subject(two, "fr", NOW.tzinfo) == "2 avis, première échéance le 3 décembre 2026"  # type: ignore[arg-type]


# --- the API


async def events_of(browser: httpx.AsyncClient, **asked: Any) -> list[dict[str, str]]:
    headers = {"Last-Event-ID": asked.pop("last")} if "last" in asked else {}
    answer = await browser.get("/v1/events", params={"seconds": 0, **asked}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return blocks(answer.text)


def blocks(text: str) -> list[dict[str, str]]:
    found = [
        dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        for block in text.split("\n\n")
        if block
    ]
    return [block for block in found if block]


async def test_a_stream_that_is_cut_off_goes_on_and_loses_and_repeats_nothing(stand: AccessStand) -> None:
    operator = stand.as_(Role.OPERATOR)
    (start,) = await events_of(operator)  # nobody told anything yet: where it stands
    came: list[str] = []
    last = start["id"]
    for round_ in range(6):
        for number in range(round_ * 40, round_ * 40 + 40):
            await told(stand.node, number)
        found = [one for one in await events_of(operator, last=last) if "data" in one]
        kept = found[: 7 * round_ + 1]  # the connection breaks here
        came += [json.loads(one["data"])["id"] for one in kept]
        last = kept[-1]["id"]
    came += [json.loads(one["data"])["id"] for one in await events_of(operator, last=last) if "data" in one]
    page = await exchange.list_notices(stand.node, stand.actor(Role.OPERATOR), 0, 1_000)
    assert came == [one.id for one in page.notices]


@contextlib.asynccontextmanager
async def served(stand: AccessStand) -> AsyncIterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(stand.app, port=0, log_config=None, access_log=False, lifespan="off", ws="none")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


async def listen(lines: AsyncIterator[str], until: str) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(10):
        async for line in lines:
            found.append(line)
            if line.startswith(until):
                return found
    return found


async def looked(stand: AccessStand) -> None:
    """Until the stream that was just opened has looked for the first time, and waits."""
    async with asyncio.timeout(10):
        while stand.node.wake.notices._waiting is None:
            await asyncio.sleep(0.01)


async def test_a_stream_says_what_happens_while_it_is_open_and_waiting_holds_no_connection(
    stand: AccessStand,
) -> None:
    bearer = {"Authorization": f"Bearer {stand.bearer(Role.OPERATOR)}"}
    async with served(stand) as address, httpx.AsyncClient(base_url=address, headers=bearer) as browser:
        async with browser.stream("GET", "/v1/events") as answer:
            lines = answer.aiter_lines()
            await listen(lines, "retry")
            await looked(stand)
            pool: Any = stand.node.store._read_engine.pool
            assert pool.checkedout() == 0
            assert stand.node.store._readers._work_queue.qsize() == 0
            await told(stand.node, 1)
            data = (await listen(lines, "data"))[-1]
            assert json.loads(data.removeprefix("data: "))["kind"] == "stuck"
            # The token ends, and the stream with it.
            stand.clock.pass_by(seconds=700)
            stand.node.wake.notices.notify()
            async with asyncio.timeout(10):
                assert [line async for line in lines if line.startswith("data")] == []
        listeners = stand.app.state.listeners
        assert listeners._open.total() == 0


async def test_a_stream_ends_with_the_session(stand: AccessStand) -> None:
    known = await stand.person(Role.OPERATOR)
    cookie = await stand.node.store.write(
        lambda session: sessions.open_session(
            session,
            known,
            how="invitation",
            settings=stand.node.settings,
            random_bytes=stand.node.random.bytes,
            now=stand.clock.now(),
        )
    )
    headers = {"Cookie": f"focalpoint={cookie}"}
    async with (
        served(stand) as address,
        httpx.AsyncClient(base_url=address, headers=headers) as browser,
        browser.stream("GET", "/v1/events") as answer,
    ):
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        await listen(lines, "retry")
        await looked(stand)
        await stand.node.store.write(
            lambda session: session.connection().exec_driver_sql("DELETE FROM sign_in_session")
        )
        await told(stand.node, 1)
        async with asyncio.timeout(10):
            assert [line async for line in lines if line.startswith("data")] == []


async def test_one_person_holds_only_so_many_streams(stand: AccessStand) -> None:
    bearer = {"Authorization": f"Bearer {stand.bearer(Role.OPERATOR)}"}
    most = stand.node.settings.listeners_per_person
    async with served(stand) as address, httpx.AsyncClient(base_url=address, headers=bearer) as browser:
        async with contextlib.AsyncExitStack() as open_:
            for _ in range(most):
                answer = await open_.enter_async_context(browser.stream("GET", "/v1/events"))
                assert answer.status_code == 200
            over = await browser.get("/v1/events")
            assert (over.status_code, over.json()["code"]) == (429, "notice.too_many_listeners")
        other = {"Authorization": f"Bearer {stand.bearer(Role.ADMINISTRATOR)}"}
        assert (await browser.get("/v1/events?seconds=0", headers=other)).status_code == 200


async def test_a_long_poll_answers_as_soon_as_something_is_told(stand: AccessStand) -> None:
    operator = stand.as_(Role.OPERATOR)
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(operator.get("/v1/notices", params={"wait": 30}))
        while stand.node.wake.notices._waiting is None:
            await asyncio.sleep(0.01)
        await told(stand.node, 1)
        answer = (await waiting).json()
    assert [one["kind"] for one in answer["notices"]] == ["stuck"]
    assert answer["unread"] == 1
    marked = await operator.put("/v1/notices/read", json={"cursor": answer["cursor"]})
    assert marked.json() == {"read": answer["cursor"], "unread": 0}


@pytest.mark.parametrize("cursor", ["x", "bTA", "bi0x", "bjAx", "bjE"])
async def test_a_cursor_of_another_list_is_refused(stand: AccessStand, cursor: str) -> None:
    answer = await stand.as_(Role.OPERATOR).get("/v1/notices", params={"after": cursor})
    assert answer.status_code == (200 if cursor == "bjE" else 422)


async def test_nothing_of_a_case_is_in_any_answer(stand: AccessStand) -> None:
    pair = stand.pair
    case = await pair.open_case()
    sent = await pair.request(case)
    await exchange.request_release(stand.node, pair.it.officer, MessageId(sent.id), "family-tracing")
    planted = [case, sent.id, *words_in(sample("social-inquiry.request").identity)]
    planted += [block.text for block in sample("social-inquiry.request").narrative]
    found = 0
    for role in (Role.CASE_OFFICER, Role.SUPERVISOR, Role.OPERATOR, Role.ADMINISTRATOR):
        browser = stand.as_(role)
        listed = await browser.get("/v1/notices", params={"limit": 200})
        streamed = await browser.get("/v1/events", params={"seconds": 0, "after": "bjA"})
        found += len(listed.json()["notices"])
        for text in (listed.text, streamed.text):
            assert not [word for word in planted if word in text]
        for one in listed.json()["notices"]:
            assert one.keys() <= {"id", "kind", "at", "authority", "due_at"}
        for one in blocks(streamed.text):
            assert json.loads(one.get("data", "{}")).keys() <= {"id", "kind", "due_at"}
    assert found > 2


async def test_the_command_line_and_the_client_say_what_the_api_says(
    stand: AccessStand, tmp_path: Path
) -> None:
    async with served(stand) as address:

        async def run(role: Role, *words_: str) -> str:
            token = tmp_path / f"{role}.token"
            token.write_text(stand.bearer(role))
            where = ("--api", address, "--token-file", str(token))
            done = await asyncio.to_thread(CliRunner().invoke, app, [*words_, *where])
            assert done.exit_code == 0, done.output
            return done.output

        await told(stand.node, 1)
        url = "https://registry.example/notices"
        put = ("subscription", "put", "registry", "webhook", "--target", url)
        assert "active" in await run(Role.ADMINISTRATOR, *put, "--kind", "overdue", "--daily-at", "7")
        assert f"registry  webhook  {url}" in await run(Role.ADMINISTRATOR, "subscription", "list")
        assert (await run(Role.ADMINISTRATOR, "subscription", "key")).startswith("whpk_")
        await run(Role.ADMINISTRATOR, "subscription", "remove", "registry")
        assert await run(Role.ADMINISTRATOR, "subscription", "list") == ""
        assert "stuck" in await run(Role.OPERATOR, "notices", "list")
        assert "0 unread" in await run(Role.OPERATOR, "notices", "read")
        assert "stuck" not in await run(Role.OPERATOR, "notices", "list", "--unread")
        following = asyncio.create_task(run(Role.OPERATOR, "notices", "follow", "--seconds", "3"))
        async with asyncio.timeout(10):
            while not (hasattr(stand.app.state, "listeners") and stand.app.state.listeners._open):
                await asyncio.sleep(0.01)
        await told(stand.node, 2, kind="split-view")
        assert "split-view" in await following


def words_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if len(value) > 4 else []
    if isinstance(value, dict):
        return [word for member in value.values() for word in words_in(member)]
    if isinstance(value, list | tuple):
        return [word for member in value for word in words_in(member)]
    return []
