"""Renderings as files: written once, and read again to name them in evidence."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import typer

from protocol import base64url
from service.client import Format, Printed

__all__ = ["FormatOption", "OutputOption", "as_printed", "hand_over", "pieces", "write_new", "write_pieces"]

FormatOption = Annotated[Format, typer.Option(help="A PDF needs --output.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write it into this new file.")
]

_FORMATS: Final[dict[str, Format]] = {".txt": "text", ".html": "html", ".pdf": "pdf"}


def hand_over(printed: Printed, output: Path | None) -> None:
    """To the terminal, or into a file that is not there yet, for its owner alone; then its digest is said."""
    if output is None:
        if printed.format == "pdf":
            raise typer.BadParameter("a PDF is not for a terminal: name a file", param_hint="--output")
        typer.echo(printed.content.decode())
        return
    write_new(output, printed.content)
    typer.echo(f"{output}: {printed.format}, {printed.language}, digest {printed.digest}")


def write_new(file: Path, content: bytes) -> None:
    """Never over another file."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
    except FileExistsError:
        raise typer.BadParameter("the file is there already", param_hint="--output") from None
    except OSError:
        raise typer.BadParameter("it cannot be written", param_hint="--output") from None


async def write_pieces(file: Path, pieces: AsyncIterator[bytes]) -> int:
    """The same for what comes piece by piece. Returns the bytes; half a file is removed."""
    written = 0
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            async for piece in pieces:
                written += opened.write(piece)
    except FileExistsError:
        raise typer.BadParameter("the file is there already", param_hint="--output") from None
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return written


async def pieces(file: Path) -> AsyncIterator[bytes]:
    """A file, 64 KiB at a time."""
    with file.open("rb") as opened:
        while piece := opened.read(65_536):
            yield piece


def as_printed(file: Path, language: str | None) -> Printed:
    """The rendering that `file` holds. Its suffix says the format."""
    form = _FORMATS.get(file.suffix.lower())
    if form is None or language is None:
        raise typer.BadParameter(
            "expected a .txt, .html or .pdf file, and its language by --lang", param_hint="--shown"
        )
    content = file.read_bytes()
    digest = base64url.encode(sha256(content).digest()).decode()
    return Printed(content=content, format=form, language=language, digest=digest)
