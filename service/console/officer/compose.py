"""Writing a message: from a next step to a form, from the form to what will be signed, and from there out.

GET  …/compose           the form, with what the node knows filled in, and the message's id chosen for good
POST …/compose  do=check    what is wrong, beside the inputs; and what `send` would say now
                do=review   what will be signed, in the reader's language and in the recipient's
                do=edit     back to the form
                do=send     sent, or kept for a second person; posted twice, it is sent once
                do=attach   to a page that uploads a document, and from there back
     add, remove            one entry more or less, without a script

Whatever goes wrong, the page comes back with all that was typed.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Response

from protocol import messages
from protocol.attachments import media_type_of
from protocol.conversations import procedure_of
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import (
    Address,
    CaseReference,
    MessageId,
    ThreadId,
    case_reference,
    new_message_id,
    parse_address,
    parse_message_id,
    state_of,
)
from protocol.languages import available_languages, nearest_language
from protocol.messages import Form
from service.console.forms import (
    Entered,
    Facts,
    FieldError,
    Pairs,
    TooMuch,
    blank,
    describe,
    draft,
    enter,
    parse,
    posted_from,
    rearrange,
    submission,
)
from service.console.forms.drafting import Drafted
from service.console.forms.shape import shape_of
from service.console.officer.documents import CaseDocument, documents_of
from service.console.officer.shown import (
    answered,
    drawn_draft,
    of_submission,
    office_name,
    show,
    told,
    told_of,
)
from service.console.pages import Page, See, Viewing, go
from service.errors import Malformed, NodeError, NotFound
from service.exchange.printing import directory_names
from service.exchange.views import (
    Accepted,
    Awaiting,
    NextStep,
    Submission,
    TimelineView,
    Urgency,
)

__all__ = ["PICKER", "router"]

PICKER: Final = "/console/codes"
_URGENCIES: Final = ("ordinary", "urgent", "emergency")
_BEGINS: Final = "durable-solution.counter-proposal"
"""The form whose fields are those of what it answers."""
_ATTACHMENTS: Final = "attachments"
_NEEDED_TO_KNOW: Final = 16  # bytes: more than the longest beginning that tells a file's type

router = APIRouter(route_class=Page)

Reference = Annotated[str, Path(max_length=64)]
Word = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """What is being written: everything but what stands in the form."""

    case: CaseReference
    form: Form
    step: NextStep
    facts: Facts
    drafted: Drafted
    id: MessageId
    recipient: Address | None
    urgency: Urgency
    declares_no_danger: bool
    shown_in: str | None = None

    @property
    def procedure(self) -> str:
        return procedure_of(self.form.type) or self.step.procedure


@router.get("/console/cases/{reference}/compose")
async def begin(see: See, reference: Reference, type: Word, by: Word = "", thread: Word = "") -> Response:  # noqa: A002
    case = case_reference(reference)
    if type not in messages.FORMS:
        raise NotFound("request.not_found", "no such form of message")
    step = await _step(see, case, type, by, thread)
    if step is None:
        raise NotFound("request.not_found", "no such step of this case")
    letter = await _letter(see, case, step, id_=new_message_id(see.node.random.bytes))
    entered = enter(letter.form, letter.drafted.posted) if letter.drafted.posted else blank(letter.form)
    return _page(see, letter, entered)


async def _step(see: Viewing, case: CaseReference, type_: str, by: str, thread: str) -> NextStep | None:
    steps = await see.exchange.next_steps(see.node, see.actor, case)
    return next(
        (
            one
            for one in steps.steps
            if one.type == type_ and (not by or one.by == by) and (one.thread or "") == thread
        ),
        None,
    )


async def _letter(see: Viewing, case: CaseReference, step: NextStep, *, id_: MessageId) -> _Letter:
    timeline = await see.exchange.case_timeline(see.node, see.actor, case)
    documents = await documents_of(see, case)
    form = messages.form(step.type)
    facts = await _facts(see, timeline, documents, step)
    return _Letter(
        case=case,
        form=form,
        step=step,
        facts=facts,
        drafted=draft(form, step, facts),
        id=id_,
        recipient=step.to,
        urgency="ordinary",
        declares_no_danger=False,
    )


async def _facts(
    see: Viewing, timeline: TimelineView, documents: tuple[CaseDocument, ...], step: NextStep
) -> Facts:
    directory = see.node.directory.known()
    thread = next((one for one in timeline.threads if one.id == step.thread), None)
    standing = thread.standing.message if thread is not None and thread.standing is not None else None
    due, due_on = (None, None) if thread is None or thread.due is None else (thread.due, "")
    if thread is not None and due is not None:
        try:
            zone = ZoneInfo(directory.authority(thread.answerer).timezone)
            due_on = due.at.astimezone(zone).date().isoformat()
        except (Refused, LookupError, ValueError, OSError):
            due_on = due.at.date().isoformat()
    base = None
    if step.type == _BEGINS and step.in_reply_to is not None:
        base = (await see.exchange.read_message(see.node, see.actor, step.in_reply_to, False, None)).content
    return Facts(
        case=timeline.case.reference,
        documents=tuple(one.known for one in documents),
        authorities=tuple((entry.address, _name(see, entry.address)) for entry in directory.authorities()),
        agreement=next((one.agreement for one in documents if one.id == standing), None),
        due=due,
        due_on=due_on,
        base=base,
    )


@router.post("/console/cases/{reference}/compose")
async def write(see: See, reference: Reference) -> Response:
    case, posted = case_reference(reference), see.posted
    do = (posted.all("do") or ("check",))[-1]
    id_ = parse_message_id(posted.one("id"))
    if do == "send" and (said := await _said_before(see, case, id_)) is not None:
        return said
    letter = await _again(see, case, id_)
    pairs = posted.items
    if posted.upload is not None:
        return await _attached(see, letter, pairs)
    if (moved := rearrange(letter.form, pairs)) is not None:
        entered, focus = moved
        return _page(see, letter, entered, focus=focus)
    match do:
        case "edit":
            return _page(see, letter, _entered(letter.form, pairs))
        case "attach":
            try:
                return _attach_page(see, letter, pairs)
            except TooMuch:
                return await _judged(see, letter, pairs, "check")
        case _:
            return await _judged(see, letter, pairs, do)


async def _again(see: Viewing, case: CaseReference, id_: MessageId) -> _Letter:
    """The letter as its page has it. A step that is no more, as the case went on meanwhile, still has its
    page: what was typed is not lost, and the check says what has changed."""
    posted = see.posted
    type_, by, thread = posted.one("type"), parse_address(posted.one("by")), posted.get("thread") or ""
    if type_ not in messages.FORMS:
        raise NotFound("request.not_found", "no such form of message")
    step = await _step(see, case, type_, by, thread)
    to, reply = posted.get("to"), posted.get("reply")
    recipient = parse_address(to) if to else None
    replied = None if reply is None else parse_message_id(reply)
    if step is None or (replied is not None and step.in_reply_to != replied):
        step = NextStep(
            type=type_,
            procedure=procedure_of(type_) or "",
            by=by,
            to=recipient,
            open=step is not None and step.open,
            thread=ThreadId(parse_message_id(thread)) if thread else None,
            in_reply_to=replied,
        )
    letter = await _letter(see, case, step, id_=id_)
    urgency, shown_in = posted.get("urgency") or "ordinary", posted.get("shown_in")
    if urgency not in _URGENCIES:
        raise Malformed("request.body", "expected an urgency", field="/urgency")
    return dataclasses.replace(
        letter,
        recipient=recipient or step.to,
        urgency=cast("Urgency", urgency),
        declares_no_danger=posted.get("no_danger") == "yes",
        shown_in=shown_in if shown_in in available_languages() else None,
    )


async def _said_before(see: Viewing, case: CaseReference, id_: MessageId) -> Response | None:
    """Where the message is that this page has sent already, when somebody presses the button again."""
    try:
        known = await see.exchange.message_facts(see.node, see.actor, id_)
    except NotFound:
        pass
    else:
        if known.case == case and known.direction == "out":
            return go(see, f"/console/messages/{id_}", said="officer-said-sent-already")
    found = await see.exchange.list_approvals(see.node, see.actor, None, subject=id_)
    waits = next((one for one in found.approvals if one.case == case), None)
    return (
        None if waits is None else go(see, f"/console/approvals/{waits.id}", said="officer-said-kept-already")
    )


def _entered(form: Form, pairs: Pairs) -> Entered:
    try:
        return enter(form, pairs)
    except TooMuch:
        return blank(form)


async def _judged(see: Viewing, letter: _Letter, pairs: Pairs, do: str) -> Response:
    """Checked; and where nothing is wrong, shown as it will be signed, or sent."""
    parsed = parse(letter.form, pairs, see.language)
    if parsed.content is None:
        return _page(see, letter, parsed.entered, 422, errors=parsed.errors)
    if letter.recipient is None:
        return _page(see, letter, parsed.entered, 422, no_recipient=True)
    written = submission(
        letter.drafted,
        parsed.content,
        id=letter.id,
        recipient=letter.recipient,
        urgency=letter.urgency,
        declares_no_danger=letter.declares_no_danger,
    )
    try:
        if do == "send":
            return await _sent(see, written)
        validation = await see.exchange.validate(see.node, see.actor, written)
    except (Refused, NodeError) as refused:
        return _page(see, letter, parsed.entered, 409, refusals=[told_of(see, refused)])
    if not validation.acceptable:
        refusals = [told(see, one) for one in validation.refusals]
        return _page(see, letter, parsed.entered, 409, refusals=refusals)
    if do == "review":
        return await _review(see, letter, pairs, written)
    return _page(see, letter, parsed.entered, checked=True, due=validation.due)


async def _sent(see: Viewing, written: Submission) -> Response:
    match await see.exchange.send(see.node, see.actor, written):
        case Awaiting() as waits:
            return go(see, f"/console/approvals/{waits.approval}", said="officer-said-kept")
        case Accepted(status="held") as held:
            return go(see, f"/console/messages/{held.id}", said="officer-said-held")
        case Accepted() as sent:
            return go(see, f"/console/messages/{sent.id}", said="officer-said-sent")


# -- pages


def _page(
    see: Viewing,
    letter: _Letter,
    entered: Entered,
    status: int = 200,
    *,
    errors: tuple[FieldError, ...] = (),
    focus: str | None = None,
    **more: Any,
) -> Response:
    shape = shape_of(letter.form)
    attaches = shape.identity is not None and any(one.name == _ATTACHMENTS for one in shape.identity)
    return show(
        see,
        "officer/compose.html",
        status,
        letter=letter,
        form=describe(
            letter.form,
            see.language,
            entered,
            errors=errors,
            facts=letter.facts,
            names=directory_names(see.node),
            focus=focus,
        ),
        picker_path=PICKER,
        offered=_offered(see, letter),
        urgencies=_URGENCIES,
        attaches=attaches,
        **{"refusals": [], "checked": False, "due": None, "no_recipient": False, **more},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offered:
    """An authority that may be written to. `lands`: its State has messages of this procedure come to it."""

    address: Address
    name: str
    state: str
    lands: bool


def _offered(see: Viewing, letter: _Letter) -> list[_Offered]:
    """Whom a message may go to: of a reply the other side alone; else every authority of another State that
    acts in the procedure, those first where its State has such messages land."""
    directory = see.node.directory.known()
    if letter.step.thread is not None:
        return []
    found = []
    for entry in directory.authorities():
        state = state_of(entry.address)
        if state == state_of(letter.step.by) or not directory.competent(entry.address, letter.procedure):
            continue
        try:
            lands = directory.landing(state, letter.procedure) == entry.address
        except NotAcceptable:
            lands = False
        found.append(
            _Offered(
                address=entry.address,
                name=_name(see, entry.address),
                state=see.words.state(state),
                lands=lands,
            )
        )
    return sorted(found, key=lambda one: (one.state, not one.lands, one.name))


def _name(see: Viewing, address: Address) -> str:
    named = office_name(see, address)
    return address if named is None else named[0]


async def _review(see: Viewing, letter: _Letter, pairs: Pairs, written: Submission) -> Response:
    """Both as the same printer makes them of the same values: what is signed is what both read."""
    theirs = letter.shown_in or _language_of(see, written.recipient)
    piece = of_submission(written, see.node.clock.now())
    own, other = await asyncio.to_thread(
        lambda: (drawn_draft(see, piece, see.language), drawn_draft(see, piece, theirs))
    )
    return show(
        see,
        "officer/review.html",
        letter=letter,
        own=own,
        other=other,
        answered=await answered(see, piece, see.language),
        pairs=posted_from(pairs),
        second=_second_person(see, written),
        languages_there=available_languages(),
    )


def _language_of(see: Viewing, address: Address) -> str:
    """The first of the authority's languages in which there are labels."""
    try:
        spoken = see.node.directory.known().authority(address).languages
    except Refused:
        spoken = ()
    there = available_languages()
    return next((near for tag in spoken if (near := nearest_language(tag)) in there and near == tag), "en")


