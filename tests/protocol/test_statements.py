"""Statements: what was signed is what is read, by the key that signed it, and nothing else is a statement."""

import base64
import contextlib
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import OKPKey
from jwt.algorithms import OKPAlgorithm

from protocol import base64url
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.signing_keys import _ORDER_EIGHT_Y as ORDER_EIGHT_Y
from protocol.statements import (
    CoSigned,
    LocalSigningKey,
    StatementType,
    VerifyKey,
    cosign,
    digest,
    read,
    sign,
    thumbprint_kid,
    verify,
    verify_threshold,
)

KEY = LocalSigningKey.from_seed("it-1", bytes(range(32)))
OTHER = LocalSigningKey.from_seed("it-1", bytes(32))
CLAIMS: dict[str, Any] = {
    "iss": "it.servizio-minori",
    "iat": 1_790_000_000,
    "note": "Ünïcode",
    "later": [1, None],
}
TOKEN = sign(StatementType.CONTENT, CLAIMS, KEY)


def token_of(header: dict[str, Any], payload: bytes = b"{}") -> str:
    signed = base64url.encode(json.dumps(header).encode()) + b"." + base64url.encode(payload)
    return (signed + b"." + base64url.encode(KEY.sign(signed))).decode()


def refusal_of(token: str | bytes, **more: Any) -> str:
    with pytest.raises(Refused) as refusal:
        verify(read(token, typ=StatementType.CONTENT, **more), KEY.public)
    return refusal.value.code


def test_a_statement_is_read_back_with_the_bytes_that_were_signed() -> None:
    statement = verify(read(TOKEN, typ=StatementType.CONTENT), KEY.public)
    assert statement.claims == CLAIMS
    assert statement.token == TOKEN
    assert statement.digest == digest(TOKEN.encode())
    assert statement.kid == "it-1"


def test_text_and_bytes_of_a_token_are_the_same_token() -> None:
    assert read(TOKEN.encode(), typ=StatementType.CONTENT) == read(TOKEN, typ=StatementType.CONTENT)


def test_a_statement_of_one_kind_is_never_read_as_another() -> None:
    for typ in set(StatementType) - {StatementType.CONTENT}:
        with pytest.raises(NotAcceptable) as refusal:
            read(TOKEN, typ=typ)
        assert refusal.value.code == "statement.wrong_type"


def test_another_key_under_the_same_id_did_not_sign() -> None:
    with pytest.raises(Refused) as refusal:
        verify(read(TOKEN, typ=StatementType.CONTENT), OTHER.public)
    assert refusal.value.code == "statement.signature"


def test_the_same_key_under_another_id_did_not_sign() -> None:
    renamed = VerifyKey(kid="it-2", raw=KEY.public.raw)
    with pytest.raises(Refused) as refusal:
        verify(read(TOKEN, typ=StatementType.CONTENT), renamed, refuse=CannotOpen)
    assert refusal.value.code == "statement.signature"
    assert isinstance(refusal.value, CannotOpen)


GOOD_HEADER = {"alg": "Ed25519", "kid": "it-1", "typ": "fp-content+jws"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        pytest.param({**GOOD_HEADER, "alg": "none"}, "statement.algorithm", id="no algorithm"),
        pytest.param({**GOOD_HEADER, "alg": "EdDSA"}, "statement.algorithm", id="the retired name"),
        pytest.param({**GOOD_HEADER, "alg": "HS256"}, "statement.algorithm", id="a shared secret"),
        pytest.param({**GOOD_HEADER, "alg": ["Ed25519"]}, "statement.algorithm", id="a list of algorithms"),
        pytest.param({**GOOD_HEADER, "jwk": {}}, "statement.algorithm", id="a key of its own"),
        pytest.param({**GOOD_HEADER, "crit": ["exp"]}, "statement.algorithm", id="a critical extension"),
        pytest.param({**GOOD_HEADER, "b64": False}, "statement.algorithm", id="an unencoded payload"),
        pytest.param({"alg": "Ed25519", "kid": "it-1"}, "statement.algorithm", id="no type"),
        pytest.param({**GOOD_HEADER, "typ": "JWT"}, "statement.wrong_type", id="a plain JWT"),
        pytest.param({**GOOD_HEADER, "kid": 7}, "statement.malformed", id="a number for a key id"),
        pytest.param({**GOOD_HEADER, "kid": ""}, "statement.malformed", id="an empty key id"),
        pytest.param({**GOOD_HEADER, "kid": "a\nb"}, "statement.malformed", id="a key id of two lines"),
        pytest.param({**GOOD_HEADER, "kid": "k" * 400}, "statement.malformed", id="an endless header"),
    ],
)
def test_nothing_about_the_signature_is_negotiated(header: dict[str, Any], code: str) -> None:
    assert refusal_of(token_of(header)) == code


