"""What a node does with envelopes that somebody forged, altered, replayed or sent to the wrong place.

Nobody vouches for it: quarantined, never answered, and nothing else is touched. Its node is known but nothing
can be believed of what is in it: one `cannot_open`, whatever the reason. Believable and against a rule: a
signed refusal with the code. And after each of them the next good message passes.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest

from protocol import base64url, conversations, opening
from protocol.identifiers import Address, MessageId, NodeCode
from protocol.json_strict import dumps
from protocol.limits import Limits
from protocol.sealing import SealingPublicKey, seal
from protocol.statements import LocalSigningKey, Statement, StatementType, digest
from service.api.reading import ENVELOPE
from service.clock import SystemClock
from service.exchange.accept import Outcome
from service.routing.nats import HubLink
from tests.journeys.forgery import Forger, new_id, raw_statement
from tests.journeys.local_network import (
    IT,
    RO,
    Json,
    LocalNetwork,
    await_status,
    message,
    send,
    status_of,
)
from tests.protocol.sample_directory import (
    IT_FOCAL_POINT,
    IT_LOCAL,
    RO_FOCAL_POINT,
    World,
    node_facts,
    seeded_key,
    seeded_sealing_key,
)
from tests.service.exchange_pair import Pair, open_pair
from tests.watching import until

STRANGER = seeded_key("fr-node-1")
RETIRED_NODE_KEY, RETIRED_AUTHORITY_KEY = seeded_key("it-node-1"), seeded_key(f"{IT_FOCAL_POINT}-1")
DESTROYED = seeded_sealing_key("ro-content-0")


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a forger has at hand: `it`'s keys, other members' too, and the largest envelope in bytes."""

    forger: Forger
    signing: Mapping[str, LocalSigningKey]
    most_bytes: int


@dataclass(frozen=True, kw_only=True)
class Stage(Means):
    """Two nodes in one process, whose keys have all been rotated once; a third State, `md`, is a member."""

    pair: Pair

    @property
    def world(self) -> World:
        return self.pair.world


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    pair = open_pair(tmp_path_factory.mktemp("hostile"))
    world = pair.world
    world.wait(hours=1)
    world.admit("md", nodes=("md",))
    world.publish(node_facts(world, "md", "md"))
    world.rotate("it", "it-node-2")
    world.rotate(IT_FOCAL_POINT, f"{IT_FOCAL_POINT}-2")
    world.refresh()
    pair.clock.pass_by(hours=2)
    yield Stage(
        pair=pair,
        signing=world.signing,
        most_bytes=pair.ro.node.settings.limits.envelope,
        forger=Forger(
            now=pair.clock.now(),
            node_key=world.signing["it"],
            authority_key=world.signing[IT_FOCAL_POINT],
            content_key=world.sealing["ro", "content"].public,
            identity_key=world.sealing["ro", "identity"].public,
        ),
    )
    pair.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


type Made = Callable[[Means], bytes]


def _doubled(data: bytes) -> bytes:
    """The same object with its first member twice."""
    name = data[1 : data.index(b":") + 1]
    value = data[len(name) + 1 : data.index(b",") if b"," in data else -1]
    return b"{" + name + value + b"," + data[1:]


def _restated(forger: Forger, restate: Callable[[bytes], bytes]) -> bytes:
    """An envelope whose statement has other claims, signed by the right authority all the same."""
    draft = forger.draft()
    signed = forger.signed(draft)
    payload = restate(dumps(dict(signed.statement.claims)))
    token = raw_statement(StatementType.CONTENT, payload, forger.authority_key)
    return forger.envelope(draft, signed=signed, token=token)


def _content_with_a_key_twice(by: Means) -> bytes:
    return _restated(by.forger, _doubled)


def _manifest_with_a_key_twice(by: Means) -> bytes:
    body = json.loads(by.forger.good())
    payload = base64url.decode(body["manifest"].split(".")[1].encode())
    body["manifest"] = raw_statement(StatementType.MANIFEST, _doubled(payload), by.forger.node_key)
    return dumps(body)


