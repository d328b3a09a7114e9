"""What two administrators do together: entries of the directory, keys, accounts. Judged by what is laid out,
by what the keystore holds and by what is stored."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from sqlalchemy import text

from protocol import statements
from protocol.claims import Claims, seconds_of
from protocol.directory.entries import read_keys
from protocol.errors import Refused
from protocol.identifiers import MessageId
from protocol.statements import StatementType
from service import exchange
from service.access import pairs
from service.access.actor import Actor
from service.access.roles import Role, Scope
from service.directory.key_desk import KeyRequest
from service.directory.laid_out import lay_out, read_entries
from service.directory.machine_proposals import MachineProposal, leave_proposal, proposals
from service.directory.own_entries import claims_of
from service.directory.rotate import KeyLife
from service.errors import NodeError
from service.exchange.accounts import BY_TWO, add_person
from service.exchange.views import ApprovalView
from service.keystore import API_TOKEN, STATE_ROOT, FileKeyStore
from service.monitor.overdue import Overdue
from service.node import Node
from service.random_source import SystemRandomSource
from service.store import approvals, migrate
from service.store.engine import open_engine
from tests.service.access_stand import AccessStand
from tests.service.exchange_pair import Pair, actor, open_pair

FIRST = actor(role=Role.ADMINISTRATOR, person="administrator-1")
SECOND = actor(role=Role.ADMINISTRATOR, person="administrator-2")
PATH = "ro/mandate/iom"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    opened.world.signing[STATE_ROOT] = opened.world.root["ro"]
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def code_of(work: Coroutine[Any, Any, Any]) -> str:
    try:
        await work
    except (Refused, NodeError) as refused:
        return refused.code
    return "none"


def mandate(pair: Pair, **changes: Any) -> dict[str, Any]:
    now = pair.clock.now()
    return {
        "intermediary": "int.iom",
        "procedures": ["social-inquiry"],
        "from": seconds_of(now),
        "until": seconds_of(now + timedelta(days=30)),
        **changes,
    }


async def propose(pair: Pair, facts: dict[str, Any], *, by: Actor = FIRST) -> ApprovalView:
    return await exchange.propose_entry(pair.ro.node, by, "mandate", "iom", facts, None)


async def decide(node: Node, approval: str, *, by: Actor = SECOND, word: Any = "approve") -> ApprovalView:
    reason = "not-now" if word == "return" else None
    return await exchange.decide(node, by, MessageId(approval), word, reason)


async def published(pair: Pair, facts: dict[str, Any]) -> str:
    """By two people; the token, which the world's directory then has."""
    await decide(pair.ro.node, (await propose(pair, facts)).id)
    token = read_entries(pair.ro.node.settings.data_dir)[PATH]
    pair.world.entries[PATH] = token
    pair.world.refresh()
    pair.clock.pass_by(seconds=5)
    return token


def laid(pair: Pair) -> dict[str, str]:
    return read_entries(pair.ro.node.settings.data_dir)


async def said(pair: Pair) -> list[tuple[str, str]]:
    rows = await pair.ro.rows(
        "select actor, action from access_journal where action like '%entry%' or action like '%action%'"
    )
    return [(row["actor"], row["action"]) for row in rows]


# -- entries


def test_one_administrator_alone_publishes_nothing(pair: Pair) -> None:
    async def play() -> None:
        waits = await propose(pair, mandate(pair))
        assert (waits.state, waits.kind, waits.in_force_since) == ("proposed", "directory-action", None)
        assert laid(pair) == {}
        assert await code_of(decide(pair.ro.node, waits.id, by=FIRST)) == "access.second_person"
        other_role = actor(pair.ro.office, role=Role.SUPERVISOR, person="supervisor-1")
        assert await code_of(decide(pair.ro.node, waits.id, by=other_role)) == "request.not_found"
        assert laid(pair) == {}
        assert await propose(pair, mandate(pair)) == waits, "asked again, the first answer"

    run(play())


