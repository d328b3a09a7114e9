"""Blind by default: what no mandate gives an intermediary is sealed past it, or not sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.envelope import parse
from protocol.errors import NotAcceptable
from protocol.sealing import read_sealed
from service import exchange
from service.errors import Conflict
from service.exchange.views import RelayOutcome
from tests.protocol.sample_intermediary import MD_OFFICE, give, give_own_key, revoke
from tests.service.exchange_trio import Trio, open_trio

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    yield made
    made.close()


def everything_in(home: Path) -> bytes:
    """Every byte of a node's data directory, its database's pages and its log's."""
    return b"".join(file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file())


async def test_identity_outside_the_mandate_is_refused_where_the_authority_has_no_key(trio: Trio) -> None:
    case = await trio.open_case()
    with pytest.raises(NotAcceptable, match=r"directory\.no_recipient_key"):
        await trio.it.send(trio.to_md("case.notification", case, identity=True))
    assert await trio.it.rows("select row from outbox") == []


async def test_identity_is_sealed_past_the_intermediary_to_the_authoritys_own_key(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    case = await trio.open_case()
    said = trio.to_md("case.notification", case, identity=True)
    assert said.identity is not None
    notice = await trio.it.send(said)
    await trio.settle()
    view = await exchange.read_message(trio.iom.node, trio.iom.officer, notice.id, False, None)
    assert view.content is not None
    assert (view.content.identity, view.content.identity_state) == (None, "sealed")
    assert view.content.coded == said.coded
    (waits,) = (await exchange.pending_relays(trio.iom.node, trio.iom.officer)).messages
    assert (waits.readable, waits.sealed) == (True, True)
    # Its authority opens it, with its own key and nothing of the intermediary's.
    envelope = parse(await exchange.relay_envelope(trio.iom.node, trio.iom.officer, notice.id))
    key = trio.world.sealing[MD_OFFICE, "identity"]
    part = read_sealed(envelope.parts["identity"])
    assert part.kid == key.kid
    assert json.loads(part.open(key, envelope.header_digest))["identity"] == said.identity


async def test_another_procedure_is_carried_unopened(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("identity",))
    case = await trio.open_case()
    notice = await trio.it.send(trio.to_md("case.notification", case))
    await trio.settle()
    (row,) = await trio.it.rows("select status from message where id = :id", id=notice.id)
    assert row["status"] == "consigned"
    evidence = await exchange.message_evidence(trio.it.node, trio.it.officer, notice.id)
    assert [one.kind for one in evidence.evidence] == ["submission-accepted", "relay-accepted"]
    (waits,) = (await exchange.pending_relays(trio.iom.node, trio.iom.officer)).messages
    assert (waits.readable, waits.sealed, waits.type, waits.case) == (False, True, None, None)
    assert await trio.iom.rows("select id from message") == []
    assert await trio.iom.rows("select reference from case_file") == []
    # It came twice, and is one.
    trio.hub.waiting["int-iom"].append(trio.hub.carried[0][1])
    await trio.settle()
    assert len(await trio.iom.rows("select id from relay")) == 1
    handed_over = RelayOutcome(outcome="handed-over", way="courier-file")
    await exchange.relay_envelope(trio.iom.node, trio.iom.officer, notice.id)
    await exchange.record_relay(trio.iom.node, trio.iom.officer, notice.id, handed_over)
    await trio.settle()
    evidence = await exchange.message_evidence(trio.it.node, trio.it.officer, notice.id)
    assert evidence.evidence[-1].kind == "relayed-to-non-node"
    assert await trio.iom.rows("select id from relay where envelope is not null") == []


@pytest.mark.parametrize("readable", [True, False])
async def test_nobody_says_that_a_sealed_part_was_handed_over_while_it_is_nowhere_but_here(
    trio: Trio, readable: bool
) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    if not readable:
        give(trio.world, procedures=("identity",))
    case = await trio.open_case()
    notice = await trio.it.send(trio.to_md("case.notification", case, identity=True))
    await trio.settle()
    node, officer = trio.iom.node, trio.iom.officer
    by_post = RelayOutcome(outcome="handed-over", way="post")
    with pytest.raises(Conflict) as refused:
        await exchange.record_relay(node, officer, notice.id, by_post)
    assert refused.value.code == "relay.sealed_part_here"
    # Nothing was signed, nothing is lost, and that it failed may be said at any time.
    await trio.settle()
    proven = await exchange.message_evidence(trio.it.node, trio.it.officer, notice.id)
    assert "relayed-to-non-node" not in [one.kind for one in proven.evidence]
    assert len(await trio.iom.rows("select id from relay where envelope is not null")) == 1
    failed = RelayOutcome(outcome="failed", way="post", reason="relay.returned")
    await exchange.record_relay(node, officer, notice.id, failed)
    assert parse(await exchange.relay_envelope(node, officer, notice.id)).parts
    assert (await exchange.record_relay(node, officer, notice.id, by_post)).outcome == "handed-over"
    assert await trio.iom.rows("select id from relay where envelope is not null") == []


async def test_both_nodes_count_alike_what_one_of_them_cannot_read(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("identity",))
    case = await trio.open_case()
    await trio.it.send(trio.to_md("case.notification", case))
    await trio.settle()
    ours, theirs = [
        await side.rows(
            "select last, chain from channel where sender_node = 'it' and recipient_node = 'int-iom'"
        )
        for side in (trio.it, trio.iom)
    ]
    assert ours == theirs
    assert ours


async def test_with_its_database_keys_and_hub_credentials_nothing_outside_the_mandate_is_read(
    trio: Trio, tmp_path: Path
) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("identity",))
    case = await trio.open_case()
    blind = trio.to_md("case.notification", case, identity=True)
    await trio.it.send(blind)
    await trio.settle()
    secrets = [case.encode(), b"case.notification", json.dumps(blind.identity)[20:60].encode()]
    secrets += [block.text.encode() for block in blind.narrative if block.text]
    # Everything on its disk, and everything that ever went over the hub to it or from it.
    trio.iom.node.store.close()
    disk = everything_in(tmp_path / "int-iom")
    hub = b"".join(data for _, data in trio.hub.carried)
    for secret in secrets:
        assert secret not in disk
        assert secret not in hub
    # And with every private key that it holds, no part of any envelope opens.
    held = [key for (owner, _), key in trio.world.sealing.items() if owner == "int-iom"]
    database = sqlite3.connect(next((tmp_path / "int-iom").rglob("*.db")))
    stored = [row[0] for row in database.execute("select envelope from relay")]
    database.close()
    to_iom = [data for to, data in trio.hub.carried if to == "int-iom"]
    opened = 0
    for data in (*stored, *to_iom):
        envelope = parse(data)
        if envelope.header.id != blind.id:
            continue
        for part in envelope.parts.values():
            for key in held:
                with pytest.raises(Exception):  # noqa: B017, PT011 (whatever the library says)
                    read_sealed(part).open(key, envelope.header_digest)
            opened += 1
    assert opened >= 2 * 4
    trio.iom.node.store.__init__(trio.iom.node.settings.database, readers=1)  # type: ignore[misc]