def _other_envelopes_part(name: str) -> Made:
    def make(by: Means) -> bytes:
        mine, other = (json.loads(by.forger.good()) for _ in range(2))
        mine["parts"][name] = other["parts"][name]
        return dumps(mine)

    return make


NOBODY: dict[str, tuple[str, Made]] = {
    "bytes that are nothing": ("json.malformed", lambda by: b"\x00\xff not an envelope"),
    "nothing at all": ("json.malformed", lambda by: b""),
    "an object without parts": ("envelope.malformed", lambda by: b"{}"),
    "larger than any envelope": (
        "envelope.too_large",
        lambda by: by.forger.good() + b" " * by.most_bytes,
    ),
    "one part larger than its limit": (
        "envelope.too_large",
        lambda by: by.forger.envelope(parts=lambda parts: parts | {"narrative": b"A" * 600_000}),
    ),
    "a duplicate key in the envelope": (
        "json.duplicate_key",
        lambda by: _doubled(by.forger.good()),
    ),
    "a duplicate key in the manifest": ("json.duplicate_key", _manifest_with_a_key_twice),
    "a duplicate key in the clear header": (
        "json.duplicate_key",
        lambda by: by.forger.envelope(clear_bytes=_doubled),
    ),
    "a sender that the directory does not know": (
        "statement.unknown_key",
        lambda by: by.forger.envelope(
            clear=lambda header: replace(header, sender=NodeCode("fr")), node_key=STRANGER
        ),
    ),
    "another State's valid key": (
        "statement.unknown_key",
        lambda by: by.forger.envelope(node_key=by.signing["md"]),
    ),
    "another State's valid key under the right key id": (
        "statement.signature",
        lambda by: by.forger.envelope(node_key=LocalSigningKey.from_seed(by.forger.node_key.kid, b"m" * 32)),
    ),
    "the recipient's own key": (
        "statement.unknown_key",
        lambda by: by.forger.envelope(node_key=by.signing["ro"]),
    ),
    "an authority's key on the manifest": (
        "statement.unknown_key",
        lambda by: by.forger.envelope(node_key=by.forger.authority_key),
    ),
    "a retired node key": (
        "statement.key_not_valid",
        lambda by: by.forger.envelope(node_key=RETIRED_NODE_KEY),
    ),
    "another recipient": (
        "opening.not_for_us",
        lambda by: by.forger.envelope(clear=lambda header: replace(header, recipient=NodeCode("md"))),
    ),
    "expired": (
        "opening.too_old",
        lambda by: by.forger.envelope(
            clear=lambda header: replace(header, sent_at=by.forger.now - timedelta(days=15, seconds=1))
        ),
    ),
    "from the future": (
        "opening.from_the_future",
        lambda by: by.forger.envelope(
            clear=lambda header: replace(header, sent_at=by.forger.now + timedelta(minutes=6))
        ),
    ),
    "a version that is too new": (
        "envelope.version",
        lambda by: by.forger.envelope(clear=lambda header: replace(header, version="2.0")),
    ),
    **{
        f"the {name} part of another envelope": ("opening.part_digest", _other_envelopes_part(name))
        for name in ("header", "statement", "narrative", "identity")
    },
}

