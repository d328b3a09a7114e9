"""Size classes, so that a sealed part's length says little about what is in it.

A short narrative and a long one, a report with two annexes or with three: the length would tell. Each part is
filled up to the next class (1, 1½, 2, 3, 4, 6, 8 … KiB): at most half as long again, and never more than
twenty different lengths in all.
"""

from __future__ import annotations

from bisect import bisect_left

from protocol.errors import CannotOpen, NotAcceptable, Refused

__all__ = ["PADDING_CLASSES", "pad", "padded_size", "strip"]

PADDING_CLASSES = tuple(sorted([1024 << step for step in range(11)] + [1536 << step for step in range(10)]))
"""Bytes, from 1 KiB to 1 MiB."""

_END = b"\x80"


def padded_size(size: int) -> int:
    """The length in bytes of `size` bytes once padded: one more byte at least.

    Refuses `sealing.too_large` beyond the largest class.
    """
    place = bisect_left(PADDING_CLASSES, size + 1)
    if place == len(PADDING_CLASSES):
        raise NotAcceptable(
            "sealing.too_large", f"expected fewer than {PADDING_CLASSES[-1]} bytes, came {size}"
        )
    return PADDING_CLASSES[place]


def pad(plain: bytes) -> bytes:
    """`plain`, one bit, and zeros up to the class (ISO/IEC 7816-4)."""
    return (plain + _END).ljust(padded_size(len(plain)), b"\0")


def strip(padded: bytes, *, refuse: type[Refused] = CannotOpen) -> bytes:
    """What `pad` was given. Refuses `sealing.padding` unless `pad` gives exactly `padded` again.

    A looser reader would let a sender choose lengths that mark a message for somebody who watches the hub.
    """
    plain = padded.rstrip(b"\0")
    if plain.endswith(_END) and len(padded) <= PADDING_CLASSES[-1]:
        plain = plain[:-1]
        if padded_size(len(plain)) == len(padded):
            return plain
    raise refuse("sealing.padding", f"{len(padded)} bytes are not a padded part")
