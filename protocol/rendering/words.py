"""What a rendering says, before it is text, HTML or PDF: a tree of words without markup.

Each printer (`text`, `html`, `pdf`) walks the same tree, so that two renderings of one message cannot say
different things. A `Value` without a `direction` is in the reader's language.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protocol.languages import Direction

__all__ = ["Block", "Document", "Fact", "Group", "Narrative", "Remark", "Section", "Value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value. `detail` completes it; `notes` warn: of an unknown code, of an easy confusion.

    `direction`: set for what is not in the reader's language: `ltr` for an identifier, `auto` for a name.
    """

    text: str
    direction: Direction | Literal["auto"] | None = None
    detail: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label and its values, of which there is at least one."""

    label: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A label and the facts that belong together under it, such as one candidate carer."""

    label: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrative:
    """Free text as somebody wrote it, in its own language and direction.

    `mark` says that it is untranslated, in the reader's language; None for a reader of its language.
    """

    label: str
    mark: str | None
    language: str
    direction: Direction
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A sentence about the message that is not part of it.

    `standing`: it stands on every page, where there are pages.
    """

    text: str
    standing: bool = False


type Block = Fact | Group | Narrative | Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, None for what stands before the first, and what is under it."""

    heading: str | None
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole rendering. `language` and `direction` are the reader's.

    `reference`: the identifiers of what is rendered, for every page of it. `as_of`: the moment that it speaks
    of, such as the signing of a message; aware, and never the moment of printing.
    """

    title: str
    language: str
    direction: Direction
    sections: tuple[Section, ...]
    reference: str | None = None
    as_of: datetime | None = None
