"""The files that pages load: one style sheet, htmx. Read once, served from memory under their digest, so that
a browser asks for each once a year."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Final

__all__ = ["FILES", "File", "address_of", "file_of"]

FILES: Final = MappingProxyType(
    {
        "console.css": "text/css; charset=utf-8",
        "htmx.min.js": "text/javascript; charset=utf-8",
        "icon.svg": "image/svg+xml",
    }
)
"""Every file that is served, with its media type. A name that is not here is not looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    content: bytes
    packed: bytes
    digest: str


@cache
def file_of(name: str) -> File:
    content = (files("service.console") / "static" / name).read_bytes()
    return File(
        content=content,
        packed=gzip.compress(content, 9, mtime=0),
        digest=sha256(content).hexdigest()[:16],
    )


def address_of(name: str) -> str:
    """Where a page finds the file: another address as soon as it is another file."""
    return f"/console/static/{name}?v={file_of(name).digest}"
