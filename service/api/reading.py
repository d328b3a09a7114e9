"""What a request says, before anybody believes it: bodies within their limits, submissions, cursors.

A submission is checked for its shape only; what the form, the procedures and the safeguards say is the use
case's business. No value is ever named in a refusal, only where it stands.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, cast

from fastapi import Query, Request
from pydantic import AwareDatetime, BeforeValidator
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import ClientDisconnect

from protocol import base64url, vocabularies
from protocol.attachments import MediaType
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import (
    CaseReference,
    MessageId,
    ThreadId,
    case_reference,
    parse_address,
    parse_message_id,
)
from protocol.json_strict import Json, parse_object
from protocol.limits import Limits
from protocol.statistics import Population
from protocol.statistics import Role as Part
from service.access.pairs import Decision
from service.directory.key_acts import Act
from service.directory.key_desk import KeyRequest
from service.errors import Malformed, TooLarge
from service.exchange.views import (
    RELAY_REASONS,
    AdapterHealth,
    NarrativeView,
    ProtectionStatus,
    RelayOutcome,
    RetentionAct,
    SignedSubmission,
    Submission,
    Urgency,
)

__all__ = [
    "CONTENT",
    "ENVELOPE",
    "JOSE",
    "JOSE_JSON",
    "Form",
    "Language",
    "Moment",
    "adapter_health",
    "body_of",
    "cursor",
    "decision",
    "document",
    "entry_facts",
    "entry_to_publish",
    "key_request",
    "opening",
    "population_wanted",
    "position",
    "proposal",
    "relay_outcome",
    "release_reason",
    "retention_act",
    "submitted",
]

CONTENT: Final = "application/json"
JOSE: Final = "application/jose"
JOSE_JSON: Final = "application/jose+json"
HAND_OVER: Final = "application/vnd.focalpoint.hand-over"
ENVELOPE: Final = "application/vnd.focalpoint.envelope+json"

MAX_SMALL: Final = 1024  # bytes, for a body of two codes
MAX_ENTRY_BYTES: Final = 131_072  # an entry of the directory, its holidays for years ahead included

MAX_HEALTH: Final = 4_096
MAX_COUNTS: Final = 32

_ADAPTER_STATES: Final = ("well", "set-aside", "waiting", "system-away", "node-away", "stopped")
_COUNTED: Final = re.compile(r"to-(?:node|system) [a-z][a-z-]{0,31}", re.ASCII)
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}", re.ASCII)
_DOTTED: Final = re.compile(r"[a-z][a-z0-9_]{0,31}(?:\.[a-z][a-z0-9_]{0,31}){1,3}", re.ASCII)
_URGENCIES: Final = ("ordinary", "urgent", "emergency")
_RETENTION_ACTS: Final = ("block", "unblock", "hold", "lift-hold", "erase")
_KEY_ACTS: Final = ("generate", "publish", "rotate", "retire", "revoke", "compromised")
_PROTECTION: Final = ("unknown", "not-sought", "possible", "sought")
_PARTS: Final = ("destination", "origin")
_YEARS: Final = range(2000, 3000)


_COMPACT_JWS = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def _written_out(text: object) -> object:
    # The library would take `0.5` for a number of seconds since 1970.
    if not isinstance(text, str) or _MOMENT.fullmatch(text) is None:
        raise ValueError("expected RFC 3339")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A query parameter: date, time and offset as RFC 3339 writes them."""


