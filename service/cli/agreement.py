"""`focalpoint agreement`: an agreement as a file, and its verification far from both States' nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from protocol import rendering, vocabularies
from protocol.bundle import ProvenAgreement, ProvenOnPaper, Report
from protocol.rendering import EvidenceFinding, PaperConsent
from protocol.rendering.foreign import printable
from protocol.rendering.labels import Labels
from protocol.rendering.paper import paper_facts, paper_heading
from protocol.rendering.sentences import sentences
from service.cli.at_api import talks_to_a_node
from service.cli.files import write_new
from service.cli.proven import NOT_WHOLE, CharterDigestOption, OwnDirectoryOption, own_directory, report_on
from service.client import Client

__all__ = ["agreement_app", "agreement_lines", "as_consent", "paper_lines"]

agreement_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Agreements on a durable solution, as files."
)


@agreement_app.command()
@talks_to_a_node
async def export(
    node: Client,
    case: Annotated[str, typer.Argument(help="The case's reference, such as K7QM-3XPT-9V2D-6.")],
    digest: Annotated[str, typer.Argument(help="The agreement's digest, 43 characters.")],
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The new file.")],
) -> None:
    """Write an agreement, with everything that it rests on, into one file. Neither free text nor identity."""
    write_new(output, await node.agreement(case, digest))
    typer.echo(f"{output}: agreement {digest}")


@agreement_app.command()
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `agreement export` wrote.")],
    charter_digest: CharterDigestOption,
    lang: Annotated[str, typer.Option(help="The language of the report, such as fr or ar.")] = "en",
    config: OwnDirectoryOption = None,
) -> None:
    """Say offline who signed which bytes, when, and on which documents they rest. Exit status 1 unless all is
    proven.

    Names every altered byte by its place, and every document that is not there. Whether the agreement is in
    force no file can say.
    """
    report = report_on(file.read_bytes(), charter_digest, own_directory(config))
    for line in (*agreement_lines(report, lang), *paper_lines(report, lang)):
        typer.echo(line)
    findings = [EvidenceFinding(code=found.code, where=found.where) for found in report.findings]
    typer.echo(rendering.render_evidence_report(findings, language=lang))
    for found in report.findings:
        typer.echo(printable(f"{found.where}: {found.code}: {found.detail}"), err=True)
    proven = {one.agreement.digest for one in report.agreements}
    if report.exported not in proven:
        typer.echo("this file proves no agreement", err=True)
    if not report.whole or report.exported not in proven:
        raise typer.Exit(NOT_WHOLE)


def agreement_lines(report: Report, language: str) -> list[str]:
    """Each agreement that the file proves, its own first: who signed, when, on what."""
    ordered = sorted(report.agreements, key=lambda one: one.agreement.digest != report.exported)
    return [printable(line) for one in ordered for line in (*_lines(one, language), "")]


def paper_lines(report: Report, language: str) -> list[str]:
    """Each version that one State signed and the other accepted on paper: by whom attested, how sure, and
    confirmed by whom. Never called an agreement; and one that has ended says that first."""
    labels = Labels(sentences=sentences(language))
    lines: list[str] = []
    for one in report.on_paper:
        signed, consent = one.cosignature, as_consent(one)
        shown = [
            f"  {fact.label}: {', '.join(value.text for value in fact.values)}"
            for fact in paper_facts(consent, labels)
        ]
        # Its end goes before everything that was once said for it.
        ended = 0 if consent.ended is None else 1
        lines += [
            f"{paper_heading(consent, labels)}  {one.agreement}",
            *shown[:ended],
            f"  {labels.sentences.say('paper-signed')}: {signed.signed_at:%Y-%m-%d %H:%M:%S}  {signed.by}"
            f"  ({signed.kid})",
        ]
        lines += [*shown[ended:], ""]
    return [printable(line) for line in lines]


def as_consent(proven: ProvenOnPaper) -> PaperConsent:
    return PaperConsent(
        agreement=proven.agreement,
        party=proven.party,
        via=proven.via,
        attested=proven.attested,
        confirmed_by=proven.confirmed_by,
        confirmed_at=proven.confirmed_at,
        ended=proven.ended,
    )


def _lines(proven: ProvenAgreement, language: str) -> list[str]:
    agreement = proven.agreement
    lines = [
        f"{sentences(language).say('agreement-title')}  {agreement.digest}  ({len(agreement.payload)} bytes)",
        f"  {agreement.case}  {proven.proposed_at:%Y-%m-%d %H:%M:%S}  [{proven.proposed_by}]",
    ]
    if agreement.amends is not None:
        lines.append(f"  <- {agreement.amends}")
    lines += [f"  {one.signed_at:%Y-%m-%d %H:%M:%S}  {one.by}  ({one.kid})" for one in proven.cosignatures]
    for document in proven.rests_on:
        what = "?"
        if document.type is not None and document.issued_at is not None:
            named = vocabularies.label("message-type", document.type, language).text
            what = f"{document.issued_at:%Y-%m-%d}  {named}  [{document.sender}]"
        lines.append(f"    {document.name}  {document.digest}  {what}")
    return lines
