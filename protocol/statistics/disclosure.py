"""What may be told without telling of a few children: the threshold, what is hidden beside, and subtraction.

Every table tells the counts of *blocks*: categories told together, mostly of one category. A block of several
is what suppression is here: none of its categories is shown, and their sum is. Two rules:

1. **Within a release.** Every block has at least ten cases. A category under ten, an empty one too, is hidden
   in the block of hidden ones, together with one more category that a fixed order names, whatever its size.
   An order that followed the sizes would tell them: a reader who knows the rule could work back.
2. **Beside all earlier releases.** A *piece* is all cases that every release, in one dimension, treats alike:
   told in the same block by the same releases. Every piece that has anybody in it has at least ten cases.

Why it holds. Whatever a reader adds and subtracts in one dimension, the result is a sum of whole pieces. Over
several dimensions, take a sum that counts some group of cases once each and nobody else. Among the cases that
the same releases counted, it can vary in one dimension alone: two that vary would count somebody twice, or
less than never, where every combination of categories may have somebody in it. So there it is a sum of whole
pieces of that one dimension. Therefore no sum or difference of numbers that were ever told is, by the tables
alone, the size of a group of one to nine children.

What is not promised: whoever knows from elsewhere that one group lies inside another, such as that all boys
were made to beg, has the size of the rest by subtracting across two dimensions, and it may be under ten. No
rule over tables holds that: the numbers are the same whether or not the one lies inside the other. Further,
that nobody is there may follow from a difference; a refusal by itself tells that some piece is small; and
whoever knows all but one of the children of a block knows the last one. The numbers are exact, without noise.
The threshold, and that an empty category is hidden as a small one is, are project choices; published data on
trafficking hold back counts under ten or eleven (CTDC).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from protocol.identifiers import CaseReference
from protocol.statistics.dimensions import Dimension

__all__ = ["THRESHOLD", "Block", "Earlier", "Placed", "block_name", "telling"]

THRESHOLD: Final = 10  # cases

type Block = tuple[str, ...]
"""Categories told together, in the dimension's order."""
type Earlier = Mapping[CaseReference, Mapping[str, str]]
"""One earlier release: each case that it counted, and by dimension the name of the block that told of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A case in one dimension. `within`: the part of the release that is told apart, such as a sex."""

    reference: CaseReference
    category: str
    within: str = ""


def block_name(block: Block, within: str = "") -> str:
    return f"{within}/{'+'.join(block)}" if within else "+".join(block)


def telling(
    dimension: Dimension,
    cases: Sequence[Placed],
    earlier: Sequence[Earlier],
    *,
    coarsen: bool,
    threshold: int = THRESHOLD,
) -> tuple[Block, ...] | None:
    """The blocks in which these cases may be told; None where nothing may, not even how many they are.

    `coarsen`: hide more for the sake of earlier releases, instead of telling nothing.
    """
    parts = sorted({case.within for case in cases}) or [""]
    sizes = Counter((case.within, case.category) for case in cases)

    def large(block: Iterable[str]) -> bool:
        inside = tuple(block)
        return all(sum(sizes[part, category] for category in inside) >= threshold for part in parts)

    hidden = _hidden_with(dimension, {one for one in dimension.categories if not large([one])}, large)
    if hidden is None:
        return None
    while True:
        blocks = _blocks(dimension, hidden)
        thin = set(_thin(dimension.name, blocks, cases, earlier, threshold))
        if not thin:
            return blocks
        if not coarsen or len(blocks) == 1:
            return None
        more = {category for block in thin for category in block}
        if more <= hidden:
            more = {next(one for one in reversed(dimension.categories) if one not in hidden)}
        hidden = _hidden_with(dimension, hidden | more, large) or frozenset(dimension.categories)


def _hidden_with(
    dimension: Dimension, small: Iterable[str], large: Callable[[Iterable[str]], bool]
) -> frozenset[str] | None:
    """The categories to hide so that the small ones cannot be worked out. None when all of them are small."""
    if not large(dimension.categories):
        return None
    hidden = set(small)
    if not hidden:
        return frozenset()
    given_up = iter(reversed(dimension.categories))
    # Always the first of the order, small or not: so nobody can tell that it is a large one.
    hidden.add(next(given_up))
    while len(hidden) < min(2, len(dimension.categories)) or not large(hidden):
        hidden.add(next(given_up))
    return frozenset(hidden)


def _blocks(dimension: Dimension, hidden: frozenset[str]) -> tuple[Block, ...]:
    shown = tuple((one,) for one in dimension.categories if one not in hidden)
    together = tuple(one for one in dimension.categories if one in hidden)
    return (*shown, together) if together else shown


def _thin(
    name: str, blocks: Sequence[Block], cases: Sequence[Placed], earlier: Sequence[Earlier], threshold: int
) -> Iterator[Block]:
    """The block of each piece that is too small; an empty one for a piece that this release leaves out."""
    block_of = {category: block for block in blocks for category in block}
    told = {case.reference: case for case in cases}
    everybody = set(told).union(*earlier)
    pieces = Counter(
        (
            block_of[told[one].category] if one in told else (),
            told[one].within if one in told else "",
            tuple(_before(release.get(one), name) for release in earlier),
        )
        for one in everybody
    )
    return (block for (block, *_), size in pieces.items() if size < threshold)


def _before(told: Mapping[str, str] | None, name: str) -> str | None:
    # A release without this dimension, such as a stock without corridors, still told of it in its total.
    return None if told is None else told.get(name, "*")
