"""An agreement in words: its terms, who signed it and when, and the documents that it rests on; and, never
under that name, a version that one State signed and the other accepted on paper.

Whether it is in force is not in the signed bytes and so not here: that changes with the case, and a printed
page would go on saying it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.agreement import Agreement, Version
from protocol.identifiers import Address
from protocol.messages import FORMS
from protocol.rendering.labels import Labels, Names, no_names
from protocol.rendering.message import closing, field_blocks
from protocol.rendering.paper import PaperConsent, paper_facts
from protocol.rendering.sentences import sentences
from protocol.rendering.words import Block, Document, Fact, Group, Remark, Section, Value

__all__ = ["Grounds", "PaperConsent", "SignedBy", "agreement_words", "paper_words"]

_FORM = "durable-solution.proposal"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBy:
    """One authority's co-signature. `at`: of the acceptance that brought it; `kid`: the key."""

    by: Address
    at: datetime
    kid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """A document that the agreement rests on, by the name that it has there. Without `type` the reader does
    not hold it."""

    name: str
    digest: str
    type: str | None = None
    sender: Address | None = None
    issued_at: datetime | None = None


def agreement_words(
    agreement: Agreement,
    *,
    signed: Sequence[SignedBy],
    grounds: Sequence[Grounds],
    language: str,
    names: Names = no_names,
) -> Document:
    """The words of an agreement in `language`, or the nearest language there is."""
    labels = Labels(sentences=sentences(language), names=names)
    say = labels.sentences.say
    return Document(
        title=say("agreement-title"),
        language=labels.sentences.language,
        direction=labels.sentences.direction,
        sections=(
            Section(heading=None, blocks=tuple(_header(agreement, labels, "agreement-proposal"))),
            Section(heading=say("agreement-terms"), blocks=tuple(_terms(agreement, labels))),
            Section(heading=say("agreement-signed"), blocks=tuple(_signatures(signed, labels))),
            Section(heading=say("agreement-rests-on"), blocks=tuple(_grounds(grounds, labels))),
            Section(
                heading=None,
                blocks=(
                    Remark(text=say("agreement-parts-absent")),
                    Remark(text=say("agreement-no-evidence"), standing=True),
                    *closing(labels),
                ),
            ),
        ),
        reference=f"{agreement.case} · {agreement.digest}",
        as_of=max((one.at for one in signed), default=None),
    )


def paper_words(
    version: Version,
    *,
    signed: SignedBy,
    consent: PaperConsent,
    grounds: Sequence[Grounds],
    language: str,
    names: Names = no_names,
) -> Document:
    """The words of a version that one State `signed` and the other accepted on paper: the title, the first
    sentence and the signatures all say that it is no agreement. What ended it comes before everything."""
    labels = Labels(sentences=sentences(language), names=names)
    say = labels.sentences.say
    facts = tuple(paper_facts(consent, labels))
    ended: tuple[Block, ...] = ()
    if consent.ended is not None:
        ended, facts = (Remark(text=say("paper-ended-means"), standing=True), facts[0]), facts[1:]
    return Document(
        title=say("paper-title" if consent.ended is None else "paper-title-ended"),
        language=labels.sentences.language,
        direction=labels.sentences.direction,
        sections=(
            Section(
                heading=None,
                blocks=(
                    *ended,
                    Remark(text=say("paper-no-agreement"), standing=True),
                    *_header(version, labels, "paper-version"),
                ),
            ),
            Section(heading=say("agreement-terms"), blocks=tuple(_terms(version, labels))),
            Section(heading=say("paper-signed"), blocks=tuple(_signatures((signed,), labels))),
            Section(heading=say("paper-consent"), blocks=facts),
            Section(heading=say("agreement-rests-on"), blocks=tuple(_grounds(grounds, labels))),
            Section(
                heading=None,
                blocks=(
                    Remark(text=say("paper-parts-absent")),
                    Remark(text=say("paper-no-evidence"), standing=True),
                    *closing(labels),
                ),
            ),
        ),
        reference=f"{version.case} · {version.digest}",
        as_of=max(signed.at, consent.confirmed_at, *(() if consent.ended is None else (consent.ended.at,))),
    )


def _terms(version: Agreement | Version, labels: Labels) -> Iterator[Block]:
    form = FORMS.get(_FORM)
    terms = next((one.fields for one in (form.coded_fields if form else ()) if one.name == "terms"), ())
    yield from field_blocks(version.terms, terms, labels)


def _identifier(text: str) -> Value:
    return Value(text=text, direction="ltr")


def _header(agreement: Agreement | Version, labels: Labels, version: str) -> Iterator[Fact]:
    say = labels.sentences.say
    yield Fact(label=say("header-case"), values=(_identifier(agreement.case),))
    yield Fact(
        label=say("agreement-between"), values=tuple(labels.authority(one) for one in agreement.parties)
    )
    yield Fact(label=say("agreement-digest"), values=(_identifier(agreement.digest),))
    yield Fact(label=say(version), values=(_identifier(agreement.proposal),))
    if agreement.amends is not None:
        yield Fact(label=say("agreement-amends"), values=(_identifier(agreement.amends),))
    if agreement.lifts:
        yield Fact(label=say("agreement-lifts"), values=tuple(_identifier(one) for one in agreement.lifts))


def _signatures(signed: Sequence[SignedBy], labels: Labels) -> Iterator[Fact]:
    for one in signed:
        who = labels.authority(one.by)
        yield Fact(
            label=labels.sentences.moment(one.at),
            values=(who, Value(text=labels.sentences.say("agreement-key", key=one.kid))),
        )


def _grounds(grounds: Sequence[Grounds], labels: Labels) -> Iterator[Block]:
    say = labels.sentences.say
    for one in grounds:
        # `rests_on/social_inquiries/0` and `terms/receiving_carer/agreement_shown_in`: the last name in it.
        field = next(part for part in reversed(one.name.split("/")) if not part.isdigit())
        label = labels.text("field", field)
        if one.type is None or one.issued_at is None or one.sender is None:
            yield Group(
                label=label,
                blocks=(
                    Fact(label=say("agreement-digest"), values=(_identifier(one.digest),)),
                    Remark(text=say("agreement-document-absent")),
                ),
            )
            continue
        yield Group(
            label=label,
            blocks=(
                Fact(
                    label=say("agreement-document"),
                    values=(Value(text=labels.text("message-type", one.type)),),
                ),
                Fact(label=say("header-sender"), values=(labels.authority(one.sender),)),
                Fact(
                    label=say("header-signed"), values=(Value(text=labels.sentences.moment(one.issued_at)),)
                ),
                Fact(label=say("agreement-digest"), values=(_identifier(one.digest),)),
            ),
        )
