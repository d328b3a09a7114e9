"""Every attack on the directory that we know, each with the refusal that meets it.

The names follow those of the TUF conformance suite where there is one: rollback, freeze, mix and match, wrong
level, below threshold. After each refused attack the node still serves its last good directory: `assemble`
makes a new value or nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.directory import (
    Directory,
    Role,
    sign_charter,
    sign_entry,
    sign_snapshot,
    verify_admission,
    verify_snapshot,
)
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.json_strict import dumps
from protocol.statements import CoSigned, StatementType, cosign, digest, sign
from tests.protocol.sample_directory import (
    NETWORK,
    RO,
    RO_FOCAL_POINT,
    RO_LOCAL,
    World,
    node_facts,
    sample_directory,
    seeded_key,
)

PATH = "ro/authority/dgaspc-iasi"


def again(world: World, **changes: object) -> Directory:
    return world.assemble(previous=world.directory, **changes)


# --- the charter --------------------------------------------------------------------------------------------


def other_charter(world: World) -> Directory:
    return world.assemble(charter_digest=digest(b"another network's charter"))


def charter(world: World, **changes: object) -> CoSigned:
    arguments: dict[str, object] = {
        "network": NETWORK,
        "keys": [key.public for key in world.charter_keys],
        "threshold": 2,
        "snapshot_keys": [world.record(world.snapshot_key)],
        "issued_at": world.now,
        "expires_at": world.now + timedelta(days=365),
        "signers": world.charter_keys[:2],
    }
    return sign_charter(**{**arguments, **changes})  # type: ignore[arg-type]


def from_charter(world: World, cosigned: CoSigned) -> Directory:
    return world.assemble(charter=cosigned, charter_digest=cosigned.digest)


def charter_signed_by_one(world: World) -> Directory:
    return from_charter(world, charter(world, signers=world.charter_keys[:1]))


def charter_signed_twice_by_one(world: World) -> Directory:
    return from_charter(world, charter(world, signers=[world.charter_keys[0]] * 2))


def charter_with_one_key_under_two_names(world: World) -> Directory:
    key = world.charter_keys[0]
    twin = dataclasses.replace(key, kid="charter-twin")
    return from_charter(world, charter(world, keys=[key.public, twin.public], signers=[key, twin]))


def charter_with_threshold_one(world: World) -> Directory:
    return from_charter(world, charter(world, threshold=1))


def charter_with_more_threshold_than_keys(world: World) -> Directory:
    return from_charter(world, charter(world, threshold=4, signers=world.charter_keys))


def charter_key_as_snapshot_key(world: World) -> Directory:
    return from_charter(world, charter(world, snapshot_keys=[world.record(world.charter_keys[2])]))


def charter_expired(world: World) -> Directory:
    cosigned = charter(world, expires_at=world.now + timedelta(hours=1))
    return world.assemble(
        charter=cosigned, charter_digest=cosigned.digest, now=world.now + timedelta(hours=1)
    )


def charter_swapped_under_a_running_node(world: World) -> Directory:
    cosigned = charter(world)
    return again(world, charter=cosigned, charter_digest=cosigned.digest)


# --- a charter replaces another -----------------------------------------------------------------------------

NEW_KEYS = ("charter-4", "charter-5", "charter-6")


def rotation(world: World, **changes: object) -> Directory:
    """The keepers hand over; a node that held the old charter is offered what then stands."""
    world.wait(hours=1)
    world.rotate_charter(*NEW_KEYS, **changes)
    world.snapshot()
    return again(world, charter_digest=world.charters[0].digest)


def rotation_by_one_old_keeper(world: World) -> Directory:
    new = [seeded_key(name) for name in NEW_KEYS]
    return rotation(world, signers=[world.charter_keys[0], *new])


def rotation_that_the_new_keepers_did_not_sign(world: World) -> Directory:
    return rotation(world, signers=world.charter_keys)


def rotation_to_a_threshold_of_one(world: World) -> Directory:
    return rotation(world, threshold=1)


def rotation_under_another_name(world: World) -> Directory:
    return rotation(world, network="elsewhere")


def rotation_dated_before_its_predecessor(world: World) -> Directory:
    return rotation(world, issued_at=world.now - timedelta(days=2))


def rotation_that_skips_a_number(world: World) -> Directory:
    skipped = dataclasses.replace(world.directory.charter, sequence=2)
    return rotation(world, previous=skipped)


def two_successors_of_one_charter(world: World) -> Directory:
    world.wait(hours=1)
    other = world.rotated([seeded_key("charter-7"), seeded_key("charter-8")])
    world.rotate_charter(*NEW_KEYS)
    world.snapshot()
    return again(
        world, charter=[*world.charters, world.charter, other], charter_digest=world.charters[0].digest
    )


def rollback_to_the_former_charter(world: World) -> Directory:
    pinned = world.charter_digest
    old, old_charter = world.snapshot(sequence=3), world.charter
    world.directory = rotation(world)
    return again(world, charter=old_charter, charter_digest=pinned, snapshot_token=old)


def snapshot_of_the_former_charter_dated_after_it(world: World) -> Directory:
    former = world.charter
    world.directory = rotation(world)
    world.wait(hours=1)
    world.snapshot(charter=former)
    return again(world)


def admission_by_keys_that_were_rotated_away(world: World) -> Directory:
    former, keys = world.charter, world.charter_keys
    world.directory = rotation(world)
    newer, world.charter, world.charter_keys = world.charter, former, keys
    world.admit("fr", nodes=("fr",))
    world.charter = newer
    world.snapshot()
    return again(world)


def newer_admission_by_keys_that_were_rotated_away(world: World) -> Directory:
    former, keys = world.charter, world.charter_keys
    world.directory = rotation(world)
    newer, world.charter, world.charter_keys = world.charter, former, keys
    world.admit("ro", nodes=("ro",), root_keys=[world.record(seeded_key("thief"))])
    world.charter = newer
    world.snapshot()
    return again(world)


def admission_older_than_the_charter_takes_over(world: World) -> Directory:
    """Offered to a node that has never seen the newer one."""
    old = world.admissions["ro"]
    world.admit("ro", nodes=("ro",), suspended=True)
    world.wait(hours=1)
    world.rotate_charter(*NEW_KEYS)
    world.admissions["ro"] = old
    world.snapshot()
    return world.assemble()


# --- the snapshot -------------------------------------------------------------------------------------------


def rollback_to_an_older_snapshot(world: World) -> Directory:
    world.refresh()
    return again(world, snapshot_token=world.snapshots[0])


def freeze_at_an_old_snapshot(world: World) -> Directory:
    return again(world, now=world.now + timedelta(days=7))


def snapshot_from_the_future(world: World) -> Directory:
    world.snapshot(issued_at=world.now + timedelta(minutes=6), expires_at=world.now + timedelta(days=1))
    return again(world)


def two_snapshots_with_one_number(world: World) -> Directory:
    world.snapshot(sequence=1, previous=None, expires_at=world.now + timedelta(days=6))
    return again(world)


def snapshot_that_does_not_follow(world: World) -> Directory:
    world.snapshot(previous=digest(b"a snapshot that only the other State has seen"))
    return again(world)


def snapshot_by_a_stranger(world: World) -> Directory:
    world.snapshot(key=seeded_key("stranger"))
    return again(world)


def snapshot_by_a_stranger_under_the_keepers_name(world: World) -> Directory:
    world.snapshot(key=dataclasses.replace(seeded_key("stranger"), kid=world.snapshot_key.kid))
    return again(world)


def snapshot_by_a_charter_key(world: World) -> Directory:
    world.snapshot(key=world.charter_keys[0])
    return again(world)


def snapshot_by_a_states_root_key(world: World) -> Directory:
    world.snapshot(key=world.root["ro"])
    return again(world)


def snapshot_dated_after_its_key(world: World) -> Directory:
    world.wait(days=366)
    world.snapshot()
    return again(world)


def snapshot_of_another_network(world: World) -> Directory:
    world.snapshot(charter=charter(world, network="elsewhere"))
    return again(world)


def entry_in_the_place_of_a_snapshot(world: World) -> Directory:
    return again(world, snapshot_token=world.entries[PATH])


def snapshot_with_a_critical_claim(world: World) -> Directory:
    claims = {"charter": world.charter_digest, "sequence": 2, "crit": ["merkle_root"], "merkle_root": "x"}
    return again(world, snapshot_token=sign(StatementType.SNAPSHOT, claims, world.snapshot_key))


# --- admission ----------------------------------------------------------------------------------------------


def admission_by_one_keeper(world: World) -> Directory:
    world.admit("fr", nodes=("fr",), signers=world.charter_keys[:1])
    world.snapshot()
    return again(world)


def admission_by_the_state_itself(world: World) -> Directory:
    world.admit("ro", nodes=("ro", "it"), signers=[world.root["ro"], world.signing["ro"]])
    world.snapshot()
    return again(world)


def charter_signatures_moved_to_an_admission(world: World) -> Directory:
    """The same keys did sign these bytes, but as a charter."""
    real = world.admit("fr", nodes=("fr",))
    signatures = tuple(cosign(StatementType.CHARTER, real.payload, key) for key in world.charter_keys)
    world.admissions["fr"] = CoSigned(payload=real.payload, signatures=signatures)
    world.snapshot()
    return again(world)


def admission_of_another_network(world: World) -> Directory:
    home, world.charter = world.charter, charter(world, network="elsewhere")
    world.admit("fr", nodes=("fr",))
    world.charter = home
    world.snapshot()
    return again(world)


def suspension_undone_by_the_old_admission(world: World) -> Directory:
    old = world.admissions["ro"]
    world.wait(hours=1)
    world.admit("ro", nodes=("ro",), suspended=True)
    world.refresh()
    world.admissions["ro"] = old
    world.snapshot()
    return again(world)


def two_admissions_with_one_number(world: World) -> Directory:
    world.admission_sequence["ro"] = 0
    world.admit("ro", nodes=("ro", "ro-2"))
    world.snapshot()
    return again(world)


def admission_withheld(world: World) -> Directory:
    world.admit("ro", nodes=("ro",))
    world.snapshot()
    return again(world, admissions=[])


def entries_of_somebody_not_admitted(world: World) -> Directory:
    world.root["fr"] = seeded_key("fr-root-1")
    world.publish(node_facts(world, "fr", "fr"))
    world.snapshot()
    return again(world)


def admission_under_another_members_name(world: World) -> Directory:
    world.snapshot(admissions={"it": world.admissions["it"], "ro": world.admissions["it"]})
    return world.assemble()


def a_node_code_admitted_for_two(world: World) -> Directory:
    world.admit("fr", nodes=("ro",))
    world.snapshot()
    return again(world)


# --- entries ------------------------------------------------------------------------------------------------


def entry_signed_by(key_name: str) -> Callable[[World], Directory]:
    def attack(world: World) -> Directory:
        world.wait(hours=1)
        keys = {
            **world.root,
            **world.signing,
            "snapshot": world.snapshot_key,
            "charter": world.charter_keys[0],
            "stranger": seeded_key("stranger"),
        }
        key = world.root["it"] if key_name == "root of it" else keys[key_name]
        world.publish(world.authority(RO_LOCAL), key=key)
        world.snapshot()
        return again(world)

    return attack


def entry_by_a_stranger_under_the_root_keys_name(world: World) -> Directory:
    world.wait(hours=1)
    world.publish(
        world.authority(RO_LOCAL), key=dataclasses.replace(seeded_key("stranger"), kid=world.root["ro"].kid)
    )
    world.snapshot()
    return again(world)


def one_state_writes_at_anothers_path(world: World) -> Directory:
    world.entries[PATH] = world.entries["it/authority/servizio-minori"]
    world.snapshot()
    return again(world)


def one_state_claims_anothers_authority(world: World) -> Directory:
    claims = {
        "iss": "it",
        "sub": RO_LOCAL,
        "iat": int(world.now.timestamp()),
        "exp": int(world.now.timestamp()) + 3600,
        "authority_hints": [NETWORK],
        "jwks": {"keys": []},
        "metadata": world.authority(RO_LOCAL).metadata(),
    }
    world.entries["it/authority/dgaspc-iasi"] = sign(StatementType.STATE_ENTRY, claims, world.root["it"])
    world.snapshot()
    return again(world)


def an_entry_in_another_ones_place(world: World) -> Directory:
    world.entries[PATH] = world.entries["ro/authority/anpdca"]
    world.snapshot()
    return world.assemble()


def a_known_entry_in_another_ones_place(world: World) -> Directory:
    world.entries[PATH] = world.entries["ro/authority/anpdca"]
    world.snapshot()
    return again(world)


def a_node_that_was_not_admitted(world: World) -> Directory:
    world.publish(node_facts(world, "ro-2", "ro"))
    world.snapshot()
    return again(world)


def an_authority_on_another_states_node(world: World) -> Directory:
    world.wait(hours=1)
    world.publish(dataclasses.replace(world.authority(RO_LOCAL), node=NodeCode("it")))
    world.snapshot()
    return again(world)


def mix_and_match_of_entry_versions(world: World) -> Directory:
    old = dict(world.entries)
    world.wait(hours=1)
    world.publish(world.authority(RO_LOCAL))
    world.snapshot()
    return world.assemble(entries=old)


def an_entry_withheld(world: World) -> Directory:
    return world.assemble(entries={path: token for path, token in world.entries.items() if path != PATH})


def snapshot_key_brings_back_an_older_entry(world: World) -> Directory:
    old = world.entries[PATH]
    world.wait(hours=1)
    world.publish(world.authority(RO_LOCAL))
    world.refresh()
    world.entries[PATH] = old
    world.snapshot()
    return again(world)


def snapshot_key_leaves_out_then_brings_back(world: World) -> Directory:
    old = world.entries[PATH]
    world.wait(hours=1)
    world.publish(world.authority(RO_LOCAL))
    world.refresh()
    del world.entries[PATH]
    world.refresh()
    world.entries[PATH] = old
    world.snapshot()
    return again(world)


def entry_made_for_another_network(world: World) -> Directory:
    world.wait(hours=1)
    world.entries[PATH] = sign_entry(
        world.authority(RO_LOCAL),
        network="elsewhere",
        issued_at=world.now,
        expires_at=world.now + timedelta(days=1),
        key=world.root["ro"],
    )
    world.snapshot()
    return again(world)


def entry_dated_ahead(world: World) -> Directory:
    world.wait(hours=1)
    world.publish(world.authority(RO_LOCAL))
    world.wait(hours=-1)
    world.snapshot()
    return again(world)


def entry_dated_outside_its_root_key(world: World) -> Directory:
    world.wait(days=-31)
    world.publish(world.authority(RO_LOCAL))
    world.wait(days=31)
    world.snapshot()
    return world.assemble()


def entry_resting_on_a_stolen_root_key(world: World) -> Directory:
    record = dataclasses.replace(world.record(world.root["ro"]), revoked_at=world.now + timedelta(minutes=30))
    world.wait(hours=1)
    world.admit("ro", nodes=("ro",), root_keys=[record, world.record(seeded_key("ro-root-2"))])
    world.wait(minutes=-50)  # the thief dates it back before the cut-off
    world.publish(world.authority(RO_LOCAL))
    world.wait(minutes=50)
    world.snapshot()
    return again(world)


def a_key_id_given_to_another_key(world: World) -> Directory:
    world.wait(hours=1)
    facts = world.authority(RO_LOCAL)
    other = dataclasses.replace(seeded_key("other"), kid=facts.signing_keys[0].kid)
    world.publish(dataclasses.replace(facts, signing_keys=(world.record(other),)))
    world.snapshot()
    return again(world)


def an_entry_that_shows_a_private_key(world: World) -> Directory:
    world.wait(hours=1)
    facts = world.authority(RO_LOCAL)
    key = facts.signing_keys[0]
    leaking = dataclasses.replace(key, jwk={**key.jwk, "d": "AAAA"})
    world.publish(dataclasses.replace(facts, signing_keys=(leaking,)))
    world.snapshot()
    return again(world)


def a_week_without_a_working_day(world: World) -> Directory:
    """A deadline counted on such a calendar would never come."""
    world.wait(hours=1)
    world.publish(dataclasses.replace(world.authority(RO_LOCAL), weekend=(1, 2, 3, 4, 5, 6, 7)))
    world.snapshot()
    return again(world)


ATTACKS: dict[str, tuple[Callable[[World], Directory], str]] = {
    "another network's charter": (other_charter, "directory.wrong_charter"),
    "a charter with too few signatures": (charter_signed_by_one, "directory.below_threshold"),
    "one keeper signs the charter twice": (charter_signed_twice_by_one, "directory.below_threshold"),
    "one key listed as two keepers": (charter_with_one_key_under_two_names, "directory.charter_keys"),
    "a threshold that one stolen key meets": (charter_with_threshold_one, "directory.charter_keys"),
    "a threshold that nobody can meet": (charter_with_more_threshold_than_keys, "directory.charter_keys"),
    "a keeper's key that also signs snapshots": (charter_key_as_snapshot_key, "directory.charter_keys"),
    "an expired charter": (charter_expired, "directory.charter_expired"),
    "a running node is given another charter": (
        charter_swapped_under_a_running_node,
        "directory.wrong_charter",
    ),
    "a rotation that one old keeper signed": (rotation_by_one_old_keeper, "directory.below_threshold"),
    "a rotation that the new keepers did not sign": (
        rotation_that_the_new_keepers_did_not_sign,
        "directory.below_threshold",
    ),
    "a rotation to a threshold of one": (rotation_to_a_threshold_of_one, "directory.charter_keys"),
    "a rotation to another network's name": (rotation_under_another_name, "directory.wrong_network"),
    "a rotation dated before its predecessor": (
        rotation_dated_before_its_predecessor,
        "directory.malformed",
    ),
    "a rotation that skips a number": (rotation_that_skips_a_number, "directory.malformed"),
    "two successors of one charter": (two_successors_of_one_charter, "directory.fork"),
    "rollback to the former charter": (rollback_to_the_former_charter, "directory.charter_rollback"),
    "a snapshot of the former charter, dated after it": (
        snapshot_of_the_former_charter_dated_after_it,
        "directory.charter_rollback",
    ),
    "an admission by keys that were rotated away": (
        admission_by_keys_that_were_rotated_away,
        "directory.superseded_charter",
    ),
    "other root keys for a State, by keys that were rotated away": (
        newer_admission_by_keys_that_were_rotated_away,
        "directory.superseded_charter",
    ),
    "an older admission than the charter takes over": (
        admission_older_than_the_charter_takes_over,
        "directory.admission_rollback",
    ),
    "rollback to an older snapshot": (rollback_to_an_older_snapshot, "directory.rollback"),
    "freeze at an old snapshot": (freeze_at_an_old_snapshot, "directory.expired"),
    "a snapshot from the future": (snapshot_from_the_future, "directory.from_the_future"),
    "split view: one number, two snapshots": (two_snapshots_with_one_number, "directory.fork"),
    "split view: a snapshot that does not follow ours": (snapshot_that_does_not_follow, "directory.fork"),
    "a snapshot by a stranger": (snapshot_by_a_stranger, "directory.wrong_signer"),
    "a snapshot by a stranger under the keeper's key id": (
        snapshot_by_a_stranger_under_the_keepers_name,
        "statement.signature",
    ),
    "wrong level: a snapshot by a charter key": (snapshot_by_a_charter_key, "directory.wrong_signer"),
    "wrong level: a snapshot by a State": (snapshot_by_a_states_root_key, "directory.wrong_signer"),
    "a snapshot dated after its key's end": (snapshot_dated_after_its_key, "directory.key_not_valid"),
    "a snapshot of another network": (snapshot_of_another_network, "directory.wrong_charter"),
    "an entry offered as a snapshot": (entry_in_the_place_of_a_snapshot, "statement.wrong_type"),
    "a snapshot with a critical claim we do not know": (snapshot_with_a_critical_claim, "directory.critical"),
    "an admission signed by one keeper": (admission_by_one_keeper, "directory.below_threshold"),
    "a State admits itself": (admission_by_the_state_itself, "directory.below_threshold"),
    "a charter's signatures on an admission": (
        charter_signatures_moved_to_an_admission,
        "directory.below_threshold",
    ),
    "an admission to another network": (admission_of_another_network, "directory.wrong_charter"),
    "a suspension undone by the old admission": (
        suspension_undone_by_the_old_admission,
        "directory.admission_rollback",
    ),
    "one number, two admissions": (two_admissions_with_one_number, "directory.fork"),
    "an admission withheld": (admission_withheld, "directory.admission_missing"),
    "entries of somebody not admitted": (entries_of_somebody_not_admitted, "directory.not_admitted"),
    "one member's admission under another's name": (
        admission_under_another_members_name,
        "directory.entry_mismatch",
    ),
    "one node code admitted for two members": (a_node_code_admitted_for_two, "directory.claimed_twice"),
    "wrong level: an entry signed by its own authority": (
        entry_signed_by(RO_LOCAL),
        "directory.wrong_signer",
    ),
    "wrong level: an entry signed by its focal point": (
        entry_signed_by(RO_FOCAL_POINT),
        "directory.wrong_signer",
    ),
    "wrong level: an entry signed by its node": (entry_signed_by(RO), "directory.wrong_signer"),
    "wrong level: an entry signed by a charter key": (entry_signed_by("charter"), "directory.wrong_signer"),
    "wrong level: an entry signed by the snapshot key": (
        entry_signed_by("snapshot"),
        "directory.wrong_signer",
    ),
    "an entry signed by another State's root key": (entry_signed_by("root of it"), "directory.wrong_signer"),
    "an entry signed by a stranger": (entry_signed_by("stranger"), "directory.wrong_signer"),
    "an entry by a stranger under the root's key id": (
        entry_by_a_stranger_under_the_root_keys_name,
        "statement.signature",
    ),
    "one State's entry at another State's path": (one_state_writes_at_anothers_path, "directory.wrong_state"),
    "one State claims another's authority": (one_state_claims_anothers_authority, "directory.wrong_state"),
    "an entry in another one's place": (an_entry_in_another_ones_place, "directory.wrong_path"),
    "an entry known already, in another one's place": (
        a_known_entry_in_another_ones_place,
        "directory.wrong_path",
    ),
    "a node that was not admitted": (a_node_that_was_not_admitted, "directory.node_not_admitted"),
    "an authority on another State's node": (
        an_authority_on_another_states_node,
        "directory.node_not_admitted",
    ),
    "mix and match of entry versions": (mix_and_match_of_entry_versions, "directory.entry_mismatch"),
    "an entry withheld": (an_entry_withheld, "directory.entry_missing"),
    "the snapshot key brings back an older entry": (
        snapshot_key_brings_back_an_older_entry,
        "directory.entry_rollback",
    ),
    "the snapshot key leaves an entry out, then brings back an older one": (
        snapshot_key_leaves_out_then_brings_back,
        "directory.entry_rollback",
    ),
    "an entry made for another network": (entry_made_for_another_network, "directory.wrong_network"),
    "an entry dated ahead": (entry_dated_ahead, "directory.from_the_future"),
    "an entry dated outside its root key's interval": (
        entry_dated_outside_its_root_key,
        "directory.key_not_valid",
    ),
    "an entry dated back with a stolen root key": (
        entry_resting_on_a_stolen_root_key,
        "directory.root_key_revoked",
    ),
    "a key id given to another key": (a_key_id_given_to_another_key, "directory.key_changed"),
    "an entry that shows a private key": (an_entry_that_shows_a_private_key, "statement.key_malformed"),
    "a calendar without a working day": (a_week_without_a_working_day, "directory.malformed"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_on_the_directory_is_refused(attack: tuple[Callable[[World], Directory], str]) -> None:
    attempt, code = attack
    world = sample_directory()
    with pytest.raises(NotAcceptable) as refused:
        attempt(world)
    assert refused.value.code == code


def test_every_attack_fails_by_its_own_fault_alone() -> None:
    """The same steps without the fault are accepted, so each attack above is refused for what it does."""
    world = sample_directory()
    world.wait(hours=1)
    world.admit("fr", nodes=("fr",))
    world.publish(node_facts(world, "fr", "fr"))
    world.publish(world.authority(RO_LOCAL))
    world.snapshot()
    assert again(world).snapshot.sequence == 2
    assert from_charter_is_possible()


def test_a_rotation_without_a_fault_is_followed_from_the_old_digest_and_from_the_new_one() -> None:
    world = sample_directory()
    old = world.charter_digest
    followed = rotation(world)
    assert (followed.charter.sequence, [one.digest for one in followed.charter.earlier]) == (2, [old])
    assert world.assemble(charter_digest=world.charter_digest).charter.earlier[0].digest == old
    world.directory = followed
    world.wait(hours=1)
    world.rotate_charter("charter-7", "charter-8")
    world.admit("fr", nodes=("fr",))
    world.publish(node_facts(world, "fr", "fr"))
    world.snapshot()
    for pinned in (old, followed.charter.digest, world.charter_digest):
        for previous in (None, followed):
            directory = world.assemble(charter_digest=pinned, previous=previous)
            assert directory.charter.sequence == 3
            assert {entry.code for entry in directory.nodes()} == {"fr", "it", "ro"}


def test_a_node_that_knows_the_chain_need_not_be_shown_it_again() -> None:
    world = sample_directory()
    old = world.charter_digest
    world.directory = rotation(world)
    world.snapshot()
    assert again(world, charter=world.charter, charter_digest=old).charter.sequence == 2
    assert again(world, charter=[], charter_digest=old).charter.sequence == 2


def test_a_charter_of_another_digest_is_not_reached_by_rotations_of_this_one() -> None:
    world = sample_directory()
    world.directory = rotation(world)
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_charter"):
        again(world, charter_digest=digest(b"another network's charter"))


def test_what_was_signed_before_a_rotation_verifies_after_it() -> None:
    world = sample_directory()
    key = world.signing["ro.anpdca"]
    before = world.now
    world.directory = rotation(world)
    found = world.directory.signing_key(Address("ro.anpdca"), key.kid, before, received_at=before)
    assert found.raw == key.public.raw
    assert verify_snapshot(world.snapshots[0], world.directory.charter).sequence == 1


def from_charter_is_possible() -> bool:
    world = sample_directory()
    world.charter = charter(world)
    for member in ("it", "ro"):
        world.admit(member, nodes=(member,))
    world.snapshot()
    return world.assemble().snapshot.sequence == 2


def test_a_missed_snapshot_is_not_a_fork() -> None:
    world = sample_directory()
    world.snapshot()
    world.snapshot()
    assert again(world).snapshot.sequence == 3


@given(st.data())
def test_bytes_altered_anywhere_in_an_entry_are_refused_as_such(data: st.DataObject) -> None:
    world = sample_directory()
    token = world.entries[PATH]
    position = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.sampled_from("Aa0_.-~é").filter(lambda one: one != token[position]))
    world.entries[PATH] = token[:position] + character + token[position + 1 :]
    with pytest.raises(Refused):
        world.assemble()
    # Also when the snapshot key goes along with it.
    listed = {path: digest(one.encode("ascii", "replace")) for path, one in world.entries.items()}
    claims = {
        "charter": world.charter_digest,
        "sequence": 2,
        "iat": int(world.now.timestamp()),
        "exp": int(world.now.timestamp()) + 3600,
        "admissions": {member: one.digest for member, one in world.admissions.items()},
        "entries": listed,
    }
    with pytest.raises(Refused):
        world.assemble(snapshot_token=sign(StatementType.SNAPSHOT, claims, world.snapshot_key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    name=st.sampled_from(["iss", "sub", "iat", "exp", "jwks", "metadata", "authority_hints", "crit"]),
    value=JSON,
)
def test_whatever_a_state_signs_is_an_entry_or_a_refusal(name: str, value: object) -> None:
    world = sample_directory()
    claims = {**entry_claims(world), name: value}
    world.entries[PATH] = sign(StatementType.STATE_ENTRY, claims, world.root["ro"])
    world.snapshot()
    with contextlib.suppress(Refused):
        assert world.assemble(previous=world.directory)


@given(
    value=st.dictionaries(
        st.sampled_from(["network", "threshold", "jwks", "snapshot_jwks", "iat", "exp"]), JSON
    )
)
def test_whatever_the_keepers_sign_is_a_charter_or_a_refusal(value: dict[str, object]) -> None:
    world = sample_directory()
    payload = dumps(value)
    signatures = tuple(cosign(StatementType.CHARTER, payload, key) for key in world.charter_keys)
    cosigned = CoSigned(payload=payload, signatures=signatures)
    with pytest.raises(Refused):
        world.assemble(charter=cosigned, charter_digest=cosigned.digest)


def test_the_first_snapshot_may_be_any_that_is_not_expired() -> None:
    """A node that has seen none cannot know a rollback; the expiry bounds how far back it can be led."""
    world = sample_directory()
    world.refresh()
    token = sign_snapshot(
        charter=world.charter,
        sequence=1,
        previous=None,
        admissions=world.admissions,
        entries=world.entries,
        issued_at=world.now - timedelta(days=6),
        expires_at=world.now + timedelta(days=1),
        key=world.snapshot_key,
    )
    assert world.assemble(snapshot_token=token).snapshot.sequence == 1


def entry_claims(world: World) -> dict[str, Any]:
    facts = world.authority(RO_LOCAL)
    return {
        "iss": "ro",
        "sub": RO_LOCAL,
        "iat": int(world.now.timestamp()),
        "exp": int(world.now.timestamp()) + 3600,
        "authority_hints": [NETWORK],
        "jwks": {"keys": [key.to_json() for key in facts.signing_keys]},
        "metadata": facts.metadata(),
    }


def set_at(value: Any, where: str, new: object) -> None:
    *way, last = (int(step) if step.isdigit() else step for step in where.split("/"))
    for step in way:
        value = value[step]
    value[last] = new


ABOUT = "metadata/focalpoint_authority"
MALFORMED = {
    "it ends before it begins": ("exp", 1),
    "a key id listed twice": ("jwks/keys", None),
    "a key that signs after it verifies": ("jwks/keys/0/signing_until", 253_402_300_799),
    "a key that ends before it begins": ("jwks/keys/0/signing_until", 1),
    "a key for an unknown purpose": ("jwks/keys/0/purpose", "decorate"),
    "a moment no calendar has": ("iat", 2**52),
    "an unknown role": (f"{ABOUT}/role", "king"),
    "a holiday that is no date": (f"{ABOUT}/holidays", ["Christmas"]),
    "an hour that no clock has": (f"{ABOUT}/working_hours/0/opens", "25:00"),
    "names that are no object": (f"{ABOUT}/names", ["x"]),
    "no metadata of its own kind": ("metadata", {}),
    "a contact without an office": (f"{ABOUT}/contacts", [{"email": "x@ro.example"}]),
}


@pytest.mark.parametrize("case", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_entry_is_refused_though_its_state_signed_it(case: tuple[str, object]) -> None:
    world = sample_directory()
    where, new = case
    claims = entry_claims(world)
    set_at(claims, where, new if new is not None else claims["jwks"]["keys"] * 2)
    world.entries[PATH] = sign(StatementType.STATE_ENTRY, claims, world.root["ro"])
    world.snapshot()
    with pytest.raises(NotAcceptable) as refused:
        world.assemble()
    assert refused.value.code == "directory.malformed"


def test_a_nodes_entry_keeps_to_its_own_form() -> None:
    world = sample_directory()
    facts = world.node(RO)
    leak = dataclasses.replace(facts.sealing_keys[0], jwk={**facts.sealing_keys[0].jwk, "priv": "AAAA"})
    for changed in (
        dataclasses.replace(facts, limits={"coded": 0}),
        dataclasses.replace(facts, sealing_keys=(leak,)),
    ):
        world.publish(changed)
        world.snapshot()
        with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
            world.assemble()
    world.entries["ro/node/ro"] = world.publish(dataclasses.replace(facts, code=NodeCode("ro-2")))
    del world.entries["ro/node/ro-2"]
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_path"):
        world.assemble()


@pytest.mark.parametrize("path", ["", "ro", "ro/node", "RO/node/ro", "int/node/x", "ro/node/ro/x", "ro//x"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    world = sample_directory()
    world.entries[path] = world.entries[PATH]
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
        world.assemble()


ADMISSIONS = {
    "a member that is no State": {"member": "roumania"},
    "a State limited to some addresses": {"authorities": ["ro.anpdca"]},
    "a body limited to nothing": {"member": "int-iom"},
    "a body that speaks for a State": {"member": "int-iom", "authorities": ["ro.anpdca"]},
    "a number before the first": {"sequence": 0},
}


@pytest.mark.parametrize("changes", ADMISSIONS.values(), ids=ADMISSIONS.keys())
def test_a_malformed_admission_is_refused_though_the_keepers_signed_it(changes: dict[str, object]) -> None:
    world = sample_directory()
    payload = dumps({**json.loads(world.admissions["ro"].payload), **changes})
    signatures = tuple(cosign(StatementType.ADMISSION, payload, key) for key in world.charter_keys)
    with pytest.raises(NotAcceptable) as refused:
        verify_admission(CoSigned(payload=payload, signatures=signatures), world.directory.charter)
    assert refused.value.code == "directory.malformed"


def test_a_keeper_listed_twice_is_refused_also_where_the_others_would_do() -> None:
    world = sample_directory()
    twin = dataclasses.replace(world.charter_keys[0], kid="charter-twin")
    cosigned = charter(world, keys=[key.public for key in (*world.charter_keys, twin)])
    with pytest.raises(NotAcceptable, match=r"directory\.charter_keys"):
        from_charter(world, cosigned)


def test_a_snapshot_that_ends_before_it_begins_is_refused() -> None:
    world = sample_directory()
    token = world.snapshot(expires_at=world.now)
    with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
        verify_snapshot(token, world.directory.charter)


def test_a_running_node_does_not_move_to_a_whole_other_network() -> None:
    world, other = sample_directory(), sample_directory(sample_directory().now + timedelta(hours=1))
    assert other.charter_digest != world.charter_digest
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_charter"):
        other.assemble(previous=world.directory)


def test_two_bodies_that_the_network_let_claim_one_address_are_both_refused() -> None:
    world = sample_directory()
    facts = dataclasses.replace(
        world.authority(RO_LOCAL), address=Address("int.iom"), state=StateCode("int"), role=Role.INTERNATIONAL
    )
    for member in ("int-iom", "int-other"):
        world.admit(member, nodes=(member,), authorities=("int.iom",))
        world.publish(dataclasses.replace(facts, node=NodeCode(member)), member=member)
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.claimed_twice"):
        world.assemble()


def test_history_of_somebody_never_admitted_is_forgotten() -> None:
    world = sample_directory()
    world.root["fr"] = seeded_key("fr-root-1")
    token = world.publish(node_facts(world, "fr", "fr"))
    assert world.directory.with_history([("fr/node/fr", token)]).forgotten == (
        ("fr/node/fr", "directory.not_admitted"),
    )


def test_the_page_of_attacks_lists_what_is_tested_here() -> None:
    from scripts.directory_attacks import PAGE, page

    assert PAGE.read_text("utf-8") == page()