def test_the_second_sees_what_it_changes_and_publishes_it_by_approving(pair: Pair) -> None:
    async def play() -> None:
        await published(pair, mandate(pair))
        facts = mandate(pair, procedures=["social-inquiry", "case"], states=["it"])
        waits = await propose(pair, facts)
        shown = await exchange.read_approval(pair.ro.node, SECOND, waits.id)
        assert 'procedures: also "case"' in shown.preview
        assert 'states: nothing -> ["it"]' in shown.preview
        assert any("int.iom acts for ro in social-inquiry, case" in line for line in shown.preview)
        assert (await decide(pair.ro.node, waits.id)).state == "approved"
        (entry,) = (claims_of(token)["metadata"]["focalpoint_mandate"] for token in laid(pair).values())
        assert entry["procedures"] == ["social-inquiry", "case"]
        assert (await said(pair))[-3:] == [
            ("administrator-1", "directory-action-proposed"),
            ("administrator-2", "directory-action-approved"),
            ("administrator-1", "entry-published"),
        ]
        (row,) = await pair.ro.rows("select payload, preview from approval where id = :id", id=waits.id)
        assert row["payload"] is None, "what waited is dropped"
        assert "also" in row["preview"], "what they saw stays"

    run(play())


def test_what_changed_since_it_was_proposed_is_not_published(pair: Pair) -> None:
    async def play() -> None:
        await published(pair, mandate(pair))
        stale = await propose(pair, mandate(pair, states=["it"]))
        fresh = await propose(pair, mandate(pair, procedures=["case"]), by=SECOND)
        await decide(pair.ro.node, fresh.id, by=FIRST)
        before = laid(pair)
        pair.clock.pass_by(seconds=5)
        # The directory has not heard of the newer one yet: what was laid out counts.
        assert await code_of(decide(pair.ro.node, stale.id)) == "access.base_changed"
        assert laid(pair) == before
        (row,) = await pair.ro.rows("select state from approval where id = :id", id=stale.id)
        assert row["state"] == "proposed"

    run(play())


def test_a_signed_entry_is_checked_again_when_it_is_approved(pair: Pair) -> None:
    async def play() -> None:
        node = pair.ro.node
        draft = await exchange.preview_entry(node, FIRST, "mandate", "iom", mandate(pair))
        claims = {**draft.claims, "exp": draft.claims["iat"] + 3600}
        token = statements.sign(StatementType.STATE_ENTRY, claims, pair.world.root["ro"])
        waits = await exchange.propose_entry(node, FIRST, "mandate", "iom", None, token)
        pair.clock.pass_by(hours=2)
        assert await code_of(decide(node, waits.id)) == "directory.entry_expired"
        assert laid(pair) == {}

    run(play())


def test_a_crash_between_file_and_commit_is_mended_by_approving_again(pair: Pair) -> None:
    async def play() -> None:
        node = pair.ro.node
        draft = await exchange.preview_entry(node, FIRST, "mandate", "iom", mandate(pair))
        token = statements.sign(StatementType.STATE_ENTRY, draft.claims, pair.world.root["ro"])
        waits = await exchange.propose_entry(node, FIRST, "mandate", "iom", None, token)
        lay_out(node.settings.data_dir, PATH, token)
        assert (await decide(node, waits.id)).state == "approved"
        assert laid(pair) == {PATH: token}
        pair.clock.pass_by(seconds=5)
        facts = mandate(pair, states=["it"])
        waits = await propose(pair, facts)
        draft = await exchange.preview_entry(node, FIRST, "mandate", "iom", facts)
        token = statements.sign(StatementType.STATE_ENTRY, draft.claims, pair.world.root["ro"])
        lay_out(node.settings.data_dir, PATH, token)
        assert (await decide(node, waits.id)).state == "approved"
        assert laid(pair) == {PATH: token}

    run(play())


def test_an_entry_that_nobody_approved_in_time_or_that_was_returned_is_never_published(pair: Pair) -> None:
    async def play() -> None:
        node = pair.ro.node
        returned = await propose(pair, mandate(pair))
        assert (await decide(node, returned.id, word="return")).state == "returned"
        late = await propose(pair, mandate(pair))
        pair.clock.pass_by(days=3, seconds=1)
        assert await code_of(decide(node, late.id)) == "access.lapsed"
        await Overdue(node).look()
        rows = await pair.ro.rows("select state, payload from approval order by proposed_at")
        assert [(row["state"], row["payload"]) for row in rows] == [("returned", None), ("lapsed", None)]
        assert laid(pair) == {}

    run(play())


def revoked(pair: Pair) -> bool:
    claims = claims_of(laid(pair)[PATH])["metadata"]["focalpoint_mandate"]
    return "revoked_at" in claims


