"""Content: three parts kept apart, bound by digests that betray nothing, read back only whole."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import base64url
from protocol.content import Draft, NarrativeBlock, SignedContent, check_parts, read_content, sign_content
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.identifiers import Address, MessageId, ThreadId, new_case_reference
from protocol.json_strict import dumps
from protocol.limits import Limits
from protocol.statements import LocalSigningKey, Statement, StatementType, digest, issue, read, verify

KEY = LocalSigningKey.from_seed("it.servizio-minori-1", bytes(range(32)))
SAID_AT = datetime(2026, 11, 24, 9, 0, 0, 987_654, tzinfo=UTC)
CASE = new_case_reference(lambda count: bytes(range(count)))
MESSAGE = MessageId("6f7b3a52-04a2-4d4c-9d0c-7a3f0e1d2c3b")

DRAFT = Draft(
    id=MESSAGE,
    type="social-inquiry.request",
    case=CASE,
    thread=ThreadId(MESSAGE),
    sender=Address("it.servizio-minori"),
    recipient=Address("ro.dgaspc-iasi"),
    coded={"purpose": "family-tracing", "children": 1},
    narrative=(NarrativeBlock(field="summary", language="it", text="Il minore è arrivato solo."),),
    identity={"given_name": "Example"},
    urgency="urgent",
    declares_no_danger=True,
    vocabulary="2026.11",
    recipient_entry="d" * 43,
)


def counting(count: int) -> bytes:
    return bytes(range(count))


def signed(draft: Draft = DRAFT) -> SignedContent:
    return sign_content(draft, key=KEY, issued_at=SAID_AT, random_bytes=counting)


def with_claims(**changes: Any) -> Statement:
    claims = {**signed().statement.claims, **changes}
    present = {name: value for name, value in claims.items() if value != "absent"}
    return issue(StatementType.CONTENT, present, KEY)


def test_what_was_drafted_is_what_is_read() -> None:
    written = signed()
    content = read_content(written.statement, written.narrative, written.identity)
    for name in Draft.__dataclass_fields__:
        assert getattr(content, name) == getattr(DRAFT, name), name
    assert content.issued_at == SAID_AT.replace(microsecond=0)
    assert content.statement_digest == written.statement.digest
    check_parts(written.statement, written.narrative, written.identity)


def test_the_statement_verifies_as_it_was_written() -> None:
    token = signed().statement.token
    assert verify(read(token, typ=StatementType.CONTENT), KEY.public) == signed().statement


def test_a_bare_message_has_no_parts() -> None:
    bare = signed(replace(DRAFT, narrative=(), identity=None, declares_no_danger=False, recipient_entry=None))
    assert (bare.narrative, bare.identity) == (None, None)
    content = read_content(bare.statement, None, None)
    assert (content.narrative, content.identity, content.parts) == ((), None, {})
    assert not content.declares_no_danger


def test_neither_narrative_nor_identity_shows_in_the_statement() -> None:
    claims = json.dumps(signed().statement.claims, ensure_ascii=False)
    assert "Example" not in claims
    assert "minore è" not in claims


def test_equal_parts_have_unlike_digests() -> None:
    salts = iter([b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 16])
    first, second = (
        sign_content(DRAFT, key=KEY, issued_at=SAID_AT, random_bytes=lambda _: next(salts)) for _ in range(2)
    )
    assert first.statement.claims["parts"] != second.statement.claims["parts"]


def test_the_statement_is_read_after_its_parts_were_destroyed() -> None:
    content = read_content(signed().statement, None, None)
    assert (content.narrative, content.identity) == ((), None)
    assert content.parts.keys() == {"narrative", "identity"}


@pytest.mark.parametrize(
    ("narrative", "identity", "code"),
    [
        pytest.param(None, signed().identity, "content.part_missing", id="the narrative did not come"),
        pytest.param(signed().narrative, None, "content.part_missing", id="the identity did not come"),
        pytest.param(signed().identity, signed().narrative, "content.part_digest", id="exchanged parts"),
        pytest.param(
            (signed().narrative or b"") + b" ", signed().identity, "content.part_digest", id="one space more"
        ),
    ],
)
def test_parts_other_than_those_bound_are_refused(
    narrative: bytes | None, identity: bytes | None, code: str
) -> None:
    with pytest.raises(CannotOpen) as refusal:
        check_parts(signed().statement, narrative, identity)
    assert refusal.value.code == code


def test_a_part_that_the_statement_does_not_bind_is_refused() -> None:
    bare = signed(replace(DRAFT, narrative=(), identity=None))
    with pytest.raises(NotAcceptable) as refusal:
        read_content(bare.statement, signed().narrative, None)
    assert refusal.value.code == "content.part_digest"


SALT = base64url.encode(bytes(16)).decode()
BLOCK = {"field": "summary", "language": "it", "text": "…"}


@pytest.mark.parametrize(
    ("part", "code"),
    [
        pytest.param({"salt": SALT[:8], "blocks": [BLOCK]}, "content.part_malformed", id="a short salt"),
        pytest.param({"blocks": [BLOCK]}, "content.part_malformed", id="no salt"),
        pytest.param({"salt": 7, "blocks": [BLOCK]}, "content.part_malformed", id="a number for a salt"),
        pytest.param({"salt": SALT, "blocks": []}, "content.part_malformed", id="no block"),
        pytest.param({"salt": SALT, "blocks": {}}, "content.part_malformed", id="an object of blocks"),
        pytest.param({"salt": SALT, "blocks": ["x"]}, "content.part_malformed", id="a bare text"),
        pytest.param({"salt": SALT, "identity": {}}, "content.part_malformed", id="the other part"),
        pytest.param(
            {"salt": SALT, "blocks": [{**BLOCK, "text": 1}]}, "content.part_malformed", id="no text"
        ),
        pytest.param({"salt": SALT, "blocks": [{**BLOCK, "x": ""}]}, "content.part_malformed", id="more"),
        pytest.param({"salt": SALT, "blocks": [BLOCK], "x": 1}, "content.part_malformed", id="more outside"),
        pytest.param(
            {"salt": SALT, "blocks": [{**BLOCK, "text": "x" * 999}]}, "content.too_large", id="long"
        ),
    ],
)
def test_a_narrative_of_another_shape_is_refused(part: dict[str, Any], code: str) -> None:
    data = dumps(part)
    with pytest.raises(NotAcceptable) as refusal:
        read_content(with_claims(parts={"narrative": digest(data)}), data, None, limits=Limits(narrative=500))
    assert (refusal.value.code, refusal.value.field) == (code, "/narrative")


@pytest.mark.parametrize(
    ("claim", "value", "code", "pointer"),
    [
        ("iss", "nobody", "identifier.address", None),
        ("aud", ["ro.dgaspc-iasi"], "content.malformed", "/aud"),
        ("aud", "absent", "content.malformed", "/aud"),
        ("jti", MESSAGE.upper(), "identifier.message_id", None),
        ("thread", "absent", "content.malformed", "/thread"),
        ("in_reply_to", 7, "content.malformed", "/in_reply_to"),
        ("case", CASE.lower(), "content.malformed", "/case"),
        ("case", "K7QM", "identifier.case_reference", None),
        ("type", "Social Inquiry", "content.malformed", "/type"),
        ("type", "a" * 65, "content.malformed", "/type"),
        ("form", True, "content.malformed", "/form"),
        ("form", 0, "content.malformed", "/form"),
        ("form", 10_000, "content.malformed", "/form"),
        ("iat", "2026-11-24", "content.malformed", "/iat"),
        ("iat", -1, "content.malformed", "/iat"),
        ("iat", 2**53 - 1, "content.malformed", "/iat"),
        ("vocabulary", "latest", "content.malformed", "/vocabulary"),
        ("urgency", "whenever", "content.malformed", "/urgency"),
        ("urgency", ["urgent"], "content.malformed", "/urgency"),
        ("urgency", "absent", "content.malformed", "/urgency"),
        ("safety_declaration", "none-needed", "content.malformed", "/safety_declaration"),
        ("recipient_entry", 1, "content.malformed", "/recipient_entry"),
        ("coded", [], "content.malformed", "/coded"),
        ("coded", "absent", "content.malformed", "/coded"),
        ("parts", {"photo": "x"}, "content.malformed", "/parts"),
        ("parts", {"narrative": 1}, "content.malformed", "/parts"),
        ("crit", ["life_support"], "content.critical", None),
        ("crit", "iss", "content.malformed", "/crit"),
    ],
)
def test_a_claim_of_another_shape_is_refused(claim: str, value: Any, code: str, pointer: str | None) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        read_content(with_claims(**{claim: value}), None, None)
    assert (refusal.value.code, refusal.value.field) == (code, pointer)


def test_an_unknown_claim_is_kept_and_a_known_critical_one_is_no_obstacle() -> None:
    content = read_content(with_claims(carrier="air", crit=["urgency"]), None, None)
    assert content.unknown == {"carrier": "air"}


def test_personal_data_is_not_shown() -> None:
    written = signed()
    content = read_content(written.statement, written.narrative, written.identity)
    assert "Example" not in repr((written, content, DRAFT))
    assert "minore" not in repr((written, content, DRAFT))


@given(
    st.sampled_from(sorted(signed().statement.claims)),
    st.none() | st.integers() | st.text() | st.lists(st.text()),
)
def test_arbitrary_claims_raise_nothing_but_refused(claim: str, value: object) -> None:
    changed = {**signed().statement.claims, claim: value}
    with contextlib.suppress(Refused):
        read_content(replace(signed().statement, claims=changed), None, None)
