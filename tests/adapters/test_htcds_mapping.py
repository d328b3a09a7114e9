"""No cell is passed over in silence, and none is guessed at."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.htcds.columns import COLUMNS, header_of
from adapters.htcds.mapping import (
    FIRST_CONTACT,
    REASONS,
    Standing,
    Understood,
    Unread,
    Value,
    row_of,
    understand,
)
from adapters.htcds.workbook import opened, written
from adapters.kit.crosswalks import crosswalk as fields_of
from protocol.messages import FORMS
from protocol.vocabularies import scheme
from protocol.vocabularies.crosswalk import Mark, crosswalk
from tests.adapters.htcds_stage import GOOD

HEADER = header_of(
    [None, *(column.name for column in COLUMNS)], [None, *(column.label for column in COLUMNS)]
)
AT = {placed.column.key: placed.at for placed in HEADER.placed if placed.column is not None}
CODES = crosswalk("htcds-2.0")
MODEL = FORMS["case.notification"].model
IDENTITY = FORMS["case.notification"].identity_model
TODAY = date(2026, 11, 26)
ADDRESS = {"prs_MailingCity", "prs_MailingCountry", "prs_MailingStreet", "prs_MailingPostalCode"}


def read(row: dict[str, Any], **options: Any) -> Understood:
    asked: dict[str, Any] = {"own_state": "IT", "today": TODAY, "first_contact_declared": True} | options
    return understand({AT[key]: value for key, value in row.items()}, HEADER, **asked)


def notes(said: Understood, column: str) -> list[tuple[str, str]]:
    return [(note.standing, note.code) for note in said.notes if note.column == column]


def answered(said: Understood) -> dict[str, Any]:
    """As the API answers it to whoever may see all of it."""
    return {"content": {"coded": said.coded, "identity": said.identity, "narrative": []}}


def test_the_standard_s_own_header_is_all_known_but_for_the_columns_that_contradict_themselves() -> None:
    assert len(COLUMNS) == 38
    assert sum(column.name is not None for column in COLUMNS) == 37
    contradicting = {placed.shown_as for placed in HEADER.placed if placed.code == "header.contradiction"}
    assert contradicting == ADDRESS
    assert HEADER.known == {column.key for column in COLUMNS} - ADDRESS
    assert "Reason for Outgoing Referral" in HEADER.known


def test_the_crosswalk_says_something_of_every_column_and_of_every_field() -> None:
    told = fields_of("adapters.htcds")
    assert told.silent_about(column.key for column in COLUMNS) == ()
    assert {row.theirs for row in told.carried} | {row.name for row in told.not_carried} == {
        column.key for column in COLUMNS
    }
    ours = {f"case.notification/coded/{name}" for name in MODEL.model_fields}
    assert told.silent_about_ours(ours) == ()
    assert all(row.why for row in told.not_carried)
    assert (told.licence, told.codes) == ("CC BY 4.0", CODES)
    filled = {row.theirs for row in told.carried}
    assert {note.column for note in read(dict(GOOD)).notes if note.standing == "understood"} <= filled


def test_where_a_label_is_translated_the_name_counts_and_where_the_name_is_missing_the_label() -> None:
    header = header_of(["prs_Gender", None, "con_Consent", "foo"], ["Genere", "Consent", None, "Citizenship"])
    assert [(one.column.key if one.column else one.shown_as, one.code) for one in header.placed] == [
        ("prs_Gender", None),
        ("con_Consent", None),
        ("con_Consent", None),
        ("column D", "header.unknown"),
    ]
    assert header.twice == ("con_Consent",)
    contradicting = header_of(["prs_Gender"], ["Citizenship"])
    assert [one.code for one in contradicting.placed] == ["header.contradiction"]


def test_a_header_is_never_shown_when_it_is_not_the_standard_s() -> None:
    header = header_of([None, "Planted-Name"], [None, "Planted-Label"])
    assert [one.shown_as for one in header.placed] == ["column B"]


def test_what_contradicts_itself_is_reported_by_name_and_not_carried() -> None:
    cells: dict[int, Value] = {
        placed.at: "Via Inventata 1" for placed in HEADER.placed if placed.column is None
    }
    cells |= {AT[key]: value for key, value in GOOD.items()}
    cells[60] = "beside the header"
    said = understand(cells, HEADER, own_state="IT", today=TODAY, first_contact_declared=True)
    codes = {note.column: note.code for note in said.notes}
    assert {codes[column] for column in ADDRESS} == {"header.contradiction"}
    assert codes["column BI"] == "header.unknown"
    assert "Inventata" not in repr((said.coded, said.identity))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "consent.missing"),
        (False, "consent.refused"),
        ("FALSE", "consent.refused"),
        ("yes", "consent.unreadable"),
        (1, "consent.unreadable"),
        ("TRUE?", "consent.unreadable"),
        (Unread("cell.formula"), "consent.unreadable"),
    ],
)
def test_silence_never_becomes_consent(value: Value | None, code: str) -> None:
    row = dict(GOOD) | {"con_Consent": value}
    if value is None:
        del row["con_Consent"]
    said = read(row)
    assert (said.stops, said.coded, said.identity, said.country) == ((code,), None, None, None)
    # Nothing else of the row was even looked at.
    assert {note.column for note in said.notes} - {"con_Consent"} - ADDRESS == set()


@pytest.mark.parametrize(
    ("born", "contact", "band", "stops"),
    [
        (date(2008, 11, 3), "2026-11-02", "15-17", ()),
        (date(2008, 11, 2), "2026-11-02", None, ("person.adult",)),
        (date(1990, 1, 1), "2026-11-02", None, ("person.adult",)),
        (date(2026, 11, 2), "2026-11-02", "0-5", ()),
        ("2013-05-17", "2026-11-02", "12-14", ()),
        ("2013", "2026-11-02", "12-14", ()),
        ("2011", "2026-11-02", "unknown-child", ()),
        ("2008", "2026-11-02", "unknown-child", ()),
        ("2008-10", "2026-11-02", None, ("person.adult",)),
        ("2008-11", "2026-11-02", "unknown-child", ()),
        ("03/04/2011", "2026-11-02", "unknown-child", ()),
        (None, "2026-11-02", "unknown-child", ()),
        (2011, "2026-11-02", "unknown-child", ()),
        (date(2026, 11, 3), "2026-11-02", "unknown-child", ()),
    ],
)
def test_age_is_counted_at_the_first_contact_and_doubt_stays_a_child(
    born: Any, contact: str, band: str | None, stops: tuple[str, ...]
) -> None:
    row = dict(GOOD) | {"prs_Birthdate": born, FIRST_CONTACT: contact}
    if born is None:
        del row["prs_Birthdate"]
    said = read(row)
    assert said.stops == stops
    assert (said.coded or {}).get("age_band") == band
    assert (said.coded or {"age_basis": "unknown"})["age_basis"] == "unknown"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("03/04/2011", "date.ambiguous"),
        ("25/12/2010", "date.ambiguous"),
        ("2011-02-30", "date.unreadable"),
        ("about ten", "date.unreadable"),
        (40_000, "date.unreadable"),
        (Unread("cell.formula"), "cell.formula"),
        (date(2027, 1, 1), "date.future"),
        ("2099", "date.future"),
    ],
)
def test_a_day_that_can_be_read_in_two_ways_is_not_read(value: Value, code: str) -> None:
    said = read(dict(GOOD) | {"prs_Birthdate": value})
    assert notes(said, "prs_Birthdate") == [("unreadable", code)]
    assert said.identity is not None
    assert "born" not in said.identity["persons"][0]


def test_the_referral_is_the_first_contact_only_where_an_agency_says_so() -> None:
    said = read(dict(GOOD), first_contact_declared=False)
    assert said.stops == ("first_contact.missing",)
    assert notes(said, FIRST_CONTACT) == [("not-carried", "first_contact.not_declared")]


@pytest.mark.parametrize(
    ("value", "stop"),
    [
        ("Romania", "citizenship.unknown"),
        ("ro", "citizenship.unknown"),
        ("ROU", "citizenship.unknown"),
        ("unknown", "citizenship.unknown"),
        ("RO;MD", "citizenship.several"),
        ("IT", "citizenship.own"),
        (7, "citizenship.unknown"),
    ],
)
def test_whom_to_notify_is_never_guessed(value: Value, stop: str) -> None:
    assert read(dict(GOOD) | {"prs_Citizenship": value}).stops == (stop,)


def test_gender_never_becomes_sex() -> None:
    for value in next(field.values for field in CODES.fields if field.name == "prs_Gender"):
        said = read(dict(GOOD) | {"prs_Gender": value})
        assert said.coded is not None
        assert said.coded["sex"] == "unknown"
        assert notes(said, "prs_Gender") == [("unknown", "gender.is_not_sex")]


def test_identity_is_sent_as_it_was_written_or_not_at_all() -> None:
    said = read(dict(GOOD))
    assert said.identity == {
        "persons": [
            {
                "reference": "child",
                "names": [{"given": "Planted-First", "full": "Planted-First Planted-Second"}],
                "born": "2013-05-17",
                "nationalities": ["RO"],
                "channels": [
                    {"channel": "email", "value": "planted@example.org"},
                    {"channel": "mobile", "value": "+00 000 001"},
                ],
            }
        ]
    }
    without = read(dict(GOOD), with_identity=False)
    assert without.identity is None
    assert notes(without, "prs_FirstName") == [("not-carried", "identity.withheld")]
    nameless = dict(GOOD)
    del nameless["prs_FirstName"]
    said = read(nameless)
    assert said.identity is None
    assert notes(said, "prs_SecondName") == [("not-carried", "name.second_alone")]
    assert notes(said, "prs_Birthdate") == [("broader", "birthdate.band_only")]
    assert notes(read(dict(GOOD) | {"prs_MobilePhone": 391}), "prs_MobilePhone") == [
        ("unreadable", "cell.not_text")
    ]


MAPPED = sorted(
    (field.name, value)
    for field in CODES.fields
    for value in field.values
    if field.name in {"vic_TraffickingStatus", "vic_MethodsOfControl", "vic_MethodOfRecruitment"}
    or field.name in {"vic_TypeOfExploitation", "vic_TypeOfSexExploitation"}
)


@pytest.mark.parametrize(("column", "value"), MAPPED)
def test_every_value_of_the_standard_comes_back_equal_or_is_named(column: str, value: str) -> None:
    said = read({**GOOD, "vic_TypeOfExploitation": "ForcedBegging", column: value})
    assert said.coded is not None
    back = row_of(answered(said), first_contact_declared=True)
    row = CODES.to_ours(column, value)
    if row.mark is Mark.EXACT:
        assert notes(said, column) == [("understood", "cell.understood")]
        assert back.cells[column] == value
    else:
        assert row.mark is Mark.BROADER
        assert notes(said, column) == [("broader", "value.broader")]
        assert value not in str(back.cells.get(column, "")).split(";") or row.code is None
        named = {(left.field, left.value) for left in back.left_out}
        exact = any(one.mark is Mark.EXACT for one in CODES.from_ours(str(row.scheme), str(row.code)))
        assert exact or ("exploitation_forms", row.code) in named


def test_the_other_list_of_methods_of_control_is_read_and_the_pinned_one_written() -> None:
    said = read(dict(GOOD) | {"vic_MethodsOfControl": "DebtBondage\nThreatensChildrenFamily;Other;Nonsense"})
    assert said.coded is not None
    assert said.coded["means_of_control"] == ["debt-bondage", "threats"]
    assert notes(said, "vic_MethodsOfControl") == [
        ("understood", "cell.understood"),
        ("broader", "value.broader"),
        ("unknown", "value.no_match"),
        ("unknown", "value.no_match"),
    ]
    back = row_of(answered(said))
    assert back.cells["vic_MethodsOfControl"] == "MethodsOfControlDebtBondage;MethodsOfControlThreats"


def test_a_whole_row_comes_back_and_comes_in_again_as_the_same() -> None:
    first = read(dict(GOOD))
    back = row_of(answered(first), first_contact_declared=True)
    expected = {
        key: value.date() if isinstance(value, datetime) else value
        for key, value in GOOD.items()
        if key != "con_Consent"
    }
    assert back.cells == expected
    # What is left out is only what the import could not know either, or derived.
    assert {left.field for left in back.left_out} == {"age_band"}
    again = read({**back.cells, "con_Consent": True})
    assert (again.coded, again.identity) == (first.coded, first.identity)
    # Consent does not come back: an export that is imported as it is sends nothing.
    assert read(dict(back.cells)).stops == ("consent.missing",)


def test_what_the_standard_cannot_say_of_a_message_is_named() -> None:
    from tests.protocol.sample_contents import sample

    content = sample("case.notification")
    message = {
        "content": {
            "coded": content.coded,
            "identity_state": "sealed",
            "narrative": [{"field": block.field} for block in content.narrative],
        }
    }
    back = row_of(message)
    named = {(left.field, left.value, left.code) for left in back.left_out}
    assert ("exploitation_forms", "exploitation/criminality/theft", "export.no_value") in named
    assert ("trafficking_status", "presumed", "export.no_value") in named
    assert ("sex", "female", "export.no_column") in named
    assert ("narrative/circumstances", "", "export.narrative") in named
    assert ("identity", "sealed", "export.identity") in named
    said_of = {left.field.partition("/")[0] for left in back.left_out}
    carried = {"believed_nationalities", "recruitment_methods", "means_of_control"}
    unknown = {name for name, value in content.coded.items() if value == "unknown"}
    assert set(content.coded) <= said_of | carried | unknown
    assert back.cells["prs_Citizenship"] == "RO"
    assert back.cells["vic_TypeOfExploitation"] == "ForcedBegging"
    assert not {"prs_FirstName", "prs_Birthdate"} & set(back.cells)


def test_a_code_that_the_standard_says_less_of_is_written_so_and_named() -> None:
    message = {"content": {"coded": {"exploitation_forms": ["exploitation/sexual/live-streaming"]}}}
    back = row_of(message)
    assert back.cells == {"vic_TypeOfExploitation": "SexualExploitation"}
    assert [left.code for left in back.left_out] == ["export.says_less"]


CODED = (
    "vic_MethodsOfControl",
    "vic_Methods_of_Control",
    "vic_TypeOfExploitation",
    "vic_TypeOfSexExploitation",
    "vic_MethodOfRecruitment",
    "vic_TraffickingStatus",
)

anything = st.one_of(
    st.text(max_size=40),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.dates(),
    st.datetimes(),
    st.sampled_from([Unread("cell.formula"), Unread("cell.too_long")]),
    st.sampled_from([row.value for row in CODES.mappings]),
    st.lists(st.sampled_from([row.value for row in CODES.mappings]), max_size=4).map(";".join),
    st.sampled_from(["RO", "MD", "ro", "TRUE", "2013", "2013-05", "2013-05-17", "03/04/2011"]),
)


@given(st.dictionaries(st.integers(0, 45), anything, max_size=45), st.booleans(), st.booleans())
def test_nothing_is_guessed_whatever_stands_in_the_cells(
    cells: dict[int, Value], declared: bool, consenting: bool
) -> None:
    if consenting:
        # Over a row in order, or hardly any would be understood.
        cells = {AT[key]: value for key, value in GOOD.items()} | cells
        cells[AT["con_Consent"]] = True
    said = understand(cells, HEADER, own_state="IT", today=TODAY, first_contact_declared=declared)
    assert all(note.code in REASONS for note in said.notes)
    assert all(code in REASONS for code in said.stops)
    assert (said.coded is None) == bool(said.stops)
    consent = cells.get(AT["con_Consent"])
    if consent is not True and not (isinstance(consent, str) and consent.strip().upper() == "TRUE"):
        assert said.coded is None
        return
    filled = {
        placed.shown_as
        for placed in HEADER.placed
        if (value := cells.get(placed.at)) is not None and not (isinstance(value, str) and not value.strip())
    }
    separators = {
        placed.shown_as
        for placed in HEADER.placed
        if isinstance(value := cells.get(placed.at), str) and not value.replace(";", " ").strip()
    }
    assert filled - separators <= {note.column for note in said.notes}
    if said.coded is None:
        return
    MODEL.model_validate(said.coded)
    if said.identity is not None:
        assert IDENTITY is not None
        IDENTITY.model_validate(said.identity)
    allowed = {
        row.imported
        for column in CODED
        for value in str(cells.get(AT.get(column, AT["vic_MethodsOfControl"]), ""))
        .replace("\n", ";")
        .split(";")
        if (row := CODES.to_ours(column, value.strip())).code is not None
    }
    told = {
        *said.coded.get("means_of_control", ()),
        *said.coded["exploitation_forms"],
        *said.coded.get("recruitment_methods", ()),
        said.coded["trafficking_status"],
    }
    assert told - {"unknown"} <= allowed
    assert said.coded["believed_nationalities"][0]["country"] == str(cells[AT["prs_Citizenship"]]).strip(
        "; \n\r\t"
    )


@given(st.data())
def test_every_code_of_ours_is_written_or_named(data: st.DataObject) -> None:
    lists = {
        "means_of_control": "means-of-control",
        "recruitment_methods": "recruitment-method",
        "exploitation_forms": "exploitation-form",
    }
    coded = {
        name: data.draw(st.lists(st.sampled_from(list(scheme(of).concepts)), unique=True, max_size=6))
        for name, of in lists.items()
    }
    back = row_of({"content": {"coded": coded}})
    named = {(left.field, left.value) for left in back.left_out}
    for name, of in lists.items():
        for code in coded[name]:
            exact = [row for row in CODES.from_ours(of, code) if row.mark is Mark.EXACT]
            for row in exact:
                assert row.value in str(back.cells[row.field]).split(";")
            assert exact or (name, code) in named or code == "unknown"


def test_the_template_has_the_standard_s_header(tmp_path: Path) -> None:
    with written(tmp_path / "empty.xlsx"):
        pass
    with opened(tmp_path / "empty.xlsx") as workbook:
        assert workbook.header == HEADER
        assert list(workbook.rows()) == []


def test_standings_are_those_of_the_report() -> None:
    assert set(Standing) == {"understood", "broader", "unknown", "not-carried", "unreadable"}
