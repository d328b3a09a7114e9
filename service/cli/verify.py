"""`focalpoint verify`: a case's evidence, verified offline: the charter's digest is enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from protocol import rendering, vocabularies
from protocol.bundle import ProvenMessage, Report
from protocol.evidence import Evidence, ShownRendering
from protocol.rendering import EvidenceFinding, TimelineEvent
from protocol.rendering.foreign import printable
from service.cli.agreement import agreement_lines, as_consent, paper_lines
from service.cli.files import write_new
from service.cli.proven import NOT_WHOLE, CharterDigestOption, OwnDirectoryOption, own_directory, report_on

__all__ = ["proven_lines", "verify_app"]

verify_app = typer.Typer(add_completion=False)


@verify_app.command()
def verify(
    bundle: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The file: the API's /v1/cases/…/evidence.")
    ],
    charter_digest: CharterDigestOption,
    lang: Annotated[str, typer.Option(help="The language of the report, such as fr or ar.")] = "en",
    pdf: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the report into this new file as well.")
    ] = None,
    config: OwnDirectoryOption = None,
) -> None:
    """Say whether a case's evidence is whole, offline. Exit status 1 when it is not.

    Names each link that is altered, missing or out of order. Shows what is proven: who said what kind of
    thing to whom and what became of it, never what it said; of each agreement who signed it and on what; and
    what was accepted on paper, which is no agreement.
    """
    report = report_on(bundle.read_bytes(), charter_digest, own_directory(config))
    for line in (*proven_lines(report, lang), *agreement_lines(report, lang), *paper_lines(report, lang)):
        typer.echo(line)
    findings = [EvidenceFinding(code=found.code, where=found.where) for found in report.findings]
    typer.echo(rendering.render_evidence_report(findings, language=lang))
    if pdf is not None:
        words = rendering.evidence_words(
            findings,
            language=lang,
            proven=tuple(_proven(report)),
            on_paper=tuple(as_consent(one) for one in report.on_paper),
            case=report.case,
            as_of=report.exported_at,
        )
        write_new(pdf, rendering.printed(words, "pdf").content)
    for found in report.findings:
        typer.echo(f"{found.where}: {found.code}: {found.detail}", err=True)
    if not report.whole:
        raise typer.Exit(NOT_WHOLE)


def proven_lines(report: Report, language: str) -> list[str]:
    """What the bundle proves, a line per message and one per link of its evidence."""
    if report.case is None:
        return []
    lines = [f"{report.case}  ({report.exporter}, {report.exported_at:%Y-%m-%d %H:%M} UTC)"]
    for message in report.messages:
        lines.append(_spoken(message, language))
        for link in message.evidence:
            lines.append(
                f"    {link.issued_at:%Y-%m-%d %H:%M:%S}  {_label('evidence-kind', link.kind.name, language)}"
                f"  [{link.issuer}]"
            )
            lines += _shown(link)
    return [*lines, ""]


def _proven(report: Report) -> Iterator[TimelineEvent]:
    for message in report.messages:
        if message.type is not None and message.issued_at is not None:
            yield TimelineEvent(
                at=message.issued_at,
                kind="message",
                code=message.type,
                by=message.sender,
                to=message.recipient,
            )
        for link in message.evidence:
            yield TimelineEvent(
                at=link.issued_at,
                kind="evidence",
                code=link.kind.name,
                by=link.issuer,
                refusal=link.code,
                shown=ShownRendering.named_in(link.facts),
            )


def _shown(link: Evidence) -> list[str]:
    shown = ShownRendering.named_in(link.facts)
    if shown is None:
        return []
    # Another node wrote these words.
    return [
        printable(f"        rendering  {shown.format}  {shown.language}  {shown.digest}  ({shown.release})")
    ]


def _spoken(message: ProvenMessage, language: str) -> str:
    said = message.id if message.type is None else _label("message-type", message.type, language)
    when = "" if message.issued_at is None else f"{message.issued_at:%Y-%m-%d %H:%M:%S}  "
    return f"  {when}{said}: {message.sender or message.sender_node} -> {message.recipient or '?'}"


def _label(scheme: str, code: str, language: str) -> str:
    return vocabularies.label(scheme, code, language).text
