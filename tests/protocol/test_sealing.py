"""Sealing: one part opens for one key under one clear header, and its length says little."""

import contextlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import base64url, padding
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.sealing import (
    DEFAULT_SUITE,
    PADDING_CLASSES,
    SealingPrivateKey,
    SealingPublicKey,
    SealingSuite,
    open_sealed,
    padded_size,
    read_sealed,
    seal,
    sealed_size,
    sealed_to,
)

HEADER, OTHER_HEADER = b"h" * 32, b"o" * 32
KEYS = {
    suite: SealingPrivateKey.from_secret(f"it-{suite}", suite, bytes(range(32))) for suite in SealingSuite
}
KEY = KEYS[DEFAULT_SUITE]
PLAIN = b"a social inquiry, in confidence"
SEALED = seal(PLAIN, to=KEY.public, header_digest=HEADER)

both_suites = pytest.mark.parametrize("suite", list(SealingSuite))


def refusal_of(sealed: bytes, key: SealingPrivateKey = KEY, header: bytes = HEADER) -> str:
    with pytest.raises(CannotOpen) as refusal:
        open_sealed(sealed, key=key, header_digest=header)
    return refusal.value.code


def rewritten(sealed: bytes, **members: Any) -> bytes:
    return json.dumps({**json.loads(sealed), **members}).encode()


def with_protected(sealed: bytes, **members: Any) -> bytes:
    header = json.loads(base64url.decode(json.loads(sealed)["protected"].encode()))
    written = json.dumps({name: value for name, value in {**header, **members}.items() if value is not None})
    return rewritten(sealed, protected=base64url.encode(written.encode()).decode())


@both_suites
def test_a_part_opens_for_its_recipient(suite: SealingSuite) -> None:
    sealed = seal(PLAIN, to=KEYS[suite].public, header_digest=HEADER)
    assert open_sealed(sealed, key=KEYS[suite], header_digest=HEADER) == PLAIN
    assert sealed_to(sealed) == KEYS[suite].kid
    assert read_sealed(sealed).suite == suite


@both_suites
def test_a_part_opens_for_nobody_else(suite: SealingSuite) -> None:
    sealed = seal(PLAIN, to=KEYS[suite].public, header_digest=HEADER)
    stranger = SealingPrivateKey.generate(KEYS[suite].kid, suite)
    assert refusal_of(sealed, stranger) == "sealing.not_opened"
    renamed = SealingPrivateKey.from_secret("it-other", suite, KEYS[suite].to_secret())
    assert refusal_of(sealed, renamed) == "sealing.wrong_key"


@both_suites
def test_a_part_opens_under_no_other_clear_header(suite: SealingSuite) -> None:
    sealed = seal(PLAIN, to=KEYS[suite].public, header_digest=HEADER)
    assert refusal_of(sealed, KEYS[suite], OTHER_HEADER) == "sealing.not_opened"


@both_suites
def test_the_content_key_itself_depends_on_the_clear_header(suite: SealingSuite) -> None:
    # Whoever knows a content key can make any AAD fit; the wrapped key still names one header.
    sealed = read_sealed(seal(PLAIN, to=KEYS[suite].public, header_digest=HEADER))
    assert sealed.content_key(KEYS[suite], HEADER)
    for extra in (OTHER_HEADER, b""):
        with pytest.raises(CannotOpen):
            sealed.content_key(KEYS[suite], extra)


def test_a_content_key_wrapped_again_under_another_header_is_of_no_use() -> None:
    sealed = read_sealed(SEALED)
    key = sealed.content_key(KEY, HEADER)
    with pytest.raises(CannotOpen):
        read_sealed(rewritten(SEALED, aad=base64url.encode(OTHER_HEADER).decode())).content(key)


