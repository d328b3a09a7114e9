"""A stolen key, a thief who writes any date, and a recipient who helps: what still stands, and why."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from protocol.bundle import BundleMessage, Checkpoint, Report, export_bundle, verify_bundle
from protocol.channels import Channel, Numbered, advance, open_channel, shared_digest
from protocol.directory import KeyRecord, Owner
from protocol.identifiers import Address, MessageId, NodeCode
from protocol.reconciliation import issue_reconciliation, report_on
from protocol.statements import Statement
from tests.protocol.sample_case import CASE, Sent, attest, delivered, held, message_id, send
from tests.protocol.sample_directory import (
    IT,
    IT_FOCAL_POINT,
    NOW,
    RO,
    RO_LOCAL,
    World,
    node_facts,
    sample_directory,
    seeded_key,
)

EPOCH = "2026-11-24"


@dataclass(kw_only=True)
class Line:
    """One direction between two nodes, as both count it."""

    sender: NodeCode
    recipient: NodeCode
    numbered: list[Numbered] = field(default_factory=list)

    def count(self, id_: MessageId, statement_digest: str) -> None:
        number = len(self.numbered) + 1
        self.numbered.append(Numbered(sequence=number, id=id_, statement_digest=statement_digest))

    def channel(self, upto: int | None = None) -> Channel:
        channel = open_channel(self.sender, self.recipient, EPOCH)
        for one in self.numbered[:upto]:
            channel = advance(channel, one.sequence, one.id, one.statement_digest)
        return channel

    def told(self, world: World, *, at: datetime | None = None, key_of: str | None = None) -> Statement:
        """What the recipient says that it has, to the sender."""
        return issue_reconciliation(
            issuer=self.recipient,
            peer=self.sender,
            channels=[report_on(self.channel())],
            directory=world.directory.snapshot.digest,
            issued_at=at or world.now,
            key=world.signing[key_of or self.recipient],
        )

    def shown(
        self, told: Statement, first: int = 1, carried: dict[MessageId, tuple[str, ...]] | None = None
    ) -> Checkpoint:
        return Checkpoint(
            token=told.token,
            start=self.channel(first - 1).chain,
            numbered=tuple(self.numbered[first - 1 :]),
            carried=carried or {},
        )


def give_up(
    world: World, owner: Owner, at: datetime, checkpoints: Sequence[Statement], *, theft: bool = True
) -> KeyRecord:
    """The owner gives its key up as stolen since `at`, and goes on with another."""
    facts = world.authority(Address(owner)) if "." in owner else world.node(NodeCode(owner))
    stolen = next(record for record in facts.signing_keys if record.kid == world.signing[owner].kid)
    cut = dataclasses.replace(
        stolen, revoked_at=at, checkpoints=tuple(one.digest for one in checkpoints) if theft else None
    )
    fresh = seeded_key(f"{owner}-after-the-theft")
    kept = tuple(record for record in facts.signing_keys if record.kid != stolen.kid)
    facts = dataclasses.replace(facts, signing_keys=(*kept, cut, world.record(fresh, since=timedelta())))
    world.publish(facts)
    world.signing[owner] = fresh
    world.refresh()
    return cut


@dataclass(kw_only=True)
class Theft:
    """`it` asked `ro` before its office's and its node's keys were stolen."""

    world: World
    line: Line
    back: Line
    sent: Sent
    links: list[Statement]
    told: Statement
    stolen: dict[str, object]
    cut_off: datetime

    @property
    def message(self) -> BundleMessage:
        return held(self.sent, self.links)

    def proof(self) -> Checkpoint:
        return self.line.shown(self.told)


@pytest.fixture
def theft() -> Theft:
    world = sample_directory()
    line, back = Line(sender=IT, recipient=RO), Line(sender=RO, recipient=IT)
    line.count(message_id("another case"), "A" * 43)
    sent = send(world, IT_FOCAL_POINT, RO_LOCAL, "social-inquiry.request", "request", number=2)
    line.count(sent.id, sent.content.statement.digest)
    links = delivered(world, sent)
    back.count(message_id("an envelope"), shared_digest(link.digest for link in links[1:]))
    world.wait(hours=1)
    told = line.told(world)
    cut_off = world.wait(hours=1)
    stolen: dict[str, object] = {owner: world.signing[owner] for owner in (IT, IT_FOCAL_POINT)}
    world.wait(days=1)
    return Theft(
        world=world, line=line, back=back, sent=sent, links=links, told=told, stolen=stolen, cut_off=cut_off
    )


def report(
    theft: Theft, messages: Sequence[BundleMessage], *checkpoints: Checkpoint, **more: object
) -> Report:
    world = theft.world
    data = export_bundle(
        exporter=RO,
        case=CASE,
        directory=world.directory,
        messages=messages,
        snapshots=world.snapshots,
        exported_at=world.now,
        key=world.signing[RO],
        checkpoints=checkpoints,
    )
    return verify_bundle(data, world.charter_digest, **more)  # type: ignore[arg-type]


def codes(found: Report) -> set[tuple[str, str]]:
    return {(one.code, one.where.rpartition("/")[0] or one.where) for one in found.findings}


def test_what_a_counterparts_earlier_checkpoint_covers_stands(theft: Theft) -> None:
    for owner in (IT, IT_FOCAL_POINT):
        give_up(theft.world, owner, theft.cut_off, [theft.told])
    found = report(theft, [theft.message], theft.proof())
    assert found.findings == ()
    assert [one.issued_at is not None for one in found.messages] == [True]


@pytest.mark.parametrize("owner", [IT, IT_FOCAL_POINT])
def test_without_the_checkpoint_nothing_that_the_stolen_key_signed_stands(theft: Theft, owner: Owner) -> None:
    give_up(theft.world, owner, theft.cut_off, [theft.told])
    found = report(theft, [theft.message])
    assert {one.code for one in found.findings} >= {"statement.not_covered"}
    places = {one.where for one in found.findings if one.code == "statement.not_covered"}
    base = f"messages/{theft.sent.id}"
    expected = (
        {f"{base}/statement"} if owner == IT_FOCAL_POINT else {f"{base}/manifests/0", f"{base}/evidence/0"}
    )
    assert places == expected


def test_a_key_that_was_only_revoked_needs_no_checkpoint(theft: Theft) -> None:
    for owner in (IT, IT_FOCAL_POINT):
        give_up(theft.world, owner, theft.cut_off, [], theft=False)
    assert report(theft, [theft.message]).whole


def forged(theft: Theft) -> tuple[BundleMessage, Sent]:
    """The thief signs for office and node under an early date, and the recipient confirms it under that."""
    world = theft.world
    kept, now = dict(world.signing), world.now
    world.signing.update(theft.stolen)  # type: ignore[arg-type]
    world.now = theft.cut_off - timedelta(hours=1, minutes=30)
    sent = send(world, IT_FOCAL_POINT, RO_LOCAL, "social-inquiry.request", "forged", number=3)
    links = delivered(world, sent)
    world.signing, world.now = kept, now
    return held(sent, links), sent


def test_a_thief_alone_cannot_backdate(theft: Theft) -> None:
    for owner in (IT, IT_FOCAL_POINT):
        give_up(theft.world, owner, theft.cut_off, [theft.told])
    message, sent = forged(theft)
    found = report(theft, [theft.message, message], theft.proof())
    assert {one.where for one in found.findings} >= {f"messages/{sent.id}/statement"}
    assert not any(theft.sent.id in one.where for one in found.findings)


def _backdated(theft: Theft, sent: Sent) -> Checkpoint:
    """The recipient makes up the statement that it never gave: well signed, well dated, well counted."""
    theft.line.count(sent.id, sent.content.statement.digest)
    return theft.line.shown(theft.line.told(theft.world, at=theft.cut_off - timedelta(minutes=10)))


def _grafted(theft: Theft, sent: Sent) -> Checkpoint:
    """The genuine statement, with the forged message put in the genuine one's place."""
    proof = theft.proof()
    first, second = proof.numbered
    graft = dataclasses.replace(second, id=sent.id, statement_digest=sent.content.statement.digest)
    return dataclasses.replace(proof, numbered=(first, graft))


