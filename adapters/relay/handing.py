"""What the intermediary's officers and the worker do: hand over, confirm, read a reply, say it.

Every function takes the node's client and asks the node, which decides: what no mandate covers is not listed,
not rendered and not sent. Identity is in a hand-over only when an officer asks for it, by the node's ordinary
release with its two people and its journal.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast

from adapters.kit import Unfit
from adapters.relay.desk import DeskBook
from adapters.relay.filled import Filled
from adapters.relay.mapping import EXTRA, Reply, offered, read_reply, usual_reply
from adapters.relay.paper import ANSWERS, Sheet, one_file, sheet_of
from adapters.relay.words import language_of, words
from protocol import base64url, courier
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId, new_message_id
from protocol.messages.relay_attestation import CONSENT_FORMS
from protocol.rendering import message_words, printed
from service.client import Accepted, Awaiting, Client, Message, PendingRelay, Problem, Submission

__all__ = [
    "Draft",
    "Office",
    "confirm",
    "failed",
    "is_closed",
    "office_of",
    "pending",
    "read_pdf",
    "read_web",
    "say",
    "scan_digest",
    "sealed_file",
    "sheets",
]

VERSIONS: Final = frozenset({"durable-solution.proposal", "durable-solution.counter-proposal"})
_SCAN_TYPES: Final = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png"}
_PIECE: Final = 1 << 16
_NOT_OF_A_MESSAGE: Final = frozenset({401, 403, 408, 425, 429})
_CODES: Final = {"application/pdf": "pdf", "image/jpeg": "jpeg", "image/png": "png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The authority that has no system, as the directory has it and as the settings say. `narrative`: the
    web page may ask it for free text."""

    address: str
    language: str
    email: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    narrative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A reply before anybody has said it: for the officer to look at and to change. `submission` is what the
    node will be asked to sign for the State; `report` says of each field what became of it, and `notes` what
    is to be looked at in the original: `other-message`, `script`, `file`, `not-named`."""

    answers: str
    submission: dict[str, Any]
    report: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    original_form: str
    original_digest: str
    received_on: str
    attestation: str

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Draft:
        """ValueError for what is no draft."""
        data = json.loads(text)
        if not isinstance(data, dict) or set(data) != {one.name for one in dataclasses.fields(cls)}:
            raise ValueError("no draft of this release")
        data["report"] = tuple((str(name), str(outcome)) for name, outcome in data["report"])
        data["notes"] = tuple(data["notes"])
        return cls(**data)


async def is_closed(node: Client, message: str, waiting: Mapping[str, PendingRelay]) -> bool:
    """Whether nothing can be said in answer to it any more, as far as this node knows now: its mandate was
    narrowed or ended, or its State has a node of its own. `waiting`: what is to be handed over, by its id.

    What was handed over is in no list, and may still be answered. So the node is asked, by what shows nothing
    of a message and is no reading of it.
    """
    listed = waiting.get(message)
    if listed is not None:
        return not listed["readable"]
    try:
        await node.attachments(message)
    except Problem as problem:
        if _is_of_a_closed_one(problem):
            return True
        raise
    return False


def _is_of_a_closed_one(problem: Problem) -> bool:
    """It is about this message, whatever its id is: the page may have been made to keep anything as one."""
    return 400 <= problem.status < 500 and problem.status not in _NOT_OF_A_MESSAGE


async def office_of(node: Client, address: str, configured: Mapping[str, Any]) -> Office:
    """In the first of its languages that we have."""
    state = address.partition(".")[0]
    found = [one for one in await node.authorities(state=state) if one["address"] == address]
    spoken = [str(one) for one in found[0]["languages"]] if found else []
    own = configured.get(address, {})
    return Office(
        address=address,
        language=own.get("language") or language_of(spoken),
        email=own.get("email"),
        password=own.get("password"),
        narrative=bool(own.get("web_narrative", False)),
    )


async def pending(node: Client, message: str) -> PendingRelay:
    """Unfit `relay.not_pending` for what does not wait, or what no mandate covers now."""
    for one in (await node.pending_relays())["messages"]:
        if one["id"] == message:
            return one
    raise Unfit("relay.not_pending", "it was handed over already, or no mandate covers it")


async def sheets(
    node: Client,
    message: PendingRelay,
    office: Office,
    *,
    return_to: str,
    reply: str | None = None,
    link: str | None = None,
    until: datetime | None = None,
    identity_reason: str | None = None,
) -> bytes:
    """The message in the authority's language and a form for the reply, as one PDF.

    `reply`: which form; without one the usual one, if there is. `identity_reason`: with the identity part,
    released by the node for that reason. Unfit `relay.sealed` for what was sealed past this node, and
    `relay.binds` for a reply that only the State itself can give.
    """
    if not message["readable"]:
        raise Unfit("relay.sealed", "it was sealed past this node: carry its envelope")
    whole = await node.message(message["id"])
    if reply is None and whole["type"] not in VERSIONS:
        reply = usual_reply(whole["type"])
    if reply is not None and not offered(reply):
        raise Unfit("relay.binds", "only the State's own authority says this")
    if identity_reason is None:
        shown = (await node.printed(message["id"], language=office.language)).content
    else:
        released = await node.release_identity(message["id"], reason=identity_reason)
        shown = printed(message_words(cast("Any", _Shown(released)), language=office.language), "pdf").content
    say = words(office.language)
    form = Sheet(
        message=message["id"],
        language=office.language,
        return_to=return_to,
        reply=reply,
        link=link,
        until=None if until is None else say.moment(until),
        agreement=whole.get("agreement_digest") if reply is None else None,
    )
    return one_file(shown, sheet_of(form))


async def sealed_file(node: Client, message: str) -> bytes:
    """What was sealed past this node, as a courier file: its authority opens it, and nobody here."""
    return courier.pack([await node.relay_envelope(message)])


async def confirm(node: Client, book: DeskBook, message: str, way: str) -> str:
    """Somebody says that the authority has it: the node signs that. Returns when it did."""
    handed = book.handed(message)
    done = await node.record_relay(
        message, outcome="handed-over", way=way, attempt=handed.attempt if handed else 1
    )
    book.settle(message, "confirmed")
    return done["recorded_at"]


async def failed(
    node: Client, book: DeskBook, message: str, way: str, reason: str, *, attempt: int | None = None
) -> str:
    """It did not arrive. It stays to be handed over, and the clock goes on. Returns when it was recorded."""
    handed = book.handed(message)
    number = attempt or (handed.attempt if handed else 1)
    done = await node.record_relay(message, outcome="failed", way=way, reason=reason, attempt=number)
    book.settle(message, "failed", reason)
    return done["recorded_at"]


async def read_pdf(
    node: Client, message: str, reply: str, filled: Filled, original: bytes, *, language: str, on: date
) -> Draft:
    """A form that came back as a file, or as the scan of a paper, whose fields are empty then."""
    whole = await node.message(message)
    read = read_reply(reply, _own(filled.values), language=language)
    notes = list(filled.ignored)
    said = filled.values.get(ANSWERS)
    if said not in (None, message):
        notes.append("other-message")
    if not filled.values.get("person", "").strip():
        notes.append("not-named")
    return _draft(whole, read, notes, original_form="e-mail", original=original, on=on)


async def read_web(node: Client, book: DeskBook, id_: str) -> Draft:
    """What somebody with the link has answered. Unfit `relay.no_reply`, and `relay.reply_undelivered` where
    nobody can say it any more."""
    found = book.reply(id_)
    if found is None:
        raise Unfit("relay.no_reply", "no such reply waits, or the desk's key is another one")
    message, at, said = found
    try:
        whole = await node.message(message)
    except Problem as problem:
        if _is_of_a_closed_one(problem):
            raise Unfit("relay.reply_undelivered", "no mandate lets it be said: tell the office so") from None
        raise
    read = read_reply(said["reply"], said["values"], language=said["language"])
    original = json.dumps(said, sort_keys=True, ensure_ascii=False).encode()
    return _draft(whole, read, [], original_form="web-reply", original=original, on=at.date())


async def say(
    node: Client,
    draft: Draft,
    *,
    original_form: str,
    authentication: str,
    declares_no_danger: bool,
    scan: bytes | None = None,
    agreement: bool = False,
) -> tuple[str | None, str]:
    """What an officer has looked at, said for the State, and attested. Returns the ids of both messages; said
    again, they are the same messages.

    `declares_no_danger`: the officer's own judgement (safeguard 10), which no form that came back can give.
    `agreement`: the paper accepts the version that it answers, and nothing is typed from it. Unfit
    `relay.not_paper` for a consent that is none, `relay.unauthenticated` for a web reply that is said to be
    more.
    """
    if "web-reply" in (draft.original_form, original_form) and (
        original_form != "web-reply" or authentication != "unauthenticated" or agreement
    ):
        raise Unfit("relay.unauthenticated", "whoever has the link can answer: it is never more")
    if agreement and (original_form not in CONSENT_FORMS or scan is None):
        raise Unfit("relay.not_paper", "a consent is on paper, and its scan goes with it")
    whole = await node.message(draft.answers)
    typed: str | None = None
    coded: dict[str, Any] = {
        "on_behalf_of": whole["recipient"],
        "original_form": original_form,
        "original_digest": draft.original_digest,
        "received_on": draft.received_on,
        "authentication": authentication,
    }
    if agreement:
        digest = whole.get("agreement_digest")
        if digest is None:
            raise Unfit("relay.not_paper", "it is no version of a durable solution")
        coded["agreement"] = digest
    else:
        accepted = await node.send(
            cast("Submission", {**draft.submission, "declares_no_danger": declares_no_danger})
        )
        typed = _sent(accepted)
        coded["attested_message"] = typed
    attached = None if scan is None else await _attached(node, whole, draft, scan)
    if attached is not None:
        # The node refuses an attestation whose scan is not the one that it names.
        coded["original_digest"] = attached["digest"]
    attestation: dict[str, Any] = {
        "id": draft.attestation,
        "case": whole["case"],
        "type": "relay.attestation",
        "sender": whole["recipient"],
        "recipient": whole["sender"],
        "in_reply_to": whole["id"],
        "coded": coded,
        "declares_no_danger": declares_no_danger,
        **({} if attached is None else {"identity": {"attachments": [attached]}}),
    }
    return typed, _sent(await node.send(cast("Submission", attestation)))


def scan_digest(data: bytes) -> str:
    return base64url.encode(hashlib.sha256(data).digest()).decode()


async def _attached(node: Client, whole: Message, draft: Draft, scan: bytes) -> dict[str, Any]:
    media_type = next((kind for mark, kind in _SCAN_TYPES.items() if scan.startswith(mark)), None)
    if media_type is None:
        raise Unfit("relay.scan_unknown", "expected a PDF, JPEG or PNG file")
    # The same draft is the same upload, however often it is tried.
    upload = await node.attach(whole["case"], draft.attestation, _pieces(scan), media_type=media_type)
    return {
        "digest": upload["digest"],
        "salt": upload["salt"],
        "size": upload["size"],
        "media_type": _CODES[media_type],
        "document_kind": "other",
    }


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]


def _sent(answer: Accepted | Awaiting) -> str:
    if "approval" in answer:
        raise Unfit("relay.binds", "a second person has to decide on it: it binds the State")
    return answer["id"]


def _own(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in (ANSWERS, *EXTRA)}


def _draft(
    whole: Message, read: Reply, notes: list[str], *, original_form: str, original: bytes, on: date
) -> Draft:
    submission: dict[str, Any] = {
        "id": str(new_message_id(secrets.token_bytes)),
        "case": whole["case"],
        "type": read.type,
        "sender": whole["recipient"],
        "recipient": whole["sender"],
        "in_reply_to": whole["id"],
        "coded": dict(read.coded),
    }
    if read.narrative:
        submission["narrative"] = [dict(one) for one in read.narrative]
    return Draft(
        answers=whole["id"],
        submission=submission,
        report=tuple((one.name, one.outcome) for one in read.fields),
        notes=tuple(sorted(set(notes))),
        original_form=original_form,
        original_digest=scan_digest(original),
        received_on=on.isoformat(),
        attestation=str(new_message_id(secrets.token_bytes)),
    )


class _Block:
    def __init__(self, block: Mapping[str, str]) -> None:
        self.field, self.language, self.text = block["field"], block["language"], block["text"]


class _Shown:
    """A message of the API as a rendering reads it."""

    def __init__(self, message: Message) -> None:
        content = cast("Mapping[str, Any]", message.get("content") or {})
        self.id = MessageId(message["id"])
        self.type = message["type"]
        self.case, self.thread = CaseReference(message["case"]), ThreadId(message["thread"])
        self.in_reply_to = None if "in_reply_to" not in message else MessageId(message["in_reply_to"])
        self.sender, self.recipient = Address(message["sender"]), Address(message["recipient"])
        self.via = None
        self.issued_at = datetime.fromisoformat(message["issued_at"])
        self.urgency = message["urgency"]
        self.declares_no_danger = bool(content.get("declares_no_danger", False))
        self.vocabulary = message["vocabulary"]
        self.coded: Mapping[str, Any] = content.get("coded", {})
        self.narrative = [_Block(one) for one in content.get("narrative", ())]
        self.identity: Mapping[str, Any] | None = content.get("identity")
        self.parts: Mapping[str, str] = {}
