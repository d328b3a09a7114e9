"""Whether everything that a person may be shown has its words: what `focalpoint vocabulary check` proves.

    problems()            every language there is
    problems("pt")        one language, and what belongs to none

Beside the vocabularies' own data (`vocabularies.check`): the fields, codes and types of all forms, the notes
for the traps of the field (`traps/traps.json`), the crosswalks, and the sentences of the renderings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.resources import files

from fluent.runtime import FluentResource
from fluent.syntax import ast as fluent
from fluent.syntax.visitor import Visitor

from protocol import vocabularies
from protocol.languages import DEFAULT_LANGUAGE, available_languages
from protocol.messages import FORMS
from protocol.messages.form import FormField
from protocol.vocabularies import LANGUAGES, Problem, label, scheme, schemes
from protocol.vocabularies.crosswalk import Crosswalk, ForeignField, Mark, State, crosswalk, crosswalks

__all__ = ["problems", "trap_codes"]


def problems(language: str | None = None) -> tuple[Problem, ...]:
    """All that is missing or wrong; empty when the release is complete. With `language`, what is wrong in
    that language, and what is wrong in none in particular."""
    spoken = set(available_languages()) | set(LANGUAGES)
    if language is not None and language not in spoken:
        return (Problem(scheme="*", language=language, detail="no labels at all"),)
    # Whatever is wrong in the data would only be said twice by the checks that build on it.
    found = vocabularies.check() or tuple(_built_on())
    return tuple(p for p in found if language is None or p.language in (None, language))


def trap_codes() -> dict[str, tuple[tuple[str, str], ...]]:
    """Each trap's schemes and codes."""
    data = json.loads(files("protocol.vocabularies").joinpath("traps", "traps.json").read_text("utf-8"))
    return {
        row["trap"]: tuple((name, code) for name, codes in row["codes"].items() for code in codes)
        for row in data["traps"]
    }


def _built_on() -> Iterator[Problem]:
    yield from _forms()
    yield from _traps()
    for name in crosswalks():
        yield from _crosswalk(crosswalk(name))
    yield from _sentences()


def _forms() -> Iterator[Problem]:
    for message_type, form in FORMS.items():
        if message_type not in scheme("message-type").concepts:
            yield Problem(scheme="message-type", code=message_type, detail="a message type without a label")
        if form.procedure is not None and form.procedure not in scheme("procedure").concepts:
            yield Problem(scheme="procedure", code=form.procedure, detail=f"of {message_type}, has no label")
        named = list(_all_fields((*form.coded_fields, *form.identity_fields)))
        for name in dict.fromkeys([*(one.name for one in named), *form.narrative_fields]):
            if name not in scheme("field").concepts:
                yield Problem(scheme="field", code=name, detail=f"a field of {message_type} without a label")
        for one in named:
            if one.scheme is not None and one.scheme not in schemes():
                yield Problem(
                    scheme=one.scheme, detail=f"no such vocabulary, for {one.name} of {message_type}"
                )


def _all_fields(fields: Iterable[FormField]) -> Iterator[FormField]:
    for one in fields:
        yield one
        yield from _all_fields(one.fields)


def _traps() -> Iterator[Problem]:
    for trap, codes in trap_codes().items():
        for name, code in codes:
            if name not in schemes() or code not in scheme(name).concepts:
                yield Problem(scheme=name, code=code, detail=f"of the trap {trap}, is no code")
                continue
            for language in available_languages():
                if not label(name, code, language).note:
                    yield Problem(
                        scheme=name, language=language, code=code, detail=f"no note for the trap {trap}"
                    )


def _crosswalk(other: Crosswalk) -> Iterator[Problem]:
    if (other.state is State.NOT_AVAILABLE) != (not other.fields):
        yield Problem(scheme=other.name, detail="its state and its list of fields disagree")
    mapped = Counter((row.field, row.value) for row in other.mappings)
    listed = {(one.name, value) for one in other.fields for value in one.values}
    for one in other.fields:
        yield from _foreign_field(other, one, mapped)
    for field, value in mapped:
        if (field, value) not in listed:
            yield Problem(scheme=other.name, code=f"{field}={value}", detail="mapped, but not on the list")
    for row in other.mappings:
        where = f"{row.field}={row.value}"
        if (row.code is None) != (row.mark is Mark.NONE):
            yield Problem(
                scheme=other.name, code=where, detail="a mark without a code, or a code without one"
            )
        if row.scheme is not None and row.scheme not in schemes():
            yield Problem(scheme=other.name, code=where, detail=f"no vocabulary {row.scheme}")
        elif row.code is not None and (row.scheme is None or row.code not in scheme(row.scheme).concepts):
            yield Problem(scheme=other.name, code=where, detail=f"no code {row.code} in {row.scheme}")


def _foreign_field(
    other: Crosswalk, one: ForeignField, mapped: Counter[tuple[str, str]]
) -> Iterator[Problem]:
    if one.same_codes_as is not None and one.same_codes_as not in schemes():
        yield Problem(scheme=other.name, code=one.name, detail=f"no vocabulary {one.same_codes_as}")
    for value in one.values:
        if (times := mapped[one.name, value]) != 1:
            detail = "mapped more than once" if times else "on the list, but not mapped"
            yield Problem(scheme=other.name, code=f"{one.name}={value}", detail=detail)


def _sentences() -> Iterator[Problem]:
    told = _told(DEFAULT_LANGUAGE) or {}
    for language in available_languages():
        ours = _told(language)
        if ours is None:
            yield Problem(scheme="sentences", language=language, detail="no file of sentences, or unreadable")
            continue
        for message in [*told, *(extra for extra in ours if extra not in told)]:
            if message not in ours:
                yield Problem(scheme="sentences", language=language, code=message, detail="no sentence")
            elif message not in told:
                yield Problem(scheme="sentences", language=language, code=message, detail="not in English")
            elif ours[message] != told[message]:
                yield Problem(
                    scheme="sentences", language=language, code=message, detail="other values than in English"
                )


class _Values(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: fluent.VariableReference) -> None:  # noqa: N802
        self.names.add(node.id.name)


def _told(language: str) -> dict[str, frozenset[str]] | None:
    """Each sentence of a language with the names of its values; None when there is no readable file."""
    path = files("protocol") / "rendering" / "locales" / f"{language}.ftl"
    if not path.is_file():
        return None
    told = {}
    for entry in FluentResource(path.read_text("utf-8")).body:
        if isinstance(entry, fluent.Junk):
            return None
        if isinstance(entry, fluent.Message):
            values = _Values()
            values.visit(entry)
            told[entry.id.name] = frozenset(values.names)
    return told