def _from_nowhere(theft: Theft, sent: Sent) -> Checkpoint:
    """The genuine statement, and a start from which the forged message alone is said to lead there."""
    number = Numbered(sequence=2, id=sent.id, statement_digest=sent.content.statement.digest)
    return dataclasses.replace(theft.proof(), numbered=(number,), start=theft.line.channel(1).chain)


def _beyond(theft: Theft, sent: Sent) -> Checkpoint:
    """The genuine statement, with one number more than it says."""
    theft.line.count(sent.id, sent.content.statement.digest)
    return theft.line.shown(theft.told)


@pytest.mark.parametrize("make", [_backdated, _grafted, _from_nowhere, _beyond])
def test_a_thief_with_a_colluding_recipient_cannot_backdate(
    theft: Theft, make: Callable[[Theft, Sent], Checkpoint]
) -> None:
    for owner in (IT, IT_FOCAL_POINT):
        give_up(theft.world, owner, theft.cut_off, [theft.told])
    message, sent = forged(theft)
    found = report(theft, [message], make(theft, sent))
    assert ("statement.not_covered", f"messages/{sent.id}") in codes(found)
    assert found.messages[0].issued_at is None


def test_a_checkpoint_that_the_owner_names_and_that_came_after_the_cut_off_covers_nothing(
    theft: Theft,
) -> None:
    late = theft.line.told(theft.world)
    give_up(theft.world, IT_FOCAL_POINT, theft.cut_off, [late])
    found = report(theft, [theft.message], theft.line.shown(late))
    assert {one.code for one in found.findings} == {"statement.not_covered"}


