"""A file that carries envelopes by hand: on a stick, or as an attachment of an e-mail.

    manifest.json         {"format": "focalpoint-courier", "version": 1, "envelopes": [{name, sha256, size}]}
    envelopes/0001.json   the bytes of an envelope, exactly as the hub would carry them
    envelopes/0002.json   …

A ZIP file whose entries are stored and not compressed, so that its size is the size of what is in it. It adds
no secrecy and no signature: an envelope is sealed and signed itself, and each is judged by itself when it
arrives. Names and order tell nothing; what an envelope shows on the outside, its clear header, it shows here.
The digests find a copy that broke on the way; they vouch for nobody.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any, Final

from protocol import base64url
from protocol.errors import NotAcceptable
from protocol.json_strict import dumps, parse_object
from protocol.limits import Limits

__all__ = ["FORMAT", "MEDIA_TYPE", "MOST_BYTES", "MOST_ENVELOPES", "pack", "unpack"]

FORMAT: Final = "focalpoint-courier"
MEDIA_TYPE: Final = "application/vnd.focalpoint.courier+zip"
MOST_ENVELOPES: Final = 256
MOST_BYTES: Final = 64 << 20
"""Bytes of a whole file (project choice): what a mail server may still take is far less."""

_MANIFEST: Final = "manifest.json"
_MANIFEST_BYTES: Final = 64 << 10
_NAME: Final = re.compile(r"envelopes/[0-9]{4}\.json", re.ASCII)
# A ZIP has a date for each entry, and nothing here shall tell when it was packed.
_NO_DATE: Final = (1980, 1, 1, 0, 0, 0)


def pack(envelopes: Sequence[bytes]) -> bytes:
    """The same file for the same envelopes. Refuses `courier.too_large`."""
    if not 0 < len(envelopes) <= MOST_ENVELOPES or sum(map(len, envelopes)) > MOST_BYTES - _MANIFEST_BYTES:
        raise NotAcceptable(
            "courier.too_large",
            f"expected 1 to {MOST_ENVELOPES} envelopes of {MOST_BYTES >> 20} MiB together",
        )
    names = [f"envelopes/{number:04}.json" for number in range(1, len(envelopes) + 1)]
    listed = [
        {"name": name, "sha256": _digest(data), "size": len(data)}
        for name, data in zip(names, envelopes, strict=True)
    ]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(_MANIFEST), dumps({"format": FORMAT, "version": 1, "envelopes": listed}))
        for name, data in zip(names, envelopes, strict=True):
            archive.writestr(_entry(name), data)
    return file.getvalue()


def unpack(data: bytes, limits: Limits | None = None) -> tuple[bytes, ...]:
    """The envelopes, byte for byte, in the order of the manifest. Nothing is believed of them.

    Refuses the file as a whole: `courier.too_large`, `courier.malformed` for what is no such file, and
    `courier.altered` when an entry is not what the manifest lists.
    """
    if len(data) > MOST_BYTES:
        raise NotAcceptable("courier.too_large", f"expected at most {MOST_BYTES >> 20} MiB")
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = _checked(archive.infolist(), limits)
            manifest = archive.read(_MANIFEST)
            listed = _listed(manifest)
            if [row["name"] for row in listed] != entries:
                raise _altered("the entries are not those that the manifest lists")
            envelopes = tuple(archive.read(name) for name in entries)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ):
        raise _malformed("it is no ZIP file that this release writes") from None
    for row, envelope in zip(listed, envelopes, strict=True):
        if (len(envelope), _digest(envelope)) != (row["size"], row["sha256"]):
            raise _altered(f"{row['name']} is not what the manifest lists")
    return envelopes


def _checked(found: Sequence[zipfile.ZipInfo], limits: Limits) -> list[str]:
    """The names of the envelopes, before a byte of any entry is read."""
    if not 2 <= len(found) <= MOST_ENVELOPES + 1 or found[0].filename != _MANIFEST:
        raise _malformed(f"expected {_MANIFEST} and 1 to {MOST_ENVELOPES} envelopes")
    for entry in found:
        most = _MANIFEST_BYTES if entry.filename == _MANIFEST else limits.envelope
        # Stored, both sizes are one: nothing unfolds into more than it is.
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise _malformed("expected entries that are stored, not compressed")
        if entry.flag_bits & 1 or entry.file_size > most:
            raise _malformed("an entry is encrypted, or larger than an envelope can be")
    names = [entry.filename for entry in found[1:]]
    if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise _malformed("expected each envelope once, as envelopes/NNNN.json")
    return names


def _listed(manifest: bytes) -> list[dict[str, Any]]:
    told = parse_object(manifest, max_bytes=_MANIFEST_BYTES, max_depth=4, refuse=NotAcceptable)
    rows = told.get("envelopes")
    if told.get("format") != FORMAT or told.get("version") != 1 or not isinstance(rows, list):
        raise _malformed("expected the manifest of a courier file, version 1")
    for row in rows:
        if not isinstance(row, dict) or row.keys() != {"name", "sha256", "size"}:
            raise _malformed("expected name, sha256 and size of each envelope")
    return rows


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _NO_DATE)
    entry.external_attr = 0o600 << 16
    return entry


def _digest(data: bytes) -> str:
    return base64url.encode(hashlib.sha256(data).digest()).decode()


def _malformed(detail: str) -> NotAcceptable:
    return NotAcceptable("courier.malformed", detail)


def _altered(detail: str) -> NotAcceptable:
    return NotAcceptable("courier.altered", detail)