def _second_person(see: Viewing, written: Submission) -> bool:
    """Whether it will wait: said before anybody tries."""
    binds = messages.form(written.type).supervised
    by_policy = written.type in see.node.settings.second_person.split()
    return binds or by_policy or see.node.directory.known().countersigner(written.sender) is not None


# -- a document that goes along


def _attach_page(see: Viewing, letter: _Letter, pairs: Pairs, status: int = 200, **more: Any) -> Response:
    return show(
        see,
        "officer/attach.html",
        status,
        letter=letter,
        pairs=posted_from(pairs),
        upload=new_message_id(see.node.random.bytes),
        **{"fault": None, **more},
    )


async def _attached(see: Viewing, letter: _Letter, pairs: Pairs) -> Response:
    """The document is stored, sealed under the case's key, and described in the form by its digest alone."""
    upload, stored = see.posted.upload, parse_message_id(see.posted.one("upload"))
    assert upload is not None
    beginning, chunks = await _begun(upload.chunks)
    kind = media_type_of(beginning)
    if kind is None:
        fault = told_of(see, NotAcceptable("attachment.type", "expected a PDF, a JPEG or a PNG"))
        return _attach_page(see, letter, pairs, 422, fault=fault)
    try:
        view = await see.exchange.put_attachment(see.node, see.actor, letter.case, stored, kind, chunks)
    except (Refused, NodeError) as refused:
        return _attach_page(see, letter, pairs, 422, fault=told_of(see, refused))
    number = _next_number(pairs)
    described = [
        (f"identity.{_ATTACHMENTS}.{number}.{name}", str(getattr(view, name)))
        for name in ("digest", "salt", "size", "media_type")
    ]
    entered = _entered(letter.form, [*pairs, *described])
    return _page(see, letter, entered, focus=f"identity.{_ATTACHMENTS}.{number}", attached=True)


async def _begun(chunks: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first bytes, and all of them again from the beginning."""
    held = b""
    while len(held) < _NEEDED_TO_KNOW and (piece := await anext(chunks, None)) is not None:
        held += piece

    async def every() -> AsyncIterator[bytes]:
        yield held
        async for piece in chunks:
            yield piece

    return held, every()


def _next_number(pairs: Pairs) -> int:
    numbers = [
        int(steps[2])
        for name, _ in pairs
        if len(steps := name.split(".")) > 2
        and steps[:2] == ["identity", _ATTACHMENTS]
        and steps[2].isdecimal()
        and len(steps[2]) < 5
    ]
    return max(numbers, default=-1) + 1
