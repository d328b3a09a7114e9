"""A small simulated year, the same in kind as the long one: `make year` runs 20 States and 40 corridors.

What it claims is in `campaign.py`; that its comparisons can fail is claimed here too.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.year.campaign import findings, simulate, summary


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Three States, three corridors, some hundreds of messages; jumps of days."""
    return simulate(
        tmp_path_factory.mktemp("year"),
        regions=[("it", "ro", "th")],
        cases=6,
        seed=2027,
        per_day=0.2,
        days=400,
        often=0.05,
        process_kills=1,
        within=600,
    )


def test_both_sides_and_the_exported_evidence_give_the_same_numbers_though_workers_were_killed(
    year: list[dict[str, Any]],
) -> None:
    assert findings(year) == [], summary(year)
    (told,) = year
    assert told["killed"] >= 1
    assert told["kills"]["reminders"] > 10
    assert told["messages"] > 200


def _changed(year: list[dict[str, Any]], change: Any) -> list[str]:
    other = copy.deepcopy(year)
    change(other[0])
    return findings(other)


def _first(figures: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = figures[min(figures)]
    return row


CHANGES = {
    "one answer more at one node": lambda told: _first(told["counted"]["it"]["rows"]).update(answered=99),
    "one answer more from the bundles": lambda told: _first(told["exported"]["ro"]["figures"]).update(
        answered=99
    ),
    "a step that was not taken": lambda told: told["exported"]["it"].update(missing=[["a step"]]),
    "a step that was not owed": lambda told: told["exported"]["it"].update(extra=[["a step"]]),
    "a reminder that was signed twice": lambda told: told["exported"]["ro"].update(signed_twice=1),
    "a reminder that did not arrive": lambda told: told["exported"]["ro"].update(unconsigned=1),
    "figures that a peer told otherwise": lambda told: told["counted"]["th"].update(comparisons=[["it", 2]]),
    "a message without evidence": lambda told: told.update(unanswered=1),
    "a message that was refused": lambda told: told.update(refused=["accept conversation.not_now"]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_comparison_finds(year: list[dict[str, Any]], change: Any) -> None:
    assert len(_changed(year, change)) >= 1


def test_the_independent_computation_shares_no_code_with_the_product() -> None:
    text = Path(__file__).with_name("independent.py").read_text("utf-8")
    lines = [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert {line.partition(".")[0] for line in lines} <= {
        "__future__",
        "base64",
        "collections",
        "dataclasses",
        "datetime",
        "hashlib",
        "json",
        "zoneinfo",
    }


def test_the_independent_ladder_and_lengths_are_those_of_the_data_files() -> None:
    """When the data change, this says so before a year is simulated in vain."""
    from tests.year import independent

    root = Path(__file__).resolve().parent.parent.parent
    ladder = json.loads((root / "service" / "monitor" / "ladder.json").read_text("utf-8"))["steps"]
    for side in ("us", "them"):
        for urgency in ("ordinary", "urgent"):
            steps = tuple(
                (row["step"], row["offset_hours"][urgency]) for row in ladder if row["owed_by"] == side
            )
            assert independent.LADDER[side][urgency] == steps
    data = json.loads((root / "protocol" / "deadlines.json").read_text("utf-8"))
    rules = data["rules"]
    letters = {"d": ("P", "D"), "m": ("P", "M"), "h": ("PT", "H")}
    for row in rules:
        procedure = independent.OPENERS.get(row["started_by"])
        if procedure is not None and row["urgency"] in ("ordinary", "urgent"):
            unit, count = independent.TIMES[procedure, row["urgency"]][row["obligation"]]
            before, after = letters[unit]
            assert row["duration"] == f"{before}{count}{after}"
    hours = {urgency: f"PT{span // independent.HOUR}H" for urgency, span in independent.PAUSE_AT_MOST.items()}
    for row in data["limits"]:
        allowed = row["pause_at_most"] or {}
        assert not allowed or {urgency: allowed[urgency] for urgency in hours} == hours
    asked = {row["urgency"]: row["duration"] for row in rules if row["started_by"] == "query"}
    assert {urgency: asked[urgency] for urgency in hours} == hours
