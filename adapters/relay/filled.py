"""Reads the fields of a PDF that came from outside, and nothing else of it.

    filled = await read_filled(data, password=None)
    filled.values        by the names of the form's fields
    filled.ignored       what else was in it and was left alone: scripts, files, forms of another kind

The file is parsed in a process of its own, with limits on memory and time and without our environment: a
parser that is made to fail or to run on takes nothing with it. Nothing in the file is executed, opened,
drawn or followed.
"""

from __future__ import annotations

import asyncio
import io
import json
import resource
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pikepdf

from adapters.kit import Unfit

__all__ = ["MOST_BYTES", "Filled", "read_filled"]

MOST_BYTES: Final = 10 << 20
MOST_PAGES: Final = 60
MOST_FIELDS: Final = 2_000
MOST_CHARACTERS: Final = 30_000  # of one field
SECONDS: Final = 20
MEMORY: Final = 1 << 30

_DEEP: Final = 8
_ACTIVE: Final = {
    "/OpenAction": "script",
    "/AA": "script",
    "/XFA": "other-form",
    "/EmbeddedFiles": "file",
    "/JavaScript": "script",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """`values`: of every named field with a text in it. `ignored`: codes of what was left alone."""

    values: Mapping[str, str]
    pages: int
    ignored: tuple[str, ...]


async def read_filled(data: bytes, *, password: str | None = None) -> Filled:
    """Unfit `relay.pdf_too_large`, `relay.pdf_unreadable` (also: a wrong password), `relay.pdf_hostile` when
    reading it took too long or too much."""
    if len(data) > MOST_BYTES:
        raise Unfit("relay.pdf_too_large", f"expected at most {MOST_BYTES >> 20} MiB")
    if not data.startswith(b"%PDF-"):
        raise Unfit("relay.pdf_unreadable", "it is no PDF file")
    asked = json.dumps({"password": password or ""}).encode() + b"\n" + data
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.relay.filled",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": ":".join(one for one in sys.path if one), "PATH": ""},
    )
    try:
        async with asyncio.timeout(SECONDS):
            told, _ = await process.communicate(asked)
    except TimeoutError:
        raise Unfit("relay.pdf_hostile", "reading it took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Unfit("relay.pdf_hostile", "reading it ended the reader")
    answer = json.loads(told)
    if "code" in answer:
        raise Unfit(answer["code"])
    return Filled(values=answer["values"], pages=answer["pages"], ignored=tuple(answer["ignored"]))


def parse(data: bytes, password: str = "") -> dict[str, Any]:
    """As JSON for the process that asked; `code` alone where it is refused."""
    try:
        with pikepdf.open(io.BytesIO(data), password=password, suppress_warnings=True) as pdf:
            if len(pdf.pages) > MOST_PAGES:
                return {"code": "relay.pdf_too_large"}
            values: dict[str, str] = {}
            form = pdf.Root.get("/AcroForm")
            fields = form.get("/Fields") if isinstance(form, pikepdf.Dictionary) else None
            if isinstance(fields, pikepdf.Array):
                for count, (name, value) in enumerate(_named(fields, "", 0)):
                    if count >= MOST_FIELDS:
                        return {"code": "relay.pdf_too_large"}
                    if value and len(value) <= MOST_CHARACTERS:
                        # Two fields of one name: neither of them is believed.
                        values[name] = "" if name in values and values[name] != value else value
            return {"values": values, "pages": len(pdf.pages), "ignored": sorted(_active(pdf))}
    except (
        pikepdf.PdfError,
        pikepdf.PasswordError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        RuntimeError,
    ):
        return {"code": "relay.pdf_unreadable"}


def _named(fields: Any, above: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEP:
        return
    for number, field in enumerate(fields):
        if number > MOST_FIELDS or not isinstance(field, pikepdf.Dictionary):
            continue
        part = field.get("/T")
        name = f"{above}.{part}".strip(".") if isinstance(part, pikepdf.String) else above
        kids = field.get("/Kids")
        if isinstance(kids, pikepdf.Array):
            yield from _named(kids, name, depth + 1)
        value = field.get("/V")
        if name and isinstance(value, pikepdf.String):
            yield name[:200], str(value)
        elif name and isinstance(value, pikepdf.Name):
            yield name[:200], "" if value == pikepdf.Name.Off else str(value).removeprefix("/")


def _active(pdf: pikepdf.Pdf) -> Iterator[str]:
    form, names = pdf.Root.get("/AcroForm"), pdf.Root.get("/Names")
    places = [one for one in (pdf.Root, form, names) if isinstance(one, pikepdf.Dictionary)]
    found = {word for place in places for key, word in _ACTIVE.items() if key in place}
    for page in pdf.pages:
        if "/AA" in page.obj:
            found.add("script")
        for note in page.obj.get("/Annots", pikepdf.Array()):
            if isinstance(note, pikepdf.Dictionary) and ("/A" in note or "/AA" in note):
                found.add("action")
    yield from found


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    head, _, data = sys.stdin.buffer.read().partition(b"\n")
    sys.stdout.write(json.dumps(parse(data, json.loads(head)["password"])))


if __name__ == "__main__":
    _main()
