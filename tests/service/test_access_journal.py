"""The access journal as the node keeps it: chained as it is written, whoever writes, and over a migration."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text
from sqlmodel import Session

from protocol.journal import ORIGIN, Fault, verify
from service import exchange
from service.access import journal
from service.store import Store, migrate
from service.store.engine import open_engine
from tests.protocol.sample_directory import NOW
from tests.service.exchange_pair import Pair, actor, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Any:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def written(pair: Pair) -> list[Any]:
    return pair.it.node.store.read_now(journal.entries)


async def tamper(pair: Pair, sql: str) -> None:
    await pair.it.node.store.write(lambda session: session.connection().execute(text(sql)))


def test_every_act_continues_the_chain_also_when_many_write_at_once(pair: Pair) -> None:
    async def play() -> None:
        await asyncio.gather(*(pair.open_case() for _ in range(20)))

    asyncio.run(play())
    entries = written(pair)
    # Opened, and settled by two people.
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    assert len(entries) >= 40
    assert verify(entries).fault is None
    assert pair.it.node.store.read_now(journal.checkpoint) == entries[-1].checkpoint


def test_an_act_that_fails_leaves_no_entry_and_no_gap(pair: Pair) -> None:
    who, store, now = actor("it.servizio-minori"), pair.it.node.store, pair.clock.now()

    def failing(session: Session) -> None:
        journal.note(session, who, "case-opened", "x", at=now)
        raise ValueError

    async def play() -> None:
        works = [failing if number % 2 else _noting(who, now) for number in range(10)]
        await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)

    asyncio.run(play())
    assert [entry.position for entry in written(pair)] == [1, 2, 3, 4, 5]
    assert verify(written(pair)).fault is None


def _noting(who: Any, now: Any) -> Any:
    return lambda session: journal.note(session, who, "case-opened", "K7QM-3XPT-9V2D-6", at=now)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("UPDATE access_journal SET actor = 'x' WHERE position = 2", Fault(position=2, kind="changed")),
        ("UPDATE access_journal SET at = at + 1 WHERE position = 2", Fault(position=2, kind="changed")),
        ("UPDATE access_journal SET via = NULL WHERE position = 2", Fault(position=2, kind="changed")),
        ("UPDATE access_journal SET digest = NULL WHERE position = 2", Fault(position=2, kind="changed")),
        ("DELETE FROM access_journal WHERE position = 2", Fault(position=3, kind="unlinked")),
        (
            "INSERT INTO access_journal (position, at, actor, role, action, subject)"
            " VALUES (99, 0, 'x', 'auditor', 'case-opened', 'x')",
            Fault(position=99, kind="changed"),
        ),
        ("UPDATE access_journal SET position = 50 WHERE position = 1", Fault(position=2, kind="unlinked")),
    ],
)
def test_what_is_done_to_the_table_is_found_and_the_row_named(pair: Pair, sql: str, fault: Fault) -> None:
    async def play() -> None:
        await pair.open_case()
        await pair.open_case()
        await tamper(pair, sql)

    asyncio.run(play())
    assert verify(written(pair)).fault == fault


def test_the_entries_of_a_case_are_those_that_name_it_or_its_messages(pair: Pair) -> None:
    async def play() -> tuple[str, str]:
        case, other = await pair.open_case(), await pair.open_case()
        notified = await pair.notify(case)
        node, reason = pair.it.node, "court-hearing"
        asked = await exchange.request_release(node, pair.it.officer, notified.id, reason)
        await exchange.decide(node, pair.it.supervisor, asked.id, "approve", None)
        await exchange.read_message(node, pair.it.officer, notified.id, True, reason)
        return case, other

    case, _ = asyncio.run(play())
    entries = pair.it.node.store.read_now(lambda session: journal.entries(session, case=case))
    assert {entry.action for entry in entries} >= {"case-opened", "identity-released"}
    assert len(entries) < len(written(pair))
    assert verify(entries, excerpt=True).fault is None


def test_pages_join_without_a_gap(pair: Pair) -> None:
    asyncio.run(pair.open_case())
    pages, after = [], 0
    while page := pair.it.node.store.read_now(partial(journal.entries, after=after, limit=2)):
        pages += page
        after = page[-1].position
    assert pages == written(pair)


def test_what_was_written_before_the_chain_is_chained_when_the_release_is_installed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    engine = open_engine(url)
    config = migrate._config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0011")
        connection.execute(
            text(
                "INSERT INTO access_journal (at, actor, role, action, subject)"
                " VALUES (1, 'officer-1', 'case-officer', 'case-opened', 'a'),"
                " (2, 'officer-2', 'supervisor', 'case-opened', 'b')"
            )
        )
        connection.commit()
    engine.dispose()
    migrate.upgrade(url)
    store = Store(url)
    before = store.read_now(journal.entries)
    assert [entry.actor for entry in before] == ["officer-1", "officer-2"]
    assert before[0].previous == ORIGIN
    who = actor("it.servizio-minori")
    store.submit(lambda session: journal.note(session, who, "case-opened", "c", at=NOW)).result()
    after = store.read_now(journal.entries)
    store.close()
    assert len(after) == 3
    assert verify(after).fault is None
