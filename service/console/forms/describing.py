"""From a form and what was typed into it to the view that a page shows.

Labels are those of the renderings, so that a field is called the same where it is written and where it is
read. Which input a field has follows from its kind and its vocabulary alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from protocol.languages import direction
from protocol.messages import MAX_NARRATIVE_LENGTH, Form
from protocol.messages.form import is_language_tag
from protocol.rendering.labels import Labels, Names, no_names
from protocol.vocabularies import label, scheme
from service.console.forms.drafting import Facts, documents_for
from service.console.forms.entering import Entered, blank
from service.console.forms.language_names import language_names, shown_language, tag_of
from service.console.forms.parsing import FORM_PATH, FieldError
from service.console.forms.picker import LONG, Choice, choices
from service.console.forms.shape import Shape, shape_of
from service.console.forms.view import (
    ErrorView,
    FieldView,
    FormView,
    GroupView,
    InputKind,
    Node,
    PartView,
    RowsView,
    RowView,
    element_id,
)
from service.console.words import Words, words

__all__ = ["describe"]

_ANSWERS: Final = "yes-no-unknown"
_PARTIES: Final = ("carer", "person", "place")
_FEW_PARTIES: Final = 5
"""Of each kind, offered before any is named."""
_MOST_PARTIES: Final = 99
_FROM_UPLOAD: Final = frozenset({"digest", "salt", "size", "media_type"})
"""What the node knows of an uploaded document. It stands in one group."""
_INPUTS: Final[Mapping[str, InputKind]] = MappingProxyType(
    {
        "date": "date",
        "count": "number",
        "address": "authority",
        "message-id": "identifier",
        "case-reference": "identifier",
        "digest": "identifier",
        "signature": "signed",
        "language": "language",
        "text": "line",
        "partial-date": "line",
    }
)


def describe(
    form: Form,
    language: str,
    entered: Entered | None = None,
    errors: Iterable[FieldError] = (),
    facts: Facts | None = None,
    names: Names = no_names,
    focus: str | None = None,
) -> FormView:
    """The view of `form` for a reader of `language`. Without `entered`, as nobody has typed into it yet.

    `errors` and `entered` are those of one `Parsed`. `names`: of authorities, from the directory. `focus`:
    the path that `rearrange` names.
    """
    said = words(language)
    made = _Description(
        form=form,
        said=said,
        labels=Labels(sentences=said.rendered, names=names),
        errors=_first_of_each(errors),
        facts=facts,
        parties=_parties_named(entered),
        focus=focus,
    )
    return made.view(entered if entered is not None else blank(form))


def _first_of_each(errors: Iterable[FieldError]) -> Mapping[str, str]:
    first: dict[str, str] = {}
    for one in errors:
        first.setdefault(one.path, one.sentence)
    return MappingProxyType(first)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Description:
    form: Form
    said: Words
    labels: Labels
    errors: Mapping[str, str]
    facts: Facts | None
    parties: tuple[str, ...]
    focus: str | None

    def view(self, entered: Entered) -> FormView:
        shape = shape_of(self.form)
        parts = []
        if shape.coded:
            parts.append(self._part("coded", self._nodes(shape.coded, entered.coded, "coded")))
        if shape.narrative:
            texts = tuple(
                self._texts(name, entered.narrative[name], required=name in shape.required_narrative)
                for name in shape.narrative
            )
            parts.append(self._part("narrative", texts, self.said.say("forms-narrative-hint")))
        if shape.identity is not None:
            hint = "forms-identity-required" if shape.identity_required else "forms-identity-optional"
            nodes = self._nodes(shape.identity, entered.identity or {}, "identity")
            parts.append(self._part("identity", nodes, self.said.say(hint)))
        every = [one for part in parts for one in _every(part.nodes)]
        kinds = {one.kind for one in every if isinstance(one, FieldView)}
        return FormView(
            type=self.form.type,
            title=self.labels.text("message-type", self.form.type),
            language=self.said.language,
            direction=self.said.direction,
            parts=tuple(parts),
            errors=tuple(self._summary(parts)),
            focus=self._focused(every),
            hints=self.labels.code("message-type", self.form.type).notes,
            languages=(
                tuple(name for _, name in language_names(self.said.language)) if "language" in kinds else ()
            ),
            authorities=self._authorities() if "authority" in kinds else (),
        )

    # -- parts

    def _part(self, part: str, nodes: tuple[Node, ...], *hints: str) -> PartView:
        return PartView(
            path=part,
            id=element_id(part),
            label=self.labels.text("message-part", part),
            nodes=nodes,
            hints=hints,
            error=self.errors.get(part),
        )

    def _summary(self, parts: list[PartView]) -> Iterable[ErrorView]:
        """One line for each error, in the order of the page."""
        if FORM_PATH in self.errors:
            yield ErrorView(
                href=FORM_PATH,
                label=self.labels.text("message-type", self.form.type),
                sentence=self.errors[FORM_PATH],
            )
        for part in parts:
            if part.error is not None:
                yield ErrorView(href=part.id, label=part.label, sentence=part.error)
            yield from _errors_in(part.nodes)

    def _focused(self, nodes: list[Node]) -> str | None:
        """The first input of what was added; where something was taken away, the button that adds it."""
        if self.focus is None:
            return None
        below = [one for one in nodes if f"{one.path}.".startswith(f"{self.focus}.")]
        first = next((one for one in below if isinstance(one, FieldView)), None)
        taken = any(isinstance(one, RowsView) and one.path == self.focus for one in below)
        return f"{element_id(self.focus)}--add" if first is None or taken else first.id

    def _authorities(self) -> tuple[tuple[str, str], ...]:
        known = self.facts.authorities if self.facts is not None else ()
        return tuple((str(address), name) for address, name in known)

    # -- groups and lists

    def _nodes(self, shapes: tuple[Shape, ...], group: Mapping[str, Any], path: str) -> tuple[Node, ...]:
        uploaded = {one.name for one in shapes} >= _FROM_UPLOAD
        return tuple(
            self._node(
                one,
                group.get(one.name),
                f"{path}.{one.name}",
                lasting=uploaded and one.name in _FROM_UPLOAD and bool(group.get("digest")),
            )
            for one in shapes
        )

    def _node(self, shape: Shape, entry: Any, path: str, *, lasting: bool = False) -> Node:
        if shape.kind == "group":
            return self._rows(shape, entry, path) if shape.many else self._group(shape, entry, path)
        if not shape.many:
            return self._field(shape, entry or "", path, lasting=lasting)
        if self._choices(shape, ()) and not self._long(shape):
            return self._checks(shape, entry or [], path)
        return self._rows(shape, entry, path)

    def _group(self, shape: Shape, entry: Any, path: str) -> GroupView:
        named = self.labels.code("field", shape.name)
        return GroupView(
            path=path,
            id=element_id(path),
            label=named.text,
            optional=not shape.required,
            present=entry is not None,
            nodes=self._nodes(shape.fields, entry, path) if entry is not None else (),
            hints=named.notes,
            error=self.errors.get(path),
        )

    def _rows(self, shape: Shape, entry: Any, path: str) -> RowsView:
        named = self.labels.code("field", shape.name)
        entries = entry or []
        return RowsView(
            path=path,
            id=element_id(path),
            label=named.text,
            required=bool(shape.fewest),
            rows=tuple(
                self._row(shape, item, f"{path}.{number}", self._numbered(named.text, number, len(entries)))
                for number, item in enumerate(entries)
            ),
            addable=len(entries) < shape.most,
            hints=named.notes,
            error=self.errors.get(path),
        )

    def _row(self, shape: Shape, item: Any, path: str, heading: str) -> RowView:
        nodes: tuple[Node, ...]
        if shape.kind == "group":
            nodes = self._nodes(shape.fields, item, path)
        else:
            nodes = (self._field(shape, item, path, heading=heading, required=False),)
        return RowView(
            path=path,
            id=element_id(path),
            label=heading,
            nodes=nodes,
            removable=True,
            error=self.errors.get(path) if shape.kind == "group" else None,
        )

    def _numbered(self, name: str, number: int, count: int) -> str:
        if count < 2:
            return name
        return self.said.rendered.say("numbered", label=name, number=self.said.number(number + 1))

    # -- fields

    def _field(
        self,
        shape: Shape,
        value: str,
        path: str,
        *,
        heading: str | None = None,
        required: bool | None = None,
        lasting: bool = False,
    ) -> FieldView:
        named = self.labels.code("field", shape.name)
        options = self._choices(shape, (value,) if value else ())
        return FieldView(
            path=path,
            id=element_id(path),
            kind=self._input(shape, options),
            label=heading or named.text,
            required=shape.required if required is None else required,
            value=shown_language(value, self.said.language) if shape.kind == "language" else value,
            choices=options,
            hints=(*(named.notes if heading is None else ()), *self._hints(shape, lasting=lasting)),
            notes=_notes(options),
            error=self.errors.get(path),
            scheme=shape.scheme if self._long(shape) else None,
            smallest=shape.smallest,
            largest=shape.largest,
            longest=shape.longest,
            lasting=lasting,
            direction="auto" if shape.kind == "text" else "ltr",
        )

    def _checks(self, shape: Shape, values: list[str], path: str) -> FieldView:
        named = self.labels.code("field", shape.name)
        typed = tuple(one for one in values if one)
        options = self._choices(shape, typed)
        # An error of one entry is shown with the set: the boxes have no errors of their own.
        inside = (self.errors[one] for one in self.errors if one.startswith(f"{path}."))
        return FieldView(
            path=path,
            id=element_id(path),
            kind="checks",
            label=named.text,
            required=bool(shape.fewest),
            values=typed,
            choices=options,
            hints=named.notes,
            notes=_notes(options),
            error=self.errors.get(path) or next(inside, None),
        )

    def _texts(self, name: str, rows: list[dict[str, str]], *, required: bool) -> RowsView:
        named = self.labels.code("field", name)
        path = f"narrative.{name}"
        return RowsView(
            path=path,
            id=element_id(path),
            label=named.text,
            required=required,
            rows=tuple(
                self._text(
                    row,
                    f"{path}.{number}",
                    self._numbered(named.text, number, len(rows)),
                    required=required and number == 0,
                    removable=len(rows) > 1,
                )
                for number, row in enumerate(rows)
            ),
            addable=True,
            hints=named.notes,
            error=self.errors.get(path),
        )

    def _text(
        self, row: Mapping[str, str], path: str, heading: str, *, required: bool, removable: bool
    ) -> RowView:
        # Most people write in the language that they read; who does not, sees it there and says so.
        typed = row["language"] or ("" if row["text"].strip() else self.said.language)
        tag = tag_of(typed, self.said.language)
        known = tag if is_language_tag(tag) else None
        text = FieldView(
            path=f"{path}.text",
            id=element_id(f"{path}.text"),
            kind="text",
            label=heading,
            required=required,
            value=row["text"],
            hints=(self.said.say("forms-text-limit", most=self.said.number(MAX_NARRATIVE_LENGTH)),),
            error=self.errors.get(f"{path}.text"),
            longest=MAX_NARRATIVE_LENGTH,
            language=known,
            direction=direction(known) if known is not None else "auto",
        )
        language = FieldView(
            path=f"{path}.language",
            id=element_id(f"{path}.language"),
            kind="language",
            label=self.said.say("forms-text-language", label=heading),
            required=required,
            value=shown_language(typed, self.said.language),
            hints=(self.said.say("forms-language-hint"),),
            error=self.errors.get(f"{path}.language"),
        )
        return RowView(
            path=path, id=element_id(path), label=heading, nodes=(text, language), removable=removable
        )

    def _input(self, shape: Shape, options: tuple[Choice, ...]) -> InputKind:
        if shape.kind == "code" and shape.scheme == _ANSWERS and shape.required:
            known = all(one.value in scheme(_ANSWERS).concepts for one in options)
            # A radio button that was pressed stays pressed: only a list can be left empty again.
            return "radios" if known else "select"
        if options:
            return "select"
        return _INPUTS[shape.kind]

    def _choices(self, shape: Shape, chosen: tuple[str, ...]) -> tuple[Choice, ...]:
        match shape.kind:
            case "code":
                # `scheme` is set for this kind.
                return choices(shape.scheme or "", self.said.language, chosen)
            case "reference":
                return _with(chosen, self.parties, lambda one: self.labels.party(one).text)
            case "digest" | "message-id" if self.facts is not None:
                known = dict(documents_for(self.form, shape, self.facts))
                if not known:
                    return ()

                def named(value: str) -> str:
                    one = known.get(value)
                    if one is None:
                        return value
                    return self.said.say(
                        "forms-document",
                        type=label("message-type", one.type, self.said.language).text,
                        sender=self.labels.name(one.sender) or one.sender,
                        date=self.said.day(one.issued_at.date()),
                    )

                return _with(chosen, tuple(known), named)
            case _:
                return ()

    def _long(self, shape: Shape) -> bool:
        return shape.scheme is not None and len(scheme(shape.scheme).concepts) > LONG

    def _hints(self, shape: Shape, *, lasting: bool) -> tuple[str, ...]:
        if lasting:
            return (self.said.say("forms-from-upload"),)
        match shape.kind:
            case "count":
                least, most = self.said.number(shape.smallest), self.said.number(shape.largest)
                return (self.said.say("forms-number", least=least, most=most),)
            case "language" | "partial-date" | "address" | "case-reference" | "signature":
                return (self.said.say(f"forms-{shape.kind}-hint"),)
            case _:
                return ()


def _with(
    chosen: tuple[str, ...], offered: tuple[str, ...], named: Callable[[str], str]
) -> tuple[Choice, ...]:
    """What is offered, and what was typed beside it, which a page may not lose."""
    return tuple(
        Choice(value=one, label=named(one), chosen=one in chosen)
        for one in dict.fromkeys((*offered, *chosen))
    )


def _notes(options: tuple[Choice, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((one.label, one.note) for one in options if one.note is not None)


def _parties_named(entered: Entered | None) -> tuple[str, ...]:
    """Who and what a reference may stand for: some of each kind, and one more than was named already."""
    most = dict.fromkeys(_PARTIES, _FEW_PARTIES)
    for text in _texts_in((entered.coded, entered.identity) if entered is not None else ()):
        kind, _, number = text.partition("-")
        if kind in most and number.isdecimal() and len(number) <= 2:
            most[kind] = max(most[kind], min(int(number) + 1, _MOST_PARTIES))
    return ("child", *(f"{kind}-{number}" for kind in _PARTIES for number in range(1, most[kind] + 1)))


def _texts_in(entry: Any) -> Iterable[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        yield from _texts_in(list(entry.values()))
    elif isinstance(entry, list | tuple):
        for one in entry:
            yield from _texts_in(one)


def _every(nodes: Iterable[Node]) -> Iterable[Node]:
    for node in nodes:
        yield node
        match node:
            case GroupView():
                yield from _every(node.nodes)
            case RowsView():
                for row in node.rows:
                    yield from _every(row.nodes)


def _errors_in(nodes: Iterable[Node]) -> Iterable[ErrorView]:
    for node in nodes:
        if node.error is not None:
            yield ErrorView(href=node.id, label=node.label, sentence=node.error)
        match node:
            case GroupView():
                yield from _errors_in(node.nodes)
            case RowsView():
                for row in node.rows:
                    if row.error is not None:
                        yield ErrorView(href=row.id, label=row.label, sentence=row.error)
                    yield from _errors_in(row.nodes)
