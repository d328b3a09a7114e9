"""Envelopes: the clear part says nothing of the case, and what is taken apart is what was put together."""

import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import base64url
from protocol.content import NarrativeBlock
from protocol.directory import DEFAULT_LIMITS
from protocol.envelope import ClearHeader, Outgoing, SealedHeader, assemble, parse
from protocol.errors import CannotOpen, NotAcceptable, Refused, Unauthenticated
from protocol.json_strict import dumps
from protocol.limits import MAX_STATEMENTS, Limits
from protocol.sealing import PADDING_CLASSES, SealingSuite, open_sealed, read_sealed, sealed_to
from protocol.statements import StatementType, digest, sign, verify
from tests.protocol.sample_directory import IT, NOW, RO
from tests.protocol.sample_envelopes import (
    DRAFT,
    IT_KEY,
    MESSAGE,
    RO_CONTENT,
    RO_IDENTITY,
    clear_header,
    envelope,
    outgoing_content,
)

ENVELOPE = envelope()
BODY = json.loads(ENVELOPE.data)


def refusal_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        parse(data, limits)
    return refusal.value.code


def with_manifest(**claims: Any) -> bytes:
    """The sample envelope with changed manifest claims, signed anew by its sender."""
    said = {**ENVELOPE.manifest.claims, **claims}
    return dumps({**BODY, "manifest": sign(StatementType.MANIFEST, said, IT_KEY)})


def with_header(**members: Any) -> bytes:
    header = {**json.loads(ENVELOPE.header.to_bytes()), **members}
    present = {name: value for name, value in header.items() if value != "absent"}
    return with_manifest(header=base64url.encode(dumps(present)).decode())


def test_what_was_assembled_is_what_is_parsed() -> None:
    parsed = parse(ENVELOPE.data)
    assert parsed.header == ENVELOPE.header
    assert parsed.header_digest == ENVELOPE.header_digest
    assert parsed.parts == ENVELOPE.parts
    assert parsed.claimed == {name: (digest(part), len(part)) for name, part in ENVELOPE.parts.items()}
    assert verify(parsed.manifest, IT_KEY.public) == ENVELOPE.manifest
    assert ENVELOPE.manifest_digest == digest(BODY["manifest"].encode())


def test_the_clear_part_tells_nothing_of_the_case() -> None:
    visible = json.dumps([ENVELOPE.manifest.claims, json.loads(ENVELOPE.header.to_bytes()), BODY])
    for hidden in (
        DRAFT.case,
        DRAFT.sender,
        DRAFT.recipient,
        DRAFT.type,
        "content",
        DRAFT.urgency,
        "Example",
    ):
        assert hidden not in visible.replace("seal-content", "").replace(RO_CONTENT.kid, "")


def test_the_identity_part_has_a_key_of_its_own() -> None:
    keys = {name: sealed_to(part) for name, part in ENVELOPE.parts.items()}
    assert keys.pop("identity") == RO_IDENTITY.kid
    assert set(keys.values()) == {RO_CONTENT.kid}


def test_an_identity_part_is_never_sealed_to_a_wider_key() -> None:
    with pytest.raises(NotAcceptable) as refusal:
        assemble(
            outgoing_content(),
            clear=clear_header(),
            node_key=IT_KEY,
            sealing_key=RO_CONTENT.public,
            identity_key=None,
        )
    assert refusal.value.code == "directory.no_recipient_key"


def test_every_part_is_bound_to_the_clear_header() -> None:
    other = envelope(clear=clear_header(sequence=2))
    for name, part in ENVELOPE.parts.items():
        key = RO_IDENTITY if name == "identity" else RO_CONTENT
        assert open_sealed(part, key=key, header_digest=ENVELOPE.header_digest)
        with pytest.raises(CannotOpen):
            open_sealed(part, key=key, header_digest=other.header_digest)


def test_messages_of_one_size_class_are_of_one_size() -> None:
    def said(text: str) -> int:
        block = NarrativeBlock(field="reasons", language="it", text=text)
        return len(envelope(outgoing=outgoing_content(replace(DRAFT, narrative=(block,)))).data)

    assert said("No.") == said("Il minore è arrivato solo, e ha uno zio a Torino.")


def test_parts_are_padded() -> None:
    for part in ENVELOPE.parts.values():
        assert len(read_sealed(part).ciphertext) in PADDING_CLASSES


