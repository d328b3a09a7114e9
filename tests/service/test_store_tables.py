"""The schema: the same on both databases, reached by migrations, kept in private files."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from service.errors import Misconfigured
from service.store import Store, migrate
from service.store.engine import open_engine
from service.store.tables import METADATA
from service.wake import Signal


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_migrations_lead_to_the_tables_of_this_release(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    migrate.upgrade(url)
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
        assert differences == [], "run scripts/new_migration.py"
        made = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'message'")).scalar_one()
    assert migrate.current_revision(engine) == migrate.newest_revision()
    engine.dispose()
    assert "AUTOINCREMENT" in made


def test_a_second_upgrade_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    migrate.upgrade(url)
    before = (tmp_path / "node.db").read_bytes()
    migrate.upgrade(url)
    assert (tmp_path / "node.db").read_bytes() == before


def test_a_database_of_a_later_release_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    migrate.upgrade(url)
    with sqlite3.connect(tmp_path / "node.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(Misconfigured) as refused:
        migrate.upgrade(url)
    assert refused.value.code == "store.newer_database"


def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    engine = open_engine(url)
    with engine.begin() as connection:  # in the way of the last table but one or so
        connection.execute(text("CREATE TABLE quarantine (x INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        migrate.upgrade(url)
    with engine.connect() as connection:
        left = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
    engine.dispose()
    assert left == {"quarantine"}


def test_the_same_tables_can_be_made_on_postgresql() -> None:
    dialect = postgresql.dialect()
    everything = "\n".join(
        str(CreateTable(table).compile(dialect=dialect)) for table in METADATA.sorted_tables
    )
    for index in (index for table in METADATA.sorted_tables for index in table.indexes):
        assert str(CreateIndex(index).compile(dialect=dialect))
    assert "cursor BIGSERIAL" in everything
    assert "BYTEA" in everything
    assert "DATETIME" not in everything


def test_the_database_opens_with_its_guarantees(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/node.db")
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }
    with engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    engine.dispose()
    assert found == wanted


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/a/b/node.db")
    METADATA.create_all(store.engine)
    store.read_now(lambda session: session.connection().execute(text("SELECT 1")))
    files = {path.name: mode(path) for path in (tmp_path / "a" / "b").iterdir()}
    store.close()
    assert files == {"node.db": 0o600, "node.db-wal": 0o600, "node.db-shm": 0o600}
    assert mode(tmp_path / "a" / "b") == 0o700


def test_a_database_open_to_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node.db").touch(mode=0o644)
    (tmp_path / "node.db").chmod(0o644)
    with pytest.raises(Misconfigured) as refused:
        open_engine(f"sqlite:///{tmp_path}/node.db")
    assert refused.value.code == "store.permissions"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "nonsense"])
def test_a_database_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        open_engine(url)
    assert refused.value.code == "store.url"


def test_a_signal_given_between_looking_and_waiting_is_not_lost() -> None:
    async def main() -> tuple[bool, bool]:
        signal = Signal()
        seen = signal.count
        signal.notify()
        return await signal.wait(seen, timeout=0), await signal.wait(signal.count, timeout=0.001)

    assert asyncio.run(main()) == (True, False)


def test_a_signal_wakes_all_who_wait_and_one_who_leaves_disturbs_nobody() -> None:
    async def main() -> list[bool]:
        signal = Signal()
        waiting = [asyncio.create_task(signal.wait(0, timeout=5)) for _ in range(3)]
        leaving = asyncio.create_task(signal.wait(0, timeout=5))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)
        signal.notify()
        return await asyncio.gather(*waiting)

    assert asyncio.run(main()) == [True, True, True]
