"""Statistics that leave a node: distinct cases, counted so that no small group of children can be worked out.

    cases = counted_cases(told)                        counting: one child, one case
    chosen = release(..., cases, earlier=...)          releases: frozen, and safe beside all earlier ones
    document(chosen, "fr"), csv(chosen, "fr")          shown: a page, a file

What is promised, and why it holds, is said in `disclosure`.
"""

from protocol.statistics.counting import COUNTED_TYPES, CountedCase, Told, counted_cases
from protocol.statistics.dimensions import CORRIDOR, DIMENSIONS, SEX, Dimension
from protocol.statistics.disclosure import THRESHOLD, Earlier
from protocol.statistics.releases import (
    Cell,
    Population,
    Release,
    Released,
    Role,
    Table,
    population,
    release,
    release_from_json,
)
from protocol.statistics.shown import csv, document

__all__ = [
    "CORRIDOR",
    "COUNTED_TYPES",
    "DIMENSIONS",
    "SEX",
    "THRESHOLD",
    "Cell",
    "CountedCase",
    "Dimension",
    "Earlier",
    "Population",
    "Release",
    "Released",
    "Role",
    "Table",
    "Told",
    "counted_cases",
    "csv",
    "document",
    "population",
    "release",
    "release_from_json",
]
