"""Mandates and corridor profiles: what a State grants alone, and what counts only when two have signed it."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.deadlines import Terms, terms_for
from protocol.directory import (
    CorridorFacts,
    CorridorTerms,
    Directory,
    MandateFacts,
    profile_bytes,
    sign_profile,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, StateCode
from protocol.json_strict import dumps, parse_object
from protocol.statements import CoSigned, LocalSigningKey
from tests.protocol.sample_directory import NETWORK, RO_LOCAL, World, sample_directory, seeded_key

IT, RO, FR = StateCode("it"), StateCode("ro"), StateCode("fr")
INQUIRY = ("social-inquiry.request", "report", "ordinary")


def terms(world: World, **changes: Any) -> CorridorTerms:
    agreed = CorridorTerms(
        network=NETWORK,
        states=(IT, RO),
        durations={INQUIRY: "P10WD"},
        costs="both-states",
        languages=("en", "fr"),
        retention="P10Y",
        since=world.now - timedelta(days=1),
        until=world.now + timedelta(days=365),
        issued_at=world.now - timedelta(days=1),
    )
    return dataclasses.replace(agreed, **changes)


def profile(world: World, agreed: CorridorTerms, *signers: LocalSigningKey) -> CoSigned:
    payload = profile_bytes(agreed)
    keys = signers or (world.root["it"], world.root["ro"])
    return CoSigned(payload=payload, signatures=tuple(sign_profile(payload, key) for key in keys))


def published(
    world: World,
    cosigned: CoSigned,
    agreed: CorridorTerms,
    *,
    by: StateCode = RO,
    ended: datetime | None = None,
) -> Directory:
    other = IT if by == RO else RO
    world.publish(CorridorFacts(state=by, other=other, profile=cosigned, terms=agreed, ended_at=ended))
    return world.refresh()


def mandate(world: World, **changes: Any) -> MandateFacts:
    given = MandateFacts(
        state=RO,
        name="iom-inquiries",
        intermediary=Address("int.iom"),
        procedures=("social-inquiry",),
        since=world.now,
        until=world.now + timedelta(days=30),
    )
    return dataclasses.replace(given, **changes)


# --- corridor profiles --------------------------------------------------------------------------------------


def test_a_profile_that_both_states_signed_is_found_by_either_and_by_its_digest() -> None:
    world = sample_directory()
    agreed = terms(world)
    directory = published(world, profile(world, agreed), agreed)
    found = directory.corridor_profile(IT, RO, world.now)
    assert found is not None
    assert found == directory.corridor_profile(RO, IT, world.now)
    assert found == directory.profile_by_digest(found.facts.profile_digest)
    assert (found.facts.terms.costs, found.facts.terms.retention) == ("both-states", "P10Y")
    assert directory.corridor_profile(IT, FR, world.now) is None
    assert directory.unserved == {}


@pytest.mark.parametrize("signers", [("it",), ("ro",), ("it", "it"), ("ro", "stranger"), ("ro", "ro.anpdca")])
def test_a_profile_that_one_state_signed_alone_counts_for_nobody(signers: tuple[str, ...]) -> None:
    world = sample_directory()
    agreed = terms(world)
    keys = {**world.root, "stranger": seeded_key("stranger"), "ro.anpdca": world.signing["ro.anpdca"]}
    cosigned = profile(world, agreed, *(keys[name] for name in signers))
    directory = published(world, cosigned, agreed)
    assert directory.corridor_profile(IT, RO, world.now) is None
    assert directory.unserved == {"ro/corridor/it": "directory.profile_signatures"}
    with pytest.raises(NotAcceptable, match=r"directory\.profile_signatures"):
        directory.profile_by_digest(cosigned.digest)
    # One State's mistake, or malice, stops nobody else.
    assert directory.authority(RO_LOCAL).address == RO_LOCAL


def test_a_signature_under_another_kind_of_statement_does_not_count() -> None:
    world = sample_directory()
    agreed = terms(world)
    good = profile(world, agreed)
    world.admit("it", nodes=("it",))
    moved = CoSigned(
        payload=good.payload, signatures=(good.signatures[1], world.admissions["it"].signatures[0])
    )
    directory = published(world, moved, agreed)
    assert directory.unserved == {"ro/corridor/it": "directory.profile_signatures"}


def test_a_profile_for_another_network_does_not_count_here() -> None:
    world = sample_directory()
    agreed = terms(world, network="elsewhere")
    directory = published(world, profile(world, agreed), agreed)
    assert directory.unserved == {"ro/corridor/it": "directory.wrong_network"}


def test_a_profile_stands_within_its_period_alone() -> None:
    world = sample_directory()
    agreed = terms(world, since=world.now, until=world.now + timedelta(days=2))
    directory = published(world, profile(world, agreed), agreed)
    second = timedelta(seconds=1)
    for at, stands in (
        (agreed.since - second, False),
        (agreed.since, True),
        (agreed.until - second, True),
        (agreed.until, False),
    ):
        assert (directory.corridor_profile(IT, RO, at) is not None) is stands


@pytest.mark.parametrize("by", [IT, RO])
def test_either_state_alone_ends_a_profile_and_does_not_unsay_it(by: StateCode) -> None:
    world = sample_directory()
    agreed = terms(world)
    cosigned = profile(world, agreed)
    published(world, cosigned, agreed, by=IT)
    published(world, cosigned, agreed, by=RO)
    world.wait(hours=1)
    ended = world.now + timedelta(hours=1)
    directory = published(world, cosigned, agreed, by=by, ended=ended)
    assert directory.corridor_profile(IT, RO, ended - timedelta(seconds=1)) is not None
    assert directory.corridor_profile(IT, RO, ended) is None
    world.wait(hours=1)
    directory = published(world, cosigned, agreed, by=by)  # it leaves the end out again
    assert directory.corridor_profile(IT, RO, ended) is None


def test_the_profile_agreed_last_counts() -> None:
    world = sample_directory()
    first = terms(world)
    published(world, profile(world, first), first, by=IT)
    second = terms(world, issued_at=world.now, durations={INQUIRY: "P5WD"})
    directory = published(world, profile(world, second), second, by=RO)
    found = directory.corridor_profile(IT, RO, world.now)
    assert found is not None
    assert found.facts.terms.durations[INQUIRY] == "P5WD"


def test_what_a_stolen_root_key_signed_is_no_profile() -> None:
    world = sample_directory()
    agreed = terms(world)
    directory = published(world, profile(world, agreed), agreed, by=IT)
    assert directory.corridor_profile(IT, RO, world.now) is not None
    world.wait(hours=1)
    stolen = dataclasses.replace(world.record(world.root["ro"]), revoked_at=world.now)
    fresh = world.record(seeded_key("ro-root-2"))
    world.entries = {path: token for path, token in world.entries.items() if not path.startswith("ro/")}
    world.admit("ro", nodes=("ro",), root_keys=[stolen, fresh])
    assert world.refresh().corridor_profile(IT, RO, world.now) is None


def test_a_profile_of_other_states_than_its_path_says_is_refused() -> None:
    world = sample_directory()
    agreed = terms(world, states=(FR, IT))
    world.publish(CorridorFacts(state=RO, other=IT, profile=profile(world, agreed), terms=agreed))
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_path"):
        world.assemble()


PROFILES: dict[str, tuple[str, object]] = {
    "one State alone": ("states", ["ro"]),
    "a State with itself": ("states", ["ro", "ro"]),
    "States out of order": ("states", ["ro", "it"]),
    "a length that is none": (
        "durations",
        [{"type": "a", "obligation": "b", "urgency": "c", "duration": "soon"}],
    ),
    "one length twice": (
        "durations",
        [{"type": "a", "obligation": "b", "urgency": "c", "duration": "P1D"}] * 2,
    ),
    "no time to keep": ("retention", "for ever"),
    "it ends before it begins": ("until", 1),
    "no rule on costs": ("costs", ""),
}


@pytest.mark.parametrize("case", PROFILES.values(), ids=PROFILES.keys())
def test_a_malformed_profile_is_refused_though_both_signed_it(case: tuple[str, object]) -> None:
    world = sample_directory()
    agreed = terms(world)
    payload = dumps({**parse_object(profile_bytes(agreed), max_bytes=65_536), case[0]: case[1]})
    signatures = tuple(sign_profile(payload, world.root[state]) for state in ("it", "ro"))
    cosigned = CoSigned(payload=payload, signatures=signatures)
    world.publish(CorridorFacts(state=RO, other=IT, profile=cosigned, terms=agreed))
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
        world.assemble()


def test_both_ends_count_the_same_instant_by_the_profile_that_the_message_cites() -> None:
    world = sample_directory()
    agreed = terms(world)
    directory = published(world, profile(world, agreed), agreed)
    found = directory.corridor_profile(IT, RO, world.now)
    assert found is not None
    entry = directory.authority(RO_LOCAL)
    message = SimpleNamespace(
        type="social-inquiry.request", urgency="ordinary", issued_at=world.now, recipient_entry=entry.digest
    )

    def counted(at: Directory, digest: str | None) -> Terms | None:
        cited = None if digest is None else at.profile_by_digest(digest).facts
        return terms_for(
            message,
            procedure="social-inquiry",
            answering=entry,
            profile=cited and cited.terms.agreed(cited.profile_digest),
        )

    elsewhere = world.assemble()
    ours = counted(directory, found.facts.profile_digest)
    assert ours == counted(elsewhere, found.facts.profile_digest)
    assert ours is not None
    assert ours != counted(directory, None)
    due = ours.due("report")
    assert due is not None
    assert (due.basis, due.source) == ("corridor-profile", found.facts.profile_digest)


def test_a_profile_that_nobody_published_is_unknown() -> None:
    with pytest.raises(NotAcceptable, match=r"directory\.unknown_profile"):
        sample_directory().directory.profile_by_digest("0" * 43)


# --- mandates -----------------------------------------------------------------------------------------------


def test_a_mandate_is_found_by_intermediary_state_procedure_and_time() -> None:
    world = sample_directory()
    given = mandate(world, states=(IT,))
    world.publish(given)
    directory = world.refresh()
    (found,) = directory.mandates(at=world.now)
    assert found.facts == given
    asked: dict[str, Any] = {
        "intermediary": Address("int.iom"),
        "state": RO,
        "procedure": "social-inquiry",
        "towards": IT,
    }
    assert directory.mandates(at=world.now, **asked) == (found,)
    for name, other in (
        ("intermediary", Address("int.iss")),
        ("state", IT),
        ("procedure", "guardian"),
        ("towards", FR),
    ):
        assert directory.mandates(at=world.now, **{**asked, name: other}) == ()
    assert directory.mandates(at=world.now - timedelta(seconds=1)) == ()
    assert directory.mandates(at=given.until) == ()


def test_a_mandate_is_revoked_from_its_moment_on() -> None:
    world = sample_directory()
    world.publish(mandate(world))
    world.refresh()
    world.wait(hours=1)
    world.publish(mandate(world, since=world.now - timedelta(hours=1), revoked_at=world.now))
    directory = world.refresh()
    assert directory.mandates(at=world.now - timedelta(seconds=1)) != ()
    assert directory.mandates(at=world.now) == ()


def test_a_suspended_state_mandates_nobody() -> None:
    world = sample_directory()
    world.publish(mandate(world))
    assert world.refresh().mandates(at=world.now) != ()
    world.wait(hours=1)
    world.admit("ro", nodes=("ro",), suspended=True)
    assert world.refresh().mandates(at=world.now) == ()


def test_nobody_mandates_for_another_state_nor_a_state_itself() -> None:
    world = sample_directory()
    world.publish(mandate(world), key=world.root["it"])
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_signer"):
        world.assemble()
    world.publish(mandate(world, intermediary=Address("ro.anpdca")))
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
        world.assemble()


@pytest.mark.parametrize("changes", [{"procedures": ()}, {"until": datetime.fromtimestamp(1).astimezone()}])
def test_a_malformed_mandate_is_refused(changes: dict[str, Any]) -> None:
    world = sample_directory()
    world.publish(mandate(world, **changes))
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
        world.assemble()
