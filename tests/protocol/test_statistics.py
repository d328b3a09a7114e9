"""What may be told of few children: nothing that can be subtracted back to them.

The attacker here shares no code with the rule: it holds the published numbers as linear equations over the
groups of cases that it cannot tell apart, and asks of every such group whether its size follows.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, StateCode
from protocol.languages import available_languages
from protocol.rendering import printed
from protocol.statistics import (
    CORRIDOR,
    DIMENSIONS,
    CountedCase,
    Dimension,
    Population,
    Release,
    Released,
    Told,
    counted_cases,
    csv,
    document,
    population,
    release,
    release_from_json,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
IT, RO, MD = Address("it.servizio-minori"), Address("ro.anpdca"), Address("md.protectie")


# -- the attacker


type Atom = tuple[Any, ...]
type Equation = tuple[frozenset[Atom], int]


def null_space(rows: Sequence[Sequence[int]], width: int) -> list[list[Fraction]]:
    """Every direction in which the sizes can move without any published number changing."""
    matrix = [[Fraction(value) for value in row] for row in rows]
    pivots: list[int] = []
    for column in range(width):
        row = next((i for i in range(len(pivots), len(matrix)) if matrix[i][column]), None)
        if row is None:
            continue
        at = len(pivots)
        matrix[at], matrix[row] = matrix[row], matrix[at]
        lead = matrix[at][column]
        matrix[at] = [value / lead for value in matrix[at]]
        for i, other in enumerate(matrix):
            if i != at and other[column]:
                factor = other[column]
                matrix[i] = [a - factor * b for a, b in zip(other, matrix[at], strict=True)]
        pivots.append(column)
    free = [column for column in range(width) if column not in pivots]
    basis = []
    for column in free:
        vector = [Fraction(0)] * width
        vector[column] = Fraction(1)
        for at, pivot in enumerate(pivots):
            vector[pivot] = -matrix[at][column]
        basis.append(vector)
    return basis


def derivable_groups(atoms: Sequence[Atom], equations: Iterable[Equation]) -> Iterator[frozenset[Atom]]:
    """Every group whose size follows from the equations alone: those that no free direction changes."""
    rows = [[int(atom in inside) for atom in atoms] for inside, _ in equations]
    basis = null_space(rows, len(atoms))
    for bits in range(1, 1 << len(atoms)):
        chosen = [i for i in range(len(atoms)) if bits >> i & 1]
        if all(sum((vector[i] for i in chosen), Fraction(0)) == 0 for vector in basis):
            yield frozenset(atoms[i] for i in chosen)


def equations_of(
    made: Release, atoms: Sequence[Atom], names: Sequence[str], which: int
) -> Iterator[Equation]:
    """The published numbers of the release of number `which`. An atom: membership, then its categories."""
    inside = [atom for atom in atoms if atom[0][which]]
    if made.total is None:
        return
    yield frozenset(inside), made.total
    for table in made.tables:
        places = [names.index(name) for name in table.dimensions]
        for cell in table.cells:
            yield (
                frozenset(
                    atom
                    for atom in inside
                    if all(atom[1 + place] in block for place, block in zip(places, cell.codes, strict=True))
                ),
                cell.count,
            )


# -- what it attacks

TWO = (
    Dimension(name="sex", scheme=None, categories=("a", "b")),
    Dimension(name="form", scheme=None, categories=("p", "q")),
)
FOUR = (Dimension(name="sex", scheme=None, categories=("a", "b", "c", "d")),)
THREE = (Dimension(name="sex", scheme=None, categories=("a", "b")),)


def made_up(reference: str, values: Mapping[str, str], **more: Any) -> CountedCase:
    return CountedCase(
        reference=CaseReference(reference),
        references=frozenset({CaseReference(reference)}),
        known_since=more.pop("known_since", datetime(2026, 5, 1, tzinfo=UTC)),
        role=more.pop("role", "destination"),
        open=more.pop("open", True),
        values=MappingProxyType({CORRIDOR: "it-ro", **values}),
    )


def published(
    sizes: Mapping[Atom, int], dimensions: Sequence[Dimension], *, by_sex: bool, coarsen: bool, threshold: int
) -> list[tuple[int, Released]]:
    """The releases that the rule lets out, one after another, of populations as the atoms overlap."""
    cases = {
        (atom, number): made_up(
            f"{place}-{number}", dict(zip((d.name for d in dimensions), atom[1:], strict=True))
        )
        for place, (atom, size) in enumerate(sizes.items())
        for number in range(size)
    }
    memberships = len(next(iter(sizes))[0])
    out: list[tuple[int, Released]] = []
    for which in range(memberships):
        inside = [case for (atom, _), case in cases.items() if atom[0][which]]
        try:
            made = release(
                # A stock: no corridor, and as many days as there are.
                Population(role="destination", day=date(2026, 1, 1 + which), by_sex=by_sex),
                inside,
                [one.counted for _, one in out if one.release.total is not None],
                now=NOW,
                coarsen=coarsen,
                dimensions=dimensions,
                threshold=threshold,
            )
        except NotAcceptable as refused:
            if refused.code != "statistics.would_reveal":
                raise
            continue
        out.append((which, made))
    return out


@st.composite
def populations(draw: st.DrawFn, releases: int, dimensions: Sequence[Dimension]) -> dict[Atom, int]:
    categories = list(itertools.product(*(one.categories for one in dimensions)))
    patterns = [p for p in itertools.product((False, True), repeat=releases) if any(p)]
    # Some memberships nobody has, and the attacker knows it: a stock within a year, nobody who left.
    kept = draw(st.lists(st.sampled_from(patterns), min_size=1, max_size=3, unique=True))
    size = st.one_of(st.integers(0, 4), st.integers(3, 12), st.just(0))
    return {(pattern, *values): draw(size) for pattern in kept for values in categories}


def attack(sizes: Mapping[Atom, int], dimensions: Sequence[Dimension], **how: Any) -> int:
    """Fails where a small group follows from what was published. Returns how many releases were."""
    atoms = list(sizes)
    names = [one.name for one in dimensions]
    out = published(sizes, dimensions, **how)
    equations = [
        equation for which, one in out for equation in equations_of(one.release, atoms, names, which)
    ]
    for inside, count in equations:
        assert sum(sizes[atom] for atom in inside) == count, "what is published is true"
    for group in derivable_groups(atoms, equations):
        size = sum(sizes[atom] for atom in group)
        assert size == 0 or size >= how["threshold"], (sorted(group), size, equations)
    return len(out)


@pytest.mark.parametrize(
    ("dimensions", "releases"), [(TWO, 1), (TWO, 2), (FOUR, 2), (FOUR, 3), (THREE, 3), (THREE, 4)]
)
def test_no_sum_or_difference_of_what_was_released_is_a_small_group(
    dimensions: Sequence[Dimension], releases: int
) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sizes=populations(releases, dimensions), by_sex=st.booleans(), coarsen=st.booleans())
    def attacked(sizes: dict[Atom, int], *, by_sex: bool, coarsen: bool) -> None:
        attack(sizes, dimensions, by_sex=by_sex, coarsen=coarsen, threshold=3)

    attacked()


def test_the_attacker_finds_what_a_careless_pair_of_releases_reveals() -> None:
    """A stock of 30, and a week later one of 32: nobody left, two came."""
    both, second = (True, True), (False, True)
    atoms: list[Atom] = [(both, "a"), (second, "a")]
    sizes = {atoms[0]: 30, atoms[1]: 2}
    careless: list[Equation] = [(frozenset(atoms[:1]), 30), (frozenset(atoms), 32)]
    assert frozenset(atoms[1:]) in set(derivable_groups(atoms, careless))
    dimension = (Dimension(name="sex", scheme=None, categories=("a", "z")),)
    grown = {**sizes, (both, "z"): 0, (second, "z"): 0}
    assert attack(grown, dimension, by_sex=False, coarsen=True, threshold=10) == 1


def test_three_releases_that_are_harmless_in_pairs_are_refused_together() -> None:
    """Each pair differs by large groups. All three together single out the two cases that only two had."""
    sizes = {
        ((True, True, False), "a"): 2, ((True, True, False), "b"): 40,
        ((False, True, True), "a"): 30, ((False, True, True), "b"): 30,
        ((True, False, True), "a"): 30, ((True, False, True), "b"): 30,
    }  # fmt: skip
    assert attack(sizes, THREE, by_sex=False, coarsen=False, threshold=10) < 3


def hidden_and_told(sizes: Sequence[int], threshold: int) -> tuple[Any, ...] | None:
    names = ("a", "b", "c", "d")[: len(sizes)]
    dimension = Dimension(name="sex", scheme=None, categories=names)
    cases = [
        made_up(f"{name}-{number}", {"sex": name})
        for name, size in zip(names, sizes, strict=True)
        for number in range(size)
    ]
    wanted = Population(role="destination", day=date(2026, 1, 1))
    made = release(wanted, cases, [], now=NOW, dimensions=[dimension], threshold=threshold).release
    return made.total, tuple((cell.codes, cell.count) for table in made.tables for cell in table.cells)


@pytest.mark.parametrize("categories", [2, 3, 4])
def test_who_knows_the_rule_learns_no_more_than_that_a_hidden_number_is_small(categories: int) -> None:
    """Every table of up to 14 cases: those that look alike leave a hidden number at least as open as "under
    the threshold"."""
    threshold = 3
    alike: dict[Any, list[tuple[int, ...]]] = defaultdict(list)
    for sizes in itertools.product(range(15), repeat=categories):
        if threshold <= sum(sizes) <= 14:
            alike[hidden_and_told(sizes, threshold)].append(sizes)
    hiding = 0
    for (total, cells), tables in alike.items():
        assert total is not None
        hidden = {code for codes, _ in cells for code in codes[0] if len(codes[0]) > 1}
        for place, name in enumerate("abcd"[:categories]):
            if name in hidden:
                hiding += 1
                possible = {sizes[place] for sizes in tables}
                assert len(possible) >= threshold, (cells, name, possible)
                assert possible >= set(range(threshold)) or max(possible) >= threshold
    assert hiding > 20


