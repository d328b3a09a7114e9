"""What somebody typed into a form, between the flat names that a browser posts and the form's own fields.

    coded.risks.0.mitigations.1.in_place   a path: the part, then fields and the numbers of entries
    narrative.reasons.0.text               free text, beside narrative.reasons.0.language

Nothing is judged or corrected here: a page shows again exactly what was typed. A list of values may come
under one name several times (check boxes) or with numbers (rows), and both are read.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from protocol.messages import Form
from service.console.forms.shape import FormShape, Shape, shape_of

__all__ = [
    "MOST_CHARACTERS",
    "MOST_FIELDS",
    "Entered",
    "Group",
    "Pairs",
    "TooMuch",
    "as_posted",
    "blank",
    "enter",
    "is_blank",
    "posted_from",
    "rearrange",
    "settled",
]

type Pairs = Iterable[tuple[str, str]]
"""Names and values in the order in which a browser posts them."""
type Group = dict[str, Any]
"""Fields by name: a text, a list of texts, a group, a list of groups, or None for a group that is not
there."""

MOST_FIELDS: Final = 4_000
"""Inputs of one post: as many as a page of the consoles takes (`service.console.posted`)."""
MOST_CHARACTERS: Final = 1_000_000
"""Of all names and values together."""

_PARTS: Final = ("coded", "narrative", "identity")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)
_DEEPEST: Final = 16  # steps of a path


class TooMuch(Exception):
    """More than a form can hold: refused before it is read. `parse` reports it."""


class _Block(Protocol):
    @property
    def field(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def text(self) -> str: ...


class _Content(Protocol):
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def narrative(self) -> Iterable[_Block]: ...
    @property
    def identity(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What was typed, by part. `narrative`: rows of `language` and `text` by field. `strays`: something came
    under a name that the form does not have."""

    coded: Group
    narrative: dict[str, list[dict[str, str]]]
    identity: Group | None
    strays: bool = False


@dataclass(slots=True)
class _Node:
    values: list[str] = field(default_factory=list)
    below: dict[str, _Node] = field(default_factory=dict)
    read: bool = False

    def entries(self) -> Iterator[_Node]:
        """What stands under numbers, in their order."""
        numbers = sorted(int(step) for step in self.below if _INDEX.fullmatch(step))
        return (self.below[str(number)] for number in numbers)

    def all(self) -> Iterator[_Node]:
        yield self
        for one in self.below.values():
            yield from one.all()


def posted_from(pairs: Pairs) -> tuple[tuple[str, str], ...]:
    """The pairs that belong to a form: line ends as the protocol has them, the page's own fields left out.

    Refuses `TooMuch`. The limits count everything that came.
    """
    kept = []
    size = 0
    for number, (name, value) in enumerate(pairs, start=1):
        size += len(name) + len(value)
        if number > MOST_FIELDS or size > MOST_CHARACTERS:
            raise TooMuch
        if name.partition(".")[0] in _PARTS:
            # A browser posts CRLF for every line end, whatever was typed.
            kept.append((name, value.replace("\r\n", "\n").replace("\r", "\n")))
    return tuple(kept)


def blank(form: Form, *, full: bool = False) -> Entered:
    """A form that nobody has typed into: one row where one is needed; with `full`, one of everything."""
    shape = shape_of(form)
    return Entered(
        coded=_blank_group(shape.coded, full=full),
        narrative={name: [_no_text()] for name in shape.narrative},
        identity=None if shape.identity is None else _blank_group(shape.identity, full=full),
    )


def enter(form: Form, pairs: Pairs) -> Entered:
    """What `pairs` say about `form`. Refuses `TooMuch`, and nothing else."""
    shape = shape_of(form)
    root = _tree(posted_from(pairs))
    root.read = True
    narrative = _at(root, "narrative")
    entered = Entered(
        coded=_group(shape.coded, _at(root, "coded")),
        narrative={
            name: [_text_row(row) for row in _at(narrative, name).entries()] or [_no_text()]
            for name in shape.narrative
        },
        identity=None if shape.identity is None else _group(shape.identity, _at(root, "identity")),
    )
    strays = any(node.values and not node.read for node in root.all())
    return Entered(coded=entered.coded, narrative=entered.narrative, identity=entered.identity, strays=strays)


