"""Safeguard 10: the sender declares that sending endangers nobody's life or liberty."""

from __future__ import annotations

import dataclasses

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import RO, until_agreed


@pytest.mark.parametrize(
    "message_type", ["alert.danger", "child-views.record", "durable-solution.proposal", "query"]
)
def test_nothing_is_said_or_taken_without_the_declaration(message_type: str) -> None:
    case = until_agreed()
    if message_type == "durable-solution.proposal":
        content = case.version("other")
    else:
        content = case.draft("m", message_type, thread="notification")
    both_take(case, content)
    both_refuse(case, dataclasses.replace(content, declares_no_danger=False), 10, "no_danger_declaration")


def test_the_state_of_origin_declares_it_as_well() -> None:
    case = until_agreed()
    content = case.draft("m", "social-inquiry.report", RO, thread="inquiry", declares_no_danger=False)
    both_refuse(case, content, 10, "no_danger_declaration")