# -- counting


def told(
    case: str, type_: str = "case.notification", *, day: int = 1, to: Address = RO, **coded: Any
) -> Told:
    if type_ == "case.notification":
        coded = {
            "trafficking_status": "presumed",
            "sex": "female",
            "age_band_when_first_trafficked": "15-17",
            "exploitation_forms": ["exploitation/begging"],
            "trafficking_reach": "cross-border",
        } | coded
    return Told(
        case=CaseReference(case),
        type=type_,
        sender=IT,
        recipient=to,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day),
        coded=coded,
    )


def counted(*said: Told) -> tuple[CountedCase, ...]:
    return counted_cases(said, state=StateCode("it"))


def test_a_child_notified_twice_and_to_a_third_state_counts_once_by_the_newest_word() -> None:
    (one,) = counted(told("A"), told("A", day=2), told("A", day=3, to=MD, sex="male"))
    assert one.values["sex"] == "male"
    assert one.values[CORRIDOR] == "it-md"
    assert one.known_since == datetime(2026, 1, 2, tzinfo=UTC)


def test_a_child_with_two_references_counts_once() -> None:
    alias = told("B", "case.alias", day=3, alias_kind="duplicate-case", same_as="A")
    (one,) = counted(told("A"), told("B", day=2), alias)
    assert one.reference == "A"
    assert one.references == {"A", "B"}
    # An alias of a case that never was notified here neither adds nor loses a child.
    assert len(counted(told("A"), told("A", "case.alias", same_as="Z", alias_kind="duplicate-case"))) == 1


