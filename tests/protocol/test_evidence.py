"""Who may attest what about a message, and how the links hold together."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import evidence
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.evidence import About, Evidence, Parties, check_chain, evidence_kinds, verify_evidence
from protocol.identifiers import NodeCode
from protocol.statements import Statement, StatementType, read, sign
from tests.protocol.sample_case import Sent, attest, delivered, send, tampered
from tests.protocol.sample_directory import (
    IT,
    IT_FOCAL_POINT,
    RO,
    RO_FOCAL_POINT,
    RO_LOCAL,
    World,
    node_facts,
    sample_directory,
)


@pytest.fixture
def world() -> World:
    return sample_directory()


@pytest.fixture
def sent(world: World) -> Sent:
    return send(world, IT_FOCAL_POINT, RO_LOCAL, "social-inquiry.request", "request")


def parties(sent: Sent) -> Parties:
    return Parties(sender_node=sent.sender_node, recipient_node=sent.recipient_node, recipient=sent.recipient)


def test_only_the_recipient_authoritys_own_word_moves_a_conversation() -> None:
    assert [kind.name for kind in evidence_kinds().values() if kind.moves] == ["content-retrieved"]
    assert all(kind.signer == "authority" for kind in evidence_kinds().values() if kind.moves)


def test_what_was_issued_is_what_is_read(world: World, sent: Sent) -> None:
    statement = evidence.issue(
        "consignment-failed",
        about=About(
            sender_node=IT, id=sent.id, manifest_digest=sent.envelope.manifest_digest, statement_digest=None
        ),
        issuer=RO,
        previous=sent.content.statement.digest,
        directory=world.directory.snapshot.digest,
        vocabulary="2026.11",
        issued_at=world.now,
        code="cannot_open",
        facts={"current_kid": "ro-content-1"},
        key=world.signing[RO],
    )
    link = verify_evidence(statement.token, world.directory, world.now, parties=parties(sent))
    assert link.kind is evidence_kinds()["consignment-failed"]
    assert link.about.statement_digest is None
    assert link.about.manifest_digest == sent.envelope.manifest_digest
    assert (link.issuer, link.code, link.issued_at) == (RO, "cannot_open", world.now)
    assert link.facts == {"current_kid": "ro-content-1"}
    assert link.previous == sent.content.statement.digest
    assert link.digest == statement.digest


@pytest.mark.parametrize("kind", evidence_kinds().values(), ids=evidence_kinds().keys())
def test_each_kind_verifies_when_its_own_signer_issues_it(
    world: World, sent: Sent, kind: evidence.EvidenceKind
) -> None:
    issuer = {
        ("sender", "node"): IT,
        ("sender", "authority"): IT_FOCAL_POINT,
        ("recipient", "node"): RO,
        ("recipient", "authority"): RO_LOCAL,
    }[kind.side, kind.signer]
    token = attest(world, kind.name, issuer, sent.about, code=None if kind.positive else "cannot_open").token
    assert verify_evidence(token, world.directory, world.now, parties=parties(sent)).kind == kind


STRANGERS = {
    "the sender attests its own consignment": ("content-consigned", IT, "evidence.not_a_party"),
    "the recipient's node attests the agency's retrieval": ("content-retrieved", RO, "evidence.not_entitled"),
    "the recipient authority attests its node's consignment": (
        "content-consigned",
        RO_LOCAL,
        "evidence.not_entitled",
    ),
    "the recipient's node attests the sender's submission": (
        "submission-accepted",
        RO,
        "evidence.not_entitled",
    ),
    "another authority of the State attests retrieval": (
        "content-retrieved",
        RO_FOCAL_POINT,
        "evidence.not_a_party",
    ),
    "the sending authority attests retrieval": ("content-retrieved", IT_FOCAL_POINT, "evidence.not_a_party"),
    "another State's focal point countersigns": ("countersigned", RO_FOCAL_POINT, "evidence.not_a_party"),
    "the sender's node countersigns": ("countersigned", IT, "evidence.not_entitled"),
    "a third State attests consignment": ("content-consigned", NodeCode("fr"), "evidence.not_a_party"),
}


@pytest.mark.parametrize("case", STRANGERS.values(), ids=STRANGERS.keys())
def test_nobody_attests_what_is_not_his_to_attest(
    world: World, sent: Sent, case: tuple[str, str, str]
) -> None:
    kind, issuer, code = case
    world.admit("fr", nodes=("fr",))
    world.publish(node_facts(world, "fr", "fr"))
    world.refresh()
    token = attest(world, kind, issuer, sent.about).token  # type: ignore[arg-type]
    with pytest.raises(NotAcceptable) as refused:
        verify_evidence(token, world.directory, world.now, parties=parties(sent))
    assert refused.value.code == code


def test_evidence_about_a_message_of_another_sender_is_not_about_this_one(world: World, sent: Sent) -> None:
    """Message ids are unique to their sending node, so the same id from another node is another message."""
    about = dataclasses.replace(sent.about, sender_node=RO)
    token = attest(world, "content-consigned", RO, about).token
    with pytest.raises(NotAcceptable, match=r"evidence\.not_a_party"):
        verify_evidence(token, world.directory, world.now, parties=parties(sent))


def test_we_do_not_issue_what_we_may_not(world: World, sent: Sent) -> None:
    def issue(kind: str, issuer: object, code: str | None = None) -> Statement:
        return evidence.issue(
            kind,
            about=sent.about,
            issuer=issuer,  # type: ignore[arg-type]
            previous=None,
            directory=world.directory.snapshot.digest,
            vocabulary="2026.11",
            issued_at=world.now,
            code=code,
            key=world.signing[RO],
        )

    for code, kind, issuer, reason in (
        ("evidence.not_entitled", "content-retrieved", RO, None),
        ("evidence.not_entitled", "submission-accepted", RO, None),
        ("evidence.unknown_kind", "content-admired", RO, None),
        ("evidence.malformed", "consignment-failed", RO, None),
        ("evidence.malformed", "content-consigned", RO, "cannot_open"),
    ):
        with pytest.raises(NotAcceptable) as refused:
            issue(kind, issuer, reason)
        assert refused.value.code == code


def test_evidence_by_a_key_of_somebody_else_is_refused(world: World, sent: Sent) -> None:
    claims = attest(world, "content-consigned", RO, sent.about).claims
    token = sign(StatementType.EVIDENCE, claims, world.signing[IT])
    with pytest.raises(NotAcceptable, match=r"statement\.unknown_key"):
        verify_evidence(token, world.directory, world.now)
    with pytest.raises(CannotOpen, match=r"statement\.unknown_key"):
        verify_evidence(token, world.directory, world.now, refuse=CannotOpen)


def test_altered_evidence_is_refused(world: World, sent: Sent) -> None:
    token = tampered(attest(world, "content-consigned", RO, sent.about).token)
    with pytest.raises(NotAcceptable, match=r"statement\.signature"):
        verify_evidence(token, world.directory, world.now)


def test_evidence_dated_ahead_is_refused(world: World, sent: Sent) -> None:
    token = attest(world, "content-consigned", RO, sent.about).token
    with pytest.raises(NotAcceptable, match=r"evidence\.from_the_future"):
        verify_evidence(token, world.directory, world.now - timedelta(minutes=6))


def test_evidence_is_not_read_as_content_nor_content_as_evidence(world: World, sent: Sent) -> None:
    with pytest.raises(NotAcceptable, match=r"statement\.wrong_type"):
        verify_evidence(sent.content.statement.token, world.directory, world.now)
    with pytest.raises(NotAcceptable, match=r"statement\.wrong_type"):
        read(attest(world, "content-consigned", RO, sent.about).token, typ=StatementType.CONTENT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_WORLD = sample_directory()
_SENT = send(_WORLD, IT_FOCAL_POINT, RO_LOCAL, "social-inquiry.request", "request")


@given(
    name=st.sampled_from(["iss", "iat", "kind", "message", "previous", "directory", "code", "facts", "crit"]),
    value=JSON,
)
def test_whatever_a_peer_signs_is_evidence_or_a_refusal(name: str, value: object) -> None:
    claims = {**attest(_WORLD, "content-consigned", RO, _SENT.about).claims, name: value}
    token = sign(StatementType.EVIDENCE, claims, _WORLD.signing[RO])
    with contextlib.suppress(Refused):
        assert isinstance(verify_evidence(token, _WORLD.directory, _WORLD.now), Evidence)


@pytest.mark.parametrize(
    "changes", [{"previous": "short"}, {"message": {"id": 1}}, {"iss": "IT"}, {"code": "x"}]
)
def test_malformed_evidence_is_refused(world: World, sent: Sent, changes: dict[str, object]) -> None:
    claims = {**attest(world, "content-consigned", RO, sent.about).claims, **changes}
    token = sign(StatementType.EVIDENCE, claims, world.signing[RO])
    with pytest.raises(NotAcceptable, match=r"evidence\.malformed"):
        verify_evidence(token, world.directory, world.now)


# --- the chain ----------------------------------------------------------------------------------------------


def links(world: World, sent: Sent) -> list[Evidence]:
    return [verify_evidence(one.token, world.directory, world.now) for one in delivered(world, sent)]


def test_a_message_taken_in_at_once_has_a_whole_chain(world: World, sent: Sent) -> None:
    assert check_chain(links(world, sent)) == ()


def test_a_chain_that_joins_the_other_sides_links_is_whole(world: World, sent: Sent) -> None:
    first = attest(world, "submission-accepted", IT, sent.about)
    failed = attest(world, "consignment-failed", RO, sent.about, code="cannot_open")
    then = attest(world, "content-consigned", RO, sent.about, failed)
    late = attest(world, "not-retrieved-in-time", RO, sent.about, then, code="not_retrieved")
    chain = [verify_evidence(one.token, world.directory, world.now) for one in (first, failed, then, late)]
    assert check_chain(chain) == ()


def test_a_missing_link_is_named_by_its_digest(world: World, sent: Sent) -> None:
    submitted, consigned, retrieved = links(world, sent)
    (fault,) = check_chain([submitted, retrieved])
    assert (fault.code, fault.position, fault.link) == ("evidence.missing", 1, consigned.digest)


def test_a_reordered_link_is_named(world: World, sent: Sent) -> None:
    submitted, consigned, retrieved = links(world, sent)
    (fault,) = check_chain([submitted, retrieved, consigned])
    assert (fault.code, fault.position, fault.link) == ("evidence.reordered", 1, retrieved.digest)


def test_a_repeated_link_is_named(world: World, sent: Sent) -> None:
    submitted, consigned, retrieved = links(world, sent)
    (fault,) = check_chain([submitted, consigned, retrieved, consigned])
    assert (fault.code, fault.position) == ("evidence.repeated", 3)


def test_a_side_cannot_begin_again_as_if_nothing_had_been(world: World, sent: Sent) -> None:
    chain = links(world, sent)
    again = verify_evidence(
        attest(world, "consignment-failed", RO, sent.about, code="cannot_open").token,
        world.directory,
        world.now,
    )
    (fault,) = check_chain([*chain, again])
    assert (fault.code, fault.position) == ("evidence.unlinked", 3)


def test_a_link_dated_before_the_one_it_follows_is_named(world: World, sent: Sent) -> None:
    consigned = attest(world, "content-consigned", RO, sent.about)
    world.wait(minutes=-10)
    late = attest(world, "not-retrieved-in-time", RO, sent.about, consigned, code="not_retrieved")
    world.wait(minutes=10)
    chain = [verify_evidence(one.token, world.directory, world.now) for one in (consigned, late)]
    assert [fault.code for fault in check_chain(chain)] == ["evidence.reordered"]


@given(order=st.permutations(range(5)), kept=st.sets(st.integers(0, 4)))
def test_only_the_whole_chain_in_its_order_passes_save_for_its_end(order: list[int], kept: set[int]) -> None:
    """In a chain of one side any gap or swap shows. A cut at the end shows in a bundle's index alone."""
    world, sent = _WORLD, _SENT
    chain: list[Statement] = []
    for _ in range(5):
        chain.append(
            attest(world, "consignment-failed", RO, sent.about, chain[-1] if chain else None, "cannot_open")
        )
    read_links = [verify_evidence(one.token, world.directory, world.now) for one in chain]
    shown = [position for position in order if position in kept]
    whole = shown == list(range(len(shown)))
    assert (check_chain([read_links[position] for position in shown]) == ()) == whole
