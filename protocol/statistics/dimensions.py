"""By what cases are counted. In every dimension a case has exactly one category, so that a table adds up.

The dimensions are a project choice after what is asked of States: SDG indicator 16.2.2 wants sex, age and
form of exploitation. A child who was exploited in several forms is in `several`, not in each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from protocol import vocabularies

__all__ = [
    "AGE",
    "CORRIDOR",
    "DIMENSIONS",
    "FORM",
    "OTHER",
    "REACH",
    "SEVERAL",
    "SEX",
    "Dimension",
    "corridors",
]

SEVERAL: Final = "several"
OTHER: Final = "other"
"""Every corridor that is not named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """`categories` in the order in which they are shown. The last of them is given up first, when something
    has to be hidden beside a small number: a fixed order, because a choice by size would tell the sizes."""

    name: str
    scheme: str | None
    categories: tuple[str, ...]

    @property
    def residual(self) -> str:
        """Where a case belongs whose category is not known."""
        return self.categories[-1]


def _codes(scheme: str) -> tuple[str, ...]:
    return tuple(vocabularies.scheme(scheme).concepts)


def _broad_forms() -> tuple[str, ...]:
    broad = tuple(code for code in _codes("exploitation-form") if code.count("/") == 1)
    return (*broad, SEVERAL, "unknown")


AGE: Final = Dimension(
    name="age_band_when_first_trafficked", scheme="age-band", categories=_codes("age-band")
)
SEX: Final = Dimension(name="sex", scheme="sex", categories=_codes("sex"))
FORM: Final = Dimension(name="exploitation_forms", scheme="exploitation-form", categories=_broad_forms())
REACH: Final = Dimension(
    name="trafficking_reach", scheme="trafficking-reach", categories=_codes("trafficking-reach")
)
CORRIDOR: Final = "corridor"
"""The State that notified and the State that it notified, such as `it-ro`. In tables of whole years only:
with few cases on a corridor, the two countries and a month already tell who a child is."""
DIMENSIONS: Final = (SEX, AGE, FORM, REACH)


def corridors(found: Iterable[str]) -> Dimension:
    """Those found, and all others together. Which pairs are named is itself data, so a small one never is."""
    # The first of the alphabet is given up first, after those that have nobody: an order without data.
    return Dimension(name=CORRIDOR, scheme=None, categories=(*sorted(set(found), reverse=True), OTHER))
