"""The columns of the standard's workbook, and which column of a given workbook is which of them.

Row 1 holds names, row 2 labels. Three traps of `HTCDS Excel Spreadsheet v2.0.xlsx` (International
Organization for Migration, UNMigration/HTCDS at 3c2f653, CC BY 4.0): column A has neither and numbers the
rows; of the five columns of a mailing address, four stand over the label of another; one column has a label
and no name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["COLUMNS", "Column", "Header", "Placed", "column_letters", "header_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`label`: as the standard's workbook has it over this name, right or wrong."""

    name: str | None
    label: str

    @property
    def key(self) -> str:
        return self.name or self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A column of a workbook. `at`: from 0. `column`: what it is, None where its header says nothing certain,
    and then `code` says why not."""

    at: int
    shown_as: str
    column: Column | None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """`twice`: keys of columns that stand there more than once; nobody knows which one counts."""

    placed: tuple[Placed, ...]
    twice: tuple[str, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        return frozenset(placed.column.key for placed in self.placed if placed.column is not None)


_COLUMNS: Final = (
    ("cas_CaseOwner", "Case Owner"),
    ("prs_Salutation", "Salutation"),
    ("prs_FirstName", "First Name"),
    ("prs_SecondName", "Second Name"),
    ("con_Consent", "Consent"),
    ("prs_Birthdate", "Birthdate"),
    ("prs_Gender", "Gender"),
    ("prs_Citizenship", "Citizenship"),
    ("prs_Title", "Title"),
    ("prs_Email", "Email"),
    ("prs_HomePhone", "Home Phone"),
    ("prs_MobilePhone", "Mobile Phone"),
    ("prs_MailingCity", "Mailing Street"),
    ("prs_MailingCountry", "Mailing City"),
    ("prs_MailingState", "Mailing State/Province"),
    ("prs_MailingStreet", "Mailing Zip/Postal Code"),
    ("prs_MailingPostalCode", "Mailing Country"),
    ("vic_TraffickingStatus", "Trafficking Status"),
    ("vic_TraffickinStatusDecisionMakingOrg", "Trafficking Status Decision Making Organization"),
    ("vic_MethodOfRecruitment", "Method of Recruitment"),
    ("vic_LocationOfRecruitment", "Location of Recruitment"),
    ("vic_MethodsOfControl", "Methods of Control"),
    ("vic_TypeOfExploitation", "Type of Exploitation"),
    ("vic_ForcedLabourIndustry", "Forced Labour Industry"),
    ("vic_TypeOfSexExploitation", "Type of Sex Exploitation"),
    ("vic_LocationOfExploitation", "Location of Exploitation"),
    ("cas_Status", "Status"),
    ("cas_ReferringOrganisation", "Referring Organisation"),
    ("cas_IncomingReferralDate", "Incoming Referral Date"),
    ("cas_ReferringPrimaryCaseWorker", "Referring Primary Case Worker"),
    ("cas_ReasonForIncomingReferral", "Reason for Incoming Referral"),
    ("cas_IncomingReferralDetails", "Incoming Referral Details"),
    ("cas_ReferredOrganisation", "Referred Organisation"),
    ("cas_ReferredPrimaryCaseWorker", "Referred Primary Case Worker"),
    (None, "Reason for Outgoing Referral"),
    ("cas_OutgoingReferralDate", "Outgoing Referral Date"),
    ("cas_OutgoingReferralDetails", "Outgoing Referral Details"),
    ("cas_ReasonForCaseClosure", "Reason for Case Closure"),
)
COLUMNS: Final = tuple(Column(name=name, label=label) for name, label in _COLUMNS)

_MEANT: Final = {
    "prs_MailingStreet": "Mailing Street",
    "prs_MailingCity": "Mailing City",
    "prs_MailingPostalCode": "Mailing Zip/Postal Code",
    "prs_MailingCountry": "Mailing Country",
}
"""What the names say whose label is another's."""
_OTHER_NAMES: Final = {"vic_TraffickingStatusDecisionMakingOrg": "vic_TraffickinStatusDecisionMakingOrg"}
"""As the standard's other documents spell it."""
_BY_NAME: Final = {column.name: column for column in COLUMNS if column.name is not None}
_BY_LABEL: Final = {_MEANT.get(column.key, column.label): column for column in COLUMNS}


def header_of(names: Sequence[object], labels: Sequence[object]) -> Header:
    """Row 1 and row 2 of a workbook. A label that is nobody's is no contradiction: labels are translated."""
    placed: list[Placed] = []
    for at in range(max(len(names), len(labels))):
        name, label = _text(names, at), _text(labels, at)
        if not name and not label:
            continue
        placed.append(_placed(at, _OTHER_NAMES.get(name, name), label))
    seen = [one.column.key for one in placed if one.column is not None]
    return Header(placed=tuple(placed), twice=tuple(sorted({key for key in seen if seen.count(key) > 1})))


def _placed(at: int, name: str, label: str) -> Placed:
    by_name, by_label = _BY_NAME.get(name), _BY_LABEL.get(label)
    if by_name is not None and by_label is not None and by_name is not by_label:
        return Placed(at=at, shown_as=by_name.key, column=None, code="header.contradiction")
    if by_name is not None:
        return Placed(at=at, shown_as=by_name.key, column=by_name)
    if not name and by_label is not None:
        return Placed(at=at, shown_as=by_label.key, column=by_label)
    # Not by what stands there: a workbook without a header would have a child's name there.
    return Placed(at=at, shown_as=f"column {column_letters(at)}", column=None, code="header.unknown")


def column_letters(at: int) -> str:
    """`A` for 0, as a spreadsheet has it."""
    letters, left = "", at + 1
    while left:
        left, digit = divmod(left - 1, 26)
        letters = chr(65 + digit) + letters
    return letters


def _text(row: Sequence[object], at: int) -> str:
    value = row[at] if at < len(row) else None
    return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""