def test_whoever_holds_the_content_key_cannot_put_the_part_under_another_aad() -> None:
    sealed = read_sealed(SEALED)
    aad = base64url.encode(OTHER_HEADER)
    forged = AESGCM(sealed.content_key(KEY, HEADER)).encrypt(
        sealed.nonce, padding.pad(b"something else"), sealed.protected + b"." + aad
    )
    made = rewritten(
        SEALED,
        aad=aad.decode(),
        ciphertext=base64url.encode(forged[:-16]).decode(),
        tag=base64url.encode(forged[-16:]).decode(),
    )
    for header in (HEADER, OTHER_HEADER):
        assert refusal_of(made, header=header) == "sealing.not_opened"


def test_the_same_words_are_never_sealed_alike() -> None:
    other = json.loads(seal(PLAIN, to=KEY.public, header_digest=HEADER))
    first = json.loads(SEALED)
    assert all(first[member] != other[member] for member in first.keys() - {"aad"})


def test_every_changed_byte_is_refused() -> None:
    for position in range(0, len(SEALED), 1):
        changed = bytearray(SEALED)
        changed[position] ^= 1
        with pytest.raises(CannotOpen):
            open_sealed(bytes(changed), key=KEY, header_digest=HEADER)


@pytest.mark.parametrize(
    ("sealed", "code"),
    [
        pytest.param(rewritten(SEALED, recipients="x"), "sealing.malformed", id="a second recipient"),
        pytest.param(rewritten(SEALED, header="x"), "sealing.malformed", id="an unprotected header"),
        pytest.param(rewritten(SEALED, tag=1), "sealing.malformed", id="a number for a tag"),
        pytest.param(rewritten(SEALED, tag="AAAA"), "sealing.malformed", id="a short tag"),
        pytest.param(rewritten(SEALED, iv="AAAA"), "sealing.malformed", id="a short nonce"),
        pytest.param(rewritten(SEALED, ciphertext="="), "sealing.malformed", id="padded base64"),
        pytest.param(rewritten(SEALED, encrypted_key=""), "sealing.not_opened", id="no wrapped key"),
        pytest.param(rewritten(SEALED, ciphertext=""), "sealing.not_opened", id="no content"),
        pytest.param(with_protected(SEALED, alg="HPKE-9"), "sealing.suite", id="integrated encryption"),
        pytest.param(with_protected(SEALED, alg="dir"), "sealing.suite", id="a shared key"),
        pytest.param(with_protected(SEALED, alg=["HPKE-9-KE"]), "json.too_deep", id="a list of suites"),
        pytest.param(with_protected(SEALED, alg="HPKE-3-KE"), "sealing.malformed", id="the other suite"),
        pytest.param(with_protected(SEALED, enc="A128GCM"), "sealing.not_opened", id="a weaker cipher"),
        pytest.param(with_protected(SEALED, zip="DEF"), "sealing.malformed", id="compression"),
        pytest.param(with_protected(SEALED, kid=None), "sealing.malformed", id="no key id"),
        pytest.param(with_protected(SEALED, kid="it-new"), "sealing.wrong_key", id="another key id"),
        pytest.param(b"{}", "sealing.malformed", id="an empty object"),
        pytest.param(b"\xff", "json.malformed", id="bytes"),
    ],
)
def test_what_is_not_sealed_as_we_seal_is_refused(sealed: bytes, code: str) -> None:
    assert refusal_of(sealed) == code


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_refused(sealed: bytes) -> None:
    with contextlib.suppress(Refused):
        open_sealed(sealed, key=KEY, header_digest=HEADER)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(json.loads(SEALED))), st.text("AZaz09-_", max_size=40) | st.integers() | st.none()
)
def test_arbitrary_members_raise_nothing_but_refused(member: str, value: object) -> None:
    with contextlib.suppress(Refused):
        open_sealed(rewritten(SEALED, **{member: value}), key=KEY, header_digest=HEADER)


# Keys.


@both_suites
def test_keys_survive_their_written_forms(suite: SealingSuite) -> None:
    key = KEYS[suite]
    assert SealingPublicKey.from_jwk(key.public.jwk()) == key.public
    assert SealingPrivateKey.from_secret(key.kid, suite, key.to_secret()).public == key.public