Language = Annotated[str | None, Query(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
"""A query parameter: a BCP 47 tag."""

Form = Literal["text", "html", "pdf"]
"""A query parameter: the format of a rendering."""


class _MessageIdConvertor(Convertor[str]):
    """A canonical message id in a path. Another word there is another path: `/v1/messages/validation`."""

    regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("message_id", _MessageIdConvertor())


async def body_of(request: Request, *, reads: tuple[str, ...], limit: int) -> tuple[str, bytes]:
    """The body and which of the media types `reads` it is of.

    Refuses `request.media_type`, and `request.too_large` as soon as it is longer than `limit` bytes: what is
    too long is never held.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in reads:
        raise Malformed("request.media_type", f"expected one of: {', '.join(reads)}")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise TooLarge("request.too_large", f"expected at most {limit} bytes")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise TooLarge("request.too_large", f"expected at most {limit} bytes")
    return media_type, bytes(data)


def document(request: Request) -> tuple[MediaType, AsyncIterator[bytes]]:
    """What kind of file the body is, and its pieces as they come. Refuses `request.media_type`, and
    `request.body` when the connection ends before the body does."""
    by_name = {kind.name_in_http: kind for kind in MediaType}
    name = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if name not in by_name:
        raise Malformed("request.media_type", f"expected one of: {', '.join(by_name)}")

    return by_name[name], _pieces(request)


def file_of(request: Request, media_type: str) -> AsyncIterator[bytes]:
    """The pieces of a body of this media type, as they come. Refuses as `document`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise Malformed("request.media_type", f"expected one of: {media_type}")
    return _pieces(request)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        # Nobody hears it, but the log does not take it for a fault of ours.
        raise Malformed("request.body", "the connection ended before the body did") from None


async def submitted(request: Request, limits: Limits) -> Submission | SignedSubmission:
    """A message to be signed here, or one that the agency has signed."""
    # Twice the parts: base64 makes them a third larger, escaped text at most about as much again.
    limit = 2 * (limits.coded + limits.narrative + limits.identity)
    media_type, data = await body_of(request, reads=(CONTENT, JOSE, JOSE_JSON), limit=limit)
    if media_type == JOSE:
        return SignedSubmission(statement=_compact(data, ""), narrative=None, identity=None)
    members = parse_object(data, max_bytes=limit)
    return _signed(members) if media_type == JOSE_JSON else _submission(members)


async def opening(request: Request) -> MessageId | None:
    """The id under which a case is opened. Without one, and without a body, each time is another case."""
    bodiless = request.headers.get("content-length", "0") == "0"
    if bodiless and "transfer-encoding" not in request.headers:
        return None
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"id"})
    return _id(members, "id") if "id" in members else None


async def proposal(request: Request) -> tuple[ProtectionStatus, str]:
    """A protection status and the code of the reason for it."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"status", "reason"})
    status = _one_of(members, "status", _PROTECTION)
    return cast("ProtectionStatus", status), _code(members, "reason")


async def guardian(request: Request) -> date | None:
    """Since which day a child has a guardian; None to take that back, which has to be said too."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"provided_on"})
    if "provided_on" in members and members["provided_on"] is None:
        return None
    return _day(members, "provided_on")


async def retention_act(request: Request) -> tuple[RetentionAct, str]:
    """What is to happen to the erasable parts of a case, and the code of the reason for it."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"act", "reason"})
    return cast("RetentionAct", _one_of(members, "act", _RETENTION_ACTS)), _code(members, "reason")


async def adapter_health(request: Request) -> AdapterHealth:
    """What an adapter says of itself. Words and numbers alone: nothing of a record fits."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_HEALTH)
    members = parse_object(data, max_bytes=MAX_HEALTH)
    _only(members, {"version", "state", "since", "set_aside", "counts", "code"})
    counts = _object(members, "counts") if "counts" in members else {}
    if len(counts) > MAX_COUNTS or not all(
        _COUNTED.fullmatch(name) and type(number) is int and 0 <= number < 1 << 53
        for name, number in counts.items()
    ):
        raise _wrong("counts")
    version, set_aside = _text(members, "version"), members.get("set_aside")
    if not _VERSION.fullmatch(version):
        raise _wrong("version")
    if type(set_aside) is not int or not 0 <= set_aside < 1 << 31:
        raise _wrong("set_aside")
    code = _text(members, "code") if "code" in members else None
    if code is not None and not _DOTTED.fullmatch(code):
        raise _wrong("code")
    return AdapterHealth(
        version=version,
        state=cast("Any", _one_of(members, "state", _ADAPTER_STATES)),
        since=_moment(members, "since"),
        set_aside=set_aside,
        counts=counts,
        code=code,
    )


def _moment(members: Json, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(members, name))
    except ValueError:
        raise _wrong(name) from None
    if moment.tzinfo is None or not 2000 <= moment.year <= 9000:
        raise _wrong(name)
    return moment.astimezone(UTC)


