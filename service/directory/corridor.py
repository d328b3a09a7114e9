"""A corridor profile on its way between two States: drafted by one, signed by both, published by either.

    document = draft_profile(network, terms, now=now)    bytes, and no signature yet
    document = signed(document, root_key)                by each State, where its root key is
    document = assembled([document, theirs])             where the two signed apart

The file holds no secret and may travel by any way: what is signed is its bytes, and each State is shown what
they mean. It is written as the facts of the entry that publishes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from protocol.claims import Claims
from protocol.directory import CorridorTerms, profile_bytes, read_profile, sign_profile
from protocol.directory.between import MALFORMED, require_known_costs
from protocol.errors import NotAcceptable
from protocol.identifiers import StateCode
from protocol.statements import CoSigned, SigningKey, StatementType, cosigner_kid

__all__ = ["assembled", "draft_profile", "facts_of_profile", "meaning", "read_draft", "signed", "signers"]

BOTH: Final = 2
"""Signatures that it takes: one of each State."""


def draft_profile(network: str, terms: Mapping[str, Any], *, now: datetime) -> CoSigned:
    """`terms` as people write them: `from` and `until` are days, 2027-01-31, and `durations` a list. Refuses
    `directory.malformed`."""
    claims = Claims(terms, code=MALFORMED)
    states = claims.texts("states")
    if len(states) != BOTH:
        raise claims.wrong("states", "the codes of two States")
    one, other = sorted(states)
    payload = profile_bytes(
        CorridorTerms(
            network=network,
            states=(StateCode(one), StateCode(other)),
            durations={
                (each.text("type"), each.text("obligation"), each.text("urgency")): each.text("duration")
                for each in claims.each("durations")
            },
            costs=claims.text("costs"),
            languages=claims.texts("languages"),
            retention=claims.text("retention"),
            since=_day(claims, "from"),
            until=_day(claims, "until"),
            issued_at=now.replace(microsecond=0),
        )
    )
    return CoSigned(payload=payload, signatures=())


def read_draft(text: str) -> CoSigned:
    """Refuses `statement.malformed`. Says nothing about who signed."""
    try:
        return CoSigned.from_json(json.loads(text)["profile"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotAcceptable("statement.malformed", "expected a corridor profile's file") from None


def facts_of_profile(document: CoSigned) -> dict[str, Any]:
    """What the entry that publishes it says."""
    return {"profile": document.to_json()}


def signed(document: CoSigned, key: SigningKey) -> CoSigned:
    """With one signature more; the same again when this key has signed it.

    Refuses `directory.malformed` for what could not be read, or names costs that this release does not know:
    nobody signs what they were not shown.
    """
    require_known_costs(read_profile(document.payload))
    if key.kid in signers(document):
        return document
    return document.with_signature(sign_profile(document.payload, key))


def assembled(documents: Sequence[CoSigned]) -> CoSigned:
    """All signatures over the same bytes. Refuses `directory.entry_mismatch` for other bytes."""
    first = documents[0]
    if any(one.payload != first.payload for one in documents):
        raise NotAcceptable("directory.entry_mismatch", "the files hold different profiles")
    signatures = dict.fromkeys(signature for one in documents for signature in one.signatures)
    return CoSigned(payload=first.payload, signatures=tuple(signatures))


def signers(document: CoSigned) -> tuple[str, ...]:
    """The ids of the keys that it says it is signed by; whether that is true, a directory tells."""
    kids = (cosigner_kid(one, StatementType.CORRIDOR) for one in document.signatures)
    return tuple(dict.fromkeys(kid for kid in kids if kid is not None))


def meaning(document: CoSigned) -> Iterator[str]:
    """What the bytes say, in words. Refuses `directory.malformed`."""
    terms = read_profile(document.payload)
    yield f"Corridor profile between {terms.states[0]} and {terms.states[1]}, digest {document.digest}"
    yield f"It counts for what is opened from {terms.since:%Y-%m-%d} until before {terms.until:%Y-%m-%d}"
    for (kind, obligation, urgency), length in sorted(terms.durations.items()):
        yield f"{kind}, {obligation}, {urgency}: {length}"
    yield f"Costs: {terms.costs}; languages: {', '.join(terms.languages)}; kept for {terms.retention}"


def _day(claims: Claims, name: str) -> datetime:
    try:
        return datetime.strptime(claims.text(name), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise claims.wrong(name, "a day such as 2027-01-31") from None