@both_suites
def test_a_private_key_is_not_shown(suite: SealingSuite) -> None:
    secret = KEYS[suite].to_secret()
    assert str(secret) not in repr(KEYS[suite])
    assert secret.hex() not in repr(KEYS[suite])


@both_suites
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"d": "AA"}, id="its private part"),
        pytest.param({"priv": "AA"}, id="its seed"),
        pytest.param({"alg": "HPKE-0"}, id="an unknown suite"),
        pytest.param({"alg": None}, id="no suite"),
        pytest.param({"kty": "EC"}, id="another family"),
        pytest.param({"crv": "P-256"}, id="another curve"),
        pytest.param({"use": "sig"}, id="a key for signatures"),
        pytest.param({"kid": ""}, id="an empty key id"),
        pytest.param({"x": "AA", "pub": "AA"}, id="too short"),
        pytest.param({"x": 1, "pub": 1}, id="a number"),
    ],
)
def test_a_key_is_refused_with(suite: SealingSuite, change: dict[str, Any]) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        SealingPublicKey.from_jwk({**KEYS[suite].public.jwk(), **change})
    assert refusal.value.code == "sealing.key_malformed"


@both_suites
def test_a_key_that_shares_no_secret_is_not_sealed_to(suite: SealingSuite) -> None:
    raw = KEYS[suite].public.raw[:-32] + bytes(32)
    with pytest.raises(NotAcceptable) as refusal:
        seal(PLAIN, to=SealingPublicKey(kid="weak", suite=suite, raw=raw), header_digest=HEADER)
    assert refusal.value.code == "sealing.key_malformed"


def test_an_injected_source_of_randomness_makes_the_key() -> None:
    made = SealingPrivateKey.generate(random_bytes=lambda count: b"\7" * count)
    assert made.to_secret() == b"\7" * 32
    assert made == SealingPrivateKey.from_secret(made.kid, DEFAULT_SUITE, b"\7" * 32)


# Size classes.


@pytest.mark.parametrize("size", [0, 1, 1022, 1023, 1024, 1535, 1536, 5000, 65_536, PADDING_CLASSES[-1] - 1])
def test_only_the_size_class_shows(size: int) -> None:
    padded = padding.pad(b"x" * size)
    assert len(padded) == padded_size(size)
    assert len(padded) in PADDING_CLASSES
    assert len(padded) <= max(1024, (size + 1) * 3 // 2)
    assert padding.strip(padded) == b"x" * size


@both_suites
def test_two_lengths_of_one_class_look_alike_when_sealed(suite: SealingSuite) -> None:
    lengths = {
        len(seal(b"x" * size, to=KEYS[suite].public, header_digest=HEADER)) for size in (1024, 1200, 1535)
    }
    assert len(lengths) == 1
    assert lengths.pop() <= sealed_size(1535)


@given(st.binary(max_size=3000))
def test_padding_is_taken_off_again_whatever_the_end(plain: bytes) -> None:
    assert padding.strip(padding.pad(plain + b"\x80\0\0")) == plain + b"\x80\0\0"


@pytest.mark.parametrize(
    "padded",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(1024), id="zeros alone"),
        pytest.param(b"x" * 1024, id="no end mark"),
        pytest.param(padding.pad(b"x") + b"\0", id="no class"),
        pytest.param(b"x\x80".ljust(1536, b"\0"), id="a larger class than needed"),
        pytest.param(padding.pad(b"x")[:-1], id="cut short"),
        pytest.param(b"\x80".ljust(2 * PADDING_CLASSES[-1], b"\0"), id="beyond the largest class"),
        pytest.param(b"x" * 2 * PADDING_CLASSES[-1] + b"\x80", id="far beyond the largest class"),
    ],
)
def test_other_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(CannotOpen) as refusal:
        padding.strip(padded)
    assert refusal.value.code == "sealing.padding"


def test_a_part_beyond_the_largest_class_is_not_sealed() -> None:
    with pytest.raises(NotAcceptable) as refusal:
        seal(b"x" * PADDING_CLASSES[-1], to=KEY.public, header_digest=HEADER)
    assert refusal.value.code == "sealing.too_large"