def test_a_state_cannot_cover_itself(theft: Theft) -> None:
    """Not by another node of its own."""
    world, second = theft.world, NodeCode("it-two")
    world.admit("it", nodes=("it", "it-two"))
    world.publish(node_facts(world, second, "it"))
    world.refresh()
    mirrored = Line(sender=IT, recipient=second, numbered=list(theft.line.numbered))
    cut_off = world.wait(hours=1)
    own = mirrored.told(world, at=cut_off - timedelta(minutes=5))
    give_up(world, IT_FOCAL_POINT, cut_off, [own])
    found = report(theft, [theft.message], mirrored.shown(own))
    assert [one.code for one in found.findings] == ["statement.not_covered"]


def test_evidence_that_travelled_stands_by_the_envelope_that_carried_it(theft: Theft) -> None:
    world = theft.world
    told = theft.back.told(world, at=theft.cut_off - timedelta(minutes=5))
    for owner in (RO, RO_LOCAL):
        give_up(world, owner, theft.cut_off, [told])
    tokens = tuple(link.digest for link in theft.links[1:])
    proof = theft.back.shown(told, carried={message_id("an envelope"): tokens})
    assert report(theft, [theft.message], proof).whole

    missing = report(theft, [theft.message], theft.back.shown(told))
    assert {one.where for one in missing.findings if one.code == "statement.not_covered"} == {
        f"messages/{theft.sent.id}/evidence/{position}" for position in (1, 2)
    }
    made_up = dict.fromkeys(proof.carried, (*tokens, "E" * 43))
    assert not report(theft, [theft.message], dataclasses.replace(proof, carried=made_up)).whole


def test_evidence_stands_when_later_evidence_names_it(theft: Theft) -> None:
    """Only the retrieval travelled before the cut-off; it names the consignment as the one before."""
    world = theft.world
    theft.back.numbered = [
        Numbered(sequence=1, id=message_id("late"), statement_digest=shared_digest([theft.links[2].digest]))
    ]
    told = theft.back.told(world, at=theft.cut_off - timedelta(minutes=5))
    for owner in (RO, RO_LOCAL):
        give_up(world, owner, theft.cut_off, [told])
    carried = {message_id("late"): (theft.links[2].digest,)}
    assert report(theft, [theft.message], theft.back.shown(told, carried=carried)).whole


def test_a_thief_cannot_add_evidence_of_a_refusal(theft: Theft) -> None:
    world = theft.world
    stolen = world.signing[RO]
    told = theft.back.told(world, at=theft.cut_off - timedelta(minutes=5))
    give_up(world, RO, theft.cut_off, [told])
    kept, now = world.signing[RO], world.now
    world.signing[RO], world.now = stolen, theft.cut_off - timedelta(minutes=90)
    refusal = attest(world, "consignment-failed", RO, theft.sent.about, code="case.unknown")
    world.signing[RO], world.now = kept, now
    proof = theft.back.shown(
        told, carried={message_id("an envelope"): tuple(link.digest for link in theft.links[1:])}
    )
    found = report(theft, [held(theft.sent, [*theft.links, refusal])], proof)
    assert ("statement.not_covered", f"messages/{theft.sent.id}/evidence") in codes(found)


def test_a_checkpoint_outlives_the_later_theft_of_its_own_key(theft: Theft) -> None:
    """`ro` lost its node key too, after `it` had named what `ro` had said: it existed by then."""
    give_up(theft.world, IT_FOCAL_POINT, theft.cut_off, [theft.told])
    theft.world.wait(days=10)
    give_up(theft.world, RO, theft.world.now - timedelta(days=1), [])
    found = report(theft, [theft.message], theft.proof())
    covered = {one.where for one in found.findings if one.code == "statement.not_covered"}
    assert f"messages/{theft.sent.id}/statement" not in covered