UNREADABLE: dict[str, tuple[str, Made]] = {
    "a sealed header with another id": (
        "opening.header_mismatch",
        lambda by: by.forger.envelope(sealed=lambda header: replace(header, id=new_id())),
    ),
    "forwarded to somebody it was not for": (
        "opening.header_mismatch",
        lambda by: by.forger.envelope(
            sealed=lambda header: replace(header, recipient=Address("ro.dgaspc-iasi"))
        ),
    ),
    "said to be from another authority": (
        "opening.header_mismatch",
        lambda by: by.forger.envelope(sealed=lambda header: replace(header, sender=IT_LOCAL)),
    ),
    "content without a number": (
        "opening.header_mismatch",
        lambda by: by.forger.envelope(clear=lambda header: replace(header, sequence=0)),
    ),
    "another statement than listed": (
        "opening.statement_digest",
        lambda by: by.forger.envelope(
            sealed=lambda header: replace(header, statements=(digest(b"another"),))
        ),
    ),
    "a duplicate key in the sealed header": (
        "json.duplicate_key",
        lambda by: by.forger.envelope(sealed_bytes=_doubled),
    ),
    "a duplicate key in the statement": ("json.duplicate_key", _content_with_a_key_twice),
    "a statement signed by another State's authority": (
        "statement.unknown_key",
        lambda by: _content_signed_by(by, by.signing[RO_FOCAL_POINT]),
    ),
    "a statement signed by another office of the same State": (
        "statement.unknown_key",
        lambda by: _content_signed_by(by, by.signing[IT_LOCAL]),
    ),
    "a statement with somebody else's signature under the right key id": (
        "statement.signature",
        lambda by: _content_signed_by(by, LocalSigningKey.from_seed(by.forger.authority_key.kid, b"x" * 32)),
    ),
    "a statement signed with a retired key": (
        "statement.key_not_valid",
        lambda by: _content_signed_by(by, RETIRED_AUTHORITY_KEY),
    ),
    "a narrative that the statement does not bind": (
        "content.part_digest",
        lambda by: by.forger.envelope(narrative=b'{"salt":"AAAA","blocks":[]}'),
    ),
    "a part left out that the statement binds": (
        "content.part_missing",
        lambda by: by.forger.envelope(
            parts=lambda parts: {name: part for name, part in parts.items() if name != "narrative"}
        ),
    ),
    "a part sealed for another clear header": (
        "sealing.not_opened",
        lambda by: by.forger.envelope(
            parts=lambda parts: (
                parts
                | {"statement": seal(b"x", to=by.forger.content_key, header_digest=secrets.token_bytes(32))}
            )
        ),
    ),
    "an evidence envelope with content in it": (
        "envelope.sealed_header",
        lambda by: by.forger.envelope(sealed=lambda header: replace(header, kind="evidence")),
    ),
    "a sealing key that was destroyed": (
        "sealing.unknown_key",
        lambda by: by.forger.envelope(content_key=DESTROYED.public),
    ),
}


def _content_signed_by(by: Means, key: LocalSigningKey) -> bytes:
    draft = by.forger.draft()
    return by.forger.envelope(draft, signed=by.forger.signed(draft, key=key))


def _without_competence(by: Means) -> bytes:
    draft = by.forger.draft("social-inquiry.request", sender=IT_LOCAL)
    return by.forger.envelope(draft, signed=by.forger.signed(draft, key=by.signing[IT_LOCAL]))


def _claiming(**changes: Any) -> Made:
    return lambda by: _restated(by.forger, lambda payload: dumps(dict(json.loads(payload)) | changes))


def _dated_ahead(by: Means) -> bytes:
    draft = by.forger.draft()
    ahead = by.forger.now + timedelta(minutes=6)
    return by.forger.envelope(draft, signed=by.forger.signed(draft, at=ahead))


REFUSED: dict[str, tuple[str, Made]] = {
    "a local office without the competence": ("opening.not_competent", _without_competence),
    "a statement dated ahead": ("opening.from_the_future", _dated_ahead),
    "something critical that nobody knows": (
        "content.critical",
        _claiming(crit=["unheard-of"], **{"unheard-of": 1}),
    ),
    "a form that nobody knows": ("conversation.unknown_procedure", _claiming(type="case.unheard-of")),
    "a danger that nobody ruled out": (
        "safeguard.no_danger_declaration",
        lambda by: by.forger.envelope(by.forger.draft(declares_no_danger=False)),
    ),
    "an unknown code": (
        "message.unknown_code",
        lambda by: by.forger.envelope(
            by.forger.draft(coded={**by.forger.draft().coded, "sex": "unheard-of"})
        ),
    ),
}


