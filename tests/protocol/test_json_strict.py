"""Strict JSON: one text, one meaning, and nothing but a refusal for the rest."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import base64url
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.json_strict import MAX_INTEGER, dumps, parse, parse_object

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "code"),
    {
        "a member named twice": (b'{"a":1,"a":1}', "json.duplicate_key"),
        "a member named twice further in": (b'[{"b":{"a":1,"\\u0061":1}}]', "json.duplicate_key"),
        "a fraction": (b'{"a":1.0}', "json.float"),
        "an exponent": (b"[1e2]", "json.float"),
        "not a number": (b"[NaN]", "json.malformed"),
        "infinity": (b"[-Infinity]", "json.malformed"),
        "a lone surrogate": (b'["\\ud800"]', "json.malformed"),
        "a lone surrogate as a member name": (b'{"\\udc00":1}', "json.malformed"),
        "a byte-order mark": (b"\xef\xbb\xbf{}", "json.malformed"),
        "UTF-16": ("{}".encode("utf-16"), "json.malformed"),
        "UTF-16 without mark": ("{}".encode("utf-16-le"), "json.malformed"),
        "a raw control character": (b'["\x01"]', "json.malformed"),
        "an overlong encoding": (b'["\xc0\xaf"]', "json.malformed"),
        "a second value": (b"{} {}", "json.malformed"),
        "nothing": (b"", "json.malformed"),
        "an integer that others round": (b"[9007199254740992]", "json.integer_range"),
        "an integer of many digits": (b"[" + b"9" * 5000 + b"]", "json.integer_range"),
        "deeper than asked": (b"[" * 13 + b"]" * 13, "json.too_deep"),
        "deeper than the interpreter's stack": (b"[" * 60_000, "json.too_deep"),
    }.items(),
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_ambiguous_text_is_refused(text: str, code: tuple[bytes, str]) -> None:
    with pytest.raises(Refused) as refusal:
        parse(code[0], max_bytes=100_000)
    assert refusal.value.code == code[1]


def test_size_is_checked_before_anything_is_parsed() -> None:
    with pytest.raises(Refused) as refusal:
        parse(b'{"a":1,"a":1}', max_bytes=12)
    assert refusal.value.code == "json.too_large"


def test_the_deepest_allowed_text_is_accepted() -> None:
    assert parse(b"[" * 12 + b"]" * 12, max_bytes=100) is not None
    assert parse(b'["' + b"[" * 50 + b'"]', max_bytes=100) == ["[" * 50]


def test_an_escaped_pair_and_an_escaped_backslash_are_characters() -> None:
    assert parse(b'["\\ud83d\\ude00","\\\\ud800"]', max_bytes=100) == ["\U0001f600", "\\ud800"]


def test_the_caller_says_what_kind_of_refusal_a_fault_is() -> None:
    with pytest.raises(CannotOpen):
        parse_object(b"[]", max_bytes=10, refuse=CannotOpen)


def test_a_refusal_never_quotes_the_submission() -> None:
    with pytest.raises(Refused) as refusal:
        parse(b'{"child": Ana}', max_bytes=100)
    assert "Ana" not in str(refusal.value)
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("value", ["\ud800", float("nan"), {1, 2}])
def test_what_json_cannot_say_is_not_written(value: object) -> None:
    with pytest.raises(NotAcceptable) as refusal:
        dumps([value])
    assert refusal.value.code == "json.malformed"


@given(json_values)
def test_what_is_written_is_read_back_unless_too_deep(value: object) -> None:
    assert parse(dumps(value), max_bytes=10**6, max_depth=100) == value


@given(st.binary() | st.text().map(str.encode) | st.builds(json.dumps, json_values).map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_refused(data: bytes) -> None:
    with contextlib.suppress(Refused):
        parse(data, max_bytes=1000, max_depth=3)


@given(st.binary())
def test_base64url_is_read_back(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data)) == data


@given(st.text("AZaz09-_+/=. \n", max_size=12))
def test_base64url_has_one_spelling_for_each_value(text: str) -> None:
    try:
        data = base64url.decode(text.encode())
    except ValueError:
        return
    assert base64url.encode(data).decode() == text


@pytest.mark.parametrize("text", [b"QQ==", b"QR", b"Q", b"QQ\n", b"Q+==", b"\xff\xff"])
def test_other_spellings_of_base64url_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="base64url"):
        base64url.decode(text)