def as_posted(form: Form, content: _Content) -> tuple[tuple[str, str], ...]:
    """The names and values that a browser would post for `content`: what `parse` reads back to it.

    Free text stays in the order of the form's fields. A field that the form does not have is left out.
    """
    shape = shape_of(form)
    pairs = list(_pairs_of_group(shape.coded, content.coded, "coded"))
    blocks = tuple(content.narrative)
    for name in shape.narrative:
        for number, block in enumerate(one for one in blocks if one.field == name):
            pairs.append((f"narrative.{name}.{number}.language", block.language))
            pairs.append((f"narrative.{name}.{number}.text", block.text))
    if shape.identity is not None and content.identity is not None:
        pairs += _pairs_of_group(shape.identity, content.identity, "identity")
    return tuple(pairs)


def rearrange(form: Form, pairs: Pairs) -> tuple[Entered, str] | None:
    """What was typed with one entry more or less, and the path to look at next, when a button asked for that:
    `add` with the path of a list or of an optional group, `remove` with the path of an entry.

    None when no such button was pressed, its path is none of this form, or more came than a form can hold:
    then `parse` has the answer.
    """
    came = tuple(pairs)
    asked = [(name, value) for name, value in came if name in ("add", "remove")]
    if not asked:
        return None
    try:
        entered = enter(form, came)
    except TooMuch:
        return None
    act, path = asked[-1]
    steps = path.split(".")[:_DEEPEST]
    shape = shape_of(form)
    changed = copy.deepcopy(entered)
    if steps[0] == "narrative":
        done = _rearrange_text(shape, changed, act, steps[1:])
    else:
        part, shapes = (
            (changed.coded, shape.coded)
            if steps[0] == "coded"
            else (changed.identity, shape.identity)
            if steps[0] == "identity"
            else (None, None)
        )
        done = part is not None and shapes is not None and _rearrange_group(shapes, part, act, steps[1:])
    if not done:
        return None
    return changed, _look_at(changed, act, steps)


def settled(form: Form, entered: Entered) -> Entered:
    """Without the rows that nobody typed into, so that numbers of entries are those of the content. Where a
    group is needed, one empty row stays: its fields are what is missing."""
    shape = shape_of(form)
    identity = None
    if shape.identity is not None:
        identity = _settled_group(shape.identity, entered.identity or {})
    return Entered(
        coded=_settled_group(shape.coded, entered.coded),
        narrative={
            name: [row for row in rows if row["text"].strip()] or rows[:1]
            for name, rows in entered.narrative.items()
        },
        identity=identity,
        strays=entered.strays,
    )


def is_blank(entry: Any) -> bool:
    """Whether nobody typed anything into it."""
    match entry:
        case None:
            return True
        case str():
            return not entry.strip()
        case list():
            return all(map(is_blank, entry))
        case _:
            return all(map(is_blank, entry.values()))


# -- reading names


def _tree(pairs: Pairs) -> _Node:
    root = _Node()
    for name, value in pairs:
        steps = name.split(".")
        node = root
        for step in steps[:_DEEPEST]:
            node = node.below.setdefault(step, _Node())
        node.values.append(value)
    return root


def _at(node: _Node, step: str) -> _Node:
    return node.below.get(step) or _Node()


def _group(shapes: tuple[Shape, ...], node: _Node) -> Group:
    return {one.name: _entry(one, node.below.get(one.name)) for one in shapes}


def _entry(shape: Shape, node: _Node | None) -> Any:
    if node is None:
        return _nothing(shape)
    if shape.kind == "group":
        if shape.many:
            return [_group(shape.fields, row) for row in node.entries()] or _nothing(shape)
        return _group(shape.fields, node)
    if shape.many:
        node.read = True
        return [*node.values, *(_value(row) for row in node.entries())]
    return _value(node)


def _value(node: _Node) -> str:
    node.read = True
    return node.values[-1] if node.values else ""


def _text_row(node: _Node) -> dict[str, str]:
    return {"language": _value(_at(node, "language")), "text": _value(_at(node, "text"))}


# -- nothing typed


