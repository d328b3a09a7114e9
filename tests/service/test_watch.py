"""What stands still is found at its time, told once and cleared when it moves; and every state that there is
has a maximum, or says why it may rest."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from sqlalchemy import Boolean, Integer, LargeBinary, Table, event, insert, text
from sqlmodel import Session

from protocol.conversations import PROCEDURES
from service.monitor.backups import last_backup, note_backup
from service.monitor.dwell import dwell, most_of
from service.monitor.gauges import Gauges
from service.monitor.watch import _PLACES, COUNTED, MOST, Watch, look, stuck
from service.notices import KINDS, tell
from service.store import Store, tables
from service.store.columns import Instant, RowNumber
from tests.protocol.sample_directory import NOW
from tests.service.exchange_pair import Pair, message, open_pair

TICK = timedelta(microseconds=1)

STATES = ("state", "status", "outcome")


def enumerations() -> Iterator[tuple[str, str]]:
    """Table and value of every column of states in the database."""
    for name in tables.__all__:
        row = getattr(tables, name)
        if not isinstance(row, type) or not hasattr(row, "__tablename__"):
            continue
        for column, kind in get_type_hints(row).items():
            value = getattr(kind, "__value__", kind)
            if column in STATES and get_origin(value) is Literal:
                for word in get_args(value):
                    yield str(row.__tablename__), word


def test_every_state_of_every_table_and_of_every_conversation_has_a_row() -> None:
    found = {f"{table}.{word}" for table, word in enumerations()}
    assert {
        "message.held",
        "outbox.released",
        "inbox.waiting",
        "attachment.sent",
        "approval.proposed",
    } <= found
    found |= {
        f"conversation.{procedure}.{state}"
        for procedure, table in PROCEDURES.items()
        for state in table.states
    }
    missing = sorted(found - set(dwell()))
    assert missing == [], "add rows to service/monitor/dwell.json: how long may it stand, or why may it rest?"
    by_a_state = {
        what for what in dwell() if what.partition(".")[0] in {one.partition(".")[0] for one in found}
    }
    assert by_a_state <= found, "rows for states that are no more"


def test_every_row_has_a_length_and_a_page_or_a_reason_and_tells_by_a_kind_that_exists() -> None:
    for row in dwell().values():
        assert (row.most is None) == bool(row.rests), row.what
        assert (row.most is None) == (row.page == ""), row.what
        assert row.notice is None or row.notice in KINDS, row.what
        assert (row.notice is None) == bool(row.told), row.what


# -- each place


def filled(table: Table, **values: Any) -> dict[str, Any]:
    """A row with something in every column that needs it."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name in values or column.nullable or isinstance(column.type, RowNumber):
            continue
        match column.type:
            case Instant():
                row[column.name] = NOW
            case Boolean():
                row[column.name] = False
            case Integer():
                row[column.name] = 0
            case LargeBinary():
                row[column.name] = b""
            case _:
                row[column.name] = f"{column.name}-x"
    return row | values


def standing(what: str, since: datetime, name: str) -> tuple[Table, dict[str, Any]]:
    """A row that stands so since then. `name` makes it another one."""
    kind, _, state = what.partition(".")
    match kind:
        case "conversation":
            procedure, _, state = state.rpartition(".")
            return tables.THREAD, {"id": name, "procedure": procedure, "state": state, "updated_at": since}
        case "message":
            return tables.MESSAGE, {
                "id": name,
                "status": state,
                "recorded_at": since,
                "statement_digest": name,
            }
        case "outbox":
            return tables.OUTBOX, {"message_id": name, "state": state, "queued_at": since, "kind": "content"}
        case "inbox":
            return tables.INBOX, {"id": name, "outcome": state, "received_at": since}
        case "attachment":
            return tables.ATTACHMENT, {
                "name": name,
                "case_reference": name,
                "state": state,
                "changed_at": since,
            }
        case "approval":
            return tables.APPROVAL, {"id": name, "state": state, "expires_at": since}
        case "notice":
            return tables.NOTICE, {"id": name, "key": name, "at": since}
        case "notice_delivery":
            return tables.NOTICE_DELIVERY, {
                "notice": name,
                "subscription": name,
                "state": state,
                "since": since,
            }
        case "relay":
            return tables.RELAY, {"id": name, "state": state, "received_at": since}
        case "reminder":
            return tables.DEADLINE, {"thread": name, "kind": "answer", "look_at": since}
        case "retention":
            return tables.CASE_RETENTION, {"reference": name, "erased_at": since}
        case _:
            raise AssertionError(f"say here how a row of {what} is made")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    assert pair.clock.now() == NOW
    # The sample directory has few identity keys ahead; that is found first, and not again.
    asyncio.run(Watch(pair.it.node, holder="a").once())
    yield pair
    pair.close()


