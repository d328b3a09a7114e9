"""Names that travel: addresses, node codes, case references, message ids.

An identifier says nothing about the child. In particular a case reference holds no country, date, sex or
initials (project choice, after the paper's rule that the first agency in contact issues the reference).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import NewType

from protocol.errors import NotAcceptable

__all__ = [
    "Address",
    "CaseReference",
    "MessageId",
    "NodeCode",
    "StateCode",
    "ThreadId",
    "case_reference",
    "new_case_reference",
    "new_message_id",
    "parse_address",
    "parse_message_id",
    "parse_node_code",
    "state_of",
]

StateCode = NewType("StateCode", str)
"""ISO 3166-1 alpha-2 in lower case, or `int` for an international body."""
NodeCode = NewType("NodeCode", str)
"""What the hub knows of a node: NATS token, account and inbox name (`ro`, `int-iom`)."""
Address = NewType("Address", str)
"""An authority: `<state>.<name>`, such as `it.servizio-minori`."""
CaseReference = NewType("CaseReference", str)
"""`K7QM-3XPT-9V2D-6`: twelve random characters and a check character."""
MessageId = NewType("MessageId", str)
"""A UUID in its canonical lower-case form, chosen by the sender."""
ThreadId = NewType("ThreadId", str)
"""The id of the message that opened the conversation."""

_ADDRESS = re.compile(r"(int|[a-z]{2})\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NODE_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MOD_37_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def parse_address(text: str) -> Address:
    """Refuses `identifier.address` when `text` is not `<state>.<name>`."""
    if not _ADDRESS.fullmatch(text):
        raise NotAcceptable(
            "identifier.address",
            "expected `<state>.<name>` in lower case, such as `it.servizio-minori`",
        )
    return Address(text)


def state_of(address: Address) -> StateCode:
    """The State that an authority belongs to (`int` for an international body)."""
    return StateCode(address.partition(".")[0])


def parse_node_code(text: str) -> NodeCode:
    """Refuses `identifier.node_code` unless `text` is lower-case letters, digits and inner hyphens."""
    if not _NODE_CODE.fullmatch(text):
        raise NotAcceptable("identifier.node_code", "expected lower-case letters, digits and inner hyphens")
    return NodeCode(text)


def parse_message_id(text: str) -> MessageId:
    """Refuses `identifier.message_id` unless `text` is a UUID in canonical lower-case form.

    One spelling only: two spellings of one id would be two idempotency keys.
    """
    try:
        canonical = str(uuid.UUID(text))
    except ValueError:
        canonical = None
    if canonical != text:
        raise NotAcceptable("identifier.message_id", "expected a UUID in its canonical lower-case form")
    return MessageId(text)


def new_message_id(random_bytes: Callable[[int], bytes]) -> MessageId:
    """A version 4 UUID made of 16 bytes from `random_bytes`."""
    return MessageId(str(uuid.UUID(bytes=random_bytes(16), version=4)))


def check_character(twelve: str) -> str:
    """The ISO 7064 MOD 37,36 check character of `twelve`: one of 0-9 A-Z."""
    product = 36
    for character in twelve:
        total = (product + _MOD_37_36.index(character)) % 36 or 36
        product = total * 2 % 37
    return _MOD_37_36[(37 - product) % 36]


def case_reference(text: str) -> CaseReference:
    """Read a case reference as a person may write it: any case, spaces or hyphens, O for 0, I or L for 1.

    Refuses `identifier.case_reference` with the reason: length, alphabet or check character.
    """
    compact = re.sub(r"[\s-]", "", text[:64]).upper().translate(str.maketrans("OIL", "011"))
    if len(compact) != 13:
        raise NotAcceptable("identifier.case_reference", "expected 12 characters and a check character")
    if any(character not in _CROCKFORD for character in compact):
        raise NotAcceptable("identifier.case_reference", "expected only digits and A-Z without I, L, O, U")
    if check_character(compact[:12]) != compact[12]:
        raise NotAcceptable(
            "identifier.case_reference.check", "the check character does not fit: a character was mistyped"
        )
    return _grouped(compact)


def new_case_reference(random_bytes: Callable[[int], bytes]) -> CaseReference:
    """Draw a reference; drawn again while its check character would be I, L, O or U.

    Those four are read as other characters by `case_reference`, so they may not stand at the end either.
    """
    while True:
        drawn = "".join(_CROCKFORD[byte % 32] for byte in random_bytes(12))
        check = check_character(drawn)
        if check in _CROCKFORD:
            return _grouped(drawn + check)


def _grouped(thirteen: str) -> CaseReference:
    return CaseReference("-".join((thirteen[:4], thirteen[4:8], thirteen[8:12], thirteen[12])))
