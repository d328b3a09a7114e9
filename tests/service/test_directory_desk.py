"""What an administrator does to this State's part of the directory: by the API, with a preview, and not alone
of what the node may sign."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol import statements
from protocol.claims import seconds_of
from protocol.errors import NotAcceptable
from protocol.identifiers import StateCode
from protocol.statements import StatementType
from service import exchange
from service.access.roles import Role
from service.directory.corridor import draft_profile, facts_of_profile, signed
from service.directory.publish import read_entries
from service.errors import NotFound
from service.exchange.views import ApprovalView
from tests.protocol.sample_directory import NETWORK, RO_FOCAL_POINT
from tests.service.exchange_pair import Pair, actor, open_pair

ADMINISTRATOR = actor(role=Role.ADMINISTRATOR, person="administrator-1")
SECOND = actor(role=Role.ADMINISTRATOR, person="administrator-2")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def published(
    pair: Pair, kind: str, name: str, facts: dict[str, Any] | None, signed: str | None
) -> ApprovalView:
    """Proposed by one administrator and approved by another."""
    waits = await exchange.propose_entry(pair.ro.node, ADMINISTRATOR, kind, name, facts, signed)
    return await exchange.decide(pair.ro.node, SECOND, waits.id, "approve", None)


def mandate(pair: Pair, **changes: Any) -> dict[str, Any]:
    now = pair.clock.now()
    return {
        "intermediary": "int.iom",
        "procedures": ["social-inquiry"],
        "from": seconds_of(now),
        "until": seconds_of(now + timedelta(days=30)),
        **changes,
    }


def test_a_preview_says_what_an_entry_would_do_and_leaves_nothing_behind(pair: Pair) -> None:
    async def play() -> None:
        draft = await exchange.preview_entry(pair.ro.node, ADMINISTRATOR, "mandate", "iom", mandate(pair))
        assert draft.path == "ro/mandate/iom"
        assert any("int.iom acts for ro in social-inquiry" in line for line in draft.changes)
        assert not draft.signs_here
        assert read_entries(pair.ro.node.settings.data_dir) == {}

    run(play())


def test_claims_of_a_preview_that_were_signed_offline_are_published_as_they_are(pair: Pair) -> None:
    async def play() -> None:
        node = pair.ro.node
        draft = await exchange.preview_entry(node, ADMINISTRATOR, "mandate", "iom", mandate(pair))
        token = statements.sign(StatementType.STATE_ENTRY, draft.claims, pair.world.root["ro"])
        await published(pair, "mandate", "iom", None, token)
        assert read_entries(node.settings.data_dir) == {"ro/mandate/iom": token}
        (row,) = await pair.ro.rows(
            "SELECT actor, action, subject FROM access_journal WHERE action = 'entry-published'"
        )
        assert dict(row) == {
            "actor": "administrator-1",
            "action": "entry-published",
            "subject": "ro/mandate/iom",
        }
        pair.world.entries["ro/mandate/iom"] = token
        (found,) = pair.world.refresh().mandates(at=pair.clock.now())
        assert found.digest == statements.read(token, typ=StatementType.STATE_ENTRY).digest

    run(play())


def test_a_node_that_holds_the_root_key_signs_facts_itself(pair: Pair) -> None:
    async def play() -> None:
        pair.world.signing["state-root"] = pair.world.root["ro"]
        done = await published(pair, "mandate", "iom", mandate(pair), None)
        assert list(read_entries(pair.ro.node.settings.data_dir)) == [done.subject]

    run(play())


def test_facts_are_not_published_where_the_root_key_is_elsewhere(pair: Pair) -> None:
    async def play() -> None:
        with pytest.raises(NotFound) as refused:
            await exchange.propose_entry(pair.ro.node, ADMINISTRATOR, "mandate", "iom", mandate(pair), None)
        assert refused.value.code == "keystore.unknown_owner"
        assert read_entries(pair.ro.node.settings.data_dir) == {}

    run(play())


def test_an_authority_keeps_its_keys_and_its_lost_competence_is_named(pair: Pair) -> None:
    async def play() -> None:
        facts = next(iter(pair.world.authority(RO_FOCAL_POINT).metadata().values()))
        facts["competences"] = [one for one in facts["competences"] if one != "guardian"]
        draft = await exchange.preview_entry(pair.ro.node, ADMINISTRATOR, "authority", "anpdca", facts)
        assert any("no longer competent for guardian" in line for line in draft.changes)
        assert draft.claims["jwks"]["keys"]
        with pytest.raises(NotFound):
            await exchange.preview_entry(pair.ro.node, ADMINISTRATOR, "authority", "new-office", facts)

    run(play())


@pytest.mark.parametrize(
    ("key", "code"), [("it", "directory.wrong_signer"), ("ro", "directory.entry_rollback")]
)
def test_what_other_nodes_would_refuse_is_refused_before_it_is_published(
    pair: Pair, key: str, code: str
) -> None:
    async def play() -> None:
        facts = next(iter(pair.world.authority(RO_FOCAL_POINT).metadata().values()))
        draft = await exchange.preview_entry(pair.ro.node, ADMINISTRATOR, "authority", "anpdca", facts)
        claims = {**draft.claims, "iat": draft.claims["iat"] - 60}
        token = statements.sign(StatementType.STATE_ENTRY, claims, pair.world.root[key])
        with pytest.raises(NotAcceptable) as refused:
            await exchange.propose_entry(pair.ro.node, ADMINISTRATOR, "authority", "anpdca", None, token)
        assert refused.value.code == code
        assert read_entries(pair.ro.node.settings.data_dir) == {}

    run(play())


@pytest.mark.parametrize("facts", [{}, {"intermediary": "ro.anpdca"}, {"intermediary": 7}])
def test_malformed_facts_are_refused_at_the_preview(pair: Pair, facts: dict[str, Any]) -> None:
    async def play() -> None:
        with pytest.raises(NotAcceptable):
            await exchange.preview_entry(pair.ro.node, ADMINISTRATOR, "mandate", "iom", facts)

    run(play())


def test_the_state_of_the_directory_shows_its_age_suspensions_and_what_peers_see(pair: Pair) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        await pair.reconcile("ro")
        state = await exchange.directory_state(pair.it.node, ADMINISTRATOR)
        assert (state.freshness, state.suspended, state.alarms) == ("good", (), ())
        assert [(peer.peer, peer.outcome) for peer in state.peers] == [("ro", "agrees")]
        pair.clock.moment = state.half_life
        aged = await exchange.directory_state(pair.it.node, ADMINISTRATOR)
        assert (aged.freshness, aged.alarms) == ("half-life", ("directory.half-life",))
        pair.world.admit("ro", nodes=("ro",), suspended=True)
        pair.world.refresh()
        assert (await exchange.directory_state(pair.it.node, ADMINISTRATOR)).suspended == ("ro",)

    run(play())


def test_a_draft_is_what_the_token_then_says(pair: Pair) -> None:
    async def play() -> None:
        facts = mandate(pair, states=["it"])
        draft = await exchange.preview_entry(pair.ro.node, ADMINISTRATOR, "mandate", "iom", facts)
        token = statements.sign(StatementType.STATE_ENTRY, draft.claims, pair.world.root["ro"])
        assert statements.read(token, typ=StatementType.STATE_ENTRY).claims == draft.claims
        assert dataclasses.replace(draft, signs_here=False) == draft

    run(play())


def test_a_profile_that_both_signed_is_published_from_its_file_and_one_signature_says_so(pair: Pair) -> None:
    async def play() -> None:
        terms = {
            "states": ["it", "ro"],
            "from": f"{pair.clock.now():%Y-%m-%d}",
            "until": f"{pair.clock.now() + timedelta(days=365):%Y-%m-%d}",
            "durations": [],
            "costs": "no-costs",
            "languages": ["en"],
            "retention": "P10Y",
        }
        pair.world.signing["state-root"] = pair.world.root["ro"]
        node, root = pair.ro.node, pair.world.root
        alone = signed(draft_profile(NETWORK, terms, now=pair.clock.now()), root["ro"])
        draft = await exchange.preview_entry(node, ADMINISTRATOR, "corridor", "it", facts_of_profile(alone))
        assert any("NOT signed by both States" in line for line in draft.changes)
        both = signed(alone, root["it"])
        done = await published(pair, "corridor", "it", facts_of_profile(both), None)
        assert any(f"profile {both.digest} counts" in line for line in done.preview)
        pair.world.entries[done.subject] = read_entries(node.settings.data_dir)[done.subject]
        found = pair.world.refresh().corridor_profile(StateCode("it"), StateCode("ro"), pair.clock.now())
        assert found is not None
        assert found.facts.profile_digest == both.digest

    run(play())