def test_one_revokes_a_mandate_at_once_and_two_give_it_back(pair: Pair) -> None:
    async def play() -> None:
        node, facts = pair.ro.node, mandate(pair)
        await published(pair, facts)
        ends = {**facts, "revoked_at": seconds_of(pair.clock.now())}
        waits = await propose(pair, ends)
        assert waits.in_force_since == pair.clock.now()
        assert revoked(pair)
        # Nor does the second person's disagreement give it back.
        assert (await decide(node, waits.id, word="return")).state == "returned"
        assert revoked(pair)
        pair.clock.pass_by(seconds=5)
        lifting = await propose(pair, facts, by=SECOND)
        assert revoked(pair)
        await decide(node, lifting.id, by=FIRST)
        assert not revoked(pair)

    run(play())


@pytest.mark.parametrize("more", ["earlier", "also narrower", "later again"])
def test_whatever_else_a_revocation_does_takes_two(pair: Pair, more: str) -> None:
    async def play() -> None:
        facts = mandate(pair)
        await published(pair, facts)
        now = seconds_of(pair.clock.now())
        changed = {
            "earlier": {"revoked_at": now - 3600},
            "also narrower": {"revoked_at": now, "procedures": ["case"]},
            "later again": {"revoked_at": now + 86_400},
        }[more]
        if more == "later again":
            await propose(pair, {**facts, "revoked_at": now})
            pair.clock.pass_by(seconds=5)
        before = laid(pair)
        assert (await propose(pair, {**facts, **changed})).in_force_since is None
        assert laid(pair) == before

    run(play())


# -- keys


class Desk:
    """A node with a real keystore, whose entries are laid out as its State's root key signed them."""

    def __init__(self, pair: Pair, directory: Path) -> None:
        self.pair = pair
        self.keys = FileKeyStore.create(
            directory / "store", b"p" * 32, clock=pair.clock, random=SystemRandomSource(), scrypt_n=2**4
        )
        world = pair.world
        for owner in ("ro", "ro.anpdca"):
            self.keys.add_signing(owner, world.signing[owner])
        self.keys.add_signing(API_TOKEN)
        self.keys.add_signing(STATE_ROOT, world.root["ro"])
        for purpose in ("content", "identity"):
            self.keys.add_sealing(purpose)
        self.node = dataclasses.replace(pair.ro.node, keys=self.keys)
        self.home = self.node.settings.data_dir
        for path, token in world.entries.items():
            if path.startswith("ro/") and path.split("/")[1] in ("node", "authority"):
                lay_out(self.home, path, token)
        pair.clock.pass_by(seconds=5)

    async def ask(self, act: Any, owner: str, *, by: Actor = FIRST, **more: Any) -> ApprovalView:
        return await exchange.propose_key_act(self.node, by, KeyRequest(act=act, owner=owner, **more))

    def listed(self, path: str = "ro/authority/anpdca") -> dict[str, Any]:
        claims = claims_of(read_entries(self.home)[path])
        return {
            record.kid: record
            for record in read_keys(Claims(claims, code="directory.malformed").inside("jwks"))
        }


@pytest.fixture
def desk(pair: Pair, tmp_path: Path) -> Desk:
    return Desk(pair, tmp_path)


OFFICE = "ro.anpdca"


@pytest.mark.parametrize("act", ["generate", "publish", "rotate", "retire"])
def test_one_administrator_alone_changes_no_key_and_no_entry(desk: Desk, act: str) -> None:
    async def play() -> None:
        keys, entries = desk.keys.entries(), read_entries(desk.home)
        waits = await desk.ask(act, OFFICE, replace=act == "generate")
        assert waits.preview
        assert waits.in_force_since is None
        assert await code_of(decide(desk.node, waits.id, by=FIRST)) == "access.second_person"
        assert (desk.keys.entries(), read_entries(desk.home)) == (keys, entries)
        await decide(desk.node, waits.id)
        assert (desk.keys.entries(), read_entries(desk.home)) != (keys, entries) or act == "publish"

    run(play())


def test_a_rotation_lists_the_new_key_beside_the_old_once_two_agreed(desk: Desk) -> None:
    async def play() -> None:
        old = desk.keys.signing(OFFICE).kid
        waits = await desk.ask("rotate", OFFICE)
        assert any("key (new) (sign): new" in line for line in waits.preview)
        await decide(desk.node, waits.id)
        (made,) = (one.kid for one in desk.keys.entries() if one.waiting)
        assert {old, made} <= desk.listed().keys()
        assert desk.keys.signing(OFFICE).kid == old, "until the directory lists it"
        await KeyLife(desk.node, desk.keys)._journal()
        (row,) = await desk.pair.ro.rows("select actor, via from access_journal where action = 'keys.rotate'")
        assert (row["actor"], row["via"]) == ("administrator-1", "command")

    run(play())


