"""What an intermediary may say for a State without a node, and what nobody may say for a State.

A content statement of such a State has its authority as `iss`, the intermediary's authority as `via`, and is
signed with the intermediary's key. Both nodes ask the same of it:

    the key is that of `via`, and where there is no `via` it is no intermediary's
    a mandate covers it when it was signed, and when it is received
    what is in it is among the parts that the mandate gives
    it binds the State to nothing: no acceptance, no revocation, nothing that a second person has to sign

An attestation (`relay.attestation`) says what paper a message was typed from, and how sure that is. A consent
on paper comes with its scan: `original_digest` is the digest by which the statement binds that attachment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

from protocol import messages
from protocol.attachments import AttachmentClaim
from protocol.conversations.table import ATTEST
from protocol.directory.lookup import Directory
from protocol.directory.mandates import (
    intermediary_of_node,
    is_intermediary_node,
    require_mandate,
    was_mandated,
)
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, MessageId, NodeCode, state_of
from protocol.messages.relay_attestation import CONSENT_FORMS, IDENTIFIED
from protocol.statements import VerifyKey

__all__ = [
    "ATTEST",
    "CONFIRMED",
    "CONSENT_FORMS",
    "IDENTIFIED",
    "Attested",
    "Relayed",
    "attestation_of",
    "attested_by",
    "attested_in",
    "check_relayed",
    "check_scan",
    "check_unnamed",
    "parts_to_be_given",
    "require_may_say",
    "require_same_original",
]

CONFIRMED: Final = "paper-consent-confirmed"
"""The evidence by which an authority says that two of its people have confirmed a consent on paper."""

_HOW_IT_CAME: Final = ("original_form", "authentication")
_STRENGTHS: Final = ("unauthenticated", "known-correspondent", "seen-and-identified")
_NEVER: Final = frozenset({"durable-solution.acceptance", "durable-solution.revocation"})


class Relayed(Protocol):
    """What is read of a message: `protocol.content.Content` has it."""

    @property
    def id(self) -> MessageId: ...
    @property
    def type(self) -> str: ...
    @property
    def sender(self) -> Address: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def via(self) -> Address | None: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def parts(self) -> Mapping[str, str]: ...
    @property
    def attachments(self) -> Iterable[AttachmentClaim]: ...
    @property
    def issued_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """What an intermediary says of the paper behind a message. `authentication`: a code of
    `authentication-strength`; `original_digest`: of the scan; `attestation`: the message that says so.
    `besides`: what it attested of the same message by another original, none of it weaker than this."""

    original_form: str
    authentication: str
    received_on: date | None
    original_digest: str
    attestation: MessageId
    besides: tuple[Attested, ...] = ()


def require_may_say(
    message_type: str, via: Address | None, on_behalf_of: Address, coded: Mapping[str, Any]
) -> None:
    """Refuses `intermediary.cannot_bind` for a form that binds the State, said through an intermediary, and
    `intermediary.attests` for an attestation by anybody else, or of another State's paper."""
    if message_type == ATTEST:
        relays = via is not None or state_of(on_behalf_of) == "int"
        named = coded.get("on_behalf_of")
        if not relays or (via is not None and named != on_behalf_of):
            raise NotAcceptable(
                "intermediary.attests",
                "an intermediary attests, for the authority whose paper it holds",
                field="/coded/on_behalf_of",
            )
        return
    if via is None:
        return
    # A form of a newer release is none that we know to bind nobody.
    form = messages.FORMS.get(message_type)
    if message_type in _NEVER or form is None or form.supervised:
        raise NotAcceptable(
            "intermediary.cannot_bind",
            f"{message_type} binds a State: only its own authority says it",
            facts={"intermediary": via},
        )


def check_scan(message_type: str, coded: Mapping[str, Any], attachments: Iterable[AttachmentClaim]) -> None:
    """Refuses `intermediary.scan` for an attestation that comes with documents of which none is the one whose
    digest it gives, and for a consent on paper without any.

    The digest is the blinded one of `protocol.attachments`, so that the statement alone shows it, and nobody
    who has another copy of the paper recognises it in the coded part. That the document is what its digest
    says is checked where its pieces are put together. An attestation without a scan names what only the
    intermediary's own file can be compared with.
    """
    if message_type != ATTEST:
        return
    there = {one.digest for one in attachments}
    if (there or coded.get("agreement") is not None) and coded.get("original_digest") not in there:
        raise NotAcceptable(
            "intermediary.scan",
            "expected the scan as an attachment, and `original_digest` to be that attachment's digest",
            field="/coded/original_digest",
        )


