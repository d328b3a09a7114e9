"""What a resolved write means, and what one failed work may do to the others."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from service.errors import Unavailable
from service.store import Store
from service.store.tables import CASE_FILE, DIRECTORY_HISTORY, METADATA, CaseFileRow, DirectoryHistory
from service.store.writer import Group

MOMENT = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def groups() -> list[Group]:
    return []


@pytest.fixture
def store(tmp_path: Path, groups: list[Group]):
    store = Store(f"sqlite:///{tmp_path}/node/node.db", on_group=groups.append)
    METADATA.create_all(store.engine)
    yield store
    store.close()


def add(digest: str):
    def work(session: Session) -> str:
        session.connection().execute(
            insert(DIRECTORY_HISTORY), {"digest": digest, "path": "it/node/it", "token": "t"}
        )
        return digest

    return work


def add_by_orm(digest: str):
    def work(session: Session) -> str:
        session.add(DirectoryHistory(digest=digest, path="it/node/it", token="t"))
        return digest

    return work


def stored(store: Store) -> set[str]:
    return set(store.read_now(lambda session: session.scalars(select(DIRECTORY_HISTORY.c.digest)).all()))


class Gate:
    """Holds the writer inside one work, so that what is submitted meanwhile becomes one group."""

    def __init__(self, store: Store) -> None:
        self._entered, self._open = threading.Event(), threading.Event()
        self._held = store.submit(self._work)
        assert self._entered.wait(5)

    def _work(self, _session: Session) -> None:
        self._entered.set()
        assert self._open.wait(5)

    def open(self) -> None:
        self._open.set()
        self._held.result(5)


def settle(futures: list[Future]) -> list[object]:
    return [future.exception(5) or future.result() for future in futures]


def test_what_has_queued_commits_as_one_group(store: Store, groups: list[Group]) -> None:
    gate = Gate(store)
    futures = [store.submit(add(f"d{number}")) for number in range(50)]
    gate.open()
    assert settle(futures) == [f"d{number}" for number in range(50)]
    store.close()
    assert [group.works for group in groups] == [1, 50]
    assert all(group.committed for group in groups)


def test_a_group_takes_at_most_256_works(store: Store, groups: list[Group]) -> None:
    gate = Gate(store)
    futures = [store.submit(add(f"d{number}")) for number in range(300)]
    gate.open()
    settle(futures)
    store.close()
    assert [group.works for group in groups] == [1, 256, 44]


@pytest.mark.parametrize("adding", [add, add_by_orm], ids=["core", "orm"])
def test_a_work_that_raises_undoes_only_itself(store: Store, adding) -> None:
    def half(session: Session) -> None:
        adding("half")(session)
        session.flush()
        raise ValueError("changed my mind")

    gate = Gate(store)
    futures = [store.submit(work) for work in (adding("before"), half, adding("after"))]
    gate.open()
    before, error, after = settle(futures)
    assert (before, after) == ("before", "after")
    assert isinstance(error, ValueError)
    assert stored(store) == {"before", "after"}


@pytest.mark.parametrize("adding", [add, add_by_orm], ids=["core", "orm"])
def test_a_broken_constraint_undoes_only_its_own_work(store: Store, adding) -> None:
    store.submit(adding("taken")).result(5)
    gate = Gate(store)
    futures = [store.submit(adding(digest)) for digest in ("first", "taken", "second", "taken", "third")]
    gate.open()
    outcomes = settle(futures)
    assert [isinstance(outcome, IntegrityError) for outcome in outcomes] == [False, True, False, True, False]
    assert stored(store) == {"taken", "first", "second", "third"}


@pytest.mark.parametrize("adding", [add, add_by_orm], ids=["core", "orm"])
def test_a_lone_work_that_raises_leaves_nothing(store: Store, adding) -> None:
    def half(session: Session) -> None:
        adding("half")(session)
        session.flush()
        raise ValueError("changed my mind")

    assert isinstance(store.submit(half).exception(5), ValueError)
    assert store.submit(adding("next")).result(5) == "next"
    assert stored(store) == {"next"}


def test_a_work_sees_what_earlier_works_of_its_group_wrote(store: Store) -> None:
    gate = Gate(store)
    first = store.submit(add_by_orm("first"))
    count = store.submit(lambda session: session.scalar(select(func.count()).select_from(DIRECTORY_HISTORY)))
    gate.open()
    assert (first.result(5), count.result(5)) == ("first", 1)


def test_a_failed_commit_fails_every_work_of_the_group_and_the_next_group_goes_on(store: Store) -> None:
    def end_it_early(session: Session) -> None:
        session.connection().exec_driver_sql("ROLLBACK")

    gate = Gate(store)
    futures = [store.submit(work) for work in (add("before"), end_it_early, add("after"))]
    gate.open()
    for outcome in settle(futures):
        assert isinstance(outcome, Unavailable)
        assert outcome.code == "store.commit_failed"
    assert stored(store) == set()
    assert store.submit(add("later")).result(5) == "later"
    assert stored(store) == {"later"}


def test_a_work_that_ends_the_transaction_and_raises_does_not_let_the_next_one_commit_alone(
    store: Store,
) -> None:
    def as_a_full_disk_does(session: Session) -> None:
        session.connection().exec_driver_sql("ROLLBACK")
        raise OSError("disk full")

    gate = Gate(store)
    futures = [store.submit(work) for work in (add("before"), as_a_full_disk_does, add("after"))]
    gate.open()
    before, error, after = settle(futures)
    assert isinstance(before, Unavailable)
    assert isinstance(error, OSError)
    assert isinstance(after, Unavailable)
    assert stored(store) == set()


def test_a_deferred_constraint_that_breaks_at_commit_fails_the_group(store: Store) -> None:
    def orphan(session: Session) -> None:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        session.connection().execute(
            text("INSERT INTO case_party (reference, address) VALUES ('nowhere', 'it.servizio')")
        )

    gate = Gate(store)
    futures = [store.submit(work) for work in (add("a"), orphan, add("b"))]
    gate.open()
    assert all(isinstance(outcome, Unavailable) for outcome in settle(futures))
    assert stored(store) == set()
    assert store.submit(add("later")).result(5) == "later"


def test_a_lone_work_after_which_no_transaction_is_left_is_not_called_written(store: Store) -> None:
    def end_it_early(session: Session) -> None:
        add("half")(session)
        session.connection().exec_driver_sql("ROLLBACK")

    assert isinstance(store.submit(end_it_early).exception(5), Unavailable)
    assert store.submit(add("next")).result(5) == "next"
    assert stored(store) == {"next"}


def test_a_submitted_work_cannot_be_cancelled_under_the_writer(store: Store) -> None:
    gate = Gate(store)
    future = store.submit(add("patient"))
    assert not future.cancel()
    gate.open()
    assert future.result(5) == "patient"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_the_writer_dies_everybody_hears_of_it(tmp_path: Path) -> None:
    def broken(_group: Group) -> None:
        raise ValueError("a bug")

    store = Store(f"sqlite:///{tmp_path}/node.db", on_group=broken)
    METADATA.create_all(store.engine)
    gate = Gate(store)
    futures = [store.submit(add(f"d{number}")) for number in range(3)]
    gate.open()
    for outcome in settle(futures):
        assert isinstance(outcome, Unavailable)
        assert outcome.code == "store.closed"
    store.close()
    assert not store.alive
    with pytest.raises(Unavailable):
        store.submit(add("late"))


def test_a_transaction_that_cannot_begin_fails_its_group_and_the_next_one_goes_on(store: Store) -> None:
    def locked(_connection: object) -> None:
        raise OSError("locked")

    event.listen(store.engine, "begin", locked)
    assert isinstance(store.submit(add("a")).exception(5), Unavailable)
    event.remove(store.engine, "begin", locked)
    assert store.submit(add("b")).result(5) == "b"
    assert stored(store) == {"b"}


@pytest.mark.parametrize("ending", ["commit", "rollback", "close"])
def test_a_work_cannot_end_the_transaction(store: Store, ending: str) -> None:
    def work(session: Session) -> None:
        add("half")(session)
        getattr(session, ending)()

    assert isinstance(store.submit(work).exception(5), RuntimeError)
    assert stored(store) == set()


def test_what_was_submitted_before_closing_is_written_and_later_works_are_refused(store: Store) -> None:
    gate = Gate(store)
    future = store.submit(add("last"))
    closing = threading.Thread(target=store.close)
    closing.start()
    gate.open()
    closing.join(5)
    assert future.result(0) == "last"
    with pytest.raises(Unavailable) as refused:
        store.submit(add("late"))
    assert refused.value.code == "store.closed"


def test_coroutines_await_their_own_commit_and_get_their_own_error(store: Store) -> None:
    def fail(_session: Session) -> None:
        raise ValueError("no")

    async def main() -> list[object]:
        works = [add("a"), fail, add("b")]
        return await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)

    a, error, b = asyncio.run(main())
    assert (a, b) == ("a", "b")
    assert isinstance(error, ValueError)
    assert stored(store) == {"a", "b"}


def test_giving_up_the_wait_does_not_take_the_write_back(store: Store) -> None:
    async def main() -> None:
        gate = Gate(store)
        waiting = store.write(add("patient"))
        waiting.cancel()
        gate.open()
        await store.write(add("next"))

    asyncio.run(main())
    assert stored(store) == {"patient", "next"}


def test_an_answered_write_is_seen_by_the_next_read(store: Store) -> None:
    async def main() -> int:
        await store.write(add("a"))
        return await store.read(
            lambda session: session.scalar(select(func.count()).select_from(DIRECTORY_HISTORY))
        )

    assert asyncio.run(main()) == 1


def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(DBAPIError, match="readonly"):
        store.read_now(add("sneaky"))
    assert stored(store) == set()


def test_a_moment_comes_back_exact_and_aware(store: Store) -> None:
    row = {
        "reference": "K7QM",
        "role": "origin",
        "opened_at": MOMENT,
        "opened_by": "p",
        "protection": "unknown",
    }
    store.submit(lambda session: session.connection().execute(insert(CASE_FILE), row)).result(5)
    back = store.read_now(lambda session: session.get_one(CaseFileRow, "K7QM").opened_at)
    assert back == MOMENT
    assert back.tzinfo is UTC


def test_an_error_never_quotes_the_bound_values(store: Store) -> None:
    store.submit(add("planted-value")).result(5)
    error = store.submit(add("planted-value")).exception(5)
    assert "planted-value" not in str(error)


CRASHING = """
import sys, threading, time
sys.path.insert(0, sys.argv[2])
from sqlalchemy import event, insert
from service.store import Store
from service.store.tables import DIRECTORY_HISTORY, METADATA
store = Store(sys.argv[1])
METADATA.create_all(store.engine)
event.listen(store.engine, "commit", lambda _connection: time.sleep(0.02))  # a slow disk widens the window
printing = threading.Lock()
def client(name):
    for number in range(100_000):
        digest = f"{name}-{number}"
        row = {"digest": digest, "path": "p", "token": "t"}
        store.submit(lambda s: s.connection().execute(insert(DIRECTORY_HISTORY), row) and None).result()
        with printing:
            print(digest, flush=True)
for name in range(8):
    threading.Thread(target=client, args=(name,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("acknowledged_before_the_kill", [1, 20, 60])
def test_every_acknowledged_row_survives_kill_9(tmp_path: Path, acknowledged_before_the_kill: int) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", CRASHING, url, root], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(acknowledged_before_the_kill)]
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.stdout.close()
    child.wait()
    assert all(acknowledged)
    store = Store(url)
    try:
        assert set(acknowledged) <= stored(store)
        assert store.submit(add("after the crash")).result(5)
    finally:
        store.close()