async def _everything(stage: Stage, *, but: tuple[str, ...]) -> dict[str, Any]:
    """Every row of the receiving node's own tables."""
    tables = await stage.pair.ro.rows(
        "select name from sqlite_master where type = 'table'"
        " and name not like 'alembic%' and name not like 'sqlite%'"
    )
    return {
        row["name"]: await stage.pair.ro.rows(f"select * from {row['name']}")
        for row in tables
        if row["name"] not in but
    }


async def _told(stage: Stage, already: int) -> list[Statement]:
    """The evidence that leaves for `it`, as `it` can read it. Nothing else leaves."""
    pair = stage.pair
    await pair.release(pair.ro)
    found: list[Statement] = []
    for to, data in pair.hub.carried[already:]:
        assert to == "it"
        directory, now = stage.world.directory, pair.clock.now()
        authentic = opening.authenticate(data, directory=directory, me=NodeCode("it"), now=now)
        opened = opening.open_envelope(
            authentic,
            keys=pair.it.node.keys,
            directory=directory,
            now=now,
            procedure_of=conversations.procedure_of,
        )
        assert opened.kind == "evidence"
        found += opened.evidence
    return found


async def _good_message_passes(stage: Stage) -> None:
    pair = stage.pair
    await pair.settle()
    case = await pair.open_case()
    sent = await pair.notify(case)
    rows = await pair.ro.rows("select status from message where id = :id", id=sent.id)
    assert rows == [{"status": "consigned"}]
    assert await pair.it.rows("select status from message where id = :id", id=sent.id) == rows


def test_what_the_forger_makes_is_taken_when_nothing_in_it_is_forged(stage: Stage) -> None:
    """Else everything below could be refused for a reason that it does not mean."""

    async def play() -> None:
        for draft in (stage.forger.draft(), stage.forger.draft("social-inquiry.request")):
            (outcome,) = await stage.pair.ro.receive(stage.forger.envelope(draft))
            assert isinstance(outcome, Outcome)
            assert outcome.disposition == "consigned", outcome
        await _good_message_passes(stage)

    run(play())


@pytest.mark.parametrize("case", NOBODY)
def test_what_nobody_vouches_for_is_quarantined_and_never_answered(stage: Stage, case: str) -> None:
    code, make = NOBODY[case]

    async def play() -> None:
        data = make(stage)
        before = await _everything(stage, but=("quarantine",))
        carried = len(stage.pair.hub.carried)
        (outcome,) = await stage.pair.ro.receive(data)
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("quarantined", code)
        assert await _everything(stage, but=("quarantine",)) == before
        assert await _told(stage, carried) == []
        kept = await stage.pair.ro.rows("select * from quarantine where digest = :of", of=digest(data))
        assert [(row["code"], row["size"], row["source"]) for row in kept] == [(code, len(data), "hub")]
        await _good_message_passes(stage)

    run(play())


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_opened_is_told_so_and_nothing_finer(stage: Stage, case: str) -> None:
    code, make = UNREADABLE[case]

    async def play() -> None:
        data = make(stage)
        said = ("quarantine", "evidence", "outbox", "sent_manifest")
        untouched = await _everything(stage, but=said)
        carried = len(stage.pair.hub.carried)
        (outcome,) = await stage.pair.ro.receive(data)
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", code)
        after = await _everything(stage, but=said)
        assert after == untouched, "an envelope that does not open consumes nothing"

        (told,) = await _told(stage, carried)
        manifest = json.loads(data)["manifest"]
        # The refusal names it: without it, nobody could verify later what was refused.
        kept = await stage.pair.ro.rows(
            "select token from sent_manifest where digest = :of", of=digest(manifest.encode())
        )
        assert [row["token"] for row in kept] == [manifest]
        header = json.loads(
            base64url.decode(_payload(manifest)["header"].encode()).decode(), object_pairs_hook=dict
        )
        stale = code == "sealing.unknown_key"
        expected: Json = {
            "iss": "ro",
            "iat": int(stage.pair.clock.now().timestamp()),
            "kind": "consignment-failed",
            "message": {
                "sender": "it",
                "id": header["id"],
                "manifest": digest(manifest.encode()),
            },
            "directory": stage.world.directory.snapshot.digest,
            "vocabulary": told.claims["vocabulary"],
            "code": "cannot_open",
        } | ({"facts": {"current_kid": stage.forger.content_key.kid}} if stale else {})
        assert told.claims == expected
        assert code not in base64url.decode(told.token.split(".")[1].encode()).decode()
        await _good_message_passes(stage)

    run(play())


