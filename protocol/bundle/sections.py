"""The sections of a bundle, read before any signature was checked. One of another shape is found, and read as
empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from protocol.bundle.document import member_digest
from protocol.bundle.findings import Findings
from protocol.claims import Claims
from protocol.errors import Refused
from protocol.statements import StatementType, read

__all__ = ["Sections", "row_of"]


@dataclass(slots=True)
class Sections:
    document: Claims
    findings: Findings
    types: dict[str, str] | None = None

    def member(self, name: str) -> object:
        """None where there is none."""
        return dict(self.document.members()).get(name)

    def array(self, name: str) -> list[Any]:
        value = self.member(name)
        if isinstance(value, list):
            return value
        self.findings.found("bundle.malformed", name, "expected an array")
        return []

    def optional(self, name: str) -> list[Any]:
        """As `array`, for a section that a bundle may do without."""
        return self.array(name) if name in self.document else []

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.array(name)
        if all(isinstance(one, str) for one in value):
            return tuple(value)
        self.findings.found("bundle.malformed", name, "expected an array of texts")
        return ()

    def digests(self, name: str) -> list[str]:
        """Of each member of a section; none of what is no array."""
        value = self.member(name)
        return [member_digest(one) for one in value] if isinstance(value, list) else []

    def said_claims(self) -> Iterator[Mapping[str, Any]]:
        """Of every message whose statement can be read, before any signature was checked."""
        for value in self.array("messages"):
            token = value.get("statement") if isinstance(value, dict) else None
            try:
                yield read(str(token), typ=StatementType.CONTENT).claims
            except Refused:
                continue

    def opened_by(self, thread: str) -> str | None:
        """The type of the message that opened the conversation."""
        if self.types is None:
            self.types = {str(one.get("jti")): str(one.get("type")) for one in self.said_claims()}
        return self.types.get(thread)


def row_of(value: object) -> Claims:
    """One row of a section, whose refusals are `bundle.malformed`. What is no object is an empty one."""
    return Claims(value if isinstance(value, dict) else {}, code="bundle.malformed")