def test_the_journal_says_how_whoever_proposed_came_when_the_second_carries_it_out(desk: Desk) -> None:
    async def play() -> None:
        signed_in, system = (
            dataclasses.replace(who, via=via) for who, via in ((FIRST, "session"), (SECOND, "client"))
        )
        waits = await desk.ask("rotate", OFFICE, by=signed_in)
        await decide(desk.node, waits.id, by=system)
        await KeyLife(desk.node, desk.keys)._journal()
        entered = await add_person(desk.node, signed_in, Role.SUPERVISOR, [OFFICE], None)
        assert isinstance(entered, ApprovalView)
        await decide(desk.node, entered.id, by=system)
        rows = await desk.pair.ro.rows("select actor, via, action from access_journal order by position")
        assert {(row["actor"], row["via"]) for row in rows} == {
            ("administrator-1", "session"),
            ("administrator-2", "client"),
        }
        by_first = {row["action"] for row in rows if row["actor"] == "administrator-1"}
        assert by_first >= {"keys.rotate", "person-added", "key-action-proposed", "account-action-proposed"}

    run(play())


def test_what_is_carried_out_for_a_first_person_is_held_to_what_their_token_granted(desk: Desk) -> None:
    async def play() -> None:
        narrow = dataclasses.replace(FIRST, scopes=frozenset({Scope.ADMIN, Scope.MESSAGES_READ}))
        waits = await desk.ask("rotate", OFFICE, by=narrow)
        (row,) = await desk.node.store.read(
            lambda session: approvals.of_subject(session.connection(), waits.subject, [pairs.KEY_ACTION])
        )
        assert pairs.proposer_of(row).scopes == {Scope.ADMIN}, "and to what the role has today"

    run(play())


