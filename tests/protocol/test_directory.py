"""What a node learns from a directory that it may believe."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from protocol.directory import AuthorityEntry, KeyPurpose, Role
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.sealing import SealingPrivateKey, SealingSuite
from protocol.statements import CoSigned, StatementType, digest, sign
from tests.protocol.sample_directory import (
    IT,
    IT_FOCAL_POINT,
    IT_LOCAL,
    RO,
    RO_FOCAL_POINT,
    RO_LOCAL,
    World,
    node_facts,
    sample_directory,
    seeded_key,
)


@pytest.fixture
def world() -> World:
    return sample_directory()


def refused(code: str) -> pytest.RaisesExc[NotAcceptable]:
    return pytest.raises(NotAcceptable, match=f"^{code.replace('.', '[.]')}(:|$)")


def test_an_entry_says_to_the_reader_what_its_state_published(world: World) -> None:
    entry = world.directory.authority(RO_LOCAL)
    published = world.authority(RO_LOCAL)
    for name in (field.name for field in dataclasses.fields(published)):
        assert getattr(entry, name) == getattr(published, name), name
    assert entry.digest == digest(world.entries["ro/authority/dgaspc-iasi"].encode())
    node = world.directory.node(RO)
    assert node.limits["coded"] == 65_536
    assert node.sealing_keys == world.node(RO).sealing_keys


def test_everyone_served_is_listed_in_order(world: World) -> None:
    assert [entry.address for entry in world.directory.authorities()] == [
        IT_FOCAL_POINT,
        IT_LOCAL,
        RO_FOCAL_POINT,
        RO_LOCAL,
    ]
    assert [node.code for node in world.directory.nodes()] == [IT, RO]
    assert world.directory.state_of_node(RO) == "ro"


def test_a_stranger_is_unknown_by_name(world: World) -> None:
    with refused("directory.unknown_authority"):
        world.directory.authority(Address("ro.nobody"))
    with refused("directory.unknown_node"):
        world.directory.node(NodeCode("fr"))


def test_an_authority_is_served_by_its_node_in_its_procedures_alone(world: World) -> None:
    assert world.directory.serving(IT_FOCAL_POINT, "social-inquiry").code == IT
    assert world.directory.serving(IT_LOCAL, "case").code == IT
    assert not world.directory.competent(IT_LOCAL, "social-inquiry")
    assert not world.directory.competent(Address("it.nobody"), "case")
    with refused("directory.not_competent"):
        world.directory.serving(IT_LOCAL, "social-inquiry")


LANDINGS = {
    "the narrowest competent jurisdiction that covers the place": ("ro", "social-inquiry", "RO-IS", RO_LOCAL),
    "a place no local authority covers goes to the focal point": (
        "ro",
        "social-inquiry",
        "RO-CJ",
        RO_FOCAL_POINT,
    ),
    "an unknown place goes to the focal point": ("ro", "social-inquiry", None, RO_FOCAL_POINT),
    "a local authority without the competence is passed over": (
        "it",
        "social-inquiry",
        "IT-RM",
        IT_FOCAL_POINT,
    ),
    "a local authority with the competence takes its own place": ("it", "case", "IT-RM", IT_LOCAL),
    "a procedure nobody claims goes to the focal point": ("it", "unheard-of", None, IT_FOCAL_POINT),
    "a code that only begins alike is another place": ("ro", "social-inquiry", "RO-ISX", RO_FOCAL_POINT),
}


@pytest.mark.parametrize("case", LANDINGS.values(), ids=LANDINGS.keys())
def test_a_message_lands_by_competence_then_jurisdiction_then_focal_point(
    world: World, case: tuple[str, str, str | None, Address]
) -> None:
    state, procedure, place, address = case
    assert world.directory.landing(StateCode(state), procedure, place) == address


def test_the_only_competent_authority_takes_what_the_focal_point_cannot(world: World) -> None:
    world.publish(dataclasses.replace(world.authority(RO_FOCAL_POINT), competences=("case",)))
    assert world.refresh().landing(StateCode("ro"), "social-inquiry") == RO_LOCAL


def test_a_state_with_nobody_to_take_it_is_said_so(world: World) -> None:
    del world.entries["ro/authority/anpdca"]
    directory = world.refresh()
    assert directory.landing(StateCode("ro"), "social-inquiry") == RO_LOCAL
    with refused("directory.no_landing"):
        directory.landing(StateCode("ro"), "guardian")
    with refused("directory.no_landing"):
        directory.landing(StateCode("fr"), "case")


def test_the_newer_of_two_focal_points_counts(world: World) -> None:
    world.wait(hours=1)
    world.publish(dataclasses.replace(world.authority(RO_LOCAL), role=Role.FOCAL_POINT))
    assert world.refresh().landing(StateCode("ro"), "unheard-of") == RO_LOCAL


def test_parts_are_sealed_to_the_newest_key_in_use_for_their_purpose(world: World) -> None:
    assert world.directory.sealing_key(RO, "content", world.now).kid == "ro-content-1"
    assert world.directory.sealing_key(RO, "identity", world.now).kid == "ro-identity-1"
    world.wait(days=2)
    successor = world.seal_record(SealingPrivateKey.generate("ro-identity-2"), KeyPurpose.SEAL_IDENTITY)
    facts = world.node(RO)
    world.publish(dataclasses.replace(facts, sealing_keys=(*facts.sealing_keys, successor)))
    directory = world.refresh()
    assert directory.sealing_key(RO, "identity", world.now).kid == "ro-identity-2"
    assert directory.sealing_key(RO, "content", world.now).kid == "ro-content-1"
    with refused("directory.no_sealing_key"):
        directory.sealing_key(RO, "content", world.now + timedelta(days=59))


def test_the_hybrid_suite_is_taken_before_a_newer_plain_one(world: World) -> None:
    world.wait(hours=1)
    plain = world.seal_record(
        SealingPrivateKey.generate("ro-plain", SealingSuite.HPKE_3_KE), KeyPurpose.SEAL_CONTENT
    )
    unknown = dataclasses.replace(
        plain, kid="ro-future", jwk={**plain.jwk, "kid": "ro-future", "alg": "HPKE-99"}
    )
    facts = world.node(RO)
    world.publish(dataclasses.replace(facts, sealing_keys=(*facts.sealing_keys, plain, unknown)))
    assert world.refresh().sealing_key(RO, "content", world.now).kid == "ro-content-1"
    world.wait(hours=1)
    world.publish(dataclasses.replace(facts, sealing_keys=(plain, unknown)))
    assert world.refresh().sealing_key(RO, "content", world.now).kid == "ro-plain"


def test_an_authority_without_its_own_key_is_never_widened_to_its_node(world: World) -> None:
    with refused("directory.no_recipient_key"):
        world.directory.sealing_key(RO_FOCAL_POINT, "content", world.now)


def test_a_new_member_joins_a_running_network(world: World) -> None:
    world.wait(hours=1)
    world.admit("md", nodes=("md",))
    world.publish(node_facts(world, "md", "md"))
    assert [node.code for node in world.refresh().nodes()] == ["it", "md", "ro"]


def test_an_international_body_speaks_for_its_own_addresses(world: World) -> None:
    world.wait(hours=1)
    world.admit("int-iom", nodes=("int-iom",), authorities=("int.iom",))
    world.publish(node_facts(world, "int-iom", "int"), member="int-iom")
    facts = dataclasses.replace(
        world.authority(RO_LOCAL),
        address=Address("int.iom"),
        state=StateCode("int"),
        role=Role.INTERNATIONAL,
        node=NodeCode("int-iom"),
        signing_keys=(world.record(seeded_key("int.iom-1")),),
    )
    world.publish(facts, member="int-iom")
    directory = world.refresh()
    assert directory.serving(Address("int.iom"), "case").code == "int-iom"
    assert directory.state_of_node(NodeCode("int-iom")) == "int"
    world.wait(hours=1)
    world.publish(dataclasses.replace(facts, address=Address("int.unhcr")), member="int-iom")
    with refused("directory.wrong_state"):
        world.refresh()


def test_a_suspended_state_is_served_no_longer_and_its_past_still_verifies(world: World) -> None:
    then = world.now
    world.wait(days=1)
    world.admit("ro", nodes=("ro",), suspended=True)
    directory = world.refresh()
    for ask in (
        lambda: directory.authority(RO_FOCAL_POINT),
        lambda: directory.serving(RO_LOCAL, "case"),
        lambda: directory.node(RO),
        lambda: directory.sealing_key(RO, "content", world.now),
        lambda: directory.signing_key(RO, "ro-node-1", then, received_at=world.now),
    ):
        with refused("directory.suspended"):
            ask()
    assert directory.authority(IT_FOCAL_POINT)
    assert directory.signing_key(RO, "ro-node-1", then, received_at=then).kid == "ro-node-1"
    world.wait(days=1)
    world.admit("ro", nodes=("ro",))
    assert world.refresh().node(RO)


def test_one_states_forgotten_renewal_does_not_stop_the_others(world: World) -> None:
    world.publish(world.authority(RO_LOCAL), lasts=timedelta(days=1))
    world.refresh()
    world.wait(days=2)
    directory = world.refresh()
    with refused("directory.entry_expired"):
        directory.authority(RO_LOCAL)
    with refused("directory.entry_expired"):
        directory.signing_key(RO_LOCAL, f"{RO_LOCAL}-1", world.now, received_at=world.now)
    assert directory.authority(RO_FOCAL_POINT)


def test_an_entry_of_an_unknown_kind_is_kept_and_not_interpreted(world: World) -> None:
    world.wait(hours=1)
    token = world.publish(world.node(RO))
    claims = {
        "iss": "ro",
        "sub": "relay",
        "iat": int(world.now.timestamp()),
        "exp": int(world.now.timestamp()) + 9999,
        "authority_hints": ["focalpoint-example"],
        "metadata": {"focalpoint_relay": {}},
    }
    world.entries["ro/relay/relay"] = sign(StatementType.STATE_ENTRY, claims, world.root["ro"])
    directory = world.refresh()
    assert list(directory.others) == ["ro/relay/relay"]
    assert directory.node(RO).digest == digest(token.encode())


# --- keys over time -----------------------------------------------------------------------------------------


def test_a_message_signed_by_any_of_three_retired_keys_verifies_as_when_it_was_received(world: World) -> None:
    signed: list[tuple[str, object]] = []
    for turn in (2, 3, 4):
        signed.append((world.signing[RO_LOCAL].kid, world.now))
        world.wait(days=60)
        for path, facts in list(world.facts.items()):
            if not path.startswith("ro/authority/dgaspc"):
                world.publish(facts)
        world.rotate(RO_LOCAL, f"{RO_LOCAL}-{turn}")
        world.refresh()
    for kid, moment in signed:
        key = world.directory.signing_key(RO_LOCAL, kid, moment, received_at=moment)
        assert key.raw == seeded_key(kid).public.raw
    with refused("statement.key_not_valid"):
        world.directory.signing_key(RO_LOCAL, signed[0][0], signed[0][1], received_at=world.now)
    assert world.directory.signing_key(RO_LOCAL, f"{RO_LOCAL}-4", world.now, received_at=world.now)


def test_a_restarted_node_remembers_by_reading_its_history(world: World) -> None:
    kid, then, old = world.signing[RO_LOCAL].kid, world.now, world.entries["ro/authority/dgaspc-iasi"]
    world.wait(days=30)
    world.rotate(RO_LOCAL, f"{RO_LOCAL}-2", overlap=timedelta(hours=1))
    world.refresh()
    world.wait(days=1)
    world.publish(
        dataclasses.replace(
            world.authority(RO_LOCAL), signing_keys=world.authority(RO_LOCAL).signing_keys[1:]
        )
    )
    world.snapshot()
    fresh = world.assemble()
    with refused("statement.unknown_key"):
        fresh.signing_key(RO_LOCAL, kid, then, received_at=then)
    with refused("directory.unknown_entry"):
        fresh.entry_by_digest(digest(old.encode()))
    remembering = fresh.with_history([("ro/authority/dgaspc-iasi", old)])
    assert remembering.signing_key(RO_LOCAL, kid, then, received_at=then).raw == seeded_key(kid).public.raw
    cited = remembering.entry_by_digest(digest(old.encode()))
    assert isinstance(cited, AuthorityEntry)
    assert cited.address == RO_LOCAL
    assert digest(old.encode()) in remembering.history
    assert remembering.authority(RO_LOCAL).digest == fresh.authority(RO_LOCAL).digest


def test_history_that_does_not_verify_is_forgotten_and_the_rest_is_not(world: World) -> None:
    kid, then, path = world.signing[RO_LOCAL].kid, world.now, "ro/authority/dgaspc-iasi"
    good = world.entries[path]
    world.wait(hours=1)
    bad = world.publish(world.node(RO), key=seeded_key("stranger"))
    world.publish(world.node(RO))
    world.publish(
        dataclasses.replace(world.authority(RO_LOCAL), signing_keys=(world.record(seeded_key("new")),))
    )
    world.snapshot()
    directory = world.assemble().with_history(
        {path: [good], "ro/node/ro": [bad]},
        snapshots=[good],
        admissions=[CoSigned(payload=b"{}", signatures=())],
    )
    assert directory.signing_key(RO_LOCAL, kid, then, received_at=then)
    assert digest(bad.encode()) not in directory.archive.held
    assert sorted(code for _, code in directory.forgotten) == [
        "directory.below_threshold",
        "directory.wrong_signer",
        "statement.wrong_type",
    ]


def test_what_a_stolen_root_key_signed_is_remembered_only_where_an_earlier_snapshot_lists_it(
    world: World,
) -> None:
    path, honest, listing = (
        "ro/authority/dgaspc-iasi",
        world.entries["ro/authority/dgaspc-iasi"],
        world.snapshot_token,
    )
    cut_off = world.wait(hours=1)
    stolen, successor = world.root["ro"], seeded_key("ro-root-2")
    revoked = dataclasses.replace(world.record(stolen), revoked_at=cut_off)
    world.wait(minutes=-30)
    backdated = world.publish(world.authority(RO_FOCAL_POINT), key=stolen)
    world.wait(hours=1)
    world.admit("ro", nodes=("ro",), root_keys=[revoked, world.record(successor)])
    world.root["ro"] = successor
    for facts in [facts for facts in world.facts.values() if facts.state == "ro"]:
        world.publish(facts)
    world.snapshot()
    old = [(path, honest), ("ro/authority/anpdca", backdated)]
    without = world.assemble().with_history(old)
    assert {code for _, code in without.forgotten} == {"directory.root_key_revoked"}
    assert len(without.forgotten) == 2
    directory = world.assemble().with_history(old, snapshots=[listing])
    assert directory.forgotten == (("ro/authority/anpdca", "directory.root_key_revoked"),)
    assert directory.entry_by_digest(digest(honest.encode()))


SIGNING_MOMENTS = {
    "on its first second": (timedelta(0), timedelta(0), None),
    "queued across the rotation, within the overlap": (timedelta(days=9), timedelta(days=29), None),
    "on its last second of overlap": (timedelta(days=9), timedelta(days=30), None),
    "dated before it began": (-timedelta(seconds=1), timedelta(0), "statement.key_not_valid"),
    "dated when it no longer signs": (timedelta(days=10), timedelta(days=10), "statement.key_not_valid"),
    "received after the overlap": (
        timedelta(days=9),
        timedelta(days=30, seconds=1),
        "statement.key_not_valid",
    ),
}


@pytest.mark.parametrize("case", SIGNING_MOMENTS.values(), ids=SIGNING_MOMENTS.keys())
def test_a_signature_counts_by_when_it_was_made_and_received(
    world: World, case: tuple[timedelta, timedelta, str | None]
) -> None:
    made, received, code = case
    start = world.now
    record = dataclasses.replace(
        world.record(seeded_key("short")),
        not_before=start,
        signing_until=start + timedelta(days=10),
        verify_until=start + timedelta(days=30),
    )
    world.publish(dataclasses.replace(world.authority(RO_LOCAL), signing_keys=(record,)))
    directory = world.refresh()

    def ask() -> object:
        return directory.signing_key(RO_LOCAL, "short", start + made, received_at=start + received)

    if code is None:
        assert ask()
    else:
        with refused(code):
            ask()


def test_after_a_cut_off_only_what_had_been_received_before_it_stands(world: World) -> None:
    then = world.now
    cut_off = world.wait(days=3)
    facts = world.authority(RO_LOCAL)
    world.wait(days=1)
    revoked = dataclasses.replace(facts.signing_keys[0], revoked_at=cut_off)
    world.publish(
        dataclasses.replace(
            facts, signing_keys=(revoked, world.record(seeded_key("after"), since=timedelta()))
        )
    )
    directory = world.refresh()
    kid = revoked.kid
    assert directory.signing_key(RO_LOCAL, kid, then, received_at=cut_off - timedelta(seconds=1))
    with refused("statement.key_revoked"):
        directory.signing_key(RO_LOCAL, kid, cut_off, received_at=cut_off)
    with refused("statement.key_revoked"):  # a thief may date it back
        directory.signing_key(RO_LOCAL, kid, then, received_at=world.now)


def test_a_key_that_its_owner_dropped_counts_for_what_had_come_before(world: World) -> None:
    then = world.now
    dropped_at = world.wait(days=1)
    world.publish(
        dataclasses.replace(world.authority(RO_LOCAL), signing_keys=(world.record(seeded_key("new")),))
    )
    directory = world.refresh()
    assert directory.signing_key(RO_LOCAL, f"{RO_LOCAL}-1", then, received_at=then)
    with refused("statement.key_not_valid"):
        directory.signing_key(RO_LOCAL, f"{RO_LOCAL}-1", then, received_at=dropped_at)


def test_an_authority_left_out_of_the_snapshot_is_unknown_from_then_on(world: World) -> None:
    then = world.now
    world.wait(days=1)
    del world.entries["ro/authority/dgaspc-iasi"]
    world.refresh()
    world.wait(days=1)
    directory = world.refresh()
    assert directory.signing_key(RO_LOCAL, f"{RO_LOCAL}-1", then, received_at=then)
    with refused("directory.unknown_authority"):
        directory.signing_key(RO_LOCAL, f"{RO_LOCAL}-1", then, received_at=world.now)


def test_one_owners_key_is_not_anothers(world: World) -> None:
    for owner in (IT_FOCAL_POINT, RO_LOCAL, IT):
        with refused("statement.unknown_key"):
            world.directory.signing_key(owner, f"{RO_FOCAL_POINT}-1", world.now, received_at=world.now)


# --- freshness ----------------------------------------------------------------------------------------------


def test_a_node_warns_at_half_life_and_stops_at_hard_expiry(world: World) -> None:
    start = world.now
    moments = [(0, "good"), (3.49, "good"), (3.5, "half-life"), (6.99, "half-life"), (7, "expired")]
    for days, freshness in moments:
        assert world.directory.freshness(start + timedelta(days=days)) == freshness
    world.directory.require_fresh(start + timedelta(days=6.99))
    with refused("directory.expired"):
        world.directory.require_fresh(start + timedelta(days=7))


def test_a_change_of_one_entry_leaves_the_others_as_they_were_verified(world: World) -> None:
    before = world.directory.archive.held
    world.wait(hours=1)
    path = "ro/authority/dgaspc-iasi"
    world.publish(world.authority(RO_LOCAL))
    world.snapshot()
    directory = world.assemble(previous=world.directory, admissions=[], entries={path: world.entries[path]})
    now_held = [directory.archive.held[entry] for entry in directory.snapshot.entries.values()]
    assert len(now_held) == 6
    assert [one.entry.path for one in now_held if one.entry.digest not in before] == [path]
    assert all(before[one.entry.digest] is one for one in now_held if one.entry.path != path)