def test_a_presumed_victim_counts_and_one_found_to_be_none_does_not() -> None:
    assert len(counted(told("A", trafficking_status="possible"))) == 1
    closure = told("A", "case.closure", day=2, trafficking_status="not-a-victim")
    assert counted(told("A"), closure) == ()


def test_the_age_is_that_when_first_trafficked_and_nobody_was_older_then_than_now() -> None:
    def age(*said: Told) -> str:
        return counted(*said)[0].values["age_band_when_first_trafficked"]

    assert age(told("A", age_band="15-17", age_band_when_first_trafficked="6-11")) == "6-11"
    assert age(told("A"), told("A", "age.outcome", day=2, age_outcome="child", age_band="12-14")) == "12-14"
    assert age(told("A"), told("A", "age.outcome", day=2, age_outcome="adult")) == "unknown-child"
    undetermined = told("A", "age.outcome", day=2, age_outcome="undetermined", age_band="unknown-child")
    assert age(told("A"), undetermined) == "15-17"


def test_several_forms_are_one_category_and_narrow_forms_count_as_their_broad_one() -> None:
    def form(*codes: str) -> str:
        return counted(told("A", exploitation_forms=list(codes)))[0].values["exploitation_forms"]

    assert form("exploitation/sexual/live-streaming", "exploitation/sexual") == "exploitation/sexual"
    assert form("exploitation/begging", "exploitation/criminality/theft") == "several"
    assert form("exploitation") == form("unknown") == form("exploitation/not-known-here") == "unknown"


