"""Whatever a browser posts, or somebody in its place: it becomes a content that its form takes, or errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages
from protocol.messages import FORMS, Form
from service.console.forms import FormView, Parsed, as_posted, blank, describe, enter, parse, rearrange
from service.console.forms.parsing import FORM_PATH
from service.console.forms.view import FieldView, GroupView, Node, RowsView
from tests.protocol.sample_contents import SampleContent, sample

TYPES = sorted(FORMS)
PARTS = ("coded", "narrative", "identity")
STAND_IN = f"A..{'A' * 86}"

VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", " ", "unknown", "yes", "no", "none", "2026-11-26", "2026-02-30", "0", "-1", "child", "carer-1",
         "place-99", "RO", "it.servizio-minori", "K7QM-3XPT-9V2D-6", "A" * 43, "\x00", "\ud800", "٣", "fr"]
    ),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> tuple[Form, list[tuple[str, str]]]:
    """A good post with pairs dropped, changed, doubled, moved and made up."""
    form = FORMS[draw(st.sampled_from(TYPES))]
    pairs = list(as_posted(form, sample(form.type)))
    names = sorted(
        {name for name, _ in pairs} | set(every_path(describe(form, "en", blank(form, full=True))))
    )
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(pairs))) if pairs else 0
        name = draw(st.one_of(st.sampled_from(names), made_up(names)))
        match draw(st.sampled_from(["drop", "change", "add", "cut"])):
            case "drop" if at < len(pairs):
                del pairs[at]
            case "change" if at < len(pairs):
                pairs[at] = (pairs[at][0], draw(VALUES))
            case "cut":
                del pairs[at:]
            case _:
                pairs.insert(at, (name, draw(VALUES)))
    return form, pairs


@st.composite
def made_up(draw: st.DrawFn, names: list[str]) -> str:
    steps = draw(st.sampled_from(names)).split(".")
    extra = draw(st.sampled_from(["0", "7", "63", "9999", "00", "-1", "", "x", "__class__", "names", "é"]))
    steps.insert(draw(st.integers(0, len(steps))), extra)
    return ".".join(steps)


def every_path(view: FormView) -> list[str]:
    return [one.path for one in every_input(view)]


def every_input(view: FormView) -> list[FieldView]:
    def inside(nodes: tuple[Node, ...]) -> list[FieldView]:
        found: list[FieldView] = []
        for node in nodes:
            match node:
                case FieldView():
                    found.append(node)
                case GroupView():
                    found += inside(node.nodes)
                case RowsView():
                    found += [one for row in node.rows for one in inside(row.nodes)]
        return found

    return [one for part in view.parts for one in inside(part.nodes)]


@settings(max_examples=100, deadline=None)
@given(mutated(), st.sampled_from(["en", "ar"]))
def test_a_post_is_a_content_or_errors(post: tuple[Form, list[tuple[str, str]]], language: str) -> None:
    form, pairs = post
    parsed = parse(form, pairs, language)
    assert (parsed.content is None) == bool(parsed.errors)
    view = describe(form, language, parsed.entered, parsed.errors)
    assert bool(view.errors) == bool(parsed.errors)
    ids = {part.id for part in view.parts} | {FORM_PATH} | set(all_ids(view))
    assert {one.href for one in view.errors} <= ids
    if parsed.content is not None:
        taken_by_the_protocol(form, parsed)
        # Once read, it is read the same again.
        again = parse(form, as_posted(form, content_of(form, parsed)), language)
        assert again.content == parsed.content


def all_ids(view: FormView) -> list[str]:
    def inside(nodes: tuple[Node, ...]) -> list[str]:
        found: list[str] = []
        for node in nodes:
            found.append(node.id)
            match node:
                case GroupView():
                    found += inside(node.nodes)
                case RowsView():
                    for row in node.rows:
                        found += [row.id, *inside(row.nodes)]
                case FieldView():
                    pass
        return found

    return [one for part in view.parts for one in inside(part.nodes)]


def content_of(form: Form, parsed: Parsed) -> SampleContent:
    assert parsed.content is not None
    return SampleContent(
        type=form.type,
        coded=parsed.content.coded,
        narrative=parsed.content.narrative,  # type: ignore[arg-type]  # it has the same attributes
        identity=parsed.content.identity,
        form=form.version,
    )


def taken_by_the_protocol(form: Form, parsed: Parsed) -> None:
    content = content_of(form, parsed)
    unsigned = {one.name: STAND_IN for one in form.coded_fields if one.kind == "signature"}
    messages.validate(replace(content, coded={**unsigned, **content.coded}))


@settings(max_examples=100, deadline=None)
@given(mutated(), st.sampled_from(["en", "ar"]))
def test_what_was_typed_is_never_lost(post: tuple[Form, list[tuple[str, str]]], language: str) -> None:
    """What came under a name of the form is shown again, or the form says that something has no place."""
    form, pairs = post
    parsed = parse(form, pairs, language)
    if any(one.path == FORM_PATH for one in parsed.errors):
        return
    last = {name: value for name, value in pairs if name.partition(".")[0] in PARTS}
    view = describe(form, language, parsed.entered, parsed.errors)
    kept = {value for one in every_input(view) for value in (one.value, *one.values, *chosen(one)) if value}
    for name, value in last.items():
        if value.strip() and not name.endswith(".language") and not languages(view, name):
            lines = value.replace("\r\n", "\n").replace("\r", "\n")
            assert lines in kept, name


def chosen(one: FieldView) -> tuple[str, ...]:
    return tuple(choice.value for choice in one.choices if choice.chosen)


def languages(view: FormView, name: str) -> bool:
    """Languages are shown by name, which has a test of its own."""
    return any(
        one.kind == "language" and (one.path == name or one.path.startswith(f"{name}."))
        for one in every_input(view)
    )


@settings(max_examples=60, deadline=None)
@given(mutated(), st.sampled_from(["add", "remove"]), st.data())
def test_a_button_moves_rows_and_nothing_else(
    post: tuple[Form, list[tuple[str, str]]], act: str, data: st.DataObject
) -> None:
    form, pairs = post
    paths = [name.rpartition(".")[0] for name, _ in pairs] + [name for name, _ in pairs] + ["narrative"]
    path = data.draw(st.one_of(st.sampled_from(paths), st.text(max_size=12)))
    pressed = rearrange(form, [*pairs, (act, path)])
    if pressed is None:
        return
    entered, focus = pressed
    view = describe(form, "en", entered, focus=focus)
    assert view.focus is not None
    before = enter(form, pairs)
    assert entered != before
    if act == "add":
        kept, had = sorted(typed_in(entered)), sorted(typed_in(before))
        assert kept == had


def typed_in(entered: Any) -> list[str]:
    def inside(entry: Any) -> list[str]:
        match entry:
            case str():
                return [entry] if entry else []
            case dict():
                return [one for value in entry.values() for one in inside(value)]
            case list():
                return [one for value in entry for one in inside(value)]
            case _:
                return []

    return inside([entered.coded, entered.narrative, entered.identity])