async def population_wanted(request: Request) -> tuple[Population, bool]:
    """What statistics are asked for, and whether they may be coarsened. Exactly one of `year` and `day`."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"role", "year", "day", "by_sex", "coarsen"})
    year = members.get("year")
    if ("year" in members) == ("day" in members):
        raise _wrong("year")
    if "year" in members and (type(year) is not int or year not in _YEARS):
        raise _wrong("year")
    day = _day(members, "day") if "day" in members else None
    wanted = Population(
        role=cast("Part", _one_of(members, "role", _PARTS)),
        year=year,
        day=day,
        by_sex=_flag(members, "by_sex"),
    )
    return wanted, _flag(members, "coarsen")


def _day(members: Json, name: str) -> date:
    text = _text(members, name)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _wrong(name) from None
    # ISO 8601 knows other ways to write a day; here there is one.
    if str(day) != text or day.year not in _YEARS:
        raise _wrong(name)
    return day


async def release_reason(request: Request) -> str:
    """The code of the reason for which an identity part is asked for."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"reason"})
    return _code(members, "reason")


async def relay_outcome(request: Request) -> RelayOutcome:
    """What became of handing a message over. A failure names its reason, and nothing else does."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"outcome", "way", "reason", "attempt"})
    outcome = cast("Literal['handed-over', 'failed']", _one_of(members, "outcome", ("handed-over", "failed")))
    attempt = members.get("attempt")
    if attempt is not None and (type(attempt) is not int or not 0 < attempt < 10_000):
        raise _wrong("attempt")
    if outcome == "handed-over" and "reason" in members:
        raise _wrong("reason")
    return RelayOutcome(
        outcome=outcome,
        way=_one_of(members, "way", tuple(vocabularies.scheme("relay-way").concepts)),
        reason=_one_of(members, "reason", RELAY_REASONS) if outcome == "failed" else None,
        attempt=attempt,
    )


async def decision(request: Request) -> tuple[Decision, str | None]:
    """What a second person decides. To return something takes the code of a reason."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"decision", "reason"})
    chosen = cast("Decision", _one_of(members, "decision", ("approve", "return")))
    given = "reason" in members or chosen == "return"
    return chosen, _code(members, "reason") if given else None


async def entry_facts(request: Request) -> tuple[str, str, Json]:
    """Kind, name and facts of an entry of the directory."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_ENTRY_BYTES)
    members = parse_object(data, max_bytes=MAX_ENTRY_BYTES)
    _only(members, {"kind", "name", "facts"})
    return _text(members, "kind"), _text(members, "name"), _facts(members)


async def key_request(request: Request) -> KeyRequest:
    """An act with a key of the node. `since` belongs to `compromised`, and to nothing else."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_SMALL)
    members = parse_object(data, max_bytes=MAX_SMALL)
    _only(members, {"act", "owner", "kid", "since", "replace"})
    act, owner = cast("Act", _one_of(members, "act", _KEY_ACTS)), _text(members, "owner")
    if not 0 < len(owner) <= 64:
        raise _wrong("owner")
    if ("since" in members) != (act == "compromised"):
        raise _wrong("since")
    kid = _text(members, "kid") if "kid" in members else None
    if kid is not None and (not 0 < len(kid) <= 128 or act in ("generate", "publish", "rotate")):
        raise _wrong("kid")
    if "replace" in members and act != "generate":
        raise _wrong("replace")
    since = _moment(members, "since") if "since" in members else None
    return KeyRequest(act=act, owner=owner, kid=kid, since=since, replace=_flag(members, "replace"))


async def entry_to_publish(request: Request) -> tuple[Json | None, str | None]:
    """Facts to be signed here, or an entry that was signed elsewhere."""
    _, data = await body_of(request, reads=(CONTENT,), limit=MAX_ENTRY_BYTES)
    members = parse_object(data, max_bytes=MAX_ENTRY_BYTES)
    _only(members, {"facts", "entry"})
    if "entry" in members and "facts" in members:
        raise _wrong("entry")
    return (None, _text(members, "entry")) if "entry" in members else (_facts(members), None)


def _facts(members: Json) -> Json:
    facts = members.get("facts")
    if not isinstance(facts, dict):
        raise _wrong("facts")
    return facts


