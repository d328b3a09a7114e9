"""Base64url as JOSE writes it: no padding, one spelling for each value (RFC 7515 §2, RFC 4648 §3.5)."""

from __future__ import annotations

import binascii

__all__ = ["decode", "encode"]

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def encode(data: bytes) -> bytes:
    """ASCII bytes, so that tokens are joined before they become text."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)


def decode(text: bytes) -> bytes:
    """Raises `ValueError` for padding, foreign characters, and non-zero trailing bits.

    Python's decoder is lenient in all three; two spellings of one value would be two digests of one
    statement. Writing the value again and comparing catches what the decoder let pass.
    """
    try:
        data = binascii.a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