async def test_a_revoked_mandate_carries_nothing_blind_either(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("identity",))
    case = await trio.open_case()
    await trio.it.send(trio.to_md("case.notification", case))
    await trio.release(trio.it)
    trio.wait(hours=1)
    revoke(trio.world)
    await trio.deliver("int-iom")
    assert await trio.iom.rows("select id from relay") == []
    with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
        await trio.it.send(trio.to_md("case.notification", case))


async def chains(trio: Trio) -> list[list[dict[str, object]]]:
    return [
        await side.rows(
            "select last, chain from channel where sender_node = 'it' and recipient_node = 'int-iom'"
        )
        for side in (trio.it, trio.iom)
    ]


async def lost_and_repeated(trio: Trio) -> None:
    """What was published is lost, and its repetition comes."""
    trio.hub.waiting["int-iom"].clear()
    trio.wait(hours=1)


async def test_what_was_numbered_blind_stays_so_when_the_mandate_widens(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("identity",))
    case = await trio.open_case()
    notice = await trio.it.send(trio.to_md("case.notification", case))
    await trio.release(trio.it)
    await lost_and_repeated(trio)
    give(trio.world)
    await trio.settle()
    (waits,) = (await exchange.pending_relays(trio.iom.node, trio.iom.officer)).messages
    assert (waits.id, waits.readable, waits.sealed) == (notice.id, False, True)
    ours, theirs = await chains(trio)
    assert ours == theirs
    assert ours
    # What is said from now on is readable there.
    second = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    waiting = (await exchange.pending_relays(trio.iom.node, trio.iom.officer)).messages
    assert {(one.id, one.readable) for one in waiting} >= {(notice.id, False)}
    assert second.id in {one.id for one in waiting}
    ours, theirs = await chains(trio)
    assert ours == theirs


async def test_what_was_numbered_readable_is_not_sent_blind_when_the_mandate_narrows(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    case = await trio.open_case()
    notice = await trio.it.send(trio.to_md("case.notification", case))
    await trio.release(trio.it)
    carried = len(trio.hub.carried)
    await lost_and_repeated(trio)
    give(trio.world, procedures=("identity",))
    await trio.release(trio.it)
    left = {parse(data).header.id for _, data in trio.hub.carried[carried:]}
    assert notice.id not in left
    (row,) = await trio.it.rows("select status, refusal_code from message where id = :id", id=notice.id)
    assert (row["status"], row["refusal_code"]) == ("refused", "mandate.procedure")
    # Said again, it goes past the intermediary; and both nodes have counted the same in the end.
    again = await trio.it.send(trio.to_md("case.notification", case))
    await trio.settle()
    await trio.reconcile("int-iom")
    await trio.settle()
    (waits,) = (await exchange.pending_relays(trio.iom.node, trio.iom.officer)).messages
    assert (waits.id, waits.readable) == (again.id, False)


async def test_what_had_arrived_readable_before_the_mandate_narrowed_is_known_to_have(trio: Trio) -> None:
    """The evidence was lost; the repetition is refused here, and the evidence sets it right when it comes."""
    trio.wait(minutes=1)
    give_own_key(trio.world)
    case = await trio.open_case()
    notice = await trio.it.send(trio.to_md("case.notification", case))
    await trio.release(trio.it)
    await trio.deliver("int-iom")
    trio.wait(hours=1)
    give(trio.world, procedures=("identity",))
    await trio.release(trio.it)
    (row,) = await trio.it.rows("select status from message where id = :id", id=notice.id)
    assert row["status"] == "refused"
    await trio.settle()
    (row,) = await trio.it.rows("select status, refusal_code from message where id = :id", id=notice.id)
    assert (row["status"], row["refusal_code"]) == ("consigned", None)
    # The number is not sent again: a new epoch begins. What the old one counted is alike.
    ours, theirs = await chains(trio)
    assert ours[0] == theirs[0]
