"""How long anything may stand where it stands: the rows of `dwell.json`, one for every state there is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from protocol.deadlines import parse_duration

__all__ = ["Dwell", "dwell", "most_of"]

_AT_ONCE = "PT0H"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwell:
    """`what` may stand for `most`, and is explained on `page` (a runbook); or it `rests`, and that says why.

    `notice`: the kind of notice that tells of it. None with `told`, which says who tells instead.
    `more_than`: for what is counted rather than waited for.
    """

    what: str
    most: timedelta | None = None
    page: str = ""
    rests: str = ""
    notice: str | None = "stuck"
    told: str = ""
    more_than: int = 0


@cache
def dwell() -> Mapping[str, Dwell]:
    """Every row, by what it is of."""
    text = resources.files("service.monitor").joinpath("dwell.json").read_text("utf-8")
    return MappingProxyType({row["what"]: _row(row) for row in json.loads(text)["rows"]})


def most_of(what: str) -> timedelta:
    """How long it may stand. KeyError for what has no row; ValueError for what may rest."""
    most = dwell()[what].most
    if most is None:
        raise ValueError(f"{what} may rest")
    return most


def _row(row: Mapping[str, Any]) -> Dwell:
    if ("most" in row) == ("rests" in row) or ("most" in row) != ("page" in row):
        raise ValueError(f"{row['what']}: either `most` and `page`, or `rests`")
    values = dict(row)
    if "most" in row:
        values["most"] = _length(row["most"])
    if "told" in row:
        values["notice"] = None
    return Dwell(**values)


def _length(text: str) -> timedelta:
    if text == _AT_ONCE:
        return timedelta()
    length = parse_duration(text)
    if length.months or length.working_days:
        raise ValueError("a dwell time is in days or hours: it is the same for everybody")
    return timedelta(days=length.days, hours=length.hours)
