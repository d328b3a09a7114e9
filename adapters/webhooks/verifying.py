"""Whether a webhook is the node's, as its receiver asks it. Pure.

Standard Webhooks (standardwebhooks.com): `webhook-signature` has one or more `v1a,<base64>` with spaces
between, each Ed25519 over `<id>.<timestamp>.<body>`. docs/operations/notifications.md says what a body holds.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.kit.errors import Unfit

__all__ = ["NOT_OLDER", "verified"]

NOT_OLDER: Final = timedelta(minutes=5)
_KEY: Final = "whpk_"
_VERSION: Final = "v1a"


def verified(headers: Mapping[str, str], body: bytes, *, keys: Iterable[str], now: datetime) -> str:
    """The `webhook-id`: drop one that you had already, for delivery is at least once. `body`: the bytes as
    they came, before anything reads them. `keys`: as `/.well-known/focalpoint-webhook-key` has them, each
    `whpk_…`, compared on another way before. Unfit for what is not the node's, too old, or ahead."""
    given = {name.lower(): value for name, value in headers.items()}
    number, at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not number or not re.fullmatch(r"[0-9]{1,12}", at):
        raise Unfit("webhooks.incomplete", "expected webhook-id and webhook-timestamp")
    if abs(now.timestamp() - int(at)) > NOT_OLDER.total_seconds():
        raise Unfit("webhooks.not_now", "older than five minutes, or a clock is wrong")
    signed = f"{number}.{at}.".encode() + body
    known = [_public(key) for key in keys]
    for one in given.get("webhook-signature", "").split():
        version, _, text = one.partition(",")
        if version == _VERSION and any(_is_by(key, text, signed) for key in known):
            return number
    raise Unfit("webhooks.not_the_nodes", "no signature by a key that was given")


def _public(key: str) -> Ed25519PublicKey:
    try:
        if not key.startswith(_KEY):
            raise ValueError
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix(_KEY), validate=True))
    except (ValueError, binascii.Error):
        raise Unfit("webhooks.bad_key", "expected whpk_ and 32 bytes in base64") from None


def _is_by(key: Ed25519PublicKey, text: str, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(text, validate=True), signed)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