def _nothing(shape: Shape, *, full: bool = False) -> Any:
    if shape.kind != "group":
        if not shape.many:
            return ""
        return [""] if full or shape.fewest else []
    if shape.many:
        return [_blank_group(shape.fields, full=full)] if full or shape.fewest else []
    return _blank_group(shape.fields, full=full) if full or shape.required else None


def _blank_group(shapes: tuple[Shape, ...], *, full: bool = False) -> Group:
    return {one.name: _nothing(one, full=full) for one in shapes}


def _no_text() -> dict[str, str]:
    return {"language": "", "text": ""}


# -- writing names


def _pairs_of_group(
    shapes: tuple[Shape, ...], values: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str]]:
    for one in shapes:
        value = values.get(one.name)
        if value is None:
            continue
        here = f"{path}.{one.name}"
        if one.kind != "group":
            yield from ((here, str(item)) for item in (value if one.many else (value,)))
        elif one.many:
            for number, item in enumerate(value):
                yield from _pairs_of_group(one.fields, item, f"{here}.{number}")
        else:
            yield from _pairs_of_group(one.fields, value, here)


# -- one more, one less


def _rearrange_text(shape: FormShape, entered: Entered, act: str, steps: list[str]) -> bool:
    if not steps or steps[0] not in shape.narrative:
        return False
    rows = entered.narrative[steps[0]]
    match act, steps[1:]:
        case "add", []:
            rows.append(_no_text())
        case "remove", [index] if _INDEX.fullmatch(index) and int(index) < len(rows):
            del rows[int(index)]
            if not rows:
                rows.append(_no_text())
        case _:
            return False
    return True


def _rearrange_group(shapes: tuple[Shape, ...], group: Group, act: str, steps: list[str]) -> bool:
    if not steps:
        return False
    shape = next((one for one in shapes if one.name == steps[0]), None)
    if shape is None or (shape.kind != "group" and not shape.many):
        return False
    entry, below = group[shape.name], steps[1:]
    if not shape.many:
        return _rearrange_single(shape, group, act, below)
    match act, below:
        case "add", [] if len(entry) < shape.most:
            entry.append(_blank_group(shape.fields) if shape.kind == "group" else "")
        case "remove", [index] if _INDEX.fullmatch(index) and int(index) < len(entry):
            del entry[int(index)]
            if not entry:
                group[shape.name] = _nothing(shape)
        case _, [index, *inner] if (
            inner and shape.kind == "group" and _INDEX.fullmatch(index) and int(index) < len(entry)
        ):
            return _rearrange_group(shape.fields, entry[int(index)], act, inner)
        case _:
            return False
    return True


def _rearrange_single(shape: Shape, group: Group, act: str, below: list[str]) -> bool:
    entry = group[shape.name]
    if below:
        return entry is not None and _rearrange_group(shape.fields, entry, act, below)
    if shape.required or (act == "add") != (entry is None):
        return False
    group[shape.name] = _blank_group(shape.fields) if act == "add" else None
    return True


def _look_at(entered: Entered, act: str, steps: list[str]) -> str:
    """The new entry, or the list that one was taken from."""
    if act == "remove":
        return ".".join(steps[:-1] if _INDEX.fullmatch(steps[-1]) else steps)
    entry: Any = {"coded": entered.coded, "narrative": entered.narrative, "identity": entered.identity}
    for step in steps:
        entry = entry[int(step)] if isinstance(entry, list) else entry[step]
    return ".".join((*steps, str(len(entry) - 1))) if isinstance(entry, list) else ".".join(steps)


# -- without empty rows


def _settled_group(shapes: tuple[Shape, ...], group: Group) -> Group:
    return {one.name: _settled(one, group.get(one.name)) for one in shapes}


def _settled(shape: Shape, entry: Any) -> Any:
    if shape.kind != "group":
        if shape.many:
            return [one for one in entry or () if one.strip()]
        return entry or ""
    if not shape.many:
        return None if not shape.required and is_blank(entry) else _settled_group(shape.fields, entry or {})
    rows = [_settled_group(shape.fields, row) for row in entry or () if not is_blank(row)]
    return rows or _nothing(shape)