@pytest.mark.parametrize(
    ("token", "code"),
    [
        pytest.param(TOKEN + "=", "statement.malformed", id="padding"),
        pytest.param(TOKEN + ".", "statement.malformed", id="a fourth part"),
        pytest.param(TOKEN.rpartition(".")[0], "statement.malformed", id="no signature"),
        pytest.param(TOKEN.rpartition(".")[0] + ".", "statement.malformed", id="an empty signature"),
        pytest.param(" " + TOKEN, "statement.malformed", id="white space"),
        pytest.param(TOKEN[:-1] + "é", "statement.malformed", id="a foreign letter"),
        pytest.param("", "statement.malformed", id="nothing"),
        pytest.param(token_of(GOOD_HEADER, b"[]"), "json.malformed", id="claims that are a list"),
        pytest.param(token_of(GOOD_HEADER, b'{"a":1,"a":2}'), "json.duplicate_key", id="a claim made twice"),
        pytest.param(token_of(GOOD_HEADER, b'{"a":0.5}'), "json.float", id="a fraction"),
    ],
)
def test_what_is_no_statement_is_refused(token: str, code: str) -> None:
    assert refusal_of(token) == code


def test_a_statement_over_the_limit_is_refused_before_it_is_parsed() -> None:
    assert refusal_of("x" * 101, max_bytes=100) == "statement.too_large"


def test_the_last_character_of_a_signature_has_one_spelling() -> None:
    # 64 bytes leave four unused bits in the last character: 16 spellings that a lenient decoder takes as one.
    accepted = 0
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        with contextlib.suppress(Refused):
            verify(read(TOKEN[:-1] + last, typ=StatementType.CONTENT), KEY.public)
            accepted += 1
    assert accepted == 1


def test_every_changed_character_is_refused() -> None:
    for position in range(len(TOKEN)):
        changed = TOKEN[:position] + ("A" if TOKEN[position] != "A" else "B") + TOKEN[position + 1 :]
        with pytest.raises(Refused):
            verify(read(changed, typ=StatementType.CONTENT), KEY.public)


@given(st.binary() | st.text().map(str.encode) | st.from_regex(rb"[\w-]{4,40}\.[\w-]{2,40}\.[\w-]{86}"))
def test_arbitrary_bytes_raise_nothing_but_refused(token: bytes) -> None:
    with contextlib.suppress(Refused):
        read(token, typ=StatementType.CONTENT)


@given(st.text())
def test_arbitrary_text_raises_nothing_but_refused(token: str) -> None:
    with contextlib.suppress(Refused):
        read(token, typ=StatementType.CONTENT)


# Two independent libraries read what we write.


def test_pyjwt_verifies_our_statements() -> None:
    other = jwt.PyJWS()
    other.register_algorithm("Ed25519", OKPAlgorithm())
    public = Ed25519PublicKey.from_public_bytes(KEY.public.raw)
    found = other.decode_complete(TOKEN, key=public, algorithms=["Ed25519"])
    assert json.loads(found["payload"]) == CLAIMS
    assert found["header"] == GOOD_HEADER


def test_joserfc_verifies_our_statements() -> None:
    found = joserfc_jws.deserialize_compact(
        TOKEN, OKPKey.import_key(KEY.public.jwk()), algorithms=["Ed25519"]
    )
    assert json.loads(found.payload or b"") == CLAIMS


def test_pyjwt_verifies_our_cosignatures() -> None:
    other = jwt.PyJWS()
    other.register_algorithm("Ed25519", OKPAlgorithm())
    public = Ed25519PublicKey.from_public_bytes(KEY.public.raw)
    token = cosign(StatementType.CHARTER, b'{"network": "pilot"}', KEY)
    found = other.decode_complete(
        token, key=public, algorithms=["Ed25519"], detached_payload=b'{"network": "pilot"}'
    )
    assert found["header"]["b64"] is False


def test_we_verify_what_pyjwt_writes() -> None:
    other = jwt.PyJWS()
    other.register_algorithm("Ed25519", OKPAlgorithm())
    token = other.encode(b'{"a":1}', KEY._private, "Ed25519", {"kid": "it-1", "typ": "fp-content+jws"})
    assert verify(read(token, typ=StatementType.CONTENT), KEY.public).claims == {"a": 1}


# Keys.


def test_a_public_key_survives_its_jwk() -> None:
    assert VerifyKey.from_jwk(KEY.public.jwk()) == KEY.public


def test_the_key_id_is_the_beginning_of_the_thumbprint() -> None:
    # RFC 8037 appendix A.3: the key of RFC 8032's first test and its thumbprint.
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert thumbprint_kid(raw) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"[:16]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"d": base64.urlsafe_b64encode(bytes(32)).decode()}, id="its private part"),
        pytest.param({"kty": "EC"}, id="another family"),
        pytest.param({"crv": "X25519"}, id="a key for agreement"),
        pytest.param({"alg": "EdDSA"}, id="the retired algorithm name"),
        pytest.param({"use": "enc"}, id="a key for sealing"),
        pytest.param({"x": "AA"}, id="too short"),
        pytest.param({"x": "A" * 44}, id="too long"),
        pytest.param({"x": 1}, id="a number"),
        pytest.param({"x": "é" * 43}, id="a foreign letter"),
        pytest.param({"kid": None}, id="no key id"),
    ],
)
def test_a_key_is_refused_with(change: dict[str, Any]) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        VerifyKey.from_jwk({**KEY.public.jwk(), **change})
    assert refusal.value.code == "statement.key_malformed"


