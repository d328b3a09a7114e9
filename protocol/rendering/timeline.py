"""What happened on a case, in order, and what its evidence is worth, in words.

Both take plain values, so that a store, a bundle on a disk or a test can be their source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protocol.evidence import ShownRendering
from protocol.identifiers import Address, CaseReference, NodeCode
from protocol.intermediary import ATTEST, Attested
from protocol.languages import language_name
from protocol.refusals import explain
from protocol.rendering.foreign import printable
from protocol.rendering.labels import Labels
from protocol.rendering.message import closing, how_sure
from protocol.rendering.paper import PaperConsent, paper_facts, paper_heading
from protocol.rendering.words import Block, Document, Fact, Remark, Section, Value

__all__ = ["EvidenceFinding", "TimelineEvent", "evidence_document", "timeline_document"]

type EventKind = Literal["message", "evidence", "case"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One thing that happened. Instants are aware.

    `kind` says what `code` is: a message type, an evidence kind, or one of the events on a case that the
    rendering has words for (`case-opened`, `identity-shown`, …).
    `by`: the authority or node that did it; `to`: the authority that it was meant for.
    `due_at`, `due_basis`: the answer owed since then, and a code of the vocabulary `due-basis`; `answered`
    when it is owed no more. `refusal`: why it was refused. `shown`: the rendering that evidence names.
    `via`: the intermediary that typed it, and what it `attested` of that. `consents_to`: the digest of the
    version to which an attestation brings a consent on paper.
    """

    at: datetime
    kind: EventKind
    code: str
    by: Address | NodeCode | None = None
    to: Address | None = None
    due_at: datetime | None = None
    due_basis: str | None = None
    answered: bool = False
    refusal: str | None = None
    shown: ShownRendering | None = None
    via: Address | None = None
    attested: Attested | None = None
    consents_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFinding:
    """One thing that is wrong with a body of evidence. `where` names the link by digest, number or path."""

    code: str
    where: str


def timeline_document(
    events: Iterable[TimelineEvent], labels: Labels, *, case: CaseReference, now: datetime
) -> Document:
    """The events of a case, oldest first; those of one instant in the order given."""
    say = labels.sentences.say
    ordered = sorted(events, key=lambda event: event.at)
    blocks: list[Block] = [
        Remark(text=say("timeline-count", count=len(ordered)) if ordered else say("timeline-empty"))
    ]
    blocks += [_entry(event, labels, now) for event in ordered]
    return Document(
        title=say("timeline-title", case=case),
        language=labels.sentences.language,
        direction=labels.sentences.direction,
        sections=(
            Section(heading=None, blocks=tuple(blocks)),
            Section(heading=None, blocks=tuple(closing(labels))),
        ),
        reference=case,
        as_of=now,
    )


def _entry(event: TimelineEvent, labels: Labels, now: datetime) -> Fact:
    what = Value(text=_what(event, labels), detail=_parties(event, labels))
    return Fact(label=labels.sentences.moment(event.at), values=(what, *_consequences(event, labels, now)))


def _what(event: TimelineEvent, labels: Labels) -> str:
    match event.kind:
        case "message":
            return labels.text("message-type", event.code)
        case "evidence":
            return labels.text("evidence-kind", event.code)
        case "case":
            return labels.sentences.say(f"event-{event.code}")


def _parties(event: TimelineEvent, labels: Labels) -> str | None:
    if event.by is None:
        return None
    by = _short_name(event.by, labels)
    if event.kind == "evidence":
        return labels.sentences.say("signed-by", issuer=by)
    if event.to is None:
        return by
    return labels.sentences.say("timeline-party", sender=by, recipient=_short_name(event.to, labels))


def _short_name(party: Address | NodeCode, labels: Labels) -> str:
    # A node's code has no dot, an address always has one.
    named = labels.name(Address(party)) if "." in party else None
    return named or party


def _consequences(event: TimelineEvent, labels: Labels, now: datetime) -> Iterator[Value]:
    say = labels.sentences.say
    if event.via is not None:
        own = event.code == ATTEST
        typed = say(
            "via-on-behalf",
            via=_short_name(event.via, labels),
            sender=_short_name(event.by or event.via, labels),
        )
        yield Value(
            text=f"{say('header-via')}: {typed}",
            notes=(say("via-attestation") if own else how_sure(event.attested, labels),),
        )
    if event.consents_to is not None:
        yield Value(text=say("paper-consents", digest=printable(event.consents_to)))
    if event.refusal is not None:
        yield Value(
            text=say("timeline-refused", reason=explain(event.refusal, labels.sentences.language).title)
        )
    if event.shown is not None:
        yield Value(text=_shown(event.shown, labels))
    if event.due_at is None:
        return
    moment = labels.sentences.moment(event.due_at)
    if event.due_basis is None:
        due = say("timeline-due", moment=moment)
    else:
        due = say("timeline-due-on-basis", moment=moment, basis=labels.text("due-basis", event.due_basis))
    if event.answered:
        yield Value(text=due)
    elif now > event.due_at:
        # Whole days, and the first begins with the first moment of lateness.
        late = (now - event.due_at).days + 1
        yield Value(text=due, notes=(say("timeline-days-late", days=late),))
    else:
        yield Value(text=due, notes=(say("timeline-days-left", days=(event.due_at - now).days),))


def _shown(shown: ShownRendering, labels: Labels) -> str:
    return labels.sentences.say(
        "report-shown",
        format=printable(shown.format).upper(),
        language=language_name(printable(shown.language), reader=labels.sentences.language),
        digest=printable(shown.digest),
    )


def evidence_document(
    findings: Sequence[EvidenceFinding],
    labels: Labels,
    *,
    proven: Sequence[TimelineEvent] = (),
    on_paper: Sequence[PaperConsent] = (),
    case: str | None = None,
    as_of: datetime | None = None,
) -> Document:
    """The outcome of verifying a body of evidence: whole, or what is wrong and where; then what it proves.
    `on_paper`: what a State accepted on paper, which is no agreement."""
    say = labels.sentences.say
    verdict = say("report-not-whole", count=len(findings)) if findings else say("report-whole")
    first: list[Block] = [Remark(text=verdict)]
    if case is not None:
        value = Value(text=printable(case), direction="ltr")
        first.append(Fact(label=say("header-case"), values=(value,)))
    if as_of is not None:
        first.append(Fact(label=say("report-as-of"), values=(Value(text=labels.sentences.moment(as_of)),)))
    for finding in findings:
        said = explain(finding.code, labels.sentences.language)
        values = (Value(text=said.title, detail=finding.code), Value(text=said.remedy))
        first.append(Fact(label=say("report-where", where=printable(finding.where)), values=values))
    sections = [Section(heading=None, blocks=tuple(first))]
    if proven:
        shown = tuple(_entry(event, labels, event.at) for event in proven)
        sections.append(Section(heading=say("report-proven"), blocks=shown))
    for consent in on_paper:
        about = (
            Fact(label=say("agreement-digest"), values=(Value(text=consent.agreement, direction="ltr"),)),
            *paper_facts(consent, labels),
        )
        sections.append(Section(heading=paper_heading(consent, labels), blocks=about))
    sections.append(Section(heading=None, blocks=tuple(closing(labels))))
    return Document(
        title=say("report-title"),
        language=labels.sentences.language,
        direction=labels.sentences.direction,
        sections=tuple(sections),
        reference=None if case is None else printable(case),
        as_of=as_of,
    )
