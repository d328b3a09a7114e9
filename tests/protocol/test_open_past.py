"""What was sealed past an intermediary is believed by its signatures, whoever brings it and however late."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from protocol import base64url
from protocol.content import SignedContent
from protocol.conversations import procedure_of
from protocol.directory.carried import read_directory, write_directory
from protocol.envelope import ClearHeader, SealedHeader
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, MessageId, NodeCode
from protocol.json_strict import dumps
from protocol.sealed_past import Past, open_past
from protocol.sealing import SealingPrivateKey, seal
from protocol.statements import StatementType, digest, issue
from tests.protocol.sample_directory import IT_FOCAL_POINT, World, seeded_sealing_key
from tests.protocol.sample_envelopes import DRAFT, signed_content
from tests.protocol.sample_intermediary import INT_IOM, IOM, MD_OFFICE, give_own_key, intermediary_directory

OTHER = MessageId("0f7b3a52-04a2-4d4c-9d0c-7a3f0e1d2c3b")


@pytest.fixture
def world() -> World:
    world = intermediary_directory()
    world.now += timedelta(minutes=1)
    give_own_key(world)
    return world


def said_to_md(world: World, signer: str = IT_FOCAL_POINT, **changes: Any) -> SignedContent:
    draft = dataclasses.replace(DRAFT, recipient=MD_OFFICE, **changes)
    return signed_content(draft, key=world.signing[signer], issued_at=world.now)


def envelope(
    world: World,
    said: SignedContent,
    *,
    node: str = "it",
    to: SealingPrivateKey | None = None,
    parts: dict[str, bytes | None] | None = None,
    clear: dict[str, Any] | None = None,
    inner: dict[str, Any] | None = None,
) -> bytes:
    """As a node makes one, with what it would not say in it."""
    content, identity = world.sealing[MD_OFFICE, "content"], world.sealing[MD_OFFICE, "identity"]
    claims = said.statement.claims
    header = dataclasses.replace(
        ClearHeader(
            sender=NodeCode(node),
            recipient=INT_IOM,
            id=MessageId(claims["jti"]),
            sent_at=world.now,
            epoch="000000000001",
            sequence=1,
            suite=content.suite,
            key=content.kid,
        ),
        **(clear or {}),
    ).to_bytes()
    listed = SealedHeader(
        kind="content",
        id=MessageId(claims["jti"]),
        sender=Address(claims["iss"]),
        recipient=Address(claims["aud"]),
        statements=(said.statement.digest,),
    )
    plain = {
        "header": dataclasses.replace(listed, **(inner or {})).to_bytes(),
        "statement": said.statement.token.encode(),
        "narrative": said.narrative,
        "identity": said.identity,
        **(parts or {}),
    }
    header_digest = hashlib.sha256(header).digest()
    sealed = {
        name: seal(
            part,
            to=((to or identity) if name == "identity" else content).public,
            header_digest=header_digest,
        )
        for name, part in plain.items()
        if part is not None
    }
    manifest = issue(
        StatementType.MANIFEST,
        {
            "header": base64url.encode(header).decode(),
            "parts": {name: {"sha256": digest(part), "size": len(part)} for name, part in sealed.items()},
        },
        world.signing[node],
    )
    return dumps(
        {"manifest": manifest.token, "parts": {name: part.decode() for name, part in sealed.items()}}
    )


def opened(world: World, data: bytes, *more: SealingPrivateKey) -> Past:
    held = {key.kid: key for (owner, _), key in world.sealing.items() if owner == MD_OFFICE}
    held |= {key.kid: key for key in more}
    return open_past(data, keys=held.get, directory=world.directory, procedure_of=procedure_of)


def test_an_honest_one_opens(world: World) -> None:
    said = said_to_md(world)
    past = opened(world, envelope(world, said))
    assert past.content is not None
    assert (past.content.statement_digest, past.recipient) == (said.statement.digest, MD_OFFICE)
    assert past.content.identity == DRAFT.identity


def refused(world: World, data: bytes, code: str, *more: SealingPrivateKey) -> None:
    with pytest.raises(Refused) as reason:
        opened(world, data, *more)
    assert reason.value.code == code


def test_a_statement_that_the_sealed_header_does_not_list_is_refused(world: World) -> None:
    said, other = said_to_md(world), said_to_md(world, coded={"purpose": "care-arrangement"})
    data = envelope(world, said, inner={"statements": (other.statement.digest,)})
    refused(world, data, "opening.statement_digest")


@pytest.mark.parametrize(
    "inner",
    [
        {"sender": Address("it.tribunale-minori")},
        {"recipient": Address("md.another")},
        {"id": OTHER},
    ],
)
def test_a_statement_in_another_cover_is_refused(world: World, inner: dict[str, Any]) -> None:
    refused(world, envelope(world, said_to_md(world), inner=inner), "opening.header_mismatch")


def test_a_sealed_header_of_another_clear_header_is_refused(world: World) -> None:
    data = envelope(world, said_to_md(world), clear={"id": OTHER})
    refused(world, data, "opening.header_mismatch")


def test_evidence_is_no_message(world: World) -> None:
    data = envelope(world, said_to_md(world), inner={"kind": "evidence", "sender": None, "recipient": None})
    refused(world, data, "opening.header_mismatch")


@pytest.mark.parametrize(("part", "code"), [(None, "content.part_missing"), (b"{}", "content.part_digest")])
def test_a_part_that_the_statement_does_not_bind_is_refused(
    world: World, part: bytes | None, code: str
) -> None:
    refused(world, envelope(world, said_to_md(world), parts={"narrative": part}), code)


def test_a_message_to_another_authority_is_not_read_as_this_ones(world: World) -> None:
    """Sealed to this authority's keys, said to somebody else: its signer never spoke to whoever opens it."""
    said = signed_content(DRAFT, key=world.signing[IT_FOCAL_POINT], issued_at=world.now)
    refused(world, envelope(world, said), "sealing.unknown_key")


