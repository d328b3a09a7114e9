"""What both States agreed: in force or not and why, as a file, in words; two versions beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from protocol import messages
from protocol.agreement import VERSIONS
from protocol.identifiers import case_reference, parse_message_id
from protocol.languages import available_languages, nearest_language
from protocol.messages.form import FormField
from protocol.rendering.labels import Labels
from protocol.rendering.message import field_blocks
from protocol.rendering.words import Fact, Value
from service.api.cases import BUNDLE
from service.console.officer.documents import documents_of
from service.console.officer.shown import as_file, piece, show
from service.console.pages import HEADERS, Page, See, Viewing
from service.errors import NotFound
from service.exchange.printing import directory_names
from service.exchange.views import MessageView, StandingView

__all__ = ["Row", "compared", "router"]

router = APIRouter(route_class=Page)

Reference = Annotated[str, Path(max_length=64)]
Digest = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]
Id = Annotated[str, Query(max_length=64)]
Language = Annotated[str, Query(max_length=35)]


@router.get("/console/cases/{reference}/agreements/{digest}")
async def agreement(see: See, reference: Reference, digest: Digest, language: Language = "") -> Response:
    case = case_reference(reference)
    rendering = await see.exchange.render_agreement(
        see.node, see.actor, case, digest, nearest_language(language or see.language), "html"
    )
    timeline = await see.exchange.case_timeline(see.node, see.actor, case)
    documents = await documents_of(see, case)
    version = next((one for one in documents if one.agreement == digest), None)
    standing: StandingView | None = None
    for thread in timeline.threads:
        agreed = thread.standing
        if version is not None and agreed is not None and agreed.message == version.id:
            standing = agreed
    return show(
        see,
        "officer/agreement.html",
        case=case,
        digest=digest,
        piece=piece(rendering),
        standing=standing,
        version=version,
        documents={one.digest: one for one in documents},
        languages_there=available_languages(),
    )


@router.get("/console/cases/{reference}/agreements/{digest}/file")
async def file(see: See, reference: Reference, digest: Digest) -> Response:
    case = case_reference(reference)
    return Response(
        await see.exchange.agreement_file(see.node, see.actor, case, digest),
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="agreement-{digest[:12]}.json"'},
        media_type=BUNDLE,
    )


@router.get("/console/cases/{reference}/agreements/{digest}/rendering")
async def rendering(
    see: See,
    reference: Reference,
    digest: Digest,
    language: Language = "",
    format: Literal["html", "pdf", "text"] = "pdf",  # noqa: A002 (the parameter's name)
) -> Response:
    case = case_reference(reference)
    made = await see.exchange.render_agreement(
        see.node, see.actor, case, digest, nearest_language(language or see.language), format
    )
    return as_file(made, digest)


# -- two versions beside each other

type Mark = Literal["same", "changed", "added", "removed"]
_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field in both versions. A row without values is a heading; `depth`: how many headings stand above
    it."""

    depth: int
    label: str
    one: tuple[Value, ...] = ()
    other: tuple[Value, ...] = ()
    mark: Mark | None = None


@router.get("/console/cases/{reference}/compare")
async def compare(
    see: See, reference: Reference, one: Id = "", other: Id = "", only: Literal["", "changed"] = ""
) -> Response:
    case = case_reference(reference)
    documents = await documents_of(see, case)
    versions = [document for document in documents if document.type in VERSIONS]
    if not versions:
        await see.exchange.case_timeline(see.node, see.actor, case)  # refuses a case that is not the reader's
        raise NotFound("request.not_found", "nothing was proposed in this case")
    first = one or versions[-2 if len(versions) > 1 else -1].id
    second = other or versions[-1].id
    left, right = [await _version(see, case, parse_message_id(id_)) for id_ in (first, second)]
    rows = compared(left, right, _labels(see))
    changed = sum(row.mark not in (None, "same") for row in rows)
    return show(
        see,
        "officer/compare.html",
        case=case,
        versions=versions,
        left=left,
        right=right,
        rows=_only_changed(rows) if only else rows,
        changed=changed,
        only=only,
    )


async def _version(see: Viewing, case: str, id_: Any) -> MessageView:
    view = await see.exchange.read_message(see.node, see.actor, id_, False, None)
    if view.case != case or view.type not in VERSIONS:
        raise NotFound("request.not_found", "no version of an agreement of this case")
    return view


def _labels(see: Viewing) -> Labels:
    return Labels(sentences=see.words.rendered, names=directory_names(see.node))


def compared(left: MessageView, right: MessageView, labels: Labels) -> list[Row]:
    """The coded fields of both in the order of the form, each field once."""
    assert left.content is not None
    assert right.content is not None
    fields = messages.form(left.type).coded_fields
    return list(_rows(left.content.coded, right.content.coded, fields, labels, 0))


def _rows(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    fields: Sequence[FormField],
    labels: Labels,
    depth: int,
) -> Iterator[Row]:
    for field in fields:
        mine, theirs = one.get(field.name), other.get(field.name)
        if mine in (None, [], ()) and theirs in (None, [], ()):
            continue
        name = labels.text("field", field.name)
        if field.kind != "group" or depth > _DEEPEST:
            yield Row(
                depth=depth,
                label=name,
                one=_values(field, mine, labels),
                other=_values(field, theirs, labels),
                mark=_mark(field, mine, theirs),
            )
            continue
        pairs = _paired(mine, theirs) if field.many else [(mine or {}, theirs or {})]
        for number, (left, right) in enumerate(pairs, start=1):
            heading = name
            if len(pairs) > 1:
                heading = labels.sentences.say("numbered", label=name, number=labels.sentences.number(number))
            yield Row(depth=depth, label=heading)
            yield from _rows(left, right, field.fields, labels, depth + 1)


def _paired(mine: Any, theirs: Any) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Entries of a list by their place; what one version alone has stands against nothing."""
    ours, others = list(mine or ()), list(theirs or ())
    longest = max(len(ours), len(others))
    ours += [{}] * (longest - len(ours))
    others += [{}] * (longest - len(others))
    return list(zip(ours, others, strict=True))


def _values(field: FormField, value: Any, labels: Labels) -> tuple[Value, ...]:
    if value in (None, [], ()):
        return ()
    return tuple(
        shown
        for block in field_blocks({field.name: value}, (field,), labels)
        if isinstance(block, Fact)
        for shown in block.values
    )


def _mark(field: FormField, mine: Any, theirs: Any) -> Mark:
    if mine in (None, [], ()):
        return "added"
    if theirs in (None, [], ()):
        return "removed"
    # The order of a list of codes says nothing.
    same = sorted(map(str, mine)) == sorted(map(str, theirs)) if field.many else mine == theirs
    return "same" if same else "changed"


def _only_changed(rows: list[Row]) -> list[Row]:
    """What differs, under its headings."""
    kept: list[Row] = []
    above: list[Row] = []
    for row in rows:
        above = above[: row.depth]
        if row.mark is None:
            above.append(row)
        elif row.mark != "same":
            kept += [heading for heading in above if heading not in kept]
            kept.append(row)
    return kept
