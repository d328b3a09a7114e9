"""`focalpoint courier open`: what was sealed past an intermediary, opened by its authority without a node."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from protocol import conversations, courier, languages, vocabularies
from protocol.content import Content
from protocol.directory import Directory
from protocol.directory.carried import MOST_BYTES, read_directory
from protocol.errors import Refused
from protocol.identifiers import Address
from protocol.rendering import message_words, printed
from protocol.sealed_past import Past, open_past
from service.cli.at_api import REFUSED
from service.cli.files import write_new
from service.cli.proven import CharterDigestOption
from service.cli.root_key import root_passphrase
from service.clock import SystemClock
from service.exchange.receipts import opened_by
from service.keystore import FileKeyStore
from service.random_source import SystemRandomSource

__all__ = ["open_file"]


def open_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A courier file, or one envelope.")
    ],
    keys: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="The authority's keys (`intermediary keys`).")
    ],
    directory: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="A directory file (`directory export`).")
    ],
    charter_digest: CharterDigestOption,
    output: Annotated[
        Path, typer.Option("--output", "-o", file_okay=False, help="A new directory, for its owner alone.")
    ],
    identity: Annotated[
        bool,
        typer.Option("--identity", help="Write the identity part too; without it, only that it is there."),
    ] = False,
    lang: Annotated[str, typer.Option(help="The language to read in, such as ro or ru.")] = "en",
    passphrase_file: Annotated[
        Path | None, typer.Option(help="What opens the keys; asked for at the terminal otherwise.")
    ] = None,
) -> None:
    """Open what was sealed past the intermediary, with the authority's own keys: no node, no network. Exit
    status 1 when one of several was not opened.

    Every signature is verified by the directory file, as of its date. Each message is written as a PDF. The
    identity part stays closed unless it is asked for.
    """
    if max(file.stat().st_size, directory.stat().st_size) > MOST_BYTES:
        raise typer.BadParameter(f"expected files of at most {MOST_BYTES >> 20} MiB")
    data = file.read_bytes()
    envelopes = (data,) if data[:1] == b"{" else courier.unpack(data)
    known = read_directory(directory.read_bytes(), charter_digest)
    passphrase = root_passphrase(passphrase_file, twice=False, of="the keys")
    held = FileKeyStore(keys, passphrase, clock=SystemClock(), random=SystemRandomSource())
    snapshot = known.snapshot
    typer.echo(
        f"by the directory of {snapshot.issued_at:%Y-%m-%d %H:%M} UTC, snapshot {snapshot.sequence}", err=True
    )
    if known.forgotten:
        typer.echo(
            f"of its history {len(known.forgotten)} documents do not verify, and count for nothing", err=True
        )
    try:
        output.mkdir(mode=0o700, parents=False)
    except OSError:
        raise typer.BadParameter("expected a new directory", param_hint="--output") from None
    closed = 0
    for number, envelope in enumerate(envelopes, 1):
        try:
            past = open_past(
                envelope, keys=held.sealing, directory=known, procedure_of=conversations.procedure_of
            )
        except Refused as reason:
            closed += 1
            typer.echo(f"{number:4}  not opened", err=True)
            typer.echo(f"      {reason}", err=True)
            continue
        for line in (
            _described(number, past, known, lang),
            *_written(number, past, known, output, lang, identity),
        ):
            typer.echo(line)
    if closed:
        raise typer.Exit(REFUSED)


def _described(number: int, past: Past, directory: Directory, lang: str) -> str:
    content = past.content
    if content is None:
        return (
            f"{number:4}  {', '.join(sorted(past.parts))} of message {past.header.id} to {past.recipient},"
            f" by node {past.header.sender}; what else it says is on the paper from your intermediary"
        )
    said = vocabularies.label("message-type", content.type, languages.nearest_language(lang)).text
    return (
        f"{number:4}  {said}: {content.sender} -> {content.recipient}, case {content.case}, id {content.id},"
        f" signed {content.issued_at:%Y-%m-%d %H:%M} UTC{_owed(content, directory)}"
    )


def _owed(content: Content, directory: Directory) -> str:
    """Of a message that opens a conversation; later ones move a deadline that only both nodes count."""
    try:
        due = opened_by(content, directory).due
    except Refused:
        return ""
    return "" if due is None else f", answer owed by {due.at:%Y-%m-%d %H:%M} UTC"


def _pdf(content: Content, directory: Directory, lang: str) -> bytes:
    def name(address: Address, language: str) -> str | None:
        try:
            return directory.authority(address).names.get(language)
        except Refused:
            return None

    words = message_words(content, language=languages.nearest_language(lang), names=name)
    return printed(words, "pdf").content


def _written(
    number: int, past: Past, directory: Directory, output: Path, lang: str, identity: bool
) -> list[str]:
    """The files' names; none says whom it is about."""
    lines: list[str] = []
    if past.content is not None:
        file = output / f"{number:04}.pdf"
        content = past.content if identity else dataclasses.replace(past.content, identity=None)
        write_new(file, _pdf(content, directory, lang))
        lines.append(f"      {file}")
    for name, part in past.parts.items():
        if name != "identity" or identity:
            file = output / f"{number:04}.{name}.json"
            write_new(file, part)
            lines.append(f"      {file}")
    there = "identity" in (past.parts if past.content is None else past.content.parts)
    if there and not identity:
        lines.append("      its identity part was opened and not written: --identity writes it")
    return lines