def test_a_suite_of_the_recipient_is_used_where_it_lists_only_that() -> None:
    key = RO_CONTENT.generate("ro-old", SealingSuite.HPKE_3_KE)
    made = assemble(
        Outgoing(kind="evidence", id=MESSAGE, statements=("a.b.c",)),
        clear=clear_header(suite="HPKE-3-KE", key="ro-old"),
        node_key=IT_KEY,
        sealing_key=key.public,
        identity_key=None,
    )
    assert {read_sealed(part).suite for part in made.parts.values()} == {SealingSuite.HPKE_3_KE}


@pytest.mark.parametrize("change", [{"key": "ro-other"}, {"suite": "HPKE-3-KE"}, {"id": "another"}])
def test_a_clear_header_that_names_another_key_or_message_is_our_own_fault(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="names another"):
        envelope(clear=clear_header(**change))


# Shape.

PARTS = BODY["parts"]
RECORDS = ENVELOPE.manifest.claims["parts"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "json.malformed", id="nothing"),
        pytest.param(b"[]", "json.malformed", id="a list"),
        pytest.param(dumps({**BODY, "extra": 1}), "envelope.malformed", id="a member more"),
        pytest.param(dumps({"manifest": BODY["manifest"]}), "envelope.malformed", id="no parts"),
        pytest.param(dumps({**BODY, "parts": []}), "envelope.malformed", id="a list of parts"),
        pytest.param(dumps({**BODY, "manifest": 1}), "envelope.malformed", id="a number for a manifest"),
        pytest.param(dumps({**BODY, "manifest": "a.b.c"}), "statement.malformed", id="no manifest"),
        pytest.param(
            dumps({**BODY, "parts": {**PARTS, "photo": "x"}}), "envelope.malformed", id="an unknown part"
        ),
        pytest.param(
            dumps({**BODY, "parts": {**PARTS, "header": 1}}), "envelope.malformed", id="a number for a part"
        ),
        pytest.param(
            dumps({**BODY, "parts": {**PARTS, "header": "é"}}), "envelope.malformed", id="a foreign letter"
        ),
        pytest.param(
            dumps({**BODY, "parts": {name: PARTS[name] for name in ("header", "statement")}}),
            "envelope.malformed",
            id="fewer parts than the manifest lists",
        ),
        pytest.param(
            with_manifest(parts={"header": RECORDS["header"]}), "envelope.malformed", id="more than it lists"
        ),
        pytest.param(with_manifest(parts={**RECORDS, "x": {}}), "envelope.malformed", id="an unknown record"),
        pytest.param(with_manifest(parts={**RECORDS, "header": 1}), "envelope.malformed", id="no record"),
        pytest.param(with_manifest(header="e30="), "envelope.malformed", id="a padded header"),
        pytest.param(with_manifest(header="e30"), "envelope.malformed", id="an empty header"),
        pytest.param(with_manifest(header=1), "envelope.malformed", id="a number for a header"),
        pytest.param(with_header(version="2.0"), "envelope.version", id="the next major version"),
        pytest.param(with_header(version="1.2"), "envelope.version", id="two minor versions on"),
        pytest.param(with_header(version="0.9"), "envelope.version", id="a major version ago"),
        pytest.param(with_header(version="1"), "envelope.version", id="half a version"),
        pytest.param(with_header(version="1.01"), "envelope.version", id="another spelling of a version"),
        pytest.param(with_header(version="absent"), "envelope.malformed", id="no version"),
        pytest.param(with_header(sequence=-1), "envelope.malformed", id="a sequence before the first"),
        pytest.param(with_header(sequence=True), "envelope.malformed", id="a truth for a sequence"),
        pytest.param(with_header(sent_at="now"), "envelope.malformed", id="a word for a moment"),
        pytest.param(with_header(epoch="a b"), "envelope.malformed", id="an epoch of two words"),
        pytest.param(with_header(**{"from": "IT"}), "envelope.malformed", id="a node in capitals"),
        pytest.param(with_header(id="1"), "envelope.malformed", id="no message id"),
        pytest.param(with_header(crit="x"), "envelope.malformed", id="a text for a list"),
    ],
)
def test_what_is_no_envelope_is_refused(data: bytes, code: str) -> None:
    assert refusal_of(data) == code


def test_the_next_minor_version_is_understood_and_what_it_adds_is_kept() -> None:
    header = parse(with_header(version="1.1", lane="fast", crit=["lane"])).header
    assert header.unknown == {"lane": "fast"}
    assert header.critical == ("lane",)
    assert json.loads(header.to_bytes())["lane"] == "fast"


def test_a_statement_of_another_kind_is_no_manifest() -> None:
    evidence = sign(StatementType.EVIDENCE, ENVELOPE.manifest.claims, IT_KEY)
    assert refusal_of(dumps({**BODY, "manifest": evidence})) == "statement.wrong_type"