def cursor(at: int) -> str:
    """The opaque name of a position in the list of messages."""
    return base64url.encode(b"m%d" % at).decode()


def position(text: str | None) -> int:
    """The position that a cursor names; the beginning for none. Refuses `request.cursor`."""
    if text is None:
        return 0
    try:
        plain = base64url.decode(text.encode("ascii"))
    except ValueError:
        plain = b""
    digits = plain[1:]
    if plain[:1] != b"m" or not digits.isdigit() or len(digits) > 18 or cursor(int(digits)) != text:
        raise Malformed("request.cursor", "expected a cursor of this list", field="/after")
    return int(digits)


def _signed(members: Json) -> SignedSubmission:
    _only(members, {"statement", "narrative", "identity"})
    return SignedSubmission(
        statement=_compact(_text(members, "statement").encode(), "statement"),
        narrative=_part(members, "narrative"),
        identity=_part(members, "identity"),
    )


def _submission(members: Json) -> Submission:
    _only(
        members,
        {
            "id",
            "case",
            "type",
            "sender",
            "recipient",
            "thread",
            "in_reply_to",
            "urgency",
            "declares_no_danger",
            "coded",
            "narrative",
            "identity",
        },
    )
    thread, in_reply_to = members.get("thread"), members.get("in_reply_to")
    return Submission(
        id=_id(members, "id"),
        case=_case(members),
        type=_text(members, "type"),
        sender=_at("sender", parse_address, _text(members, "sender")),
        recipient=_at("recipient", parse_address, _text(members, "recipient")),
        thread=None if thread is None else ThreadId(_id(members, "thread")),
        in_reply_to=None if in_reply_to is None else _id(members, "in_reply_to"),
        urgency=cast("Urgency", _one_of({"urgency": "ordinary", **members}, "urgency", _URGENCIES)),
        declares_no_danger=_flag(members, "declares_no_danger"),
        coded=_object(members, "coded"),
        narrative=_narrative(members.get("narrative", [])),
        identity=None if members.get("identity") is None else _object(members, "identity"),
    )


def _narrative(blocks: Any) -> tuple[NarrativeView, ...]:
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise _wrong("narrative")
    read = []
    for index, block in enumerate(blocks):
        under = f"narrative/{index}"
        _only(block, {"field", "language", "text"}, under)
        read.append(
            NarrativeView(
                field=_text(block, "field", under),
                language=_text(block, "language", under),
                text=_text(block, "text", under),
            )
        )
    return tuple(read)


def _part(members: Json, name: str) -> bytes | None:
    if members.get(name) is None:
        return None
    try:
        return base64url.decode(_text(members, name).encode("ascii"))
    except ValueError:
        raise _wrong(name) from None


def _compact(data: bytes, where: str) -> str:
    if _COMPACT_JWS.fullmatch(data) is None:
        raise _wrong(where)
    return data.decode("ascii")


def _case(members: Json) -> CaseReference:
    return _at("case", case_reference, _text(members, "case"))


def _id(members: Json, name: str) -> MessageId:
    return _at(name, parse_message_id, _text(members, name))


def _at[T](name: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except Refused as refused:
        raise NotAcceptable(refused.code, refused.detail, field=f"/{name}") from None


def _text(members: Mapping[str, Any], name: str, under: str = "") -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise _wrong(f"{under}/{name}" if under else name)
    return value


def _code(members: Json, name: str) -> str:
    value = _text(members, name)
    if not 0 < len(value) <= 64 or not all(part.isalnum() for part in value.replace("/", "-").split("-")):
        raise _wrong(name)
    return value


def _flag(members: Json, name: str) -> bool:
    value = members.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(name)
    return value


def _object(members: Json, name: str) -> Json:
    value = members.get(name)
    if not isinstance(value, dict):
        raise _wrong(name)
    return value


def _one_of(members: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = members.get(name)
    if value not in allowed:
        raise _wrong(name)
    return cast("str", value)


def _only(members: Json, known: set[str], under: str = "") -> None:
    # Not which one is unknown: its name is submitted text.
    if not members.keys() <= known:
        raise Malformed("request.body", "a member that the form does not have", field=f"/{under}")


def _wrong(name: str) -> Malformed:
    return Malformed("request.body", "not as the API description has it", field=f"/{name}")