P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


@pytest.mark.parametrize(
    "y", [0, 1, P - 1, ORDER_EIGHT_Y, P - ORDER_EIGHT_Y, P, P + 1, 2**255 - 1], ids=lambda y: hex(y)[:12]
)
@pytest.mark.parametrize("sign_bit", [0, 1])
def test_a_key_under_which_one_signature_fits_many_messages_is_refused(y: int, sign_bit: int) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        VerifyKey(kid="weak", raw=(y | sign_bit << 255).to_bytes(32, "little"))
    assert refusal.value.code == "statement.key_malformed"


def test_the_point_of_order_eight_is_one() -> None:
    def double(x: int, y: int) -> tuple[int, int]:
        t = D * x * x * y * y % P
        return 2 * x * y * pow(1 + t, -1, P) % P, (y * y + x * x) * pow(1 - t, -1, P) % P

    y = ORDER_EIGHT_Y
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    x = root if root * root % P == square else root * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    point, order = (x, y), 1
    while point != (0, 1):
        point, order = double(*point), order * 2
    assert order == 8


def test_a_private_key_is_not_shown() -> None:
    assert KEY.seed() == bytes(range(32))
    assert "private" not in repr(KEY)
    assert KEY.seed().hex() not in repr(KEY)


# Several signers.

ROOTS = [LocalSigningKey.from_seed(f"root-{number}", bytes([number] * 32)) for number in range(3)]
ROOT_KEYS = {key.kid: key.public for key in ROOTS}
CHARTER = b'{"network":"pilot"}'


def cosigned(*keys: LocalSigningKey, typ: StatementType = StatementType.CHARTER) -> CoSigned:
    return CoSigned(payload=CHARTER, signatures=tuple(cosign(typ, CHARTER, key) for key in keys))


def threshold_refused(document: CoSigned, threshold: int = 2, **keys: VerifyKey) -> bool:
    try:
        verify_threshold(document, StatementType.CHARTER, keys or ROOT_KEYS, threshold)
    except NotAcceptable as refusal:
        return refusal.code == "statement.threshold"
    return False


def test_enough_signers_are_named() -> None:
    document = cosigned(ROOTS[0], ROOTS[2])
    assert verify_threshold(document, StatementType.CHARTER, ROOT_KEYS, 2) == {"root-0", "root-2"}
    assert CoSigned.from_json(json.loads(json.dumps(document.to_json()))) == document


def test_one_signer_is_not_two() -> None:
    assert threshold_refused(cosigned(ROOTS[0]))


def test_one_signer_twice_is_still_one() -> None:
    assert threshold_refused(cosigned(ROOTS[0], ROOTS[0]))


def test_one_key_under_two_ids_is_still_one() -> None:
    alias = LocalSigningKey.from_seed("alias", ROOTS[0].seed())
    keys = {"root-0": ROOTS[0].public, "alias": alias.public}
    assert threshold_refused(cosigned(ROOTS[0], alias), **keys)


def test_strangers_and_bad_signatures_count_nothing_and_harm_nothing() -> None:
    document = (
        cosigned(ROOTS[0], OTHER).with_signature("garbage").with_signature("a..b").with_signature("é..")
    )
    assert threshold_refused(document)
    complete = document.with_signature(cosign(StatementType.CHARTER, CHARTER, ROOTS[1]))
    assert verify_threshold(complete, StatementType.CHARTER, ROOT_KEYS, 2) == {"root-0", "root-1"}
    assert complete.digest == document.digest


def test_a_signature_over_other_bytes_or_for_another_purpose_counts_nothing() -> None:
    elsewhere = cosign(StatementType.CHARTER, b"{}", ROOTS[1])
    assert threshold_refused(cosigned(ROOTS[0]).with_signature(elsewhere))
    assert threshold_refused(cosigned(ROOTS[0], ROOTS[1], typ=StatementType.ADMISSION))


def test_an_attached_statement_is_no_cosignature() -> None:
    attached = sign(StatementType.CHARTER, {"network": "pilot"}, ROOTS[1])
    assert threshold_refused(cosigned(ROOTS[0]).with_signature(attached))


def test_a_threshold_below_one_asks_for_nothing_and_is_refused() -> None:
    assert threshold_refused(cosigned(*ROOTS), threshold=0)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"payload": "e30"},
        {"payload": "e3", "signatures": []},
        {"payload": "é", "signatures": []},
        {"payload": "e30", "signatures": [1]},
        {"payload": "e30", "signatures": ["a"] * 65},
        {"payload": "e30", "signatures": [], "threshold": 0},
    ],
)
def test_what_is_no_cosigned_document_is_refused(value: object) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        CoSigned.from_json(value)
    assert refusal.value.code == "statement.malformed"
