"""What one authority says to another about a case, in three parts, kept apart from first to last byte.

    coded      in the statement itself: codes, dates, digests
    narrative  free text by language   \\  each bound into the statement by a digest alone, so that the part
    identity   who the persons are     /  can be destroyed while the signed history still verifies

A digest of a short text can be guessed. Each part therefore begins with a fresh 128-bit salt that lives
*inside* it and dies with it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NoReturn

from protocol import base64url
from protocol.attachments import AttachmentClaim, read_claims
from protocol.claims import Claims, seconds_of
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.identifiers import (
    Address,
    CaseReference,
    MessageId,
    ThreadId,
    case_reference,
    parse_address,
    parse_message_id,
)
from protocol.json_strict import Json, dumps, parse_object
from protocol.limits import Limits
from protocol.statements import SigningKey, Statement, StatementType, digest, issue

__all__ = [
    "Content",
    "Draft",
    "NarrativeBlock",
    "SignedContent",
    "Urgency",
    "check_parts",
    "read_content",
    "sign_content",
]

type Urgency = Literal["ordinary", "urgent", "emergency"]

URGENCIES: tuple[Urgency, ...] = ("ordinary", "urgent", "emergency")
NO_DANGER = "no-danger-to-life-or-liberty"
"""Declares that this information endangers nobody's life or liberty (1996 Hague Convention art 37)."""