def test_what_waits_while_a_node_is_upgraded_keeps_how_it_was_proposed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine, config = open_engine(url), migrate._config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0029")
        for number, state in enumerate(("proposed", "approved"), start=1):
            connection.execute(
                text(
                    "INSERT INTO approval (id, kind, subject, state, proposed_by, proposed_role, proposed_at,"
                    " expires_at) VALUES (:id, 'key-action', :id, :state, 'a', 'administrator', 5, 9)"
                ),
                {"id": f"act-{number}", "state": state},
            )
            connection.execute(
                text(
                    "INSERT INTO access_journal (position, at, actor, role, via, action, subject)"
                    " VALUES (:at, 5, 'a', 'administrator', 'session', 'key-action-proposed', :id)"
                ),
                {"id": f"act-{number}", "at": number},
            )
        connection.commit()
    migrate.upgrade(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, proposed_via, proposed_scopes FROM approval ORDER BY id"))
        assert [tuple(row) for row in rows] == [("act-1", "session", None), ("act-2", None, None)]
    engine.dispose()


def test_a_key_that_was_named_is_retired_and_no_later_one(desk: Desk) -> None:
    async def play() -> None:
        named = desk.keys.signing(OFFICE).kid
        retiring = await desk.ask("retire", OFFICE)
        later = desk.keys.add_signing(OFFICE).kid
        await decide(desk.node, retiring.id)
        assert desk.keys.signing(OFFICE).kid == later
        assert next(one for one in desk.keys.entries() if one.kid == named).current is False

    run(play())


def test_an_entry_that_changed_since_lets_no_key_be_made(desk: Desk) -> None:
    async def play() -> None:
        first, second = await desk.ask("rotate", OFFICE), await desk.ask("rotate", OFFICE, by=SECOND)
        assert first.id != second.id
        await decide(desk.node, first.id)
        desk.pair.clock.pass_by(seconds=5)
        keys, entries = desk.keys.entries(), read_entries(desk.home)
        assert await code_of(decide(desk.node, second.id, by=FIRST)) == "access.base_changed"
        assert (desk.keys.entries(), read_entries(desk.home)) == (keys, entries)

    run(play())


def test_one_cuts_a_stolen_key_off_from_now_on_and_two_disown_what_came_before(desk: Desk) -> None:
    async def play() -> None:
        stolen, now = desk.keys.signing(OFFICE).kid, desk.pair.clock.now()
        theft = now - timedelta(days=2)
        waits = await desk.ask("compromised", OFFICE, since=theft)
        assert waits.in_force_since == now
        record = desk.listed()[stolen]
        assert record.revoked_at == now.replace(microsecond=0)
        assert record.checkpoints is None, "nothing of the past is disowned by one"
        new = desk.keys.signing(OFFICE).kid
        assert new != stolen
        assert any("with the second person" in line for line in waits.preview)
        desk.pair.clock.pass_by(seconds=5)
        await decide(desk.node, waits.id)
        record = desk.listed()[stolen]
        assert record.revoked_at == theft.replace(microsecond=0)
        assert record.checkpoints == ()
        assert desk.keys.signing(OFFICE).kid == new, "the one that took over stays"

    run(play())


def test_a_cut_off_that_is_returned_or_lapses_holds_on_and_disowns_nothing(desk: Desk) -> None:
    async def play() -> None:
        stolen, now = desk.keys.signing(OFFICE).kid, desk.pair.clock.now()
        waits = await desk.ask("compromised", OFFICE, since=now - timedelta(days=2))
        await decide(desk.node, waits.id, word="return")
        again = await desk.ask("revoke", "ro")
        desk.pair.clock.pass_by(days=4)
        assert await code_of(decide(desk.node, again.id)) == "access.lapsed"
        record = desk.listed()[stolen]
        assert (record.revoked_at, record.checkpoints) == (now.replace(microsecond=0), None)
        assert any(one.revoked_at is not None for one in desk.listed("ro/node/ro").values())

    run(play())


def test_a_node_without_the_root_key_changes_no_entry_by_the_api_and_still_its_token_key(desk: Desk) -> None:
    async def play() -> None:
        root = next(one for one in desk.keys.entries() if one.owner == STATE_ROOT)
        desk.keys.retire(root.kid)
        keys = desk.keys.entries()
        for act in ("rotate", "retire", "revoke"):
            assert await code_of(desk.ask(act, OFFICE)) == "keystore.unknown_owner"
        assert desk.keys.entries() == keys
        token = desk.keys.signing(API_TOKEN).kid
        waits = await desk.ask("rotate", API_TOKEN)
        assert desk.keys.signing(API_TOKEN).kid == token
        await decide(desk.node, waits.id)
        assert desk.keys.signing(API_TOKEN).kid != token

    run(play())


def test_what_the_machine_proposes_waits_once_under_its_own_id(desk: Desk) -> None:
    async def play() -> None:
        proposal = MachineProposal(
            id="0198a1f2-0000-7000-8000-000000000001",
            kind="key-action",
            subject=API_TOKEN,
            by="staff-17",
            at=desk.pair.clock.now(),
            facts={"act": "rotate", "owner": API_TOKEN},
            act={"request": {"act": "rotate", "owner": API_TOKEN}, "bases": {}},
            preview=("a new key",),
        )
        worker = KeyLife(desk.node, desk.keys)
        for _ in range(2):  # as after a crash between the commit and the taking away
            leave_proposal(desk.home, proposal)
            await worker._take_in()
        assert list(proposals(desk.home)) == []
        (row,) = await desk.pair.ro.rows("select id, proposed_by, state from approval")
        assert row == {"id": proposal.id, "proposed_by": "staff-17", "state": "proposed"}
        by_themself = actor(role=Role.ADMINISTRATOR, person="staff-17")
        assert await code_of(decide(desk.node, proposal.id, by=by_themself)) == "access.second_person"
        before = desk.keys.signing(API_TOKEN).kid
        await decide(desk.node, proposal.id)
        assert desk.keys.signing(API_TOKEN).kid != before

    run(play())


def test_a_file_that_proposes_something_else_is_passed_over(desk: Desk) -> None:
    async def play() -> None:
        proposal = MachineProposal(
            id="0198a1f2-0000-7000-8000-000000000002",
            kind="account-action",
            subject="person-x",
            by="staff-17",
            at=desk.pair.clock.now(),
            facts={},
            act={"act": "invite"},
            preview=(),
        )
        leave_proposal(desk.home, proposal)
        (desk.home / "proposals" / "broken.json").write_text("{")
        await KeyLife(desk.node, desk.keys)._take_in()
        assert await desk.pair.ro.rows("select id from approval") == []

    run(play())


# -- accounts


async def registered(stand: AccessStand, role: str, *, by: str = "administrator-1") -> httpx.Response:
    authorities = [stand.office] if role in ("supervisor", "case-officer", "intermediary-officer") else []
    body = {"role": role, "authorities": authorities}
    return await stand.as_(Role.ADMINISTRATOR, person=by).post("/v1/persons", json=body)


def test_the_roles_that_take_two_are_those_that_see_content_or_administer() -> None:
    assert BY_TWO - {Role.AGENCY_SYSTEM} == {
        Role.CASE_OFFICER,
        Role.SUPERVISOR,
        Role.INTERMEDIARY_OFFICER,
        Role.ADMINISTRATOR,
    }


@pytest.mark.parametrize("role", ["supervisor", "case-officer"])
def test_nobody_is_given_a_role_with_content_by_one_administrator(stand: AccessStand, role: str) -> None:
    async def play() -> None:
        asked = await registered(stand, role)
        assert asked.status_code == 202
        assert stand.tables()["person"] == []
        body = asked.json()
        assert any(f"as {role}" in line for line in body["preview"])
        alone = await stand.as_(Role.ADMINISTRATOR, person="administrator-1").post(
            f"{asked.headers['location']}/decision", json={"decision": "approve"}
        )
        assert alone.json()["code"] == "access.second_person"
        await stand.approved(asked)
        (row,) = stand.tables()["person"]
        assert row[0] == body["subject"]
        # Nor does one alone make the link, with which they could come themselves.
        link = await stand.as_(Role.ADMINISTRATOR).post(f"/v1/persons/{body['subject']}/invitation")
        assert (link.status_code, "/auth/" in link.text) == (202, False)
        assert stand.tables()["invitation"] == []
        decided = await stand.approved(link)
        assert decided["invitation"]["link"].startswith(stand.node.settings.audience)
        seen = await stand.as_(Role.ADMINISTRATOR).get(link.headers["location"])
        assert "invitation" not in seen.json(), "shown once, to whoever approved"

    run(play())


def test_one_registers_the_first_two_administrators_and_no_third(stand: AccessStand) -> None:
    async def play() -> None:
        first, second = [await registered(stand, "administrator") for _ in range(2)]
        assert (first.status_code, second.status_code) == (201, 201)
        assert (await registered(stand, "administrator")).status_code == 202
        admin = stand.as_(Role.ADMINISTRATOR)
        made = await admin.post(f"/v1/persons/{second.json()['id']}/invitation")
        assert made.status_code == 201
        path = made.json()["link"].partition("/auth/")[2]
        assert (await stand.browser().post(f"/auth/{path}")).status_code == 303
        # They have come: from now on a link in their name takes two.
        again = await stand.as_(Role.ADMINISTRATOR).post(f"/v1/persons/{second.json()['id']}/invitation")
        assert again.status_code == 202
        # And whoever disables the others does not become the first again.
        for one in (first, second):
            await stand.as_(Role.ADMINISTRATOR).delete(f"/v1/persons/{one.json()['id']}")
        assert (await registered(stand, "administrator")).status_code == 202
        actions = [row[2] for row in stand.journal()]
        assert actions.count("person-added") == 2

    run(play())


def test_a_system_is_registered_by_two_and_not_as_it_was_before_somebody_changed_it(
    stand: AccessStand,
) -> None:
    async def play() -> None:
        _, key = await stand.client("registry")
        body = {
            "role": "agency-system",
            "authorities": [stand.office],
            "keys": [key.as_dict(private=False) | {"kid": "k2"}],
        }
        admin = stand.as_(Role.ADMINISTRATOR)
        before = stand.tables()["client"]
        asked = await admin.put("/v1/clients/registry", json=body)
        assert stand.tables()["client"] == before
        assert any("thumbprint" in line for line in asked.json()["preview"])
        assert any("no longer key k1" in line for line in asked.json()["preview"])
        stale = await admin.put("/v1/clients/registry", json=body)
        await admin.delete("/v1/clients/registry")
        second = stand.as_(Role.ADMINISTRATOR, person="administrator-2")
        late = await second.post(f"{stale.headers['location']}/decision", json={"decision": "approve"})
        assert (late.status_code, late.json()["code"]) == (409, "access.base_changed")
        fresh = await admin.put("/v1/clients/another", json=body)
        await stand.approved(fresh)
        assert [row[0] for row in stand.tables()["client"]] == ["registry", "another"]

    run(play())
