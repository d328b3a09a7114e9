"""What a list of codes may not say: one thing twice, or that there is nothing beside something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Annotated, Final

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from protocol.messages.form import Coded, Several

__all__ = ["EachOnce", "Limitations", "alone", "each_once"]


def each_once[Item: Hashable](items: Iterable[Item]) -> tuple[Item, ...]:
    """`items` as they are. Refuses one that is said twice: a reader cannot tell which of the two holds."""
    said = tuple(items)
    if any(count > 1 for count in Counter(said).values()):
        raise PydanticCustomError("each_once", "each entry once")
    return said


def alone(code: str) -> AfterValidator:
    """`code` denies what every other code of its list says, so it stands alone or not at all."""

    def check(codes: tuple[str, ...]) -> tuple[str, ...]:
        if code in codes and len(codes) > 1:
            raise PydanticCustomError("alone", "one of these codes denies the others")
        return codes

    return AfterValidator(check)


EachOnce: Final = AfterValidator(each_once)
"""Marks a list that may not say one thing twice."""
Limitations = Annotated[Several[Annotated[str, Coded("report-limitation")]], EachOnce, alone("none")]
"""What limits a finding; `none` alone where nothing does."""