# Limits.


def test_the_limits_are_those_that_an_entry_announces_by_default() -> None:
    assert Limits.from_mapping(DEFAULT_LIMITS) == Limits()
    assert Limits.from_mapping({"coded": 1024, "photo": 5}) == Limits(coded=1024)


def test_the_largest_message_within_the_limits_is_within_the_envelope_limit() -> None:
    limits = Limits(coded=20_000, narrative=40_000, identity=30_000)
    made = assemble(
        Outgoing(
            kind="evidence",
            id=MESSAGE,
            statements=("x" * limits.statement,),
            narrative=b"x" * limits.narrative,
            identity=b"x" * limits.identity,
        ),
        clear=clear_header(),
        node_key=IT_KEY,
        sealing_key=RO_CONTENT.public,
        identity_key=RO_IDENTITY.public,
        limits=limits,
    )
    assert len(made.data) <= limits.envelope
    assert parse(made.data, limits).parts == made.parts


@pytest.mark.parametrize("part", ["narrative", "identity"])
def test_a_part_over_the_recipients_limit_is_not_sent(part: str) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        assemble(
            replace(outgoing_content(), **{part: b"x" * 1001}),
            clear=clear_header(),
            node_key=IT_KEY,
            sealing_key=RO_CONTENT.public,
            identity_key=RO_IDENTITY.public,
            limits=Limits(narrative=1000, identity=1000),
        )
    assert (refusal.value.code, refusal.value.field) == ("content.too_large", f"/{part}")


def test_size_is_refused_before_anything_is_parsed() -> None:
    limits = Limits(coded=1, narrative=1, identity=1)
    assert refusal_of(b"{" * (limits.envelope + 1), limits) == "envelope.too_large"


def test_a_part_over_its_own_limit_is_refused() -> None:
    long = dumps({**BODY, "parts": {**PARTS, "header": "x" * 20_000}})
    assert refusal_of(long) == "envelope.too_large"


# The sealed header.


def test_a_sealed_header_is_read_back() -> None:
    for header in (
        SealedHeader(
            kind="content", id=MESSAGE, sender=DRAFT.sender, recipient=DRAFT.recipient, statements=("d" * 43,)
        ),
        SealedHeader(
            kind="evidence", id=MESSAGE, sender=None, recipient=None, statements=("d" * 43,) * MAX_STATEMENTS
        ),
    ):
        assert SealedHeader.from_bytes(header.to_bytes(), Limits()) == header


SEALED = {
    "kind": "content",
    "jti": MESSAGE,
    "iss": DRAFT.sender,
    "aud": DRAFT.recipient,
    "statements": ["d" * 43],
}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "gossip"},
        {"kind": "evidence"},
        {"kind": ["content"]},
        {"jti": "1"},
        {"iss": "it"},
        {"iss": None},
        {"aud": None},
        {"statements": []},
        {"statements": ["d"]},
        {"statements": ["d" * 43] * 2},
        {"kind": "evidence", "iss": None, "aud": None, "statements": ["d" * 43] * (MAX_STATEMENTS + 1)},
    ],
)
def test_a_sealed_header_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CannotOpen) as refusal:
        SealedHeader.from_bytes(dumps({**SEALED, **change}), Limits())
    assert refusal.value.code == "envelope.sealed_header"


# Anything.


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_refused(data: bytes) -> None:
    with contextlib.suppress(Refused):
        parse(data)


anything = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text("ab.é\0=-") | st.just({})
)


@given(
    st.dictionaries(st.sampled_from(["version", "from", "to", "id", "sent_at", "epoch", "crit"]), anything)
)
def test_arbitrary_clear_headers_raise_nothing_but_refused(members: dict[str, Any]) -> None:
    with contextlib.suppress(Refused):
        parse(with_header(**members))


@given(
    st.dictionaries(
        st.sampled_from(["header", "statement", "x"]), anything | st.just({"sha256": "a", "size": 1})
    )
)
def test_arbitrary_part_records_raise_nothing_but_refused(records: dict[str, Any]) -> None:
    with contextlib.suppress(Refused):
        parse(with_manifest(parts=records))


def test_the_clear_header_keeps_whole_seconds() -> None:
    header = ClearHeader(
        sender=IT,
        recipient=RO,
        id=MESSAGE,
        sent_at=NOW + timedelta(microseconds=999_999),
        epoch="1",
        sequence=1,
        suite="HPKE-9-KE",
        key="k",
    )
    assert json.loads(header.to_bytes())["sent_at"] == int(NOW.timestamp())
