"""A message as a person reads it, in any language there is, as text, HTML or PDF.

    render(content, language="ar", format="html", names=names)
    printed(message_words(content, language="ar", names=names), "pdf").content

Codes, fields and message types are looked up in the vocabularies, sentences in `locales/<language>.ftl`,
dates and States in Babel. First a tree of words (`words`), then a printer (`text`, `html`, `pdf`). Free text
stays as it was written and is marked as untranslated for a reader of another language. An identity part is
shown only when the content given here holds it: whoever may not see it passes a content without it.

Nothing that is rendered is evidence: the signed bytes are. Evidence can name a rendering by its digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal, assert_never

from protocol import base64url
from protocol.identifiers import CaseReference
from protocol.intermediary import Attested
from protocol.rendering.html import to_html
from protocol.rendering.labels import Labels, Names, no_names
from protocol.rendering.message import Readable, message_document
from protocol.rendering.paper import PaperConsent
from protocol.rendering.pdf import to_pdf
from protocol.rendering.sentences import sentences
from protocol.rendering.text import to_text
from protocol.rendering.timeline import EvidenceFinding, TimelineEvent, evidence_document, timeline_document
from protocol.rendering.words import Document

__all__ = [
    "EvidenceFinding",
    "Format",
    "Names",
    "PaperConsent",
    "Readable",
    "Rendering",
    "TextFormat",
    "TimelineEvent",
    "evidence_words",
    "message_words",
    "printed",
    "render",
    "render_evidence_report",
    "render_timeline",
    "timeline_words",
]

type TextFormat = Literal["text", "html"]
type Format = Literal[TextFormat, "pdf"]

_MEDIA_TYPES: Final[dict[str, str]] = {
    "text": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What a reader gets. `language`: the one used. `digest`: SHA-256 of `content`, base64url."""

    content: bytes
    format: Format
    media_type: str
    language: str
    digest: str


def printed(document: Document, format: Format) -> Rendering:  # noqa: A002
    """Any words in any format: the same bytes for the same words, wherever this release prints them.

    Refuses `rendering.too_large`, for a PDF alone.
    """
    content = to_pdf(document) if format == "pdf" else _printed(document, format).encode()
    return Rendering(
        content=content,
        format=format,
        media_type=_MEDIA_TYPES[format],
        language=document.language,
        digest=base64url.encode(sha256(content).digest()).decode(),
    )


def message_words(
    content: Readable, *, language: str, names: Names = no_names, attested: Attested | None = None
) -> Document:
    """The words of a message in `language`, or the nearest language there is.

    A code that this release lacks shows as the nearest broader concept, and says so. `attested`: how sure the
    intermediary is that typed it, where one did.
    """
    return message_document(content, Labels(sentences=sentences(language), names=names), attested)


def timeline_words(
    events: Iterable[TimelineEvent],
    *,
    language: str,
    case: CaseReference,
    now: datetime,
    names: Names = no_names,
) -> Document:
    """What happened on a case, oldest first, with what is owed at `now`."""
    return timeline_document(events, Labels(sentences=sentences(language), names=names), case=case, now=now)


def evidence_words(
    findings: Sequence[EvidenceFinding],
    *,
    language: str,
    proven: Sequence[TimelineEvent] = (),
    on_paper: Sequence[PaperConsent] = (),
    case: str | None = None,
    as_of: datetime | None = None,
) -> Document:
    """Whether a body of evidence is whole: no `findings`; or what is wrong with it, and where.

    `proven`: what it proves, in the order of showing, of `case` and as it was exported at `as_of`.
    `on_paper`: what was accepted on paper, and not agreed.
    """
    labels = Labels(sentences=sentences(language))
    return evidence_document(findings, labels, proven=proven, on_paper=on_paper, case=case, as_of=as_of)


def render(content: Readable, *, language: str, format: TextFormat, names: Names = no_names) -> str:  # noqa: A002
    """`message_words`, printed."""
    return _printed(message_words(content, language=language, names=names), format)


def render_timeline(
    events: Iterable[TimelineEvent],
    *,
    language: str,
    case: CaseReference,
    now: datetime,
    format: TextFormat = "text",  # noqa: A002
    names: Names = no_names,
) -> str:
    """`timeline_words`, printed."""
    return _printed(timeline_words(events, language=language, case=case, now=now, names=names), format)


def render_evidence_report(
    findings: Sequence[EvidenceFinding],
    *,
    language: str,
    format: TextFormat = "text",  # noqa: A002
) -> str:
    """`evidence_words`, printed."""
    return _printed(evidence_words(findings, language=language), format)


def _printed(document: Document, format: TextFormat) -> str:  # noqa: A002
    match format:
        case "text":
            return to_text(document)
        case "html":
            return to_html(document)
        case unknown:
            assert_never(unknown)
