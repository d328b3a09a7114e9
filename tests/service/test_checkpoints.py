"""What nodes told each other, kept: as much as a theft may need, and not without end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from protocol.identifiers import NodeCode
from protocol.statements import Statement, StatementType
from service.store.checkpoints import NAMED_OF_A_PEER, by_digest, keep, received_before
from service.store.engine import open_engine
from service.store.migrate import upgrade
from service.store.tables import CHECKPOINT

IT, RO = NodeCode("it"), NodeCode("ro")
BEGIN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path / 'node.db'}"
    upgrade(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def told(
    connection: Connection, at: datetime, *, issuer: NodeCode = IT, named: frozenset[str] = frozenset()
) -> str:
    digest = f"{issuer} {at.isoformat()}"
    statement = Statement(typ=StatementType.RECONCILIATION, kid="k", claims={}, token="t", digest=digest)
    keep(connection, statement, issuer=issuer, peer=RO, issued_at=at, named=named)
    return digest


def kept(connection: Connection) -> set[str]:
    return set(connection.execute(select(CHECKPOINT.c.digest)).scalars())


def test_the_last_of_an_hour_is_kept(connection: Connection) -> None:
    told(connection, BEGIN)
    last = told(connection, BEGIN + timedelta(minutes=50))
    told(connection, BEGIN + timedelta(minutes=20))
    following = told(connection, BEGIN + timedelta(minutes=70))
    assert kept(connection) == {last, following}


def test_what_is_old_is_thinned_to_a_day_and_ends(connection: Connection) -> None:
    for hours in range(24 * 40):
        told(connection, BEGIN + timedelta(hours=hours))
    days = [row for row in kept(connection) if row < f"it {(BEGIN + timedelta(days=8)).isoformat()}"]
    assert len(days) == 8
    assert len(kept(connection)) < 24 * 33
    told(connection, BEGIN + timedelta(days=800))
    assert len(kept(connection)) == 1


def test_what_an_entry_names_is_kept_for_good(connection: Connection) -> None:
    named = told(connection, BEGIN)
    told(connection, BEGIN + timedelta(minutes=1), named=frozenset({named}))
    told(connection, BEGIN + timedelta(days=800), named=frozenset({named}))
    assert named in kept(connection)
    assert [row.digest for row in by_digest(connection, [named])] == [named]


def test_a_cut_off_names_the_newest_of_each_peer_from_before_it(connection: Connection) -> None:
    for hours in range(40):
        told(connection, BEGIN + timedelta(hours=hours))
    other = told(connection, BEGIN, issuer=NodeCode("fr"))
    names = received_before(connection, RO, BEGIN + timedelta(hours=30))
    assert other in names
    own = [one for one in names if one.startswith("it ")]
    assert len(own) == NAMED_OF_A_PEER
    assert own[0] == f"it {(BEGIN + timedelta(hours=29)).isoformat()}"
    assert received_before(connection, IT, BEGIN + timedelta(hours=30)) == ()