def check_relayed(
    content: Relayed,
    *,
    procedure: str | None,
    directory: Directory,
    now: datetime,
    node: NodeCode | None = None,
) -> None:
    """Everything that is asked of a message with `via`, at the sender and again at the receiver; nothing of
    one without. `node`: the node that sent it.

    Refuses as `require_may_say`, `check_scan` and `require_mandate` (at `now`), `mandate.not_covered` for one
    signed when no mandate covered it, `mandate.part` for a part that the mandate does not give,
    `intermediary.own_node` when the State has a node of its own, and `intermediary.unknown` when `via` is no
    intermediary there.
    """
    require_may_say(content.type, content.via, content.sender, content.coded)
    check_scan(content.type, content.coded, content.attachments)
    via = content.via
    if via is None:
        return
    serving = directory.authority(content.sender).node
    if not is_intermediary_node(directory, serving, content.sender):
        raise NotAcceptable(
            "intermediary.own_node", f"{content.sender} has a node of its own, and speaks there itself"
        )
    if via not in intermediary_of_node(directory, serving) or node not in (None, serving):
        raise NotAcceptable("intermediary.unknown", f"{via} is no intermediary that serves {content.sender}")
    asked: dict[str, Any] = {
        "state": state_of(content.sender),
        "intermediary": via,
        "procedure": procedure,
        "towards": state_of(content.recipient),
    }
    mandate = require_mandate(directory, **asked, at=now)
    parts = parts_to_be_given(content.type, content.parts)
    outside = parts - set(mandate.parts)
    if outside:
        part = sorted(outside)[0]
        raise NotAcceptable(
            "mandate.part",
            f"the mandate does not give the {part} part",
            field=f"/{part}",
            facts={"part": part},
        )
    if not was_mandated(directory, **asked, parts=parts, at=content.issued_at):
        raise NotAcceptable(
            "mandate.not_covered", "no mandate covered this when it was signed", facts={"intermediary": via}
        )


def parts_to_be_given(message_type: str, parts: Iterable[str]) -> frozenset[str]:
    """The parts of a message that a mandate has to give. An attestation's identity part holds the scan that
    the intermediary made itself."""
    return frozenset() if message_type == ATTEST else frozenset(parts)


def check_unnamed(
    sender: Address, key: VerifyKey, directory: Directory, *, refuse: type[Refused] = NotAcceptable
) -> None:
    """Without `via` a State's own key signs. Refuses `intermediary.unnamed` when an intermediary's key does,
    under whatever name the State lists it."""
    try:
        serving = directory.authority(sender).node
        foreign = is_intermediary_node(directory, serving, sender)
    except Refused:
        return
    if not foreign:
        return
    held = list(directory.node(serving).signing_keys)
    for intermediary in intermediary_of_node(directory, serving):
        held += directory.authority(intermediary).signing_keys
    if any(record.verify_key().raw == key.raw for record in held):
        raise refuse(
            "intermediary.unnamed", "an intermediary's key signed, and the message does not name it in `via`"
        )


def require_same_original(said: Relayed, earlier: Iterable[Relayed]) -> None:
    """Refuses `intermediary.attested_otherwise` for an attestation that gives an original, by its digest,
    another form or strength than its intermediary gave it before: one sheet came in one way alone, and nobody
    upgrades what anybody with a link could have written."""
    if said.type != ATTEST:
        return
    for one in earlier:
        if (
            one.type == ATTEST
            and one.id != said.id
            and attested_by(one) == attested_by(said)
            and one.coded.get("original_digest") == said.coded.get("original_digest")
            and any(one.coded.get(name) != said.coded.get(name) for name in _HOW_IT_CAME)
        ):
            raise NotAcceptable(
                "intermediary.attested_otherwise",
                "the same original was attested in another form, or as less or more sure",
                field="/coded/original_digest",
            )


def attested_by(said: Relayed) -> Address:
    """Whose word an attestation is: the intermediary's, also where it speaks for itself."""
    return said.sender if said.via is None else said.via


def attestation_of(message: MessageId, said: Iterable[Relayed], *, by: Address) -> Attested | None:
    """What the intermediary that typed a message attested of it; None while nothing has come.

    Of several the weakest, with the others `besides`: a second original makes nothing surer than the first
    (project choice). Of equally weak ones the first.
    """
    found = sorted(
        (
            one
            for one in said
            if one.type == ATTEST and one.via == by and one.coded.get("attested_message") == message
        ),
        key=lambda one: (_strength(one.coded), one.issued_at, one.id),
    )
    if not found:
        return None
    weakest, *others = (attested_in(one.id, one.coded) for one in found)
    return dataclasses.replace(weakest, besides=tuple(others))


def _strength(coded: Mapping[str, Any]) -> int:
    """A code of a newer release is no stronger than nothing."""
    code = str(coded.get("authentication"))
    return _STRENGTHS.index(code) if code in _STRENGTHS else 0


def attested_in(attestation: MessageId, coded: Mapping[str, Any]) -> Attested:
    """What the coded part of an attestation says."""
    return Attested(
        original_form=str(coded.get("original_form")),
        authentication=str(coded.get("authentication")),
        received_on=_day(coded.get("received_on")),
        original_digest=str(coded.get("original_digest")),
        attestation=attestation,
    )


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
