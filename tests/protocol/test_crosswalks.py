"""What another list says is taken in where it is certain, and is unknown everywhere else."""

from __future__ import annotations

import pytest

from protocol.vocabularies import scheme, schemes
from protocol.vocabularies.crosswalk import (
    UNKNOWN,
    Mark,
    State,
    UnknownCrosswalkError,
    crosswalk,
    crosswalks,
)

HTCDS = crosswalk("htcds-2.0")
PRIMERO = crosswalk("primero")

SIZES_IN_HTCDS = {
    "vic_TraffickingStatus": 3,
    "vic_MethodsOfControl": 17,
    "vic_Methods_of_Control": 16,
    "vic_MethodOfRecruitment": 10,
    "vic_TypeOfExploitation": 11,
    "vic_ForcedLabourIndustry": 21,
    "vic_TypeOfSexExploitation": 4,
    "prs_Gender": 6,
}
"""Counted in the standard itself, not in our file."""


@pytest.mark.parametrize(("field", "size"), SIZES_IN_HTCDS.items())
def test_every_value_of_htcds_is_listed_and_mapped(field: str, size: int) -> None:
    declared = next(one for one in HTCDS.fields if one.name == field)
    assert len(set(declared.values)) == size
    assert {row.value for row in HTCDS.mappings if row.field == field} == set(declared.values)


def test_what_was_trafficked_or_smuggled_comes_in_as_unknown() -> None:
    row = PRIMERO.to_ours("protection_concerns", "trafficked_smuggled")
    assert (row.scheme, row.code, row.mark) == ("trafficking-status", None, Mark.NONE)
    assert row.imported == UNKNOWN
    assert row.note


def test_no_code_of_ours_ever_goes_out_as_trafficked_or_smuggled() -> None:
    sent = {
        row.value
        for name in schemes()
        for code in scheme(name).concepts
        for row in PRIMERO.from_ours(name, code)
    }
    assert "kafala" in sent
    assert "trafficked_smuggled" not in sent


@pytest.mark.parametrize("name", crosswalks())
def test_what_the_list_does_not_have_is_unknown_and_nothing_is_refused(name: str) -> None:
    for field, value in [("no_such_field", "x"), ("vic_TypeOfExploitation", "OfAnotherRelease"), ("", "")]:
        row = crosswalk(name).to_ours(field, value)
        assert (row.mark, row.imported) == (Mark.NONE, UNKNOWN)


@pytest.mark.parametrize("name", crosswalks())
def test_only_what_is_equal_or_says_less_is_taken_in(name: str) -> None:
    for row in crosswalk(name).mappings:
        taken = row.imported
        assert (taken == UNKNOWN) == (row.mark in (Mark.NONE, Mark.NARROWER))
        assert taken == UNKNOWN or (row.scheme is not None and taken in scheme(row.scheme).concepts)


def test_what_says_more_than_the_other_list_is_shown_and_not_used() -> None:
    row = PRIMERO.to_ours("protection_concerns", "caafag")
    assert (row.code, row.mark) == ("exploitation/armed-groups", Mark.NARROWER)
    assert row.imported == UNKNOWN
    assert row in PRIMERO.matches("exploitation-form", "exploitation/armed-groups")


def test_htcds_other_does_not_hide_forced_criminality() -> None:
    assert HTCDS.to_ours("vic_TypeOfExploitation", "Other").imported == "exploitation"
    assert HTCDS.from_ours("exploitation-form", "exploitation/criminality/drugs") == ()


def test_a_narrower_code_of_ours_goes_out_as_the_value_that_is_broader_and_says_so() -> None:
    (row,) = HTCDS.from_ours("exploitation-form", "exploitation/sexual/live-streaming")
    assert (row.value, row.mark) == ("SexualExploitation", Mark.NARROWER)
    both = HTCDS.from_ours("exploitation-form", "exploitation/sexual/forced-prostitution")
    assert {(row.value, row.mark) for row in both} == {
        ("Prostitution", Mark.EXACT),
        ("SexualExploitation", Mark.NARROWER),
    }


def test_of_the_two_lists_of_means_of_control_the_pinned_one_goes_out() -> None:
    (row,) = HTCDS.from_ours("means-of-control", "debt-bondage")
    assert (row.field, row.value) == ("vic_MethodsOfControl", "MethodsOfControlDebtBondage")
    assert HTCDS.to_ours("vic_Methods_of_Control", "DebtBondage").imported == "debt-bondage"
    assert HTCDS.from_ours("means-of-control", "restricts-movement")
    assert HTCDS.to_ours("vic_Methods_of_Control", "Other").imported == UNKNOWN


def test_a_gender_is_not_taken_for_a_sex() -> None:
    assert HTCDS.to_ours("prs_Gender", "Feminine").imported == UNKNOWN


def test_countries_are_themselves() -> None:
    assert HTCDS.to_ours("prs_Citizenship", "RO").imported == "RO"
    assert HTCDS.to_ours("prs_Citizenship", "XX").imported == UNKNOWN
    assert [row.value for row in HTCDS.from_ours("country", "RO")] == ["RO"]
    assert HTCDS.to_ours("prs_Citizenship", "stateless").imported == UNKNOWN
    assert HTCDS.from_ours("country", "stateless") == ()


def test_htcds_names_its_source_and_its_licence() -> None:
    assert (HTCDS.source, HTCDS.commit, HTCDS.licence) == ("UNMigration/HTCDS", "3c2f653", "CC BY 4.0")
    assert HTCDS.publisher == "International Organization for Migration"


def test_ic_tip_says_that_its_tables_were_not_available_and_maps_nothing() -> None:
    other = crosswalk("ic-tip")
    assert (other.state, other.fields, other.mappings) == (State.NOT_AVAILABLE, (), ())


def test_only_listed_crosswalks_are_opened() -> None:
    with pytest.raises(UnknownCrosswalkError):
        crosswalk("../sex")
