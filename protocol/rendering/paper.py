"""A consent on paper in words: how it ended, if it did; whose it is, who attests it and how sure that is, and
which two people's authority confirmed it. It makes no agreement, and nothing here calls it one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from protocol.identifiers import Address
from protocol.intermediary import Attested
from protocol.rendering.labels import Labels
from protocol.rendering.message import how_sure
from protocol.rendering.words import Fact, Value
from protocol.version_end import VersionEnd

__all__ = ["PaperConsent", "paper_facts", "paper_heading"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperConsent:
    """`party`: whose paper it is; `via`: who `attested` it; `confirmed_by`: the authority whose two people
    confirmed it, at `confirmed_at`. `agreement`: the digest of the version that the paper accepts. `ended`:
    why it does not stand any more."""

    agreement: str
    party: Address
    via: Address
    attested: Attested
    confirmed_by: Address
    confirmed_at: datetime
    ended: VersionEnd | None = None


def paper_heading(consent: PaperConsent, labels: Labels) -> str:
    """What it is, in a line: never that it is accepted, of one that has ended."""
    return labels.sentences.say("paper-proven" if consent.ended is None else "paper-proven-ended")


def paper_facts(consent: PaperConsent, labels: Labels) -> Iterator[Fact]:
    say = labels.sentences.say

    def fact(name: str, *values: Value) -> Fact:
        return Fact(label=say(name), values=values)

    ended = consent.ended
    if ended is not None:
        at = Value(text=labels.sentences.moment(ended.at))
        yield fact(f"paper-end-{ended.kind}", labels.authority(ended.by), at, _identifier(ended.message))
    yield fact("paper-of", labels.authority(consent.party))
    sure = Value(text=how_sure(consent.attested, labels))
    yield fact("paper-attested-by", labels.authority(consent.via), sure)
    yield fact("paper-attestation", _identifier(consent.attested.attestation))
    yield fact("paper-scan", _identifier(consent.attested.original_digest))
    confirmed_at = Value(text=labels.sentences.moment(consent.confirmed_at))
    yield fact("paper-confirmed-by", labels.authority(consent.confirmed_by), confirmed_at)


def _identifier(text: str) -> Value:
    return Value(text=text, direction="ltr")
