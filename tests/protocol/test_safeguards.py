"""The safeguards: what they refuse, where, and what they say is missing."""

from __future__ import annotations

import dataclasses

import pytest
from two_nodes import ASKER, OFFICES, message

from protocol.content import Content
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference
from protocol.messages import FORMS
from protocol.safeguards import (
    CHECKS,
    SAFEGUARDS,
    CaseFile,
    EvaluatedBy,
    Mark,
    ProtectionStatus,
    Role,
    check_receiving,
    check_sending,
)

CASE = CaseReference("K7QM-3XPT-9V2D-6")


def case_file(role: Role, protection: ProtectionStatus = ProtectionStatus.UNKNOWN) -> CaseFile:
    return CaseFile(reference=CASE, role=role, protection=protection)


NEEDING_A_FILE = frozenset().union(*(row.guards for row in SAFEGUARDS))
"""Their safeguards look at documents: tests/safeguards."""
ORDINARY = sorted(FORMS.keys() - NEEDING_A_FILE | {"case.notification"})

SETTLED = case_file(Role.DESTINATION, ProtectionStatus.NOT_SOUGHT)


def to_origin(message_type: str = "case.notification", *, declared: bool = True) -> Content:
    return message(
        message_type, "m", sender=ASKER, recipient=OFFICES[0], declares_no_danger=declared, in_reply_to=None
    )


def refusal_of_sending(file: CaseFile, content: Content) -> NotAcceptable:
    with pytest.raises(NotAcceptable) as refusal:
        check_sending(file, content)
    return refusal.value


@pytest.mark.parametrize("message_type", ORDINARY)
def test_no_message_is_sent_or_taken_without_the_declaration(message_type: str) -> None:
    content = to_origin(message_type, declared=False)
    assert refusal_of_sending(SETTLED, content).code == "safeguard.no_danger_declaration"
    for known in (None, SETTLED, case_file(Role.ORIGIN)):
        with pytest.raises(NotAcceptable) as refusal:
            check_receiving(known, content)
        assert refusal.value.code == "safeguard.no_danger_declaration"
        (missing,) = refusal.value.missing
        assert (missing.code, missing.supplier) == ("missing.no_danger_declaration", "sender")
        assert "art 37" in missing.source


@pytest.mark.parametrize("message_type", sorted(FORMS))
@pytest.mark.parametrize("status", ["unknown", "possible", "sought"])
def test_nothing_leaves_while_protection_is_not_ruled_out(message_type: str, status: str) -> None:
    blocked = case_file(Role.DESTINATION, ProtectionStatus(status))
    refusal = refusal_of_sending(blocked, to_origin(message_type))
    assert refusal.code == "safeguard.international_protection"
    first, *_ = refusal.missing
    assert (first.code, first.supplier) == ("missing.protection_settled", "destination")
    assert message_type in NEEDING_A_FILE or refusal.missing == (first,)


@pytest.mark.parametrize("message_type", ORDINARY)
def test_a_settled_status_lets_through(message_type: str) -> None:
    check_sending(SETTLED, to_origin(message_type))


def test_a_file_is_blocked_until_somebody_settles_it() -> None:
    assert refusal_of_sending(case_file(Role.DESTINATION), to_origin())
    assert refusal_of_sending(case_file(Role.UNKNOWN), to_origin())


def test_the_state_of_origin_is_not_asked_about_protection() -> None:
    reply = message("accept", "m", sender=OFFICES[0], recipient=ASKER, in_reply_to=None)
    check_sending(case_file(Role.ORIGIN), reply)


def test_protection_never_decides_what_is_received_and_so_leaves_no_trace_at_the_other_state() -> None:
    for status in ProtectionStatus:
        check_receiving(case_file(Role.DESTINATION, status), to_origin("query"))


def test_a_third_state_and_an_international_body_are_abroad_and_an_office_at_home_is_not() -> None:
    blocked = case_file(Role.DESTINATION, ProtectionStatus.SOUGHT)
    for abroad in ("fr.ase", "int.iom"):
        content = dataclasses.replace(to_origin(), recipient=Address(abroad))
        assert refusal_of_sending(blocked, content).code == "safeguard.international_protection"
    check_sending(blocked, dataclasses.replace(to_origin(), recipient=Address("it.tribunale-minorenni")))
    between = dataclasses.replace(to_origin(), sender=Address("int.iom"), recipient=Address("int.iss"))
    assert refusal_of_sending(blocked, between)


def test_all_that_is_missing_is_said_at_once_protection_first() -> None:
    refusal = refusal_of_sending(case_file(Role.DESTINATION), to_origin(declared=False))
    assert refusal.code == "safeguard.international_protection"
    assert [entry.code for entry in refusal.missing] == [
        "missing.protection_settled",
        "missing.no_danger_declaration",
    ]


def test_fifteen_rows_are_in_force() -> None:
    assert [row.number for row in SAFEGUARDS] == list(range(1, 16))
    assert sorted(CHECKS) == list(range(1, 16))
    assert len({row.code for row in SAFEGUARDS}) == 15
    both = {row.number for row in SAFEGUARDS if row.evaluated_by is EvaluatedBy.BOTH}
    assert both == {1, 2, 3, 5, 8, 9, 10, 12, 13, 14}
    assert [row.number for row in SAFEGUARDS if row.evaluated_by is EvaluatedBy.DESTINATION] == [11]


def test_a_source_from_memory_is_never_cited() -> None:
    for row in SAFEGUARDS:
        for source in row.sources:
            assert (source.text in row.cited) == (source.mark in (Mark.READ, Mark.PARTLY))
