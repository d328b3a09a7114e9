"""A case's evidence, verified far from both nodes with nothing but the charter's digest."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocol.bundle import BundleMessage, Finding, Report, verify_bundle
from protocol.evidence import About, read_evidence
from protocol.identifiers import Address
from protocol.statements import LocalSigningKey, StatementType, digest, read, sign
from tests.protocol.sample_case import (
    CASE,
    Case,
    attest,
    delivered,
    held,
    message_id,
    sample_case,
    send,
    tampered,
)
from tests.protocol.sample_directory import (
    IT,
    IT_FOCAL_POINT,
    RO,
    RO_FOCAL_POINT,
    RO_LOCAL,
    sample_directory,
    seeded_key,
)

_CASE = sample_case()
_BUNDLE = _CASE.export()
_CHARTER = _CASE.world.charter_digest
REQUEST, REPORT = message_id("request"), message_id("report")


@pytest.fixture
def document() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(_BUNDLE)
    return value


def check(document: dict[str, Any]) -> Report:
    return verify_bundle(json.dumps(document).encode(), _CHARTER, procedure_of=procedure_of)


def procedure_of(type_: str) -> str | None:
    return type_.rpartition(".")[0] or None


def places(report: Report) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in report.findings]


def test_a_bundle_is_whole_across_three_rotations_on_both_sides() -> None:
    report = verify_bundle(_BUNDLE, _CHARTER, procedure_of=procedure_of)
    assert report.findings == ()
    assert report.whole
    assert (report.case, report.exporter, report.exported_at) == (CASE, IT, _CASE.world.now)
    request, answer = report.messages
    assert (request.id, request.type, request.sender, request.recipient) == (
        REQUEST,
        "social-inquiry.request",
        IT_FOCAL_POINT,
        RO_LOCAL,
    )
    assert [link.kind.name for link in answer.evidence] == [
        "submission-accepted",
        "content-consigned",
        "content-retrieved",
    ]
    assert request.issued_at is not None
    assert answer.issued_at is not None
    assert answer.issued_at - request.issued_at > timedelta(days=44)


def test_either_sides_bundle_is_whole() -> None:
    assert verify_bundle(_CASE.export(RO), _CHARTER).whole


def test_a_bundle_holds_no_identity_and_no_private_key() -> None:
    assert b"a child's name" not in _BUNDLE
    assert all(key.seed() not in _BUNDLE for key in _CASE.world.signing.values())
    assert json.loads(_BUNDLE)["messages"][0]["statement"]  # the same search would have met the statement


def test_a_bundle_of_another_network_proves_nothing() -> None:
    report = verify_bundle(_BUNDLE, digest(b"another charter"))
    assert places(report) == [("directory.wrong_charter", "charter")]
    assert report.messages == ()


Change = Callable[[dict[str, Any]], None]


def message(document: dict[str, Any], number: int = 0) -> dict[str, Any]:
    value: dict[str, Any] = document["messages"][number]
    return value


def altered_link(document: dict[str, Any]) -> None:
    links = message(document)["evidence"]
    links[1] = tampered(links[1])


def missing_link_in_the_middle(document: dict[str, Any]) -> None:
    del message(document)["evidence"][1]


def missing_first_link(document: dict[str, Any]) -> None:
    del message(document)["evidence"][0]


def missing_last_link(document: dict[str, Any]) -> None:
    del message(document)["evidence"][2]


def swapped_links(document: dict[str, Any]) -> None:
    links = message(document)["evidence"]
    links[1], links[2] = links[2], links[1]


def swapped_links_of_two_sides(document: dict[str, Any]) -> None:
    links = message(document)["evidence"]
    links[0], links[1] = links[1], links[0]


def repeated_link(document: dict[str, Any]) -> None:
    message(document)["evidence"].append(message(document)["evidence"][2])


def link_of_another_message(document: dict[str, Any]) -> None:
    message(document, 0)["evidence"][2] = message(document, 1)["evidence"][2]


def link_that_was_not_listed(document: dict[str, Any]) -> None:
    about = attest_about(document)
    message(document)["evidence"].append(about)


def attest_about(document: dict[str, Any]) -> str:
    last = read(message(document)["evidence"][2], typ=StatementType.EVIDENCE)
    evidence = read_evidence(last)
    return attest(
        _CASE.world,
        "not-retrieved-in-time",
        RO,
        evidence.about,
        last,
        code="not_retrieved",  # type: ignore[arg-type]
    ).token


def altered_statement(document: dict[str, Any]) -> None:
    message(document)["statement"] = tampered(message(document)["statement"])


def missing_statement(document: dict[str, Any]) -> None:
    message(document)["statement"] = None


def statement_of_another_message(document: dict[str, Any]) -> None:
    message(document)["statement"] = message(document, 1)["statement"]


def missing_manifest(document: dict[str, Any]) -> None:
    message(document)["manifests"] = []


def manifest_of_another_message(document: dict[str, Any]) -> None:
    message(document)["manifests"] = message(document, 1)["manifests"]


def missing_message(document: dict[str, Any]) -> None:
    del document["messages"][1]


def swapped_messages(document: dict[str, Any]) -> None:
    document["messages"].reverse()


def missing_index(document: dict[str, Any]) -> None:
    del document["index"]


def altered_index(document: dict[str, Any]) -> None:
    claims = read(document["index"], typ=StatementType.BUNDLE_INDEX).claims
    thief: LocalSigningKey = seeded_key("thief")
    kid = _CASE.world.signing[IT].kid
    document["index"] = sign(StatementType.BUNDLE_INDEX, claims, LocalSigningKey.from_seed(kid, thief.seed()))


def missing_snapshot(document: dict[str, Any]) -> None:
    del document["snapshots"][0]


def altered_charter(document: dict[str, Any]) -> None:
    document["charter"]["signatures"] = document["charter"]["signatures"][:1]


def missing_entry(document: dict[str, Any]) -> None:
    document["entries"] = [one for one in document["entries"] if one["path"] != "ro/authority/dgaspc-iasi"]


def missing_admission(document: dict[str, Any]) -> None:
    del document["admissions"][1]


TAMPERING: dict[str, tuple[Change, tuple[str, str]]] = {
    "a link altered": (altered_link, ("evidence.altered", f"messages/{REQUEST}/evidence/1")),
    "a link missing in the middle": (
        missing_link_in_the_middle,
        ("evidence.missing", f"messages/{REQUEST}/evidence/1"),
    ),
    "the first link missing": (missing_first_link, ("evidence.missing", f"messages/{REQUEST}/evidence/0")),
    "the last link missing": (missing_last_link, ("evidence.missing", f"messages/{REQUEST}/evidence/2")),
    "two links of one side swapped": (
        swapped_links,
        ("evidence.reordered", f"messages/{REQUEST}/evidence/1"),
    ),
    "links of two sides swapped": (
        swapped_links_of_two_sides,
        ("evidence.reordered", f"messages/{REQUEST}/evidence/0"),
    ),
    "a link repeated": (repeated_link, ("evidence.repeated", f"messages/{REQUEST}/evidence/3")),
    "a link of another message": (
        link_of_another_message,
        ("bundle.foreign", f"messages/{REQUEST}/evidence/2"),
    ),
    "a link that the exporter did not list": (
        link_that_was_not_listed,
        ("evidence.unlisted", f"messages/{REQUEST}/evidence/3"),
    ),
    "the statement altered": (altered_statement, ("bundle.altered", f"messages/{REQUEST}/statement")),
    "the statement missing": (missing_statement, ("bundle.missing", f"messages/{REQUEST}/statement")),
    "the statement of another message": (
        statement_of_another_message,
        ("bundle.foreign", f"messages/{REQUEST}/statement"),
    ),
    "the manifest missing": (missing_manifest, ("bundle.missing", f"messages/{REQUEST}/manifests/0")),
    "the manifest of another message": (
        manifest_of_another_message,
        ("bundle.foreign", f"messages/{REQUEST}/manifests/0"),
    ),
    "a message missing": (missing_message, ("bundle.missing", f"messages/{REPORT}")),
    "the messages swapped": (swapped_messages, ("bundle.reordered", "messages")),
    "no index": (missing_index, ("bundle.malformed", "index")),
    "an index by another": (altered_index, ("statement.signature", "index")),
    "a cited snapshot missing": (missing_snapshot, ("bundle.missing", "snapshots")),
    "a charter without its threshold": (altered_charter, ("directory.below_threshold", "charter")),
    "an authority's entry missing": (
        missing_entry,
        ("statement.unknown_key", f"messages/{REPORT}/statement"),
    ),
    "an admission missing": (missing_admission, ("directory.not_admitted", "entries/10")),
}


@pytest.mark.parametrize("case", TAMPERING.values(), ids=TAMPERING.keys())
def test_what_was_done_to_a_bundle_is_named_with_its_place(
    document: dict[str, Any], case: tuple[Change, tuple[str, str]]
) -> None:
    change, expected = case
    change(document)
    report = check(document)
    assert not report.whole
    assert expected in places(report)


SINGLE = [
    "a link missing in the middle",
    "the last link missing",
    "two links of one side swapped",
    "a link altered",
]


@pytest.mark.parametrize("name", SINGLE)
def test_one_fault_is_not_told_as_many(document: dict[str, Any], name: str) -> None:
    change, (code, _) = TAMPERING[name]
    change(document)
    assert {finding.code for finding in check(document).findings} == {code}


def test_evidence_by_the_sender_of_its_own_delivery_is_found() -> None:
    """A State that forges its delivery exports a bundle that it signed itself: the link still betrays it."""
    case = sample_case()
    first = case.messages[0]
    about = read_evidence(read(first.evidence[0], typ=StatementType.EVIDENCE)).about
    forged = attest(case.world, "content-consigned", IT, about).token
    forging = Case(
        world=case.world,
        messages=[
            dataclasses.replace(first, evidence=(first.evidence[0], forged)),
        ],
    )
    report = verify_bundle(forging.export(), case.world.charter_digest)
    assert places(report) == [("evidence.not_a_party", f"messages/{REQUEST}/evidence/1")]


def exported(case: Case, *messages: BundleMessage) -> Report:
    return verify_bundle(Case(world=case.world, messages=list(messages)).export(), case.world.charter_digest)


def test_an_exporter_cannot_leave_out_what_evidence_cites() -> None:
    """Its index agrees with what it exports; the evidence does not."""
    case = sample_case()
    first, second = case.messages
    without = exported(case, dataclasses.replace(first, manifests=()))
    assert ("bundle.missing", f"messages/{REQUEST}/manifests") in places(without)
    crossed = dataclasses.replace(first, evidence=(*first.evidence, second.evidence[0]))
    assert ("bundle.foreign", f"messages/{REQUEST}/evidence/3") in places(exported(case, crossed))
    about = dataclasses.replace(about_of(first), statement_digest=digest(b"what was never said"))
    lie = attest(case.world, "submission-accepted", IT, about).token
    other = dataclasses.replace(first, evidence=(lie, *first.evidence[1:]))
    assert ("bundle.foreign", f"messages/{REQUEST}/evidence/0") in places(exported(case, other))


def test_evidence_about_one_id_does_not_serve_another() -> None:
    case = sample_case()
    first = case.messages[0]
    about = dataclasses.replace(about_of(first), id=REPORT)
    lie = attest(case.world, "submission-accepted", IT, about).token
    report = exported(case, dataclasses.replace(first, evidence=(lie, *first.evidence[1:])))
    assert places(report) == [("bundle.foreign", f"messages/{REQUEST}/evidence/0")]


def test_a_message_whose_manifests_go_to_two_nodes_is_found() -> None:
    world = sample_directory()
    first = send(world, IT_FOCAL_POINT, RO_LOCAL, "social-inquiry.request", "request")
    links = delivered(world, first)
    astray = send(world, IT_FOCAL_POINT, Address("it.tribunale-minori"), "social-inquiry.request", "request")
    message = held(first, links)
    both = dataclasses.replace(message, manifests=(*message.manifests, astray.envelope.manifest.token))
    report = exported(Case(world=world, messages=[]), both)
    assert ("bundle.foreign", f"messages/{REQUEST}/manifests/1") in places(report)


def about_of(message: BundleMessage) -> About:
    return read_evidence(read(message.evidence[0], typ=StatementType.EVIDENCE)).about


def reindexed(document: dict[str, Any], **changes: object) -> dict[str, Any]:
    claims = read(document["index"], typ=StatementType.BUNDLE_INDEX).claims
    document["index"] = sign(StatementType.BUNDLE_INDEX, {**claims, **changes}, _CASE.world.signing[IT])
    return document


def test_an_index_for_another_network_is_found(document: dict[str, Any]) -> None:
    report = check(reindexed(document, charter=digest(b"elsewhere")))
    assert ("directory.wrong_charter", "index") in places(report)


def test_a_message_that_is_there_twice_or_was_not_listed_is_found(document: dict[str, Any]) -> None:
    document["messages"].append(document["messages"][0])
    assert places(check(document)) == [("bundle.unlisted", f"messages/{REQUEST}")]
    document["messages"].pop()
    index = read(document["index"], typ=StatementType.BUNDLE_INDEX).claims
    report = check(reindexed(document, messages=index["messages"][:1]))
    assert places(report) == [("bundle.unlisted", f"messages/{REPORT}")]


def test_an_entry_that_no_snapshot_lists_is_found(document: dict[str, Any]) -> None:
    world = sample_case().world
    world.wait(days=1)
    path = "ro/authority/anpdca"
    document["entries"].append({"path": path, "token": world.publish(world.authority(RO_FOCAL_POINT))})
    position = len(document["entries"]) - 1
    assert places(check(document)) == [("bundle.unlisted", f"entries/{position}")]


def test_a_cited_calendar_that_is_not_there_is_found() -> None:
    world = sample_directory()
    world.publish(dataclasses.replace(world.authority(RO_LOCAL), languages=("ro", "en")))
    unlisted = digest(world.entries["ro/authority/dgaspc-iasi"].encode())
    sent = send(world, IT_FOCAL_POINT, RO_FOCAL_POINT, "social-inquiry.request", "request", entry=unlisted)
    report = exported(Case(world=world, messages=[]), held(sent, delivered(world, sent)))
    assert places(report) == [("bundle.missing", f"messages/{REQUEST}/statement")]


@pytest.mark.parametrize("name", ["admissions", "snapshots", "entries", "messages"])
def test_a_bundle_without_one_of_its_lists_is_malformed(document: dict[str, Any], name: str) -> None:
    del document[name]
    assert ("bundle.malformed", name) in places(check(document))


def test_snapshots_that_are_no_texts_are_malformed(document: dict[str, Any]) -> None:
    document["snapshots"].append(7)
    assert ("bundle.malformed", "snapshots") in places(check(document))


def test_a_local_office_without_competence_binds_nobody() -> None:
    report = verify_bundle(_BUNDLE, _CHARTER, procedure_of=lambda _: "durable-solution")
    assert ("bundle.not_competent", f"messages/{REPORT}/statement") in places(report)
    assert ("bundle.not_competent", f"messages/{REQUEST}/statement") not in places(report)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b'{"format":"focalpoint-evidence-bundle","version":1}']
)
def test_what_is_no_bundle_is_said_so(data: bytes) -> None:
    report = verify_bundle(data, _CHARTER)
    assert not report.whole
    assert all(isinstance(finding, Finding) for finding in report.findings)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_single_altered_character_goes_unnoticed(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(_BUNDLE) - 1))
    byte = data.draw(st.sampled_from(b'Aa0_.-~"{').filter(lambda one: one != _BUNDLE[position]))
    altered = _BUNDLE[:position] + bytes([byte]) + _BUNDLE[position + 1 :]
    assert not verify_bundle(altered, _CHARTER).whole


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_bundle_of_arbitrary_values_ends_in_a_report(data: st.DataObject) -> None:
    document = json.loads(_BUNDLE)
    name = data.draw(st.sampled_from(sorted(document)))
    value = st.none() | st.integers(-9, 9) | st.text(max_size=5)
    nested = st.recursive(
        value,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    )
    drawn = data.draw(nested)
    assume(drawn != document[name])
    document[name] = drawn
    assert not check(document).whole
