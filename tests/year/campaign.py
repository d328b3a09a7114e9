"""A simulated year: many States, a clock that jumps, processes and workers killed; then all is compared.

    python -m tests.year.campaign                     20 States, 40 corridors, 100,000 messages
    python -m tests.year.campaign --cases 10          fewer cases in each corridor

The States are in two regions, each a process of its own (`shard.py`), which is killed with SIGKILL at moments
that the seed chooses, and started again. `findings` is empty when all of this holds:

    figures      both nodes of every corridor count the same, and have told each other so
                 and the same as `independent.py` computes from the evidence bundles that each exports
    reminders    every step of the ladder, for every deadline of every node, was taken exactly once: none
                 missing, none twice, none unasked, against what `independent.py` says was owed
                 and each reminder that was signed arrived once
    messages     every message is answered by evidence, and none was refused
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.year.scenario import corridors, ticks
from tests.year.world import ZONES

ROOT = Path(__file__).resolve().parent.parent.parent
HUNDRED_THOUSAND = 185
"""Cases in each of 40 corridors, for about a hundred thousand messages of authorities and of reminders."""


@dataclass(kw_only=True)
class Region:
    home: Path
    states: tuple[str, ...]
    kills: list[int]
    """Jumps of the clock in which its process is killed."""
    process: subprocess.Popen[bytes] | None = None
    killed: int = 0
    random: Random = field(default_factory=Random)

    def jumps(self) -> int:
        file = self.home / "journal.jsonl"
        return file.read_bytes().count(b'{"tick"') if file.exists() else 0


def simulate(
    directory: Path,
    *,
    regions: Sequence[tuple[str, ...]],
    cases: int,
    seed: int,
    per_day: float = 1.0,
    days: int = 485,
    often: float = 0.05,
    process_kills: int = 5,
    within: float = 7_200.0,
) -> list[dict[str, Any]]:
    """What each region has to say at the end. AssertionError when a process fails, or takes too long."""
    count = len(ticks(seed, per_day=per_day, days=days))
    running = []
    for number, states in enumerate(regions):
        random = Random(f"{seed}/{number}")
        kills = sorted(random.sample(range(1, int(count * 0.9)), k=process_kills))
        running.append(Region(home=directory / str(number), states=states, kills=kills, random=random))
    options = {"cases": cases, "seed": seed, "per-day": per_day, "days": days, "kills": often}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    deadline = time.monotonic() + within
    try:
        while left := [one for one in running if not (one.home / "result.json").exists()]:
            assert time.monotonic() < deadline, "the simulated year takes too long"
            for one in left:
                _keep_going(one, arguments)
    finally:
        for one in running:
            if one.process is not None and one.process.poll() is None:
                one.process.kill()
                one.process.wait()
    results = []
    for one in running:
        if one.process is not None:
            one.process.wait()
        told = json.loads((one.home / "result.json").read_text())
        results.append(told | {"killed": one.killed, "states": one.states})
    return results


def _keep_going(region: Region, arguments: list[str]) -> None:
    if region.process is None:
        command = [sys.executable, "-m", "tests.year.shard", str(region.home), *arguments]
        command += ["--states", ",".join(region.states)]
        region.process = subprocess.Popen(command, cwd=ROOT)
    if region.kills and region.jumps() >= region.kills[0]:
        # Somewhere in the next jump, and wherever it then is: among the authorities, a worker, a commit.
        try:
            region.process.wait(region.random.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            region.process.send_signal(signal.SIGKILL)
            region.process.wait()
            region.killed += 1
        region.kills = [one for one in region.kills if one > region.jumps()]
        region.process = None
        return
    try:
        code = region.process.wait(0.05)
    except subprocess.TimeoutExpired:
        return
    assert code == 0, f"a region's process ended by itself: {code}"
    assert (region.home / "result.json").exists(), "a region's process ended without a result"


def findings(results: Sequence[dict[str, Any]]) -> list[str]:
    return [finding for told in results for finding in _findings(told)]


def _findings(told: dict[str, Any]) -> Iterator[str]:
    for asking, answering in corridors(tuple(told["states"])):
        for one, other in ((asking, answering), (answering, asking)):
            sides = {
                f"{kind} at {code}": {
                    key: row for key, row in figures.items() if key.startswith(f"{one} {other} ")
                }
                for code in (one, other)
                for kind, figures in (
                    ("counted", told["counted"][code]["rows"]),
                    ("from bundles", told["exported"][code]["figures"]),
                )
            }
            expected = sides.pop(f"from bundles at {one}")
            yield from (
                f"{one} to {other}: {name} is not what the bundles of {one} say"
                for name, rows in sides.items()
                if rows != expected
            )
            if not expected:
                yield f"{one} to {other}: nothing was asked"
    for code in told["states"]:
        counted, found = told["counted"][code], told["exported"][code]
        yield from (
            f"{code} and {peer} differ: {count}" for peer, count in counted["comparisons"] if count != 0
        )
        if not counted["comparisons"]:
            yield f"{code} was told no figures by anybody"
        for name in (
            "missing",
            "extra",
            "repeated",
            "signed_twice",
            "signed_lost",
            "signed_unasked",
            "unconsigned",
        ):
            if found[name]:
                yield f"reminders at {code}: {name} {found[name]}"
        if not found["should"]:
            yield f"reminders at {code}: none were owed"
    if told["unanswered"]:
        yield f"{told['unanswered']} messages have no evidence"
    yield from (f"refused: {one}" for one, _ in Counter(told["refused"]).most_common(5))
    if not told["kills"].get("reminders"):
        yield "no worker was killed"


def summary(results: Sequence[dict[str, Any]]) -> str:
    def total(*names: str) -> int:
        return sum(_inside(told, names) for told in results)

    reminders = sum(found["should"] for told in results for found in told["exported"].values())
    signed = sum(found["signed"] for told in results for found in told["exported"].values())
    requests = sum(
        row["requests"]
        for told in results
        for code in told["states"]
        for key, row in told["counted"][code]["rows"].items()
        if key.startswith(f"{code} ")
    )
    pairs = sum(len(corridors(tuple(told["states"]))) for told in results)
    return "\n".join(
        (
            f"{sum(len(told['states']) for told in results)} States, {pairs} corridors, {requests} requests",
            f"{total('messages')} messages, {total('evidence')} pieces of evidence",
            f"{reminders} steps of the ladder owed and taken once, {signed} of them signed messages",
            f"killed: {total('killed')} processes, {total('kills', 'reminders')} reminder workers, "
            f"{total('kills', 'outbox')} outbox workers",
            f"seconds in the last start of each process: {[round(told['seconds']) for told in results]}, "
            f"counting {[round(told['seconds_counting'], 1) for told in results]}, "
            f"exporting and computing again {[round(told['seconds_exporting'], 1) for told in results]}",
            f"most memory of a process: {max(told['rss'] for told in results) // 1024} MiB",
        )
    )


def _inside(told: dict[str, Any], names: tuple[str, ...]) -> int:
    value: Any = told
    for name in names:
        value = value.get(name, 0)
    return int(value)


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--cases", type=int, default=HUNDRED_THOUSAND, help="in each corridor")
    options.add_argument("--states", type=int, default=20, help="an even number, at most 20")
    options.add_argument("--seed", type=int, default=2027)
    options.add_argument("--per-day", type=float, default=0.5, help="jumps of the clock")
    options.add_argument("--kills", type=int, default=5, help="of each process")
    options.add_argument("--directory", type=Path, default=None, help="kept; else a temporary one")
    given = options.parse_args()
    states = tuple(ZONES)[: given.states]
    regions = [states[: len(states) // 2], states[len(states) // 2 :]]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        results = simulate(
            given.directory or Path(temporary),
            regions=regions,
            cases=given.cases,
            seed=given.seed,
            per_day=given.per_day,
            process_kills=given.kills,
            within=36_000,
        )
    print(summary(results))
    print(f"{time.monotonic() - began:.0f} seconds in all")
    found = findings(results)
    print("\n".join(found) or "figures, reminders and messages: everything agrees")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