def test_a_year_that_was_released_is_never_told_with_other_cases() -> None:
    early, late, next_ = counted(told("A"), told("B", day=30), told("C", day=400))
    year = Population(role="destination", year=2026)
    after = Population(role="destination", year=2027)
    assert population(year, [early, late, next_], {}) == (early, late)
    assert population(year, [early, late, next_], {2026: {early.reference}}) == (early,)
    # What was found too late is counted in the next year, once.
    assert population(after, [early, late, next_], {2026: {early.reference}}) == (late, next_)
    assert population(after, [early, late, next_], {}) == (next_,)


# -- shown


def many(**sizes: int) -> list[CountedCase]:
    """So many cases of each band and of the rest alike."""
    return [
        made_up(
            f"{band}-{number}",
            {
                "sex": "female" if number % 2 else "male",
                "age_band_when_first_trafficked": band.strip("_").replace("_", "-"),
                "exploitation_forms": "exploitation/begging" if number % 3 else "several",
                "trafficking_reach": "cross-border",
                CORRIDOR: "it-ro" if number % 4 else "it-md",
            },
        )
        for band, size in sizes.items()
        for number in range(size)
    ]


YEAR = Population(role="destination", year=2026)
SAMPLE = many(_15_17=60, _12_14=30, _6_11=4, unknown_child=12)


def test_what_is_hidden_is_shown_as_hidden_and_not_as_nothing() -> None:
    made = release(YEAR, SAMPLE, [], now=NOW).release
    ages = next(table for table in made.tables if table.dimensions == ("age_band_when_first_trafficked",))
    assert [(cell.codes, cell.count) for cell in ages.cells] == [
        ((("12-14",),), 30),
        ((("15-17",),), 60),
        ((("0-5", "6-11", "unknown-child"),), 16),
    ]
    lines = csv(made, "en").decode().split("\r\n")
    assert "age_band_when_first_trafficked,,6-11,6 to 11 years,,suppressed" in lines
    assert [line for line in lines if line.endswith(",0,shown")] == []
    page = printed(document(made, "en"), "html").content.decode()
    assert page.count("<dt>6 to 11 years</dt><dd>not shown</dd>") == 1
    assert "Forms of exploitation" in page


def test_a_population_under_the_threshold_says_only_that() -> None:
    made = release(YEAR, SAMPLE[:9], [], now=NOW).release
    assert made.total is None
    assert made.tables == ()
    assert "fewer than 10" in printed(document(made, "en"), "text").content.decode()
    assert csv(made, "en").decode().split("\r\n")[1] == "total,,,All cases,,suppressed"