def _payload(token: str) -> Json:
    return dict(json.loads(base64url.decode(token.split(".")[1].encode())))


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_rule_forbids_is_refused_with_its_code(stage: Stage, case: str) -> None:
    code, make = REFUSED[case]

    async def play() -> None:
        data = make(stage)
        carried = len(stage.pair.hub.carried)
        untouched = await _everything(
            stage, but=("quarantine", "evidence", "outbox", "inbox", "channel", "channel_seen")
        )
        (outcome,) = await stage.pair.ro.receive(data)
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", code)
        after = await _everything(
            stage, but=("quarantine", "evidence", "outbox", "inbox", "channel", "channel_seen")
        )
        assert after == untouched
        (told,) = await _told(stage, carried)
        assert (told.claims["kind"], told.claims["code"]) == ("consignment-failed", code)
        assert "facts" not in told.claims
        await _good_message_passes(stage)

    run(play())


def test_every_flipped_byte_ends_in_quarantine(stage: Stage) -> None:
    async def play() -> None:
        data = stage.forger.good()
        choose = random.Random(20261124)
        end_of_manifest = data.index(b'","parts"')
        places = {*range(0, end_of_manifest, 7), *(choose.randrange(len(data)) for _ in range(300))}
        flipped = []
        for place in sorted(places):
            altered = bytearray(data)
            altered[place] ^= 1 << choose.randrange(8)
            flipped.append(bytes(altered))
        before = await _everything(stage, but=("quarantine",))
        carried = len(stage.pair.hub.carried)
        for outcome, altered in zip(await stage.pair.ro.receive(*flipped), flipped, strict=True):
            assert isinstance(outcome, Outcome)
            place = next(at for at in range(len(data)) if altered[at] != data[at])
            assert outcome.disposition == "quarantined", (place, outcome)
        assert await _everything(stage, but=("quarantine",)) == before
        assert await _told(stage, carried) == []
        (last,) = await stage.pair.ro.receive(data)
        assert isinstance(last, Outcome)
        assert last.disposition == "consigned", "the same bytes, unaltered, are a good message"
        await _good_message_passes(stage)

    run(play())


def test_a_replay_is_answered_like_the_first_time_and_taken_once(stage: Stage) -> None:
    async def play() -> None:
        pair, forger = stage.pair, stage.forger
        draft = forger.draft()
        signed = forger.signed(draft)
        data = forger.envelope(draft, signed=signed)
        (first,) = await pair.ro.receive(data)
        await pair.settle()
        before = await _everything(stage, but=("outbox",))
        again = forger.envelope(draft, signed=signed)
        for replayed in (data, again):
            (outcome,) = await pair.ro.receive(replayed)
            assert isinstance(first, Outcome)
            assert isinstance(outcome, Outcome)
            assert (outcome.disposition, outcome.evidence) == ("known", first.evidence)
            await pair.settle()
        after = await _everything(stage, but=("outbox",))
        assert [name for name in after if after[name] != before[name]] == []
        await _good_message_passes(stage)

    run(play())


def test_another_statement_under_a_used_id_is_refused_and_the_first_one_stands(stage: Stage) -> None:
    async def play() -> None:
        pair, forger = stage.pair, stage.forger
        draft = forger.draft()
        await pair.ro.receive(forger.envelope(draft))
        await pair.settle()
        stands = await pair.ro.rows("select * from message where id = :id", id=draft.id)
        carried = len(pair.hub.carried)
        (outcome,) = await pair.ro.receive(forger.envelope(replace(draft, urgency="emergency")))
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", "id_reused")
        (told,) = await _told(stage, carried)
        assert told.claims["code"] == "id_reused"
        assert await pair.ro.rows("select * from message where id = :id", id=draft.id) == stands
        await _good_message_passes(stage)

    run(play())


