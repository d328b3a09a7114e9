"""What every test of a safeguard claims: the sender's node refuses, and for this reason alone; and where the
guard is off at the sender, the receiver refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from protocol import safeguards
from protocol.content import Content
from protocol.errors import NotAcceptable
from protocol.identifiers import state_of
from tests.safeguards.whole_case import WholeCase


def _nothing_missing(*_: object) -> Iterator[Any]:
    return iter(())


@contextlib.contextmanager
def taken_out(*numbers: int) -> Iterator[None]:
    """These safeguards refuse nothing in here."""
    before: Mapping[int, Any] = safeguards.CHECKS
    changed = {number: _nothing_missing if number in numbers else check for number, check in before.items()}
    safeguards.CHECKS = MappingProxyType(changed)
    try:
        yield
    finally:
        safeguards.CHECKS = before


def sender_refuses(case: WholeCase, content: Content) -> NotAcceptable:
    with pytest.raises(NotAcceptable) as refusal:
        safeguards.check_sending(case.file(_node(content.sender)), content)
    return refusal.value


def receiver_refuses(case: WholeCase, content: Content) -> NotAcceptable:
    with pytest.raises(NotAcceptable) as refusal:
        safeguards.check_receiving(case.file(_node(content.recipient)), content)
    return refusal.value


def both_refuse(
    case: WholeCase, content: Content, number: int, *codes: str, beside: tuple[int, ...] = ()
) -> None:
    """Refused at both nodes under safeguard `number`, which misses exactly `codes`; without it at the sender
    the message passes there, and the receiver refuses it. `beside`: safeguards that rightly miss something
    as well."""
    row = safeguards.SAFEGUARDS[number - 1]
    with taken_out(*beside):
        for refusal in (sender_refuses(case, content), receiver_refuses(case, content)):
            assert refusal.code == row.code
            assert {entry.code for entry in refusal.missing} == {f"missing.{code}" for code in codes}
            assert all(entry.source == row.cited and entry.supplier for entry in refusal.missing)
        with taken_out(number, *beside):
            safeguards.check_sending(case.file(_node(content.sender)), content)
        receiver_refuses(case, content)


def both_take(case: WholeCase, content: Content) -> None:
    safeguards.check_sending(case.file(_node(content.sender)), content)
    safeguards.check_receiving(case.file(_node(content.recipient)), content)


def _node(address: Any) -> str:
    state = state_of(address)
    return state if state in ("it", "ro") else "ro"
