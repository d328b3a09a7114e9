"""A message as a person reads it, in any language there is, as text or HTML.

    render(content, language="ar", format="html", names=names)

Codes, fields and message types are looked up in the vocabularies, sentences in `locales/<language>.ftl`,
dates and States in Babel. First a tree of words (`words`), then a printer (`text`, `html`). Free text stays
as it was written and is marked as untranslated for a reader of another language. An identity part is shown
only when the content given here holds it: whoever may not see it passes a content without it.

Nothing that is rendered is evidence: the signed bytes are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, assert_never

from protocol.identifiers import CaseReference
from protocol.rendering.html import to_html
from protocol.rendering.labels import Labels, Names, no_names
from protocol.rendering.message import Readable, message_document
from protocol.rendering.sentences import sentences
from protocol.rendering.text import to_text
from protocol.rendering.timeline import EvidenceFinding, TimelineEvent, evidence_document, timeline_document
from protocol.rendering.words import Document

__all__ = [
    "EvidenceFinding",
    "Format",
    "Names",
    "Readable",
    "TimelineEvent",
    "render",
    "render_evidence_report",
    "render_timeline",
]

type Format = Literal["text", "html"]


def render(content: Readable, *, language: str, format: Format, names: Names = no_names) -> str:  # noqa: A002
    """The message in `language`, or the nearest language there is.

    A code that this release lacks shows as the nearest broader concept, and says so.
    """
    labels = Labels(sentences=sentences(language), names=names)
    return _printed(message_document(content, labels), format)


def render_timeline(
    events: Iterable[TimelineEvent],
    *,
    language: str,
    case: CaseReference,
    now: datetime,
    format: Format = "text",  # noqa: A002
    names: Names = no_names,
) -> str:
    """What happened on a case, oldest first, with what is owed at `now`."""
    labels = Labels(sentences=sentences(language), names=names)
    return _printed(timeline_document(events, labels, case=case, now=now), format)


def render_evidence_report(
    findings: Sequence[EvidenceFinding],
    *,
    language: str,
    format: Format = "text",  # noqa: A002
) -> str:
    """Whether a body of evidence is whole: no `findings`; or what is wrong with it, and where."""
    return _printed(evidence_document(findings, Labels(sentences=sentences(language))), format)


def _printed(document: Document, format: Format) -> str:  # noqa: A002
    match format:
        case "text":
            return to_text(document)
        case "html":
            return to_html(document)
        case unknown:
            assert_never(unknown)
