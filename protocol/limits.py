"""How large things may be. Checked before anything is parsed; a node's directory entry lists its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from protocol.attachments import CHUNK_BYTES
from protocol.sealing import sealed_size

__all__ = ["MAX_STATEMENTS", "Limits"]

MAX_STATEMENTS = 64
"""How many receipts may share one envelope."""

_HEADER_BYTES = 4_096
_MANIFEST_BYTES = 4_096
_CLAIMS_BYTES = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes of each part as JSON, before padding and sealing (docs/wire.md); of an attachment, as a file.

    An `attachment` of 0: none is taken.
    """

    coded: int = 65_536
    narrative: int = 131_072
    identity: int = 131_072
    attachment: int = 20 << 20

    @classmethod
    def from_mapping(cls, limits: Mapping[str, int]) -> Self:
        """The limits of a directory entry; what it does not mention keeps its default."""
        return cls(
            **{
                name: limits[name]
                for name in ("coded", "narrative", "identity", "attachment")
                if name in limits
            }
        )

    @property
    def statement(self) -> int:
        """Bytes of the statement part: a token with a full coded part in base64 and its other claims."""
        return (self.coded + _CLAIMS_BYTES) * 4 // 3

    @property
    def manifest(self) -> int:
        """Bytes of the manifest's token."""
        return _MANIFEST_BYTES

    def part(self, name: str) -> int:
        """Bytes of one part of an envelope, once opened."""
        match name:
            case "narrative":
                return self.narrative
            case "identity":
                return self.identity
            case "blob":
                return CHUNK_BYTES
            case "statement":
                return self.statement
            case _:
                return _HEADER_BYTES

    @property
    def envelope(self) -> int:
        """Bytes of the largest envelope: what the hub's `max_payload` has to let pass."""
        content, blob = (
            sum(sealed_size(self.part(name)) for name in names)
            for names in (("header", "statement", "narrative", "identity"), ("header", "blob"))
        )
        return max(content, blob) + _MANIFEST_BYTES + 512
