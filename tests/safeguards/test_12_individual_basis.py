"""Safeguard 12: an agreement between the two States in general is no basis for one child."""

from __future__ import annotations

import pytest

from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import until_agreed, until_decided, until_proposed

GENERAL = {"legal_bases": ["bilateral-agreement"]}


def test_a_bilateral_agreement_alone_is_no_basis_and_beside_another_it_is_one() -> None:
    case = until_decided()
    both_refuse(case, case.version(terms=GENERAL), 12, "individual_legal_basis")
    both_take(case, case.version(terms={"legal_bases": ["bilateral-agreement", "crc-1989"]}))


@pytest.mark.parametrize(
    ("left_out", "code", "beside"),
    [
        ("social_inquiries", "social_inquiry", ()),
        ("risk_assessment", "risk_assessment", (1, 8)),
        ("child_views", "child_views", (5,)),
        ("best_interests", "best_interests", (8,)),
    ],
)
def test_a_move_rests_on_this_childs_own_documents(left_out: str, code: str, beside: tuple[int, ...]) -> None:
    case = until_decided()
    both_refuse(case, case.version(rests_on={left_out: None}), 12, code, beside=beside)


def test_it_is_asked_again_of_the_acceptance_and_of_the_handover() -> None:
    case = until_proposed()
    case.propose(terms=GENERAL)
    both_refuse(case, case.acceptance(), 12, "individual_legal_basis")
    case = until_agreed()
    case.propose(terms=GENERAL)
    both_refuse(case, case.handover(), 12, "individual_legal_basis")