def test_a_third_state_with_valid_keys_speaks_for_no_authority_of_another(stage: Stage) -> None:
    """Its own manifest, its own key, and a statement that it stole: refused, and only it is told."""

    async def play() -> None:
        pair, forger = stage.pair, stage.forger
        stolen = forger.envelope(
            clear=lambda header: replace(header, sender=NodeCode("md")), node_key=stage.signing["md"]
        )
        (outcome,) = await pair.ro.receive(stolen)
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", "opening.wrong_node")
        waiting = await pair.ro.rows("select distinct recipient_node from outbox where state = 'queued'")
        assert waiting == [{"recipient_node": "md"}]
        assert await pair.ro.rows("select * from message where id = :id", id=outcome.message) == []
        await pair.settle()
        pair.hub.waiting.pop("md", None)
        await _good_message_passes(stage)

    run(play())


# The same over a real hub, with the credentials of `it`, and by hand.

NEEDS_OTHER_KEYS = {"a retired node key", "a statement signed with a retired key"}
TOO_LARGE_FOR_THE_HUB = {"larger than any envelope", "nothing at all"}
AT_THE_DOOR = (
    "a local office without the competence",
    "a statement dated ahead",
    "something critical that nobody knows",
    "a form that nobody knows",
)
"""Refused whatever the receiving node holds."""


@pytest.fixture(scope="module")
def means(network: LocalNetwork) -> Means:
    it, ro = network.keys("it"), network.keys("ro")
    good_message_passes(network)
    # Number 1 of the real channel, long counted: a forged envelope that is read then changes nothing there.
    (channel,) = network.rows("ro", "select epoch from channel where sender_node = 'it'")

    def public(purpose: Literal["content", "identity"]) -> SealingPublicKey:
        key = ro.sealing(ro.current_sealing_kid(purpose))
        assert key is not None
        return key.public

    return Means(
        forger=Forger(
            now=SystemClock().now().replace(microsecond=0),
            node_key=it.signing("it"),
            authority_key=it.signing(IT),
            content_key=public("content"),
            identity_key=public("identity"),
            epoch=channel["epoch"],
        ),
        signing={
            "it": it.signing("it"),
            IT_LOCAL: it.signing(IT_LOCAL),
            "ro": ro.signing("ro"),
            RO_FOCAL_POINT: ro.signing(RO_FOCAL_POINT),
            "md": STRANGER,
        },
        most_bytes=Limits().envelope,
    )


def publish(network: LocalNetwork, envelopes: Iterable[bytes]) -> None:
    """As State `it`, into the inbox of `ro`, past `it`'s own node."""
    seed = (network.directory / "nodes" / "it" / "hub.nk").read_text().strip()

    async def go() -> None:
        async with HubLink(network.description["hub"]["url"], code=NodeCode("it"), seed=seed) as link:
            assert await link.wait_connected(30), link._last_error
            for data in envelopes:
                await link.publish_envelope(NodeCode("ro"), data, digest(data))

    asyncio.run(go())


def good_message_passes(network: LocalNetwork) -> None:
    it = network.officer("it")
    sent = send(it, message("case.notification", network.settled_case(), IT, RO))
    await_status(it, sent["id"], "consigned")


def chosen(
    cases: Mapping[str, tuple[str, Made]], means: Means, *, but: set[str]
) -> dict[str, tuple[str, bytes]]:
    return {name: (code, make(means)) for name, (code, make) in cases.items() if name not in but}


def message_of(envelope: bytes) -> str:
    header = base64url.decode(_payload(json.loads(envelope)["manifest"])["header"].encode())
    return str(json.loads(header)["id"])


