"""Passwords of files that lie in mailboxes: made to be read out on the telephone, and refused when weak."""

from __future__ import annotations

import math
import re
import secrets
from typing import Final

__all__ = ["made_password", "weakness"]

_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what is misheard or misread: 0 O, 1 I L, and U beside V."""
_GROUPS, _IN_A_GROUP = 6, 4
_LEAST_BITS: Final = 80
_LEAST_DISTINCT: Final = 10
_CLASSES: Final = ((r"[a-z]", 26), (r"[A-Z]", 26), (r"[0-9]", 10), (r"[^A-Za-z0-9]", 20))


def made_password() -> str:
    """One to be read out on the telephone: 24 letters and digits, 117 bits."""
    while True:
        letters = [secrets.choice(_ALPHABET) for _ in range(_GROUPS * _IN_A_GROUP)]
        groups = (letters[start : start + _IN_A_GROUP] for start in range(0, len(letters), _IN_A_GROUP))
        made = "-".join("".join(group) for group in groups)
        # About one in eighty repeats itself by chance, and would be refused when it is used.
        if weakness(made) is None:
            return made


def weakness(password: str, *known: str) -> str | None:
    """Why `password` will not do; None when it will. `known`: what everybody knows of the office. Whoever has
    the mailbox can try an encrypted file for years: nothing slows a guesser down."""
    if not password.isprintable() or not password.isascii():
        return "expected letters, digits and signs of ASCII, which every reader of PDFs takes alike"
    if password.isdigit():
        return "digits alone: expected letters too"
    space = sum(size for pattern, size in _CLASSES if re.search(pattern, password))
    if len(set(password)) < _LEAST_DISTINCT or len(password) * math.log2(max(space, 2)) < _LEAST_BITS:
        return "too short, or too few different signs: `focalpoint-adapter email password` makes one"
    # Each repeated piece says nothing new.
    if re.search(r"(.+)\1\1", password) or re.fullmatch(r"(.+?)\1+", password):
        return "it repeats itself"
    plain = re.sub(r"[^a-z0-9]", "", password.lower())
    parts = {part for text in known for part in re.split(r"[^a-z0-9]+", text.lower()) if len(part) > 3}
    if any(part in plain for part in parts):
        return "it has the office's own name or address in it"
    return None
