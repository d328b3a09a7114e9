"""One sequence of bytes, derived by both States, signed by both, and verified far from both."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.agreement import (
    Agreement,
    agreement_bytes,
    agreement_digest,
    check_acceptance,
    check_cosignature,
    sign,
    signer_kid,
)
from protocol.base64url import decode, encode
from protocol.bundle import Report, verify_bundle
from protocol.content import Content
from protocol.errors import NotAcceptable
from protocol.statements import StatementType, cosign, digest
from tests.protocol.sample_agreement import DOCUMENTS, Story, agreed, amended, message_id, proposed
from tests.protocol.sample_directory import (
    IT,
    IT_FOCAL_POINT,
    IT_LOCAL,
    RO,
    RO_FOCAL_POINT,
    seeded_key,
)

Json = dict[str, Any]


@cache
def story() -> Story:
    return amended()


@cache
def exported() -> bytes:
    return story().export("amendment")


def report(data: bytes) -> Report:
    return verify_bundle(data, story().world.charter_digest)


def places(found: Report) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in found.findings]


def refusal_of(work: Callable[[], object]) -> str:
    with pytest.raises(NotAcceptable) as caught:
        work()
    return caught.value.code


# -- the bytes


def test_the_bytes_are_written_in_one_spelling_that_any_other_program_can_write() -> None:
    payload = agreement_bytes(story().contents["counter"])
    said = json.loads(payload)
    assert payload == json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert list(said) == sorted(said)
    assert said["parties"] == [IT_FOCAL_POINT, RO_FOCAL_POINT]
    assert said["proposal"] == {
        "id": message_id("counter"),
        "digest": story().contents["counter"].statement_digest,
    }
    assert said["amends"] is None
    assert said["lifts"] == []
    assert "für die Probe: é, ж, ع, 中".encode() in payload


def test_the_order_of_a_proposals_members_makes_no_other_agreement() -> None:
    proposal = story().contents["counter"]
    turned = dataclasses.replace(
        proposal,
        coded={
            name: dict(reversed(value.items())) if isinstance(value, dict) else value
            for name, value in reversed(proposal.coded.items())
        },
    )
    assert list(turned.coded) != list(proposal.coded)
    assert agreement_bytes(turned) == agreement_bytes(proposal)


@pytest.mark.parametrize(
    "change",
    [
        {"statement_digest": digest(b"the same terms, signed again")},
        {"id": message_id("another")},
        {"thread": message_id("another")},
        {"case": "K7QM-3XPT-9V2D-6"},
        {"sender": IT_LOCAL},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_proposal_of_the_same_terms_is_another_agreement(change: Json) -> None:
    proposal = story().contents["counter"]
    assert agreement_digest(dataclasses.replace(proposal, **change)) != agreement_digest(proposal)


def test_only_a_version_of_a_solution_can_be_agreed_on() -> None:
    assert refusal_of(lambda: agreement_bytes(story().contents["child_views-1"])) == "agreement.other_bytes"


def test_an_agreement_survives_its_file_and_knows_what_it_rests_on() -> None:
    agreement = story().agreement("counter")
    assert Agreement.from_file(agreement.to_file()) == agreement
    assert {one.name for one in agreement.documents} == {
        "rests_on/social_inquiries/0",
        *(f"rests_on/{name}" for name in DOCUMENTS if name != "social_inquiries"),
        "terms/receiving_carer/agreement_shown_in",
    }
    assert {one.digest for one in agreement.documents} == {
        story().contents[f"{name}-1"].statement_digest for name in DOCUMENTS
    }


@pytest.mark.parametrize(
    "spelling",
    [
        lambda payload: payload + b" ",
        lambda payload: json.dumps(json.loads(payload), separators=(",", ":")).encode(),
        lambda payload: payload.replace(b'"version":1', b'"version":2'),
        lambda payload: payload.replace(b'"lifts":[]', b'"lifts":[1]'),
        lambda payload: payload.replace(b'"amends":null', b'"amends":7'),
        lambda payload: payload.replace(b'"terms":{', b'"more":1,"terms":{'),
        lambda payload: b"[]",
    ],
)
def test_the_same_words_in_another_spelling_are_no_agreement(spelling: Callable[[bytes], bytes]) -> None:
    agreement = story().agreement("counter")
    changed = {**agreement.to_json(), "payload": encode(spelling(agreement.payload)).decode()}
    assert refusal_of(lambda: Agreement.from_json(changed)) == "agreement.malformed"


@pytest.mark.parametrize(
    "value", [None, {}, {"payload": "", "signatures": []}, {"payload": "e30", "signatures": ["a", "b"]}]
)
def test_what_is_no_agreement_is_said_so(value: object) -> None:
    assert refusal_of(lambda: Agreement.from_json(value)) == "agreement.malformed"


def test_one_acceptance_or_two_of_one_side_make_no_agreement() -> None:
    told = proposed()
    told.accept("counter", IT_FOCAL_POINT)
    assert refusal_of(lambda: told.agreement("counter")) == "agreement.unsigned"
    told.accept("counter", IT_FOCAL_POINT, name="once-more")
    assert refusal_of(lambda: told.agreement("counter")) == "agreement.unsigned"
    told.accept("proposal", RO_FOCAL_POINT)  # the other version
    assert refusal_of(lambda: told.agreement("counter")) == "agreement.unsigned"


# -- the co-signature


def check(acceptance: Content, proposal: Content, signer: str = RO_FOCAL_POINT) -> None:
    check_acceptance(acceptance, proposal, story().world.signing[signer].public)


def changed(acceptance: Content, **coded: str) -> Content:
    return dataclasses.replace(acceptance, coded={**acceptance.coded, **coded})


def test_an_acceptance_of_exactly_this_version_is_one() -> None:
    acceptance = story().contents["counter-accepted-by-ro"]
    check(acceptance, story().contents["counter"])
    assert signer_kid(acceptance) == story().world.signing[RO_FOCAL_POINT].kid


def test_an_acceptance_of_other_bytes_is_refused() -> None:
    acceptance, counter = story().contents["counter-accepted-by-ro"], story().contents["counter"]
    other = changed(acceptance, agreement=agreement_digest(story().contents["proposal"]))
    assert refusal_of(lambda: check(other, counter)) == "agreement.other_bytes"
    assert refusal_of(lambda: check(acceptance, story().contents["proposal"])) == "agreement.other_bytes"
    astray = dataclasses.replace(acceptance, thread=message_id("elsewhere"))  # type: ignore[arg-type]
    assert refusal_of(lambda: check(astray, counter)) == "agreement.other_bytes"


def test_a_cosignature_over_other_bytes_or_by_another_key_is_refused() -> None:
    acceptance, counter = story().contents["counter-accepted-by-ro"], story().contents["counter"]
    key = story().world.signing[RO_FOCAL_POINT]
    payload = agreement_bytes(counter)
    for signature in (
        sign(agreement_bytes(story().contents["proposal"]), key),
        sign(payload, story().world.signing[IT_FOCAL_POINT]),
        cosign(StatementType.CHARTER, payload, key),
        "",
        "no signature",
    ):
        forged = changed(acceptance, signature=signature)
        assert refusal_of(lambda forged=forged: check(forged, counter)) == "agreement.signature"  # type: ignore[misc]
    for signature in (cosign(StatementType.CHARTER, payload, key), ""):
        forged = changed(acceptance, signature=signature)
        assert refusal_of(lambda forged=forged: signer_kid(forged)) == "agreement.signature"  # type: ignore[misc]
    assert refusal_of(lambda: check_cosignature(payload + b" ", sign(payload, key), key.public)) == (
        "agreement.signature"
    )


def test_a_third_authority_cannot_accept() -> None:
    acceptance = dataclasses.replace(story().contents["counter-accepted-by-ro"], sender=IT_LOCAL)
    assert refusal_of(lambda: check(acceptance, story().contents["counter"])) == "agreement.wrong_signer"


# -- the exported file


def test_an_exported_agreement_is_proven_with_the_charters_digest_alone() -> None:
    found = report(exported())
    assert found.findings == ()
    assert found.whole
    first, second = found.agreements
    assert found.exported == second.agreement.digest == story().agreement("amendment").digest
    assert second.agreement.amends == first.agreement.digest == story().agreement("counter").digest
    assert first.agreement.payload == agreement_bytes(story().contents["counter"])
    assert [(one.by, one.kid) for one in first.cosignatures] == [
        (party, story().world.signing[party].kid) for party in (IT_FOCAL_POINT, RO_FOCAL_POINT)
    ]
    assert [one.signed_at for one in first.cosignatures] == [
        story().contents[f"counter-accepted-by-{side}"].issued_at for side in ("it", "ro")
    ]
    for document in first.rests_on:
        (said,) = (one for one in story().contents.values() if one.statement_digest == document.digest)
        assert (document.type, document.message, document.issued_at) == (said.type, said.id, said.issued_at)


def test_either_side_exports_the_same_bytes_of_the_agreement() -> None:
    files = [
        json.loads(story().export("counter", exporter=node, key=story().world.signing[node]))
        for node in (IT, RO)
    ]
    assert files[0]["agreement"] == files[1]["agreement"]
    assert files[0]["index"] != files[1]["index"]


def test_an_export_holds_no_free_text_and_no_identity() -> None:
    assert b"a child's name" not in exported()


def test_a_whole_cases_evidence_shows_its_agreements_too() -> None:
    found = report(story().export(agreement=None))
    assert found.whole
    assert found.exported is None
    assert len(found.agreements) == 2


def test_an_agreement_of_another_network_proves_nothing() -> None:
    found = verify_bundle(exported(), digest(b"another charter"))
    assert places(found) == [("directory.wrong_charter", "charter")]
    assert found.agreements == ()


def test_a_message_that_the_other_node_refused_is_no_acceptance() -> None:
    told = proposed()
    told.accept("counter", IT_FOCAL_POINT)
    told.accept("counter", RO_FOCAL_POINT, outcome="consignment-failed")
    found = verify_bundle(told.export(), told.world.charter_digest)
    assert found.agreements == ()
    assert ("agreement.unsigned", "agreement/signatures/1") in places(found)


def test_a_key_that_was_retired_before_it_signed_proves_nothing() -> None:
    told = proposed()
    old = told.world.signing[RO_FOCAL_POINT]
    told.world.wait(days=1)
    told.world.rotate(RO_FOCAL_POINT, "ro.anpdca-2", overlap=timedelta(days=1))
    told.world.refresh()
    told.world.wait(days=3)
    told.accept("counter", IT_FOCAL_POINT)
    told.accept("counter", RO_FOCAL_POINT, key=old)
    found = verify_bundle(told.export(), told.world.charter_digest)
    place = f"messages/{message_id('counter-accepted-by-ro')}/statement"
    assert ("statement.key_not_valid", place) in places(found)
    assert ("statement.key_not_valid", "agreement/signatures/1") in places(found)
    assert found.agreements == ()


def test_a_signature_by_another_authority_of_the_same_state_proves_nothing() -> None:
    told = proposed()
    told.accept("counter", IT_FOCAL_POINT, key=told.world.signing[IT_LOCAL])
    told.accept("counter", RO_FOCAL_POINT)
    found = verify_bundle(told.export(), told.world.charter_digest)
    assert ("statement.unknown_key", "agreement/signatures/0") in places(found)
    assert found.agreements == ()


@pytest.mark.parametrize("name", [*(f"{name}-1" for name in DOCUMENTS), "risk_assessment-2"])
def test_a_document_that_is_left_out_is_named(name: str) -> None:
    """The exporter lists what it exports, so only the agreement itself tells that something is missing."""
    names = [one for one in story().said if one != name]
    found = report(story().export("amendment", names=names))
    kind = name.rpartition("-")[0]
    expected = f"rests_on/{kind}{'/0' if kind == 'social_inquiries' else ''}"
    named = [where for code, where in places(found) if code == "agreement.document_missing"]
    assert f"agreement/{expected}" in named or f"agreement/amends/{expected}" in named
    assert all(expected in where or "agreement_shown_in" in where for where in named)


def test_an_amended_agreement_that_is_left_out_is_named() -> None:
    names = [one for one in story().said if one != "counter-accepted-by-it"]
    found = report(story().export("amendment", names=names))
    assert places(found) == [("agreement.document_missing", "agreement/amends")]


Change = Callable[[Json], None]


def position_of(name: str, document: Json) -> int:
    return next(i for i, one in enumerate(document["messages"]) if one["id"] == message_id(name))


def altered_payload(document: Json) -> None:
    payload = decode(document["agreement"]["payload"].encode())
    document["agreement"]["payload"] = encode(payload.replace(b'"RO"', b'"IT"')).decode()


def unspelt_payload(document: Json) -> None:
    payload = decode(document["agreement"]["payload"].encode())
    document["agreement"]["payload"] = encode(payload + b" ").decode()


def swapped_signatures(document: Json) -> None:
    document["agreement"]["signatures"].reverse()


def one_signature(document: Json) -> None:
    document["agreement"]["signatures"].pop()


def no_agreement(document: Json) -> None:
    del document["agreement"]


def other_agreement(document: Json) -> None:
    document["agreement"] = story().agreement("counter").to_json()


def without_proposal(document: Json) -> None:
    del document["messages"][position_of("amendment", document)]


def without_acceptance(document: Json) -> None:
    del document["messages"][position_of("amendment-accepted-by-ro", document)]


def altered_proposal(document: Json) -> None:
    message = document["messages"][position_of("amendment", document)]
    message["statement"] = message["statement"][:-3] + "AAA"


def altered_document(document: Json) -> None:
    message = document["messages"][position_of("child_views-1", document)]
    message["statement"] = message["statement"][:-3] + "AAA"


DONE: dict[str, tuple[Change, tuple[str, str]]] = {
    "its terms changed": (altered_payload, ("agreement.altered", "agreement/payload")),
    "a space added": (unspelt_payload, ("agreement.malformed", "agreement")),
    "its signatures swapped": (swapped_signatures, ("agreement.signature", "agreement/signatures/0")),
    "one signature taken away": (one_signature, ("agreement.malformed", "agreement")),
    "taken away": (no_agreement, ("bundle.missing", "agreement")),
    "the amended one put in its place": (other_agreement, ("agreement.altered", "agreement/payload")),
    "its proposal taken away": (without_proposal, ("agreement.document_altered", "agreement/proposal")),
    "its proposal altered": (altered_proposal, ("agreement.document_altered", "agreement/proposal")),
    "an acceptance taken away": (without_acceptance, ("agreement.unsigned", "agreement/signatures/1")),
    "a document altered": (
        altered_document,
        ("agreement.document_altered", "agreement/rests_on/child_views"),
    ),
}


@pytest.mark.parametrize("case", DONE.values(), ids=DONE.keys())
def test_what_was_done_to_an_agreement_is_named_with_its_place(case: tuple[Change, tuple[str, str]]) -> None:
    change, expected = case
    document = json.loads(exported())
    change(document)
    found = report(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())
    assert not found.whole
    assert expected in places(found)


def test_an_agreement_that_its_exporter_did_not_list_is_found() -> None:
    document = json.loads(story().export(agreement=None))
    document["agreement"] = story().agreement("counter").to_json()
    assert places(report(json.dumps(document).encode())) == [("bundle.unlisted", "agreement")]


# -- one byte


def flipped(position: int, byte: int) -> bytes:
    return exported()[:position] + bytes([byte]) + exported()[position + 1 :]


def section_at(position: int) -> str:
    """The member of the file in which a byte stands."""
    starts = {exported().index(f'"{name}":'.encode()): name for name in json.loads(exported())}
    return max((start, name) for start, name in starts.items() if start <= position)[1]


@cache
def statement_spans() -> dict[str, tuple[int, int]]:
    """Where the statement of each document stands in the file."""
    spans = {}
    for name in [f"{kind}-1" for kind in DOCUMENTS] + ["risk_assessment-2", "counter", "amendment"]:
        token = (story().said[name].statement or "").encode()
        start = exported().index(token)
        spans[name] = (start, start + len(token))
    return spans


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("section", list(json.loads(exported())))
def test_one_altered_byte_is_found_whatever_part_of_the_file_it_is_in(
    section: str, data: st.DataObject
) -> None:
    names = list(json.loads(exported()))
    start = exported().index(f'"{section}":'.encode())
    later = [exported().index(f'"{name}":'.encode()) for name in names[names.index(section) + 1 :]]
    end = min(later, default=len(exported()))
    position = data.draw(st.integers(start, end - 1))
    byte = data.draw(st.integers(0x20, 0x7E).filter(lambda one: one != exported()[position]))
    found = report(flipped(position, byte))
    assert not found.whole, (section, position, byte)
    assert found.findings


@settings(max_examples=25, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", [*(f"{kind}-1" for kind in DOCUMENTS), "risk_assessment-2"])
def test_one_altered_byte_of_any_document_that_it_rests_on_is_named(name: str, data: st.DataObject) -> None:
    start, end = statement_spans()[name]
    position = data.draw(st.integers(start, end - 1))
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    byte = data.draw(st.sampled_from(alphabet).filter(lambda one: one != exported()[position]))
    found = places(report(flipped(position, byte)))
    kind = name.rpartition("-")[0]
    named = f"rests_on/{kind}{'/0' if kind == 'social_inquiries' else ''}"
    assert any(code == "agreement.document_altered" and where.endswith(named) for code, where in found), found
    assert ("bundle.altered", f"messages/{message_id(name)}/statement") in found


def test_a_list_that_is_empty_under_its_name_is_not_free_to_be_renamed() -> None:
    """A reader to whom an absent list is an empty one misses nothing; the byte was altered all the same."""
    position = exported().index(b'"manifests":[]') + 1
    found = report(flipped(position, ord("n")))
    assert [code for code, _ in places(found)] == ["bundle.unlisted"]


def test_a_spare_signature_of_the_charter_is_not_free_to_alter() -> None:
    """Three sign where two are enough: the third's bytes carry nothing, and are bound all the same."""
    told = agreed()
    world = told.world
    charter = world.charter.with_signature(
        cosign(StatementType.CHARTER, world.charter.payload, seeded_key("charter-3"))
    )
    directory = dataclasses.replace(world.directory, charter_documents=(charter,))
    data = told.export(directory=directory)
    assert verify_bundle(data, world.charter_digest).whole
    document = json.loads(data)
    spare = document["charter"]["signatures"][2]
    document["charter"]["signatures"][2] = spare[:-2] + ("AA" if spare[-2:] != "AA" else "QQ")
    assert places(
        verify_bundle(json.dumps(document, separators=(",", ":")).encode(), world.charter_digest)
    ) == [("bundle.altered", "charter")]
