"""What a call raises: the node refused, or no answer came."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from service.client.types import Missing

__all__ = ["NodeUnreachable", "Problem", "problem_of"]


class NodeUnreachable(Exception):
    """No answer came. Whether the node did what was asked is not known: ask again, with the same id."""


@dataclass(eq=False)
class Problem(Exception):
    """What the node refused. `code` is stable; `title` and `detail` are in the client's language.
    `retry_after`: the header as it came, when the node said when to ask again (RFC 9110 §10.2.3)."""

    status: int
    code: str
    title: str
    detail: str
    field: str | None
    missing: tuple[Missing, ...]
    incident: str | None
    retry_after: str | None = None

    def __str__(self) -> str:
        where = f" at {self.field}" if self.field else ""
        return f"{self.status} {self.code}{where}: {self.title} {self.detail}".rstrip()


def problem_of(answer: httpx.Response) -> Problem:
    """The refusal that an answer is."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    # Something between us and the node may answer in its stead, and not with a problem.
    return Problem(
        status=answer.status_code,
        # The token endpoint answers in the words of OAuth (RFC 6749 §5.2).
        code=body.get("code", body.get("error", "unknown")),
        title=body.get("title", answer.reason_phrase),
        detail=body.get("detail", body.get("error_description", "")),
        field=body.get("field"),
        missing=tuple(body.get("missing", ())),
        incident=body.get("incident"),
        retry_after=answer.headers.get("Retry-After"),
    )