def put(store: Store, *rows: tuple[Table, dict[str, Any]]) -> None:
    def work(session: Session) -> None:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table, values in rows:
            for key in table.foreign_keys:
                parent = filled(key.column.table, **{key.column.name: values[key.parent.name]})
                if key.column.table.name == "notice":
                    parent |= {"key": values[key.parent.name], "spread_at": NOW}
                session.connection().execute(insert(key.column.table).values(**parent))
            session.connection().execute(insert(table).values(**filled(table, **values)))

    store.submit(work).result()


def found(pair: Pair, what: str, now: datetime = NOW) -> list[tuple[str, datetime]]:
    items = pair.it.node.store.read_now(lambda session: stuck(session, pair.it.node, now))
    return [(one.subject, one.since) for one in items if one.what == what]


@pytest.mark.parametrize("place", _PLACES, ids=lambda place: place.what)
def test_a_row_is_found_from_the_very_moment_at_which_it_has_stood_too_long(place: Any, pair: Pair) -> None:
    what, since = place.what, NOW - most_of(place.what)
    put(pair.it.node.store, standing(what, since, "too-long"), standing(what, since + TICK, "not-yet"))
    ((subject, begun),) = found(pair, what)
    assert begun == since
    assert len(found(pair, what, NOW + TICK)) == 2
    assert subject


def test_places_and_what_is_found_otherwise_are_all_rows_with_a_length() -> None:
    otherwise = ("channel", "directory", "key", "quarantine", "backup")
    lengths = {what for what, row in dwell().items() if row.most is not None}
    places = {place.what for place in _PLACES}
    assert places | {what for what in lengths if what.partition(".")[0] in otherwise} == lengths


BIG = (
    "message",
    "outbox",
    "inbox",
    "thread",
    "attachment",
    "evidence",
    "notice",
    "notice_delivery",
    "channel_seen",
)


def test_looking_never_walks_over_what_is_done(pair: Pair) -> None:
    node = pair.it.node
    asked: list[tuple[str, Any]] = []
    engine = node.store._read_engine

    @event.listens_for(engine, "before_cursor_execute")
    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    node.store.read_now(lambda session: look(session, node, NOW))
    event.remove(engine, "before_cursor_execute", listen)
    assert len(asked) > len(_PLACES)
    with node.store.engine.connect() as connection:
        for statement, parameters in asked:
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                step = str(row[-1])
                if step.startswith("SCAN ") and step.split()[1] in BIG:
                    # A partial index holds only what stands.
                    assert re.search("USING (COVERING )?INDEX ix_", step), (step, statement)


# -- what is not a row in a state


def test_a_message_that_was_held_for_long_counts_from_when_it_was_consigned(pair: Pair) -> None:
    most = most_of("message.consigned")
    receipt = {"digest": "d", "sender_node": "it", "id": "m", "kind": "content-consigned", "ours": False}
    put(
        pair.it.node.store,
        (
            tables.MESSAGE,
            {"id": "m", "sender_node": "it", "status": "consigned", "recorded_at": NOW - timedelta(days=90)},
        ),
        (tables.EVIDENCE, receipt | {"issued_at": NOW - most + TICK}),
    )
    assert found(pair, "message.consigned") == []
    assert found(pair, "message.consigned", NOW + TICK) == [("it/m", NOW - most + TICK)]


def test_a_document_waits_with_its_message_and_is_not_stuck_beside_it(pair: Pair) -> None:
    long_ago = NOW - timedelta(days=30)
    document = {"name": "a", "message_id": "m", "sender_node": "it", "state": "sent", "changed_at": long_ago}
    put(
        pair.it.node.store,
        (tables.MESSAGE, {"id": "m", "sender_node": "it", "status": "held", "recorded_at": long_ago}),
        (tables.ATTACHMENT, document),
    )
    assert found(pair, "attachment.sent") == []
    assert found(pair, "message.held") == [("it/m", long_ago)]


def test_the_directory_is_named_from_half_its_life_on_and_then_as_expired(pair: Pair) -> None:
    snapshot = pair.world.directory.snapshot
    assert found(pair, "directory.half-life", snapshot.half_life - TICK) == []
    assert len(found(pair, "directory.half-life", snapshot.half_life)) == 1
    assert found(pair, "directory.half-life", snapshot.expires_at) == []
    assert len(found(pair, "directory.expired", snapshot.expires_at)) == 1


def test_a_peer_that_told_nothing_for_a_day_is_silent(pair: Pair) -> None:
    async def play() -> datetime:
        await pair.notify(await pair.open_case())
        await pair.reconcile("ro")
        return pair.clock.moment

    told = asyncio.run(play())
    assert found(pair, "channel.silent", told + timedelta(days=1) - TICK) == []
    assert found(pair, "channel.silent", told + timedelta(days=1)) == [("ro", told)]