SALT_BYTES = 16
_MAX_PART_DEPTH = 12
_RELEASE = re.compile(r"\d{4}\.\d{2}", re.ASCII)
_TYPE = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_MAX_TYPE = 64
_MAX_FORM = 9_999
_KNOWN_CLAIMS = frozenset(
    {
        "iss",
        "aud",
        "via",
        "jti",
        "case",
        "thread",
        "in_reply_to",
        "type",
        "form",
        "iat",
        "vocabulary",
        "recipient_entry",
        "corridor_profile",
        "urgency",
        "safety_declaration",
        "coded",
        "parts",
        "attachments",
        "crit",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrativeBlock:
    """Free text for one field of a form. `language`: BCP 47."""

    field: str
    language: str
    text: str = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an authority wants to say.

    `form`: the version of the form `type`. `thread`: the id of the message that opened the conversation, its
    own id when it opens one. `attachments`: in the order in which the identity part describes them.
    `declares_no_danger`: see `NO_DANGER`. `vocabulary`: the release whose codes it
    uses. `recipient_entry`: digest of the directory entry of the answering authority, whose calendar counts.
    `corridor_profile`: digest of what the two States agreed, by which deadlines are counted. `via`: the
    intermediary that says it for `sender`, a State without a node, and signs it with its own key.
    """

    id: MessageId
    type: str
    form: int = 1
    case: CaseReference
    thread: ThreadId
    in_reply_to: MessageId | None = None
    sender: Address
    recipient: Address
    coded: Json = field(hash=False)
    narrative: tuple[NarrativeBlock, ...] = ()
    identity: Json | None = field(default=None, hash=False, repr=False)
    urgency: Urgency = "ordinary"
    declares_no_danger: bool = False
    vocabulary: str
    recipient_entry: str | None = None
    corridor_profile: str | None = None
    attachments: tuple[AttachmentClaim, ...] = ()
    via: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content(Draft):
    """What an authority has said. `issued_at`: aware UTC, whole seconds, from the signature.

    `parts`: digests by part name, also of a part that is not at hand; then `narrative` is empty or `identity`
    is None. `unknown`: claims that this version does not know, kept as they came.
    """

    issued_at: datetime
    statement_digest: str
    parts: Mapping[str, str] = field(hash=False)
    unknown: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContent:
    """A content statement and the bytes of the parts that it binds, salt inside."""

    statement: Statement
    narrative: bytes | None = field(repr=False)
    identity: bytes | None = field(repr=False)


def sign_content(
    draft: Draft, *, key: SigningKey, issued_at: datetime, random_bytes: Callable[[int], bytes]
) -> SignedContent:
    """`draft`, said by the holder of `key`: the sender's own, or that of `via`.

    The fraction of the second in `issued_at` is dropped."""
    narrative = identity = None
    parts: dict[str, str] = {}
    if draft.narrative:
        blocks = [{"field": one.field, "language": one.language, "text": one.text} for one in draft.narrative]
        narrative = _part({"blocks": blocks}, random_bytes)
        parts["narrative"] = digest(narrative)
    if draft.identity is not None:
        identity = _part({"identity": draft.identity}, random_bytes)
        parts["identity"] = digest(identity)
    claims: Json = {
        "iss": draft.sender,
        "aud": draft.recipient,
        "via": draft.via,
        "jti": draft.id,
        "case": draft.case,
        "thread": draft.thread,
        "in_reply_to": draft.in_reply_to,
        "type": draft.type,
        "form": draft.form,
        "iat": seconds_of(issued_at),
        "vocabulary": draft.vocabulary,
        "recipient_entry": draft.recipient_entry,
        "corridor_profile": draft.corridor_profile,
        "urgency": draft.urgency,
        "safety_declaration": NO_DANGER if draft.declares_no_danger else None,
        "coded": draft.coded,
        "parts": parts,
        "attachments": [one.to_json() for one in draft.attachments] or None,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    statement = issue(StatementType.CONTENT, said, key)
    return SignedContent(statement=statement, narrative=narrative, identity=identity)


def _part(body: Json, random_bytes: Callable[[int], bytes]) -> bytes:
    return dumps({"salt": base64url.encode(random_bytes(SALT_BYTES)).decode(), **body})


def check_parts(
    statement: Statement,
    narrative: bytes | None,
    identity: bytes | None,
    *,
    refuse: type[Refused] = CannotOpen,
    past: Collection[str] = (),
) -> None:
    """Every part that the statement binds is here, unchanged, and no other; but for those in `past`, which
    were sealed for somebody else and are not to be read here.

    Refuses, as a `refuse`: `content.part_missing`, `content.part_digest`, `content.malformed`.
    """
    claimed = _claimed_parts(statement, refuse)
    for name, part in (("narrative", narrative), ("identity", identity)):
        if part is None and name in claimed and name not in past:
            raise refuse(
                "content.part_missing", "the statement binds a part that did not come", field=f"/{name}"
            )
        if part is not None:
            _check_digest(name, part, claimed, refuse)


def read_content(
    statement: Statement, narrative: bytes | None, identity: bytes | None, *, limits: Limits | None = None
) -> Content:
    """What a verified statement and the parts at hand say.

    A part that the statement binds may be absent: destroyed, or not for this reader's eyes. Whether all came
    is for `check_parts`. Forms and vocabularies are checked elsewhere (`protocol.messages.validate`).
    Refuses `content.malformed` (with the claim's pointer), `content.critical`, `content.part_digest`,
    `content.part_malformed`, `content.too_large`, `attachment.too_many`, and the codes of
    `identifiers` and `json_strict`.
    """
    limits = limits or Limits()
    claimed = _claimed_parts(statement, NotAcceptable)
    blocks: tuple[NarrativeBlock, ...] = ()
    persons: Json | None = None
    if narrative is not None:
        _check_digest("narrative", narrative, claimed, NotAcceptable)
        blocks = _read_narrative(narrative, limits.narrative)
    if identity is not None:
        _check_digest("identity", identity, claimed, NotAcceptable)
        persons = _read_identity(identity, limits.identity)
    claims = Claims(statement.claims, code="content.malformed")
    claims.no_unknown_critical("content.critical", _KNOWN_CLAIMS)
    reference = claims.text("case")
    if case_reference(reference) != reference:
        raise claims.wrong("case", "a case reference as the protocol writes it")
    urgency = statement.claims.get("urgency")
    if urgency not in URGENCIES:
        raise claims.wrong("urgency", f"one of {', '.join(URGENCIES)}")
    declaration = claims.text_or_none("safety_declaration")
    if declaration not in (None, NO_DANGER):
        raise claims.wrong("safety_declaration", NO_DANGER)
    answered = claims.text_or_none("in_reply_to")
    via = claims.text_or_none("via")
    if not isinstance(statement.claims.get("coded"), dict):
        raise claims.wrong("coded", "an object")
    return Content(
        id=parse_message_id(claims.text("jti")),
        type=_matching(claims, "type", _TYPE, "the name of a form"),
        form=_form(claims),
        case=CaseReference(reference),
        thread=ThreadId(parse_message_id(claims.text("thread"))),
        in_reply_to=None if answered is None else parse_message_id(answered),
        sender=parse_address(claims.text("iss")),
        recipient=parse_address(claims.text("aud")),
        coded=claims.mapping("coded"),
        narrative=blocks,
        identity=persons,
        urgency=urgency,
        declares_no_danger=declaration is not None,
        vocabulary=_matching(claims, "vocabulary", _RELEASE, "a release such as 2026.11"),
        recipient_entry=claims.text_or_none("recipient_entry"),
        corridor_profile=claims.text_or_none("corridor_profile"),
        attachments=read_claims(claims) if "attachments" in claims else (),
        via=None if via is None else parse_address(via),
        issued_at=claims.moment("iat"),
        statement_digest=statement.digest,
        parts=claimed,
        unknown={name: value for name, value in claims.members() if name not in _KNOWN_CLAIMS},
    )


def _form(claims: Claims) -> int:
    version = claims.integer("form", least=1)
    if version > _MAX_FORM:
        raise claims.wrong("form", "the version of a form")
    return version


def _matching(claims: Claims, name: str, pattern: re.Pattern[str], expected: str) -> str:
    text = claims.text(name)
    if len(text) > _MAX_TYPE or not pattern.fullmatch(text):
        raise claims.wrong(name, expected)
    return text


def _claimed_parts(statement: Statement, refuse: type[Refused]) -> dict[str, str]:
    claims = Claims(statement.claims, code="content.malformed", refuse=refuse)
    claimed = claims.texts_by_name("parts")
    if not claimed.keys() <= {"narrative", "identity"}:
        raise claims.wrong("parts", "digests of the narrative and identity parts alone")
    return claimed


def _check_digest(name: str, part: bytes, claimed: Mapping[str, str], refuse: type[Refused]) -> None:
    if claimed.get(name) != digest(part):
        raise refuse("content.part_digest", "not the part that the statement binds", field=f"/{name}")


def _read_narrative(part: bytes, limit: int) -> tuple[NarrativeBlock, ...]:
    blocks = _read_part("narrative", part, "blocks", limit)
    if not isinstance(blocks, list) or not blocks:
        _malformed("narrative")
    return tuple(_read_block(block) for block in blocks)


def _read_block(block: object) -> NarrativeBlock:
    if not isinstance(block, dict) or block.keys() != {"field", "language", "text"}:
        _malformed("narrative")
    if not all(isinstance(value, str) for value in block.values()):
        _malformed("narrative")
    return NarrativeBlock(**block)


def _read_identity(part: bytes, limit: int) -> Json:
    persons = _read_part("identity", part, "identity", limit)
    if not isinstance(persons, dict):
        _malformed("identity")
    return persons


def _read_part(name: str, part: bytes, member: str, limit: int) -> Any:
    if len(part) > limit:
        raise NotAcceptable("content.too_large", f"expected at most {limit} bytes", field=f"/{name}")
    body = parse_object(part, max_bytes=limit, max_depth=_MAX_PART_DEPTH)
    if body.keys() != {"salt", member}:
        _malformed(name)
    try:
        salt = base64url.decode(body["salt"].encode())
    except (ValueError, AttributeError):
        _malformed(name)
    # A shorter salt would let anybody who holds the statement guess the part from its digest.
    if len(salt) != SALT_BYTES:
        _malformed(name)
    return body[member]


def _malformed(name: str) -> NoReturn:
    raise NotAcceptable("content.part_malformed", "not a part as the protocol describes it", field=f"/{name}")
