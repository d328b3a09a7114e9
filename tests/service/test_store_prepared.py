"""Prepared statements say what Core says of the same statement, in every type of column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, MultipleResultsFound

from service.store.engine import open_engine
from service.store.prepared import Adding, Change, Query
from service.store.tables import EVIDENCE, METADATA

NOW = datetime(2026, 11, 24, 9, 30, 0, 123456, UTC)
KEYS = {"sender": "it", "message": "m-1"}
OF_MESSAGE = select(EVIDENCE).where(
    EVIDENCE.c.sender_node == bindparam("sender"), EVIDENCE.c.id == bindparam("message")
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = open_engine(f"sqlite:///{tmp_path}/store/node.db")
    METADATA.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def evidence(**changes: object) -> dict[str, Any]:
    return {
        "digest": "d-1",
        "sender_node": "it",
        "id": "m-1",
        "kind": "content-consigned",
        "issuer": "ro",
        "issued_at": NOW,
        "token": "t",
        "ours": True,
        **changes,
    }


def test_what_is_added_is_what_core_adds_and_what_is_found_is_what_core_finds(connection: Connection) -> None:
    Adding(EVIDENCE).run(connection, evidence())
    connection.execute(insert(EVIDENCE), evidence(digest="d-2"))

    found = Query(OF_MESSAGE).all(connection, **KEYS)

    assert found == connection.execute(OF_MESSAGE, KEYS).all()
    first, second = (row._asdict() for row in found)
    assert first | {"position": 2, "digest": "d-2"} == second
    assert first["issued_at"] == NOW
    assert first["ours"] is True
    assert first["previous"] is None


def test_a_change_says_how_many_rows_it_touched(connection: Connection) -> None:
    Adding(EVIDENCE).run_all(
        connection, [evidence(), evidence(digest="d-2"), evidence(digest="d-3", id="m-2")]
    )
    change = Change(
        update(EVIDENCE)
        .where(EVIDENCE.c.id == bindparam("message"), EVIDENCE.c.kind == "content-consigned")
        .values(issued_at=bindparam("at"), code="late")
    )

    assert change.run(connection, message="m-1", at=NOW) == 2
    assert change.run_all(connection, [{"message": "m-2", "at": NOW}, {"message": "m-3", "at": NOW}]) == 1
    assert change.run_all(connection, []) == 0
    assert {row.code for row in connection.execute(select(EVIDENCE))} == {"late"}


def test_one_row_at_most_is_one_row_at_most(connection: Connection) -> None:
    query = Query(OF_MESSAGE)
    assert query.one(connection, **KEYS) is None
    Adding(EVIDENCE).run_all(connection, [evidence(), evidence(digest="d-2")])
    with pytest.raises(MultipleResultsFound):
        query.one(connection, **KEYS)


def test_neither_a_column_nor_a_value_is_forgotten_or_misspelled_unnoticed(connection: Connection) -> None:
    with pytest.raises(KeyError, match="kind"):
        Adding(EVIDENCE).run(connection, {name: v for name, v in evidence().items() if name != "kind"})
    with pytest.raises(KeyError, match="perhaps"):
        Adding(EVIDENCE).run(connection, evidence(perhaps=1))
    with pytest.raises(KeyError, match="message"):
        Query(OF_MESSAGE).all(connection, sender="it")


def test_a_naive_moment_and_a_second_row_of_one_digest_are_refused_as_ever(connection: Connection) -> None:
    with pytest.raises(ValueError, match="aware"):
        Adding(EVIDENCE).run(connection, evidence(issued_at=NOW.replace(tzinfo=None)))
    Adding(EVIDENCE).run(connection, evidence())
    with pytest.raises(IntegrityError) as refused:
        Adding(EVIDENCE).run(connection, evidence())
    assert "m-1" not in str(refused.value)


def test_a_look_begins_the_transaction_in_which_it_looks(connection: Connection) -> None:
    Query(OF_MESSAGE).all(connection, **KEYS)
    assert connection.in_transaction()
    driver: Any = connection.connection.dbapi_connection
    assert driver.in_transaction


def test_the_other_database_is_spoken_to_in_its_own_words() -> None:
    dialect = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]

    added = Adding(EVIDENCE)._compile(dialect)
    sought = Query(OF_MESSAGE)._compile(dialect)

    assert "position" not in added.sql
    assert "RETURNING" not in added.sql
    assert added.bound({**evidence(), "previous": None, "code": None})["issued_at"] == 1795512600123456
    assert "%(message)s" in sought.sql
    assert sought.bound(KEYS) == KEYS