def test_what_a_peer_says_it_sent_and_has_not_come_is_lacking_until_it_comes(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        lost, pair.hub.waiting["ro"] = pair.hub.waiting["ro"], []
        await pair.reconcile("it")
        later = pair.clock.moment + timedelta(hours=1)
        at_ro = pair.ro.node
        items = at_ro.store.read_now(lambda session: stuck(session, at_ro, later))
        assert [one.subject for one in items if one.what == "channel.lacking"] == ["it"]
        pair.hub.waiting["ro"] = lost
        await pair.deliver("ro")
        items = at_ro.store.read_now(lambda session: stuck(session, at_ro, later))
        assert [one for one in items if one.what == "channel.lacking"] == []

    asyncio.run(play())


def test_a_quarantine_that_grows_is_named_and_one_that_is_full_is_not(pair: Pair) -> None:
    more = dwell()["quarantine.growing"].more_than

    def rows(count: int, at: datetime) -> Iterator[tuple[Table, dict[str, Any]]]:
        for number in range(count):
            yield tables.QUARANTINE, {"digest": f"{at.timestamp()}-{number}", "received_at": at}

    put(pair.it.node.store, *rows(more + 1, NOW - timedelta(hours=2)), *rows(more, NOW))
    assert found(pair, "quarantine.growing") == []
    put(pair.it.node.store, *rows(1, NOW - timedelta(minutes=1)))
    assert len(found(pair, "quarantine.growing")) == 1


def test_a_backup_is_old_only_where_one_is_known(pair: Pair) -> None:
    ledger = pair.it.node.settings.ledger_dir
    assert last_backup(ledger) is None
    assert found(pair, "backup.old") == []
    note_backup(ledger, NOW - most_of("backup.old"))
    assert found(pair, "backup.old") == [("database", NOW - most_of("backup.old"))]
    note_backup(ledger, NOW)
    assert found(pair, "backup.old") == []


# -- told once, and cleared


def notices(pair: Pair) -> list[str]:
    rows = pair.it.node.store.read_now(
        lambda session: (
            session.connection().execute(text("SELECT key FROM notice WHERE kind = 'stuck'")).all()
        )
    )
    return [row.key for row in rows]


def too_long(what: str, name: str, by: timedelta = TICK) -> tuple[Table, dict[str, Any]]:
    return standing(what, NOW - most_of(what) - by, name)


def test_two_workers_tell_of_a_stuck_thing_once(pair: Pair) -> None:
    put(pair.it.node.store, too_long("message.held", "m"))

    async def play() -> list[tuple[int, int]]:
        first, second = (Watch(pair.it.node, holder=holder) for holder in "ab")
        done = list(await asyncio.gather(first.once(), second.once()))
        pair.clock.pass_by(minutes=10)  # the lease has run out: the other one looks
        return [*done, await second.once()]

    done = asyncio.run(play())
    assert sorted(done[:2]) == [(0, 0), (1, 0)]
    assert done[2] == (0, 0)
    assert len(notices(pair)) == 1


def test_while_one_holds_the_lease_another_neither_tells_nor_clears(pair: Pair) -> None:
    put(pair.it.node.store, too_long("message.held", "m"))

    async def play() -> None:
        first, second = (Watch(pair.it.node, holder=holder) for holder in "ab")
        assert await first.once() == (1, 0)
        put_right(pair, "m")
        assert await second.once() == (0, 0)
        assert await first.once() == (0, 1)

    asyncio.run(play())


def put_right(pair: Pair, id_: str) -> None:
    def work(session: Session) -> None:
        session.connection().execute(
            text("UPDATE message SET status = 'retrieved' WHERE id = :id"), {"id": id_}
        )

    pair.it.node.store.submit(work).result()


@pytest.mark.parametrize("step", ["after the row", "after the notice", "before the answer"])
def test_a_crash_between_any_two_steps_tells_once(step: str, pair: Pair) -> None:
    """What the worker does is one transaction: a process that ends inside it leaves nothing, one that ends
    after it leaves all."""
    node = pair.it.node
    put(node.store, too_long("message.held", "m"))
    (one,) = [
        one
        for one in node.store.read_now(lambda session: stuck(session, node, NOW))
        if one.what == "message.held"
    ]

    def interrupted(session: Session) -> None:
        session.connection().execute(
            insert(tables.STUCK).values(what=one.what, subject=one.subject, since=one.since, found_at=NOW)
        )
        if step != "after the row":
            assert tell(
                session,
                "stuck",
                authority=None,
                audience="operator",
                subject=f"{one.what} {one.subject}",
                due_at=None,
                key=f"stuck/{one.what}/{one.subject}/{one.since.isoformat()}",
                now=NOW,
            )
        if step != "before the answer":
            raise SystemError("the process ends here")

    done = node.store.submit(interrupted)
    if step != "before the answer":
        with pytest.raises(SystemError):
            done.result()
        assert notices(pair) == []
    asyncio.run(Watch(node, holder="a").once())
    assert len(notices(pair)) == 1


def test_what_moves_is_cleared_and_told_again_when_it_stands_again(pair: Pair) -> None:
    put(pair.it.node.store, too_long("conversation.case.notified", "t"))
    watch = Watch(pair.it.node, holder="a")

    def moved(at: datetime) -> None:
        def work(session: Session) -> None:
            session.connection().execute(tables.THREAD.update().values(updated_at=at))

        pair.it.node.store.submit(work).result()

    async def play() -> None:
        assert await watch.once() == (1, 0)
        moved(pair.clock.now())
        assert await watch.once() == (0, 1)
        pair.clock.moment += most_of("conversation.case.notified")
        # Half a year on, other things stand too: this one is among them, and told of anew.
        await watch.once()

    asyncio.run(play())
    mine = [key for key in notices(pair) if key.startswith("stuck/conversation.case.notified/t/")]
    assert len(mine) == len(set(mine)) == 2


def test_no_case_and_no_office_is_named_in_what_an_operator_is_told(pair: Pair) -> None:
    async def play() -> str:
        case = await pair.open_case()
        await pair.notify(case)
        pair.clock.pass_by(days=400)
        await Watch(pair.it.node, holder="a").once()
        rows = await pair.it.rows(
            "SELECT subject, key FROM notice WHERE kind IN ('stuck', 'directory-ending')"
        )
        assert rows
        assert not [row for row in rows if case in str(row) or "servizio-minori" in str(row)]
        return case

    asyncio.run(play())


# -- gauges


def test_the_gauge_counts_all_that_stand_still_and_names_the_oldest(pair: Pair) -> None:
    many = MOST + 30
    rows = [too_long("message.held", f"m{number:03}", timedelta(minutes=number)) for number in range(many)]
    put(pair.it.node.store, *rows, too_long("inbox.waiting", "i"))
    looked = pair.it.node.store.read_now(lambda session: look(session, pair.it.node, NOW))
    assert looked.counts["message.held"] == many
    assert looked.more
    named = [one for one in looked.items if one.what == "message.held"]
    assert len(named) == MOST
    assert named[0].subject.endswith(f"m{many - 1:03}")
    assert many < COUNTED

    class Line:
        connected, generation = True, 1

    async def measured() -> dict[str, float]:
        await Gauges(pair.it.node, Line()).watch()
        lines = pair.it.node.metrics.exposition().decode().splitlines()
        return {
            line.split('"')[1]: float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith("fp_stuck{")
        }

    gauges = asyncio.run(measured())
    assert set(gauges) == {what for what, row in dwell().items() if row.most is not None}
    assert gauges["message.held"] == many
    assert gauges["inbox.waiting"] == 1
    assert gauges["outbox.queued"] == 0


def test_overdue_answers_are_measured_by_who_owes_them(pair: Pair) -> None:
    owed = {"kind": "answer", "look_at": None}
    put(
        pair.it.node.store,
        (tables.DEADLINE, owed | {"thread": "a", "owed_by": "it.office", "due_at": NOW - timedelta(hours=1)}),
        (tables.DEADLINE, owed | {"thread": "b", "owed_by": "ro.office", "due_at": NOW - timedelta(days=1)}),
        (tables.DEADLINE, owed | {"thread": "c", "owed_by": "it.office", "due_at": NOW + TICK}),
        (
            tables.DEADLINE,
            {"thread": "d", "kind": "duty", "owed_by": "it.office", "due_at": NOW - timedelta(days=9)},
        ),
    )

    class Line:
        connected, generation = True, 1

    asyncio.run(Gauges(pair.it.node, Line()).measure())
    text_ = pair.it.node.metrics.exposition().decode()
    assert 'fp_answer_overdue_seconds{owed_by="us"} 3600.0' in text_
    assert 'fp_answer_overdue_seconds{owed_by="them"} 86400.0' in text_


def test_a_new_node_stands_still_nowhere(tmp_path: Path) -> None:
    pair = open_pair(tmp_path)
    counts = pair.it.node.store.read_now(lambda session: look(session, pair.it.node, pair.clock.now())).counts
    assert {what for what, count in counts.items() if count} <= {"key.seal-identity"}, (
        "the sample has few keys"
    )
    pair.close()
