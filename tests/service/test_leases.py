"""A lease is one holder's at a time, whoever asks at once, and anybody's once it has run out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from service.store import Store, migrate
from service.store.leases import hold, release

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/node.db"
    migrate.upgrade(url)
    return url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


def asked(store: Store, holder: str, *, now: datetime = NOW, name: str = "watch") -> bool:
    return store.submit(lambda session: hold(session, name, holder, until=now + MINUTE, now=now)).result()


def test_a_lease_is_one_holders_until_it_ends(store: Store) -> None:
    assert asked(store, "a")
    assert not asked(store, "b")
    assert not asked(store, "b", now=NOW + MINUTE - timedelta(microseconds=1))
    assert asked(store, "b", now=NOW + MINUTE)
    assert not asked(store, "a", now=NOW + MINUTE)


def test_its_holder_may_keep_it(store: Store) -> None:
    assert asked(store, "a")
    assert asked(store, "a", now=NOW + MINUTE / 2)
    assert not asked(store, "b", now=NOW + MINUTE)


def test_leases_of_other_names_are_other_leases(store: Store) -> None:
    assert asked(store, "a")
    assert asked(store, "b", name="remind")


def test_only_its_holder_gives_it_back(store: Store) -> None:
    assert asked(store, "a")
    store.submit(lambda session: release(session, "watch", "b")).result()
    assert not asked(store, "b")
    store.submit(lambda session: release(session, "watch", "a")).result()
    assert asked(store, "b")


def test_of_many_processes_that_ask_at_once_one_gets_it(url: str) -> None:
    stores = [Store(url) for _ in range(4)]
    start, got = threading.Barrier(len(stores)), []

    def ask(holder: int) -> None:
        start.wait()
        for name in range(25):
            if asked(stores[holder], str(holder), name=f"work-{name}"):
                got.append(name)

    threads = [threading.Thread(target=ask, args=(holder,)) for holder in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert sorted(got) == list(range(25))


def test_a_lease_that_is_undone_was_never_held(store: Store) -> None:
    def taken_and_failed(session: Session) -> None:
        assert hold(session, "watch", "a", until=NOW + MINUTE, now=NOW)
        raise RuntimeError("as a crash would")

    with pytest.raises(RuntimeError):
        store.submit(taken_and_failed).result()
    assert asked(store, "b")
