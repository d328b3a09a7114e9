"""What is wrong with a bundle, gathered while it is verified."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.errors import Refused

__all__ = ["Finding", "Findings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `where`: a path into the bundle, such as `messages/<id>/evidence/2`.

    `code`: of the refusal vocabulary; `evidence.altered`, `evidence.missing`, `evidence.reordered` for links.
    """

    code: str
    where: str
    detail: str


@dataclass(slots=True)
class Findings:
    """In the order in which they were found."""

    all: list[Finding] = field(default_factory=list)

    def found(self, code: str, where: str, detail: str) -> None:
        """Once, however often it is found."""
        finding = Finding(code=code, where=where, detail=detail)
        if finding not in self.all:
            self.all.append(finding)

    def found_first(self, code: str, where: str, detail: str) -> None:
        """Only where nothing closer to the cause was found: one fault is not told as many."""
        if not any(finding.where == where for finding in self.all):
            self.found(code, where, detail)

    def refused(self, refused: Refused, where: str) -> None:
        self.all.append(Finding(code=refused.code, where=where, detail=refused.detail))