def test_corridors_are_told_for_whole_years_alone_and_small_ones_not_by_name() -> None:
    year = release(YEAR, SAMPLE, [], now=NOW).release
    corridors = next(table for table in year.tables if table.dimensions == (CORRIDOR,))
    # Nobody is on another corridor, so one of the two is hidden to hide that.
    assert [(cell.codes, cell.count) for cell in corridors.cells] == [
        ((("it-ro",),), 79),
        ((("other",),), 27),
    ]
    stock = release(Population(role="destination", day=date(2026, 6, 1)), SAMPLE, [], now=NOW).release
    assert all(CORRIDOR not in table.dimensions for table in stock.tables)
    rare = [*SAMPLE, made_up("x", {**SAMPLE[0].values, CORRIDOR: "it-vn"})]
    assert "vn" not in str(release(YEAR, rare, [], now=NOW).release.to_json())


def test_a_time_that_is_not_over_is_not_told() -> None:
    for wanted in (Population(role="origin", year=2030), Population(role="origin", day=date(2030, 1, 1))):
        with pytest.raises(NotAcceptable, match=r"statistics\.period_open"):
            release(wanted, SAMPLE, [], now=NOW)


def test_a_release_holds_no_reference_and_is_read_back_as_it_was_written() -> None:
    made = release(YEAR, SAMPLE, [], now=NOW).release
    assert release_from_json(made.to_json()) == made
    assert not any(case.reference in str(made.to_json()) for case in SAMPLE)


def test_no_cell_of_the_file_is_a_formula() -> None:
    made = release(YEAR, SAMPLE, [], now=NOW).release
    for code in ("=1+1", "@x", "+1", "-1", "\t=1"):
        odd = tuple(
            cell if cell.suppressed else type(cell)(codes=((code,),), count=cell.count)
            for cell in made.tables[0].cells
        )
        table = type(made.tables[0])(dimensions=("sex",), cells=odd)
        told_so = type(made)(population=YEAR, made_at=NOW, total=106, tables=(table,))
        for line in csv(told_so, "en").decode().split("\r\n"):
            for cell in line.split(","):
                assert not cell.strip('"').startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("language", available_languages())
def test_the_page_is_in_the_reader_s_language(language: str) -> None:
    made = release(Population(role="destination", year=2026, by_sex=True), SAMPLE, [], now=NOW).release
    text = printed(document(made, language), "text").content.decode()
    assert language == "en" or "not shown" not in text
    assert "2026" in text


def test_by_sex_tables_add_up_to_the_tables_without() -> None:
    made = release(Population(role="destination", year=2026, by_sex=True), SAMPLE, [], now=NOW).release
    by_name = {table.dimensions: table for table in made.tables}
    for dimension in DIMENSIONS[1:]:
        alone, crossed = by_name[(dimension.name,)], by_name[("sex", dimension.name)]
        sums: Counter[Any] = Counter()
        for cell in crossed.cells:
            assert cell.count >= 10
            sums[cell.codes[1]] += cell.count
        assert sums == {cell.codes[0]: cell.count for cell in alone.cells}


def test_who_knows_that_one_group_lies_inside_another_subtracts_what_no_table_tells() -> None:
    """A limit, as ADR 0021 says it: the same tables come of cases in which neither lies inside the other."""

    def told(sizes: Mapping[tuple[str, str], int]) -> list[tuple[Any, Any]]:
        cases = [
            made_up(f"{sex}{form}-{number}", {"sex": sex, "form": form})
            for (sex, form), size in sizes.items()
            for number in range(size)
        ]
        made = release(
            Population(role="destination", day=date(2026, 1, 1)), cases, [], now=NOW, dimensions=TWO
        ).release
        return [
            (table.dimensions, [(cell.codes, cell.count) for cell in table.cells]) for table in made.tables
        ]

    nested = told({("a", "p"): 50, ("a", "q"): 3, ("b", "q"): 45})
    other = told({("a", "p"): 30, ("a", "q"): 23, ("b", "p"): 20, ("b", "q"): 25})
    assert nested == other, "nothing in the tables tells which of the two it was"
    counts = {codes: count for _, cells in nested for codes, count in cells}
    assert counts[(("q",),)] - counts[(("b",),)] == 3
