"""What a page shows of a form: a tree of labels, hints, inputs and what was typed into them.

Every name is a path (`coded.risks.0.severity`), and the id of its element follows from it. Labels and hints
are in the reader's language, and a template says nothing of its own beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protocol.languages import Direction
from service.console.forms.picker import Choice

__all__ = [
    "ErrorView",
    "FieldView",
    "FormView",
    "GroupView",
    "InputKind",
    "Node",
    "PartView",
    "RowView",
    "RowsView",
    "element_id",
]

type InputKind = Literal[
    "select",
    "radios",
    "checks",
    "date",
    "number",
    "line",
    "identifier",
    "language",
    "authority",
    "text",
    "signed",
]
"""checks: many values under one name. identifier: a text that reads left to right. text: several lines, with
the language of the text beside it. signed: nothing to type, the node adds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """One input, or one set of radio buttons or check boxes.

    `value`: what was typed; `values`: of check boxes. `notes`: what codes are not to be confused with, by
    label. `scheme`: of a vocabulary that is long enough to be searched. `lasting`: the node filled it in, and
    nobody changes it. `language` and `direction`: of a text that was typed.
    """

    path: str
    id: str
    kind: InputKind
    label: str
    required: bool
    value: str = ""
    values: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    hints: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    scheme: str | None = None
    smallest: int = 0
    largest: int = 0
    longest: int | None = None
    lasting: bool = False
    language: str | None = None
    direction: Direction | Literal["auto"] = "auto"

    @property
    def described_by(self) -> str:
        """The ids of what explains it, for `aria-describedby`."""
        described = [
            *([f"{self.id}--error"] if self.error else ()),
            *([f"{self.id}--hint"] if self.hints else ()),
            *([f"{self.id}--notes"] if self.notes and self.kind == "select" else ()),
        ]
        return " ".join(described)

    @property
    def node(self) -> Literal["field"]:
        return "field"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """Fields that belong together. `optional`: it may be left out as a whole, and `present` says whether it
    is there; then a button adds or removes it."""

    path: str
    id: str
    label: str
    optional: bool
    present: bool
    nodes: tuple[Node, ...] = ()
    hints: tuple[str, ...] = ()
    error: str | None = None

    @property
    def node(self) -> Literal["group"]:
        return "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """One entry of a list. `label` has its number where there are several."""

    path: str
    id: str
    label: str
    nodes: tuple[Node, ...]
    removable: bool
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsView:
    """A list of entries, with a button for one more while `addable`."""

    path: str
    id: str
    label: str
    required: bool
    rows: tuple[RowView, ...]
    addable: bool
    hints: tuple[str, ...] = ()
    error: str | None = None

    @property
    def node(self) -> Literal["rows"]:
        return "rows"


type Node = FieldView | GroupView | RowsView


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """One part of the message: `coded`, `narrative` or `identity`."""

    path: str
    id: str
    label: str
    nodes: tuple[Node, ...]
    hints: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorView:
    """One line of the summary: where it leads, and what is wrong there."""

    href: str
    label: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """A whole form. `focus`: the id of the element to go to first. `languages` and `authorities`: what the
    boxes for them propose."""

    type: str
    title: str
    language: str
    direction: Direction
    parts: tuple[PartView, ...]
    errors: tuple[ErrorView, ...] = ()
    focus: str | None = None
    hints: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    authorities: tuple[tuple[str, str], ...] = ()


def element_id(path: str) -> str:
    """The id of the element that shows `path`. Field names have no hyphen, so that no two paths share one."""
    return "f-" + path.replace(".", "-")
