"""JSON that means one thing to every reader: I-JSON (RFC 7493), without floats and with bounded depth.

Two parsers that disagree about one text (which duplicate counts, how a float rounds) make a signature over it
worthless, so such a text is refused before anything in it is believed.
"""

from __future__ import annotations

import json
from typing import Any

from protocol.errors import NotAcceptable, Refused

__all__ = ["MAX_INTEGER", "Json", "JsonValue", "dumps", "parse", "parse_object"]

type JsonValue = dict[str, Any] | list[Any] | str | int | bool | None
type Json = dict[str, Any]

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 7493 §2.2)."""


class _JsonError(ValueError):
    """Raised inside the decoder's hooks; becomes a refusal in `parse`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _JsonError("json.duplicate_key", "an object names the same member twice")
    return value


def _integer(digits: str) -> int:
    # Length first: int() of a very long text is slow, and refuses with a plain ValueError.
    if len(digits) <= 17 and -MAX_INTEGER <= (value := int(digits)) <= MAX_INTEGER:
        return value
    raise _JsonError("json.integer_range", "expected integers within ±(2^53 - 1)")


def _float(_: str) -> Any:
    raise _JsonError("json.float", "expected integers only: two readers may round a fraction differently")


def _constant(_: str) -> Any:
    raise _JsonError("json.malformed", "NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)


def parse(
    data: bytes, *, max_bytes: int, max_depth: int = 12, refuse: type[Refused] = NotAcceptable
) -> JsonValue:
    """The value that `data` says in UTF-8.

    Refuses, as a `refuse`: `json.too_large` (over `max_bytes`), `json.too_deep` (arrays and objects nested
    more than `max_depth`), `json.duplicate_key`, `json.float`, `json.integer_range`, and `json.malformed`
    for all that is not JSON text in UTF-8: a byte-order mark, NaN, a lone surrogate.
    """
    if len(data) > max_bytes:
        raise refuse("json.too_large", f"expected at most {max_bytes} bytes, came {len(data)}")
    try:
        value: JsonValue = _DECODER.decode(data.decode("utf-8"))
    except _JsonError as error:
        raise refuse(error.code, error.detail) from None
    except RecursionError:
        raise refuse("json.too_deep", f"expected at most {max_depth} levels") from None
    except ValueError:
        # Without the cause: its text quotes the submitted bytes.
        raise refuse("json.malformed", "expected JSON text in UTF-8") from None
    if _deeper_than(value, max_depth):
        raise refuse("json.too_deep", f"expected at most {max_depth} levels")
    if data.find(b"\\u") >= 0 and not _is_unicode(value):  # `in` takes twice as long among many escapes
        raise refuse("json.malformed", "a lone surrogate is not a character")
    return value


def parse_object(
    data: bytes, *, max_bytes: int, max_depth: int = 12, refuse: type[Refused] = NotAcceptable
) -> Json:
    """As `parse`; refuses `json.malformed` when the text is not an object."""
    value = parse(data, max_bytes=max_bytes, max_depth=max_depth, refuse=refuse)
    if not isinstance(value, dict):
        raise refuse("json.malformed", "expected a JSON object")
    return value


def dumps(value: Any) -> bytes:
    """Compact UTF-8, members in the order given. Refuses `json.malformed` for what JSON cannot say."""
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except (ValueError, TypeError, RecursionError):
        raise NotAcceptable("json.malformed", "expected a value that JSON in UTF-8 can say") from None


def _deeper_than(value: Any, levels: int) -> bool:
    layer = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return bool(layer)


def _is_unicode(value: Any) -> bool:
    try:
        _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
