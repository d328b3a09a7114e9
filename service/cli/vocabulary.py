"""`focalpoint vocabulary`: the codes and their words, as this release has them. No node is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from protocol import vocabularies
from protocol.languages import available_languages, isolated, nearest_language
from protocol.vocabularies import Concept, Problem
from protocol.vocabularies.completeness import problems
from protocol.vocabularies.crosswalk import crosswalk, crosswalks
from service.errors import NotFound

__all__ = ["vocabulary_app"]

MISSING = 1
"""Exit status when anything is missing or wrong."""

LangOption = Annotated[str, typer.Option("--lang", help="The language of the labels, such as fr or ar.")]

vocabulary_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The vocabularies of this release: list them, show one, prove that nothing is missing.",
)


@vocabulary_app.command("list")
def list_vocabularies(lang: LangOption = "en") -> None:
    """Every vocabulary with its size and a word of it; and how much is mapped of each other list."""
    typer.echo(f"release {vocabularies.RELEASE}, labels in {nearest_language(lang)}")
    for name in vocabularies.schemes():
        scheme = vocabularies.scheme(name)
        first = vocabularies.label(name, next(iter(scheme.concepts)), lang).text
        typer.echo(f"{name:<26} {scheme.status:<8} {len(scheme.concepts):>4}  {_shown(first)}")
    for name in crosswalks():
        other = crosswalk(name)
        typer.echo(f"crosswalk {name:<16} {other.state.value:<14} {len(other.mappings):>4}  {other.title}")


@vocabulary_app.command("show")
def show_vocabulary(
    scheme: Annotated[str, typer.Argument(help="Such as exploitation-form, or a crosswalk: htcds-2.0.")],
    lang: LangOption = "en",
) -> None:
    """A vocabulary's codes, labels, cautions, definitions and matches; or what a crosswalk has."""
    if scheme in crosswalks():
        lines = _crosswalk_lines(scheme)
    elif scheme in vocabularies.schemes():
        lines = _lines(scheme, lang)
    else:
        raise NotFound("request.not_found", "no vocabulary and no crosswalk of this name")
    for line in lines:
        typer.echo(line)


@vocabulary_app.command("check")
def check_vocabularies(
    language: Annotated[str | None, typer.Option("--language", help="Only this one, such as pt.")] = None,
) -> None:
    """Prove that nothing is missing: labels, fields, notes for the traps, crosswalks, sentences.

    Exit status 1, and a line for each, when something is.
    """
    found = problems(language)
    for problem in found:
        typer.echo(_said(problem))
    if found:
        typer.echo(f"{len(found)} missing or wrong", err=True)
        raise typer.Exit(MISSING)
    codes = sum(len(vocabularies.scheme(name).concepts) for name in vocabularies.schemes())
    spoken = language or ", ".join(available_languages())
    typer.echo(f"complete: {len(vocabularies.schemes())} vocabularies, {codes} codes, in {spoken}")
    for name in crosswalks():
        typer.echo(f"crosswalk {name}: {crosswalk(name).state.value}")


def _said(problem: Problem) -> str:
    where = " ".join(part for part in (problem.scheme, problem.code, problem.language) if part is not None)
    return f"{where}: {problem.detail}"


def _lines(name: str, lang: str) -> Iterator[str]:
    scheme = vocabularies.scheme(name)
    yield f"{name}, release {scheme.release}, {scheme.status}"
    yield scheme.definition
    for concept in scheme.concepts.values():
        yield from _concept_lines(name, scheme.status, concept, lang)


def _concept_lines(name: str, status: str, concept: Concept, lang: str) -> Iterator[str]:
    label = vocabularies.label(name, concept.code, lang)
    other = "" if concept.status == status else f", {concept.status}"
    yield f"  {concept.code}  {_shown(label.text)}  [{label.language}, {label.origin}{other}]"
    if label.note is not None:
        yield f"      ! {_shown(label.note)}"
    if concept.definition is not None:
        yield f"      {concept.definition}"
    for found in crosswalks():
        for row in crosswalk(found).matches(name, concept.code):
            yield f"      = {found} {row.field} {row.value} ({row.mark.value})"


def _crosswalk_lines(name: str) -> Iterator[str]:
    other = crosswalk(name)
    yield f"{other.title}, {other.version}: {other.state.value}"
    yield f"source: {other.source}" + ("" if other.commit is None else f" at {other.commit}")
    yield f"licence: {other.licence}"
    yield other.note
    for row in other.mappings:
        ours = "unknown" if row.code is None else f"{row.scheme}/{row.code}"
        yield f"  {row.field} {row.value} → {ours} ({row.mark.value})"


def _shown(text: str) -> str:
    """A label in a line that reads from the left."""
    return isolated(text, reading="ltr")