@pytest.mark.network
def test_over_a_real_hub_what_nobody_vouches_for_is_quarantined(network: LocalNetwork, means: Means) -> None:
    made = chosen(NOBODY, means, but=NEEDS_OTHER_KEYS | TOO_LARGE_FOR_THE_HUB)
    evidence = network.rows("ro", "select count(*) as n from evidence")
    publish(network, [data for _, data in made.values()])
    for name, (code, data) in made.items():
        row = until(
            lambda data=data: network.rows(
                "ro", "select code, source from quarantine where digest = ?", digest(data)
            ),
            what=name,
        )
        assert row == [{"code": code, "source": "hub"}], name
    assert network.rows("ro", "select count(*) as n from evidence") == evidence
    good_message_passes(network)


@pytest.mark.network
def test_over_a_real_hub_what_cannot_be_opened_is_told_so_at_the_sender(
    network: LocalNetwork, means: Means
) -> None:
    """Under the id of a message that `it` has sent: what comes back is then in its API's answer."""
    it = network.officer("it")
    sent = send(it, message("case.notification", network.settled_case(), IT, RO))
    await_status(it, sent["id"], "consigned")
    forger = means.forger
    unreadable = forger.envelope(
        forger.draft(id=MessageId(sent["id"])), sealed=lambda header: replace(header, sender=IT_LOCAL)
    )
    publish(network, [unreadable])

    def codes() -> list[str]:
        evidence = it.get(f"/v1/messages/{sent['id']}/evidence").json()["evidence"]
        return [one["code"] for one in evidence if one["kind"] == "consignment-failed"]

    until(codes, what="the refusal")
    assert codes() == ["cannot_open"]
    assert status_of(it, sent["id"]) == "consigned", "what came before it stands"
    good_message_passes(network)


@pytest.mark.network
def test_over_a_real_hub_nothing_unreadable_is_taken(network: LocalNetwork, means: Means) -> None:
    made = chosen(UNREADABLE, means, but=NEEDS_OTHER_KEYS)
    made |= {name: (REFUSED[name][0], REFUSED[name][1](means)) for name in AT_THE_DOOR}
    publish(network, [data for _, data in made.values()])
    for name, (code, data) in made.items():
        told = "cannot_open" if name in UNREADABLE else code
        rows = until(
            lambda data=data: network.rows(
                "ro", "select kind, code from evidence where id = ? and ours", message_of(data)
            ),
            what=name,
        )
        assert rows == [{"kind": "consignment-failed", "code": told}], name
        assert network.rows("ro", "select id from message where id = ?", message_of(data)) == []
    good_message_passes(network)


@pytest.mark.network
def test_by_hand_a_forged_envelope_is_answered_as_documented(network: LocalNetwork, means: Means) -> None:
    officer = network.officer("ro")

    def post(data: bytes) -> httpx.Response:
        return officer.post("/v1/envelopes", content=data, headers={"Content-Type": ENVELOPE})

    for name, (_, data) in chosen(NOBODY, means, but=NEEDS_OTHER_KEYS).items():
        answer = post(data)
        expected = (413, "request.too_large") if len(data) > means.most_bytes else (400, NOT_VOUCHED_FOR)
        assert (answer.status_code, answer.json()["code"]) == expected, name
        assert answer.json().keys() <= {"type", "title", "status", "detail", "code"}, name
    made = chosen(UNREADABLE, means, but=NEEDS_OTHER_KEYS)
    made |= {name: (REFUSED[name][0], REFUSED[name][1](means)) for name in AT_THE_DOOR}
    for name, (code, data) in made.items():
        answer = post(data)
        assert answer.status_code == 200, (name, answer.text)
        assert (answer.json()["outcome"], answer.json()["code"]) == ("refused", code), name
    case = network.settled_case()
    it = network.officer("it")
    sent = send(it, message("case.notification", case, IT, RO))
    await_status(it, sent["id"], "consigned")
    carried = it.get(f"/v1/messages/{sent['id']}/envelope")
    assert (carried.status_code, post(carried.content).json()["outcome"]) == (200, "known")


NOT_VOUCHED_FOR = "envelope.not_vouched_for"
