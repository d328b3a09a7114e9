"""What the benchmark says: a social-inquiry request of 2 KB, with narrative and identity. All is invented."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.protocol.sample_contents import sample

__all__ = ["CONTENT_BYTES", "PLACEHOLDER", "TYPE", "parts", "request_body"]

TYPE = "social-inquiry.request"
CONTENT_BYTES = 2_048
"""Coded part, narrative and identity together, as JSON."""
PLACEHOLDER = b"00000000-0000-4000-8000-000000000000"
"""Stands in a prepared request body where each message has its own id."""


def parts() -> tuple[dict[str, Any], list[dict[str, str]], dict[str, Any]]:
    """(coded, narrative, identity) of exactly `CONTENT_BYTES`: the narrative is as long as that needs."""
    content = sample(TYPE)
    identity = copy.deepcopy(content.identity)
    assert identity is not None
    narrative = [{"field": "reasons", "language": "it", "text": ""}]
    rest = CONTENT_BYTES - sum(len(_dumps(part)) for part in (content.coded, narrative, identity))
    words = "La bambina parla di una nonna che viveva vicino a una scuola e chiede di lei. "
    narrative[0]["text"] = (words * (rest // len(words) + 1))[:rest]
    assert sum(len(_dumps(part)) for part in (content.coded, narrative, identity)) == CONTENT_BYTES
    return content.coded, narrative, identity


def request_body(*, case: str, sender: str, recipient: str) -> bytes:
    """The body of `POST /v1/messages`, with `PLACEHOLDER` for the id."""
    coded, narrative, identity = parts()
    return _dumps(
        {
            "id": PLACEHOLDER.decode(),
            "case": case,
            "type": TYPE,
            "sender": sender,
            "recipient": recipient,
            "declares_no_danger": True,
            "coded": coded,
            "narrative": narrative,
            "identity": identity,
        }
    )


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