def test_a_part_sealed_to_a_key_of_nobody_in_the_directory_is_refused(world: World) -> None:
    stray = seeded_sealing_key("stray-1")
    refused(world, envelope(world, said_to_md(world), to=stray), "sealing.unknown_key")
    refused(world, envelope(world, said_to_md(world), to=stray), "sealing.unknown_key", stray)


def test_a_message_that_another_states_node_sends_is_refused(world: World) -> None:
    refused(world, envelope(world, said_to_md(world), node="ro"), "opening.wrong_node")


def test_an_authority_that_was_not_competent_is_refused(world: World) -> None:
    said = said_to_md(world, "it.tribunale-minori", sender=Address("it.tribunale-minori"))
    refused(world, envelope(world, said), "opening.not_competent")


def test_a_statement_that_is_dated_after_it_was_sent_is_refused(world: World) -> None:
    """A deadline runs from that date."""
    data = envelope(world, said_to_md(world), clear={"sent_at": world.now - timedelta(minutes=6)})
    refused(world, data, "opening.from_the_future")


def test_a_statement_that_somebody_else_signed_is_refused(world: World) -> None:
    refused(world, envelope(world, said_to_md(world, "it.tribunale-minori")), "statement.unknown_key")


def test_what_an_intermediary_typed_binds_no_state_and_needs_its_mandate(world: World) -> None:
    typed = said_to_md(world, IOM, sender=IT_FOCAL_POINT, via=IOM)
    refused(world, envelope(world, typed), "mandate.not_covered")
    binding = said_to_md(world, IOM, sender=IT_FOCAL_POINT, via=IOM, type="durable-solution.acceptance")
    refused(world, envelope(world, binding), "intermediary.cannot_bind")


# --- the directory as a file --------------------------------------------------------------------------------


def test_a_directory_file_is_read_years_later_and_leads_to_the_charter_alone(world: World) -> None:
    file = write_directory(world.directory)
    again = read_directory(file, world.charter_digest)
    assert again.snapshot == world.directory.snapshot
    assert again.archive.held.keys() == world.directory.archive.held.keys()
    assert again.forgotten == ()
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_charter"):
        read_directory(file, "A" * 43)


@pytest.mark.parametrize("change", [{"format": "other"}, {"version": 2}, {"snapshot": None}, {"entries": {}}])
def test_a_file_of_another_kind_is_refused(world: World, change: dict[str, Any]) -> None:
    body = {**json.loads(write_directory(world.directory)), **change}
    with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
        read_directory(dumps(body), world.charter_digest)


def test_an_entry_that_its_state_did_not_sign_counts_for_nothing(world: World) -> None:
    body = json.loads(write_directory(world.directory))
    for row in body["entries"]:
        if row["path"].startswith("md/authority/"):
            head, payload, signature = row["token"].split(".")
            row["token"] = f"{head}.{payload}.{signature[::-1]}"
    with pytest.raises(NotAcceptable, match=r"directory\.entry_missing"):
        read_directory(dumps(body), world.charter_digest)


def test_a_part_alone_is_of_an_authority_that_listed_its_key(world: World) -> None:
    """What the intermediary reads is sealed to its node; of the rest nothing else says whose it is."""
    node_key, stray = world.sealing["int-iom", "content"], seeded_sealing_key("stray-1")
    clear = {"key": node_key.kid, "suite": node_key.suite}
    past = opened(world, envelope(world, said_to_md(world), clear=clear))
    assert (past.content, past.recipient) == (None, MD_OFFICE)
    refused(world, envelope(world, said_to_md(world), clear=clear, to=stray), "sealing.unknown_key", stray)


def test_an_intermediarys_key_under_a_states_name_counts_for_nothing(world: World) -> None:
    office = world.authority(MD_OFFICE)
    listed = world.record(world.signing[IOM], since=timedelta())
    world.publish(dataclasses.replace(office, signing_keys=(*office.signing_keys, listed)))
    world.refresh()
    said = said_to_md(world, IOM, sender=MD_OFFICE)
    refused(world, envelope(world, said, node="int-iom"), "intermediary.unnamed")