def test_a_checkpoint_by_a_key_that_was_stolen_before_it_was_named_covers_nothing(theft: Theft) -> None:
    """Whoever has both keys could have made it up."""
    give_up(theft.world, RO, theft.cut_off + timedelta(hours=1), [])
    theft.world.wait(hours=1)
    give_up(theft.world, IT_FOCAL_POINT, theft.cut_off, [theft.told])
    found = report(theft, [theft.message], theft.proof())
    assert ("statement.not_covered", f"messages/{theft.sent.id}") in codes(found)


def test_an_index_signed_with_a_stolen_key_is_nobodys(theft: Theft) -> None:
    world = theft.world
    stolen = world.signing[RO]
    give_up(world, RO, theft.cut_off, [])
    data = export_bundle(
        exporter=RO,
        case=CASE,
        directory=world.directory,
        messages=[],
        snapshots=world.snapshots,
        exported_at=theft.cut_off - timedelta(minutes=1),
        key=stolen,
    )
    found = verify_bundle(data, world.charter_digest)
    assert [(one.code, one.where) for one in found.findings] == [("statement.not_covered", "index")]


def test_a_verifiers_own_directory_knows_a_theft_that_the_exporter_left_out(theft: Theft) -> None:
    world = theft.world
    before = world.directory
    message, sent = forged(theft)
    data = export_bundle(
        exporter=RO,
        case=CASE,
        directory=before,
        messages=[message],
        snapshots=world.snapshots,
        exported_at=world.now,
        key=world.signing[RO],
    )
    assert verify_bundle(data, world.charter_digest).whole
    for owner in (IT, IT_FOCAL_POINT):
        give_up(world, owner, theft.cut_off, [theft.told])
    found = verify_bundle(data, world.charter_digest, known=world.directory.archive)
    assert ("statement.not_covered", f"messages/{sent.id}") in codes(found)


def test_a_verifiers_directory_counts_under_a_later_charter_too_and_another_networks_is_said(
    theft: Theft,
) -> None:
    world = theft.world
    message, sent = forged(theft)
    data = export_bundle(
        exporter=RO,
        case=CASE,
        directory=world.directory,
        messages=[message],
        snapshots=world.snapshots,
        exported_at=world.now,
        key=world.signing[RO],
    )
    charter_digest = world.charter_digest
    world.rotate_charter("keeper-7", "keeper-8", "keeper-9")
    world.refresh()
    for owner in (IT, IT_FOCAL_POINT):
        give_up(world, owner, theft.cut_off, [theft.told])
    assert world.directory.archive.charter.digest != charter_digest
    found = verify_bundle(data, charter_digest, known=world.directory.archive)
    assert ("statement.not_covered", f"messages/{sent.id}") in codes(found)

    other = sample_directory(NOW - timedelta(days=1)).directory.archive
    found = verify_bundle(data, charter_digest, known=other)
    assert [(one.code, one.where) for one in found.findings] == [("directory.wrong_charter", "charter")]


def test_a_stolen_key_is_never_less_than_stolen(theft: Theft) -> None:
    """A reason without a checkpoint is read as a theft that nothing covers, not as a plain revocation."""
    cut = give_up(theft.world, IT_FOCAL_POINT, theft.cut_off, [])
    assert json.loads(json.dumps(cut.to_json()))["revoked"]["checkpoints"] == []
    assert theft.world.directory.archive.cut_off(IT_FOCAL_POINT, cut.kid) is not None
    found = report(theft, [theft.message], theft.proof())
    assert ("statement.not_covered", f"messages/{theft.sent.id}") in codes(found)


def test_an_altered_checkpoint_is_named_where_it_stands(theft: Theft) -> None:
    give_up(theft.world, IT_FOCAL_POINT, theft.cut_off, [theft.told])
    data = json.loads(
        export_bundle(
            exporter=RO,
            case=CASE,
            directory=theft.world.directory,
            messages=[theft.message],
            snapshots=theft.world.snapshots,
            exported_at=theft.world.now,
            key=theft.world.signing[RO],
            checkpoints=[theft.proof()],
        )
    )
    data["checkpoints"][0]["numbered"][0][2] = "E" * 43
    found = verify_bundle(json.dumps(data).encode(), theft.world.charter_digest)
    assert ("bundle.altered", "checkpoints") in codes(found)
    del data["checkpoints"]
    found = verify_bundle(json.dumps(data).encode(), theft.world.charter_digest)
    assert ("bundle.missing", "checkpoints") in codes(found)
