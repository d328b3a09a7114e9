"""Indicators: how timely one State answers another, by procedure and calendar year.

    one = measured(thread, consigned, as_of=as_of)     requests: what became of one request
    rows = tally.rows()                                figures: the requests of a year, counted
    differences(ours, theirs)                          told: what two States count differently
    published(row)                                     published: without small numbers
    document(report, "fr"), csv(report, "fr")          shown: a page, a file

Both States compute the same, because nothing counts but what both hold: signed statements of authorities, and
the signed evidence that the other node has each of them (`requests`). No clock of receipt, no case, no child.
"""

from protocol.indicators.figures import (
    DEFINITION,
    Figures,
    Row,
    Share,
    Tally,
    nearest_rank,
    year_of,
)
from protocol.indicators.published import PublishedRow, published, published_as_of, published_year
from protocol.indicators.requests import Measured, Outcome, measured
from protocol.indicators.shown import Comparison, Report, csv, document
from protocol.indicators.told import SETTLES_AFTER, Difference, Told, differences, read_told, settled

__all__ = [
    "DEFINITION",
    "SETTLES_AFTER",
    "Comparison",
    "Difference",
    "Figures",
    "Measured",
    "Outcome",
    "PublishedRow",
    "Report",
    "Row",
    "Share",
    "Tally",
    "Told",
    "csv",
    "differences",
    "document",
    "measured",
    "nearest_rank",
    "published",
    "published_as_of",
    "published_year",
    "read_told",
    "settled",
    "year_of",
]
